"""The `trends` command: one file a command group, loaded when it is called."""
