"""Where posts come from: one file a source, one line in the registry."""
