"""What all live services share: connections, backoff, deduplication. Begin with `source` and `service`."""
