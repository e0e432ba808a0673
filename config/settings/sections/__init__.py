"""Sections of the settings, one module each."""
