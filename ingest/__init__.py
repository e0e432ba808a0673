"""From a source to Kafka. Begin with `ingest.post`, then `ingest.hashtags` (the rule) and `ingest.producer`."""
