"""`trends verify`: the archive and the views, compared with Kafka and with a plain recount."""
