"""What people and programs ask. Begin with `serving.views` (what both layers write), then `merge` and `query`."""
