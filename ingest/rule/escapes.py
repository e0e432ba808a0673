"""Escapes: the text that an author wrote, from the text that a source gives. Both rules read the former."""


def author_text(source: str, text: str) -> str:
    """A text as its author wrote it: X escapes `&`, `<` and `>`, and nothing else; other sources escape nothing."""
    if source != "x" or "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
