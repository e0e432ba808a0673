"""Generated answers of the APIs that the shipped feeds poll, to try these without a network. Begin with `demo_api`."""
