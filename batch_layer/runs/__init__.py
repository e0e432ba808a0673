"""Runs: the ledger of jobs, and the result of a run."""
