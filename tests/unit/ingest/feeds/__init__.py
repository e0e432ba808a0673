"""Feeds: their file, and the way from a message to a row."""
