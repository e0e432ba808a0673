"""`trends verify`: the archive and the views, compared with what Kafka has and with a plain recount."""
