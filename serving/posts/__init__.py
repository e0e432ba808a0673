"""Posts behind a tag: samples from the views, texts from the archive. Besides `status` and `cli` it reaches a layer."""
