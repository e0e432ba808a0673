"""The views in MongoDB: both layers write them, and every answer comes from them. Begin with `documents`."""
