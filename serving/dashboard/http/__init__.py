"""HTTP around the routes: server, limits, authentication, errors, caching."""
