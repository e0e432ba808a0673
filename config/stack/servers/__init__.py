"""The servers of the local stack: one module a server, each a `config.stack.server.Server`."""
