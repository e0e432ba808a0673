"""End labels: names beside the ends of lines, moved apart where they would cover each other. Pure."""

from collections.abc import Sequence


def spread(wanted: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """Places for labels at least `gap` apart, in the order of the wanted ones, and together nearest to them.

    Least squares: the pool adjacent violators algorithm (Ayer et al., 1955) on the places less their gaps. All places
    lie in `[top, bottom]` if there is room.
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    pools: list[tuple[float, int]] = []
    for number, at in enumerate(order):
        pools.append((wanted[at] - number * gap, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, one_size), (other, size) = pools[-2:]
            pools[-2:] = [((one * one_size + other * size) / (one_size + size), one_size + size)]
    highest = max(top, bottom - gap * (len(wanted) - 1))
    levels = [min(max(level, top), highest) for level, size in pools for _ in range(size)]
    places = [0.0] * len(wanted)
    for number, (at, level) in enumerate(zip(order, levels, strict=True)):
        places[at] = level + number * gap
    return places
