"""The HTML pages, their templating and their charts. Begin with `answer_pages`."""
