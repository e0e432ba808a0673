"""Metrics as a scraper reads them."""

from typing import Any

from prometheus_client import parser

from serving.status.metrics import exposed

Figures = dict[tuple[str, ...], float]
"""Name and values of the labels, and the figure."""


def figures(facts: dict[str, Any]) -> Figures:
    """What is exposed of facts."""
    return read(exposed(facts, "")[0].decode())


def read(text: str) -> Figures:
    """By name and values of the labels, of the text format."""
    samples = (sample for family in parser.text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}
