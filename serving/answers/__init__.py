"""Answers, computed from views. Pure: no server, no presentation. Begin with `merge`."""
