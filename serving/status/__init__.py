"""The state of the platform: what runs, what lags, where an answer came from. Begin with `collect`."""
