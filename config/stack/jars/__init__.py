"""Jars and libraries of the servers: resolved once, verified, kept for every checkout."""
