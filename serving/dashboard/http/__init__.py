"""What surrounds every request: the server, limits, authentication, errors, caching."""
