"""From a source to Kafka. Begin with `ingest.post`, then `ingest.rule.hashtags` (the rule) and `ingest.producer`."""
