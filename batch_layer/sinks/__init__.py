"""Sinks of feeds, one module or folder for each technology. Read `contract.py` first; `registry.py` lists them."""
