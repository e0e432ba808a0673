"""Network: addresses, ports and certificates, as settings and their errors need them."""
