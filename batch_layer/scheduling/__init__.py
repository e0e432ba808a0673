"""Scheduling: which hours are due, and when the batch layer computes them."""
