"""The declaration of a feed: one TOML file."""
