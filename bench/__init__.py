"""Bench: the platform measured against its alternatives, on one machine, on one input, in one run.

`python -m bench` runs all benches, `python -m bench rule` one. Begin with `trial.py`; each bench is one file, and the
alternatives lie in `peers/`. docs/performance.md has the results.
"""
