"""Now: the trends of the current hours as JSON, as a table, and as flat rows."""
