"""Settings and server configuration. Begin with `config.settings`."""
