"""Metrics and labels that a PromQL expression names."""

import json
import re
from pathlib import Path

DASHBOARDS = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
NAME = re.compile(r"(?<![\w:\"])([a-z][a-z0-9]*(?:[_:][a-z0-9_:]+)|up)(?![\w:]*\()(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)")
STRING = re.compile(r'"[^"]*"')
FUNCTIONS = {"group_left", "group_right", "histogram_quantile"}


def selectors(expression: str) -> dict[str, set[str]]:
    """The labels by which an expression selects, by metric."""
    found: dict[str, set[str]] = {}
    for name, labels in NAME.findall(STRING.sub('""', GROUPING.sub("", expression))):
        if name not in FUNCTIONS:
            found.setdefault(name, set()).update(LABEL.findall(labels))
    return found


def panel_queries() -> list[str]:
    """The expressions of all panels that ask Prometheus; those of the tops ask the JSON API."""
    documents = [json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))]
    targets = [target for each in documents for panel in each["panels"] for target in panel["targets"]]
    return [target["expr"] for target in targets if "expr" in target]
