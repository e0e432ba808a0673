"""Generated rows of a CSV of fitness trackers: invented models, with the traps of real tables.

Prices have thousands commas, names a blank behind them, colours a comma; some cells are empty, and one price is a word.
"""

import csv
import io

from ingest.feeds.demo.noise import between, noise

HEADER = (
    "Brand Name", "Device Type", "Model Name", "Color", "Selling Price", "Original Price", "Display",
    "Rating (Out of 5)", "Strap Material", "Average Battery Life (in days)", "Reviews",
)  # fmt: skip
_BRANDS = ("Northpeak", "Corvida ", "Lumo", "Tempora", "Ridgeway ")
_COLOURS = ("Black", "Black, Blue", "Rose, Grey, White", "Green")
_DISPLAYS = ("AMOLED Display", "LCD Display", "OLED Display")
_STRAPS = ("Elastomer", "Silicone", "Thermoplastic polyurethane")
CHEAP = 41
"""Every row of this number has a price that is no number."""


def fitness_csv(seed: int, rows: int) -> str:
    """The CSV, header first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_row(seed, number) for number in range(rows))
    return text.getvalue()


def _row(seed: int, number: int) -> list[str]:
    def pick(texts: tuple[str, ...], of: str) -> str:
        return texts[int(noise(seed, number, of) * len(texts))]

    price = int(between(900, 39_000, seed, number, "price"))
    has_reviews = noise(seed, number, "reviews") < 0.7
    return [
        pick(_BRANDS, "brand"),
        "Smartwatch" if noise(seed, number, "device") < 0.4 else "FitnessBand",
        f"Model {number}",
        pick(_COLOURS, "colour"),
        "cheap" if number % CHEAP == CHEAP - 1 else f"{price:,}",
        f"{int(price * between(1, 1.8, seed, number, 'original')):,}",
        pick(_DISPLAYS, "display"),
        f"{between(2.5, 5, seed, number, 'rating'):.1f}" if has_reviews else "",
        pick(_STRAPS, "strap"),
        str(int(between(2, 21, seed, number, "battery"))),
        f"{int(between(1, 60_000, seed, number, 'count')):,}" if has_reviews else "",
    ]
