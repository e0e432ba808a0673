"""Retweets: their text is cut by the API."""


def whole_retweet(text: str, original: str) -> str:
    """`RT @someone: ` of a retweet, and the whole of what it repeats."""
    head, colon, _ = text.partition(": ")
    return head + colon + original if colon and head.startswith("RT @") else text
