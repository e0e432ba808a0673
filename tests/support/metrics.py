"""Metrics as a scraper reads them."""

from collections.abc import Iterable

from prometheus_client import parser

from serving.status.certificates import CertificateEnd
from serving.status.metrics import render_metrics
from serving.status.model import Status

Figures = dict[tuple[str, ...], float]
"""Name and values of the labels, and the figure."""


def figures(status: Status, ends: Iterable[CertificateEnd] = ()) -> Figures:
    """The metrics of a status, and of certificates."""
    return read(render_metrics(status, "", ends)[0].decode())


def read(text: str) -> Figures:
    """By name and values of the labels, of the text format."""
    samples = (sample for family in parser.text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}
