"""Common parts of all live services: connections, backoff, deduplication. Begin with `source` and `service`."""
