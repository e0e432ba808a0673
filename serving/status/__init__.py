"""The state of the platform: servers, lag, and the origin of an answer. Begin with `collect`."""
