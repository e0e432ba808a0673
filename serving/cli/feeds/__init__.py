"""What the commands of `trends feed` share: the catalog, the output, the log of each part."""
