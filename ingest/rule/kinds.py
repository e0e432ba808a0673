"""Kinds: what can be counted of a post's text."""

from typing import Literal

Kind = Literal["hashtag", "bigram", "trigram"]
Phrase = Literal["bigram", "trigram"]
