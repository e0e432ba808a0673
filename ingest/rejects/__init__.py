"""Rejects: records that a stage could not read (dead letters). Begin with `reject`; a stage registers by `stage`."""
