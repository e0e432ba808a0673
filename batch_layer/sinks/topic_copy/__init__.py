"""Another topic as a sink: it gets the records that `where` takes, with the same key and value."""
