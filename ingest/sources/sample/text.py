"""The texts of sample posts."""

import itertools
from random import Random

from ingest.sources.sample.vocabulary import BURSTS, DECOYS, EMOJI, LANG_WEIGHTS, LANGS, SYLLABLES, TAGS, WORDS

BURST_SHARE = 0.45
"""Share of posts that use the burst's tag while it lasts."""
RARE = 3_000
"""Tags beyond those written by hand."""
TAGGED = (65, 20, 9, 4, 2)
"""Posts with 0, 1, 2, … tags, as weights: about as in recorded posts."""


class TextMaker:
    """Makes texts from random numbers: equal numbers, equal texts."""

    def __init__(self) -> None:
        rare = itertools.islice(("".join(parts) for parts in itertools.product(SYLLABLES, repeat=3)), RARE)
        self._tags = [*TAGS, *rare]
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(self._tags) + 1)))
        self._words = {lang: words.split() for lang, words in WORDS.items()}
        self._lang_weights = list(itertools.accumulate(LANG_WEIGHTS))
        self._tagged = list(itertools.accumulate(TAGGED))

    def make(self, random: Random, burst: int | None) -> tuple[str, str]:
        """Language and text of a post; `burst` is the burst that it belongs to."""
        lang = random.choices(LANGS, cum_weights=self._lang_weights)[0]
        words = random.choices(self._words[lang], k=3 + int(random.random() * 9))
        count = random.choices(range(len(TAGGED)), cum_weights=self._tagged)[0]
        tags = random.choices(self._tags, cum_weights=self._weights, k=count)
        if burst is not None and random.random() < BURST_SHARE:
            tags.append(BURSTS[burst])
        for tag in tags:
            words.insert(int(random.random() * (len(words) + 1)), _vary_spelling(random, tag))
        if random.random() < 0.15:
            words.append(random.choice(EMOJI))
        if random.random() < 0.08:
            words.insert(int(random.random() * len(words)), random.choice(DECOYS))
        return lang, " ".join(words)


def _vary_spelling(random: Random, tag: str) -> str:
    dice = random.random()
    if dice < 0.12:
        return f"#{tag.upper()}" if tag.upper().lower() == tag.lower() else f"#{tag}"
    if dice < 0.25:
        return f"#{tag[0].upper()}{tag[1:]}"
    if dice < 0.30:
        return f"＃{tag}"
    return f"#{tag}!" if dice < 0.35 else f"#{tag}"
