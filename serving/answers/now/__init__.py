"""Now: the tags of the hour in progress, each with what it takes to judge its number. Pure."""
