"""What the commands of `trends ingest` share: the run of a source, and how it ends."""
