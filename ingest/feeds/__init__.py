"""Feeds: other streams than posts. What a feed declares, and its way from a source to a Kafka topic."""
