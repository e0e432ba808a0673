"""What people and programs ask. Begin with `views.documents`, then `answers.merge` and `query`."""
