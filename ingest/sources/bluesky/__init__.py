"""Bluesky, by Jetstream over WebSocket. Begin with `stream`."""
