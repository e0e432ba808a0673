"""What the servers of a secure stack need beside their configuration: certificates, passwords, users, rights."""
