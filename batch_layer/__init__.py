"""The batch layer: always right, and late. Begin with `archive.manifest`, then `rank` and `job`."""
