"""The views in MongoDB, which both layers write and every answer is read from. Begin with `documents`."""
