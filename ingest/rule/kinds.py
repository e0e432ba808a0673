"""Kinds: the units of a post's text that the layers can count."""

from typing import Literal

Kind = Literal["hashtag", "bigram", "trigram"]
Phrase = Literal["bigram", "trigram"]
