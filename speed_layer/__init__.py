"""The speed layer: reads uses from Kafka and counts each one once in MongoDB, through Storm.

Begin with `lane_update` (the tuple), `fold` and `partition` (pure), then `lane_commit` (the transaction). `spout_task`,
`spout` and `bolt` are the shells around them. docs/speed.md describes the protocol.
"""
