"""The local stack: real servers as local processes, under supervisor. Begin with `launcher`."""
