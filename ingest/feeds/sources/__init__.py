"""Sources of feeds: what brings records into a feed's topic. Begin with `poll`."""
