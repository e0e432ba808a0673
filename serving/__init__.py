"""Answers for people and programs. Begin with `views.documents`, then `answers.merge` and `query`."""
