"""Posts behind a tag as JSON, as rows and as text."""
