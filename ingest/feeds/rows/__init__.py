"""From a message of a feed's topic to a row of a sink: expressions, types, columns, the choice of `where`."""
