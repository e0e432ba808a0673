"""Readers of the archive's manifests, for batch jobs, checks and the status."""
