"""Alerts: webhooks for rising tags, each message at least once."""
