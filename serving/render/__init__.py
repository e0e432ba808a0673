"""Answers as text, JSON, HTML and pictures."""
