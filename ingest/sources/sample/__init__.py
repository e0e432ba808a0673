"""Generated posts, for trying things out. Begin with `source`."""
