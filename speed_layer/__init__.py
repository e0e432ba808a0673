"""The speed layer: early, and exact under any crash. Begin with `fold`, then `lanes` and `counters`."""
