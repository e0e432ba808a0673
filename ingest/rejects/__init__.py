"""Rejects: messages that a stage could not use (dead letters). Begin with `reject`."""
