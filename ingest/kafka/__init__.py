"""Kafka access: clients, topics, transactions and bounded reads."""
