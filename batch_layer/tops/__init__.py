"""Tops: the finished hours on a compacted Kafka topic, for programs that read no MongoDB."""
