"""Posts in files and pipes. Begin with `source`."""
