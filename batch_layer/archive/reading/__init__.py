"""What the archive has: read from its manifests, for batch jobs, checks and the status."""
