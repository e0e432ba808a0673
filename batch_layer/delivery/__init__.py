"""From Kafka into a sink: the loop that fills a sink with what a topic has, chunk by chunk, each record once."""
