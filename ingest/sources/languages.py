"""Languages of posts, as their sources name them."""


def speaks(lang: str, langs: frozenset[str]) -> bool:
    """Whether a language is one of these: `en-GB` is `en` too."""
    spoken = lang.lower()
    return spoken in langs or spoken.partition("-")[0] in langs
