"""Retweets: the API cuts their text."""


def whole_retweet(text: str, original: str) -> str:
    """`RT @someone: ` of a retweet, and the whole text of the original."""
    head, colon, _ = text.partition(": ")
    return head + colon + original if colon and head.startswith("RT @") else text
