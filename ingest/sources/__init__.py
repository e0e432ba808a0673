"""Where posts come from. Begin with `base`, the contract, and `registry`, which lists every source."""
