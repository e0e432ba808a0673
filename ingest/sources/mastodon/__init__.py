"""Mastodon: the public stream of a server, and its timeline after a gap. Begin with `stream`."""
