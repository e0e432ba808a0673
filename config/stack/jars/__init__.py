"""What the servers are made of: jars and libraries, resolved once, verified, kept for every checkout."""
