"""The commands of `trends`, one module a command or a few that belong together."""
