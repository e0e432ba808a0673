"""The HTML pages and their templating. Start with `answer_pages`."""
