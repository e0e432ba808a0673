"""Likelihood: Dunning's G2, by which both the batch layer and answers measure how surprising two counts are. Pure.

Ted Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 19 (1), 1993.
"""

from math import log


def log_likelihood(now: int, before: int, all_now: int, all_before: int) -> float:
    """G2 of `now` among `all_now` beside `before` among `all_before`. 0 where the shares are equal."""
    share = (now + before) / (all_now + all_before)
    cells = (
        (now, all_now * share),
        (before, all_before * share),
        (all_now - now, all_now * (1 - share)),
        (all_before - before, all_before * (1 - share)),
    )
    return max(0.0, 2 * sum(count * log(count / expected) for count, expected in cells if count))
