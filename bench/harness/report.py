"""Report: a comparison as a table for people, and as JSON to keep, with the facts for judging it."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from bench.harness.compare import Series
from bench.harness.trial import Bench


def table(bench: Bench, size: int, found: Sequence[Series]) -> Table:
    """min, median and max of each contender, how many times better ours is, and all further figures."""
    figures = sorted({name for series in found for trial in series.trials for name in trial.figures})
    shown = Table(title=f"{bench.name}: {bench.question} Size {size:,}", title_justify="left")
    shown.add_column("contender")
    for column in ("min", "median", "max"):
        shown.add_column(f"{column}, {bench.unit}", justify="right")
    for column in ("ours is × better", "CPU s a million", "wrong", *figures):
        shown.add_column(column, justify="right")
    for series in found:
        shown.add_row(*_row(bench.unit, series, found[0], figures))
    return shown


def promises(found: Sequence[Series]) -> list[str]:
    """The promise of each contender, or the reason for its absence."""
    told = ((each.contender, each.why_absent or each.contender.guarantee) for each in found)
    return [f"{contender.name}: {text}" for contender, text in told if text]


def document(bench: Bench, size: int, found: Sequence[Series], input_of: str) -> dict[str, Any]:
    """The same with every single trial, and the machine that it was."""
    return {
        "bench": bench.name,
        "question": bench.question,
        "unit": bench.unit,
        "size": size,
        "input": input_of,
        "machine": machine(),
        "contenders": [_contender(bench.unit, series, found[0]) for series in found],
    }


def save(documents: Sequence[dict[str, Any]], folder: Path, name: str) -> Path:
    """Write a run's documents into the state folder; where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(documents, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """The facts that figures depend on. The load is that of the last minute, by others too."""
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607 - git
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "revision": revision.stdout.strip(),
    }


def _contender(unit: str, series: Series, ours: Series) -> dict[str, Any]:
    values = series.values(unit)
    told: dict[str, Any] = {"name": series.contender.name, "guarantee": series.contender.guarantee}
    if series.why_absent:
        return told | {"not_had": series.why_absent}
    return told | {
        "min": min(values),
        "median": statistics.median(values),
        "max": max(values),
        "ours_is_times_better": series.ratio_to(ours, unit),
        "cpu_s_a_million": series.cpu_s_a_million(),
        "wrong": max(trial.wrong for trial in series.trials),
        "trials": [
            {"seconds": t.seconds, "amount": t.amount, "cpu_s": t.cpu_s, "wrong": t.wrong, **t.figures}
            for t in series.trials
        ],
    }


def _row(unit: str, series: Series, ours: Series, figures: Sequence[str]) -> list[str]:
    if series.why_absent:
        return [series.contender.name, *("–" for _ in range(6 + len(figures)))]
    values = series.values(unit)
    ratio = "" if series is ours else number(series.ratio_to(ours, unit))
    return [
        series.contender.name,
        *(number(value) for value in (min(values), statistics.median(values), max(values))),
        ratio,
        number(series.cpu_s_a_million()),
        f"{max(trial.wrong for trial in series.trials):,}",
        *(number(series.figure(name)) for name in figures),
    ]


def number(value: float | None) -> str:
    """Three digits that mean something: `1,205,000`, `59.1`, `0.123`."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"
