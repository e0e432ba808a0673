"""How records become posts: `contract`, and one module a format."""
