"""X, by its API v2; and the records of its API v1.1 in files. Begin with `stream`."""
