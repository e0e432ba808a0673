"""Connections: those of drivers that need more than their own `connect`."""
