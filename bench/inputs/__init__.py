"""Inputs: posts, archives and texts of any size to measure with."""
