"""Bench: the platform measured against what one would use in its place, on one machine, on one input, in one run.

`python -m bench` runs all benches, `python -m bench rule` one. Begin with `trial.py`; each bench is one file, and what
it is compared with lies in `peers/`. docs/performance.md has what was found.
"""
