"""Storm: how the topology gets there, by `sparse` and by `trends` alike."""
