"""A feed at work: its process, the reports of its stages, its status, and the checks of what its sinks hold."""
