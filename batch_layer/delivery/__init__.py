"""From Kafka into a sink: the loop that copies a topic into a sink, chunk by chunk, each record once."""
