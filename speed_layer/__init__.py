"""The speed layer: uses from Kafka, counted in MongoDB through Storm, each once.

Begin with `steps` (what travels), `fold` and `partition` (pure), then `counters` (the transaction); `feed`, `spout` and
`bolt` are the shells around them. docs/speed.md tells the protocol.
"""
