"""Measures: one module a row of the table of benches."""
