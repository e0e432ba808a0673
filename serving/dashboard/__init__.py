"""The dashboard: the answers of the command line as pages and as a JSON API, over HTTP. Start with `app`."""
