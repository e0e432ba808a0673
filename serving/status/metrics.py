"""Metrics: the status as Prometheus metrics. Pure; docs/metrics.md lists them.

An unknown part of the status has no figures, rather than old or made-up ones. Labels are names of parts, servers,
partitions, sources and states: none comes from a post.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config.stack.status import MEGABYTE, ServerState, State
from ingest.hours import Hour
from ingest.sources.status import CONNECTED, FAILED, RECONNECTING, STOPPED
from ingest.standings import NEVER, SILENT
from serving.answers.explanation import Unknown
from serving.status.certificates import CertificateEnd
from serving.status.health import is_wrong
from serving.status.model import (
    AlertsStatus,
    ArchiveStatus,
    FeedStatus,
    GapStatus,
    HoursStatus,
    RejectsStatus,
    RunStatus,
    SourceStatus,
    SpeedStatus,
    Status,
    TopsStatus,
)

Sample = tuple[tuple[str, ...], float | None]
"""Values of the labels, and the figure; None: not known, so left out."""

SOURCE_STATES = (CONNECTED, RECONNECTING, FAILED, SILENT, STOPPED)
RUN_STATES = ("running", "done", "failed", "abandoned", "dead")
TALLIED = {
    "posts": "Posts that it has read since it was started.",
    "rejects": "Records that could not be read.",
    "notices": "Records that are no posts and are not meant to be: deletes, other kinds, keep-alives.",
    "filtered": "Posts that were asked to be left out.",
    "repeated": "Posts that it had given before.",
    "read_bytes": "Bytes that it has read.",
    "connections": "Connections that came to be.",
}
"""Counters of a source, as `ingest.sources.status.Tally` names them."""


def render_metrics(status: Status, accept: str, ends: Iterable[CertificateEnd] = ()) -> tuple[bytes, str]:
    """The metrics in a format that `accept`, a header, names, and its content type. `ends` of certificates too."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status, list(ends)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _StatusCollector(Collector):
    def __init__(self, status: Status, ends: list[CertificateEnd]) -> None:
        self._status = status
        self._ends = ends

    def collect(self) -> Iterator[Metric]:
        """All metrics, as the library asks for them."""
        yield from families(self._status)
        yield _gauge("certificate_end_timestamp_seconds", "When the certificate of a setting ends.", ["setting"],
                     (((end.setting,), end.at_s) for end in self._ends))  # fmt: skip


def families(status: Status) -> Iterator[Metric]:
    """All metrics of a status."""
    parts = status.parts()
    known = {name: part for name, part in parts.items() if not isinstance(part, Unknown)}
    yield _gauge("part_up", "Whether this part of the status could be asked.", ["part"],
                 (((name,), name in known) for name in parts))  # fmt: skip
    yield _gauge("part_ok", "Whether nothing is wrong in it.", ["part"],
                 (((name,), not is_wrong(name, part)) for name, part in parts.items()))  # fmt: skip
    yield _gauge("lag_messages", "At most so many messages are not archived, or not counted; 0 is exact.",
                 ["layer", "partition"], _lags(status))  # fmt: skip
    for name, part in known.items():
        yield from _PARTS[name](part)


def _lags(status: Status) -> Iterator[Sample]:
    for layer, part in (("archive", status.archive), ("speed", status.speed)):
        if not isinstance(part, Unknown):
            for each in part.partitions:
                yield (layer, str(each.partition)), each.behind


def _servers(servers: list[ServerState]) -> Iterator[Metric]:
    states = [((each.name,), each.state) for each in servers]
    yield _states("server_state", "The state of a server or service.", ["server"], states, get_args(State))
    yield _gauge("server_memory_bytes", "Resident memory.", ["server"],
                 (((each.name,), _times(each.memory_mb, MEGABYTE)) for each in servers))  # fmt: skip
    yield _gauge("server_uptime_seconds", "How long it runs.", ["server"],
                 (((each.name,), each.uptime_s) for each in servers))  # fmt: skip


def _sources(sources: list[SourceStatus]) -> Iterator[Metric]:
    def of(figure: Callable[[SourceStatus], float | None]) -> list[Sample]:
        return [((each.name,), figure(each)) for each in sources]

    label = ["source"]
    states = [((each.name,), each.state) for each in sources]
    yield _states("source_state", "How a live source stands.", label, states, SOURCE_STATES)
    yield _gauge(
        "source_reported_timestamp_seconds", "Its last sign of life.", label, of(lambda each: _at(each.told_at))
    )
    yield _gauge("source_last_post_timestamp_seconds", "When it gave a post last.", label,
                 of(lambda each: _at(each.last_post_at)))  # fmt: skip
    yield _gauge("source_behind_seconds", "How far it was behind then.", label, of(lambda each: each.behind_s))
    yield _counter("source_gaps", "Spans that it could not bring back.", label, of(lambda each: len(each.gaps)))
    yield _counter("source_gap_seconds", "The same in seconds.", label,
                   of(lambda each: sum(_span_s(gap) for gap in each.gaps)))  # fmt: skip
    for name, description in TALLIED.items():
        yield _counter(f"source_{name}", description, label, [((each.name,), each.read[name]) for each in sources])


def _speed(speed: SpeedStatus) -> Iterator[Metric]:
    yield _one("speed_writers", "Spouts that count now.", len(speed.writers))
    yield _one("speed_shared_partitions", "Partitions that more than one writes.", speed.shared_partitions)
    yield _one("speed_unwritten_partitions", "Partitions that none writes.", len(speed.unwritten_partitions))


def _archive(archive: ArchiveStatus) -> Iterator[Metric]:
    until = Hour.parse(archive.complete_until).start_ms / 1000
    yield _one("archive_complete_until_timestamp_seconds", "All hours before it are complete.", until)
    yield _counter("archive_posts", "Archived posts, those sent twice included.", [], [((), archive.posts)])
    yield _counter("archive_rejects", "Messages that the archive refused.", [], [((), archive.rejected)])
    yield _counter("archive_lost_messages", "Messages that Kafka deleted before they were archived.", [],
                   [((), archive.lost)])  # fmt: skip
    yield _one("archive_hours", "Hours that have archived posts.", archive.hours)
    yield _one("archive_files", "Files of the archive.", archive.files)
    yield _one("hours_waiting", "Complete hours that the next run of the batch layer computes.", archive.waiting)


def _hours(hours: HoursStatus) -> Iterator[Metric]:
    states = ("live", "provisional", "final")
    yield _gauge(
        "hours", "Hours that have an answer.", ["state"], (((state,), getattr(hours, state)) for state in states)
    )


def _runs(runs: list[RunStatus]) -> Iterator[Metric]:
    last = {run.kind: run for run in reversed(runs)}

    def of(figure: Callable[[RunStatus], float | None]) -> list[Sample]:
        return [((kind,), figure(run)) for kind, run in last.items()]

    states = [((kind,), run.state) for kind, run in last.items()]
    yield _states("run_state", "The state of the last run.", ["kind"], states, RUN_STATES)
    yield _gauge("run_started_timestamp_seconds", "When it began.", ["kind"], of(lambda run: _at(run.started_at)))
    yield _gauge("run_duration_seconds", "How long it took.", ["kind"], of(lambda run: run.seconds))
    yield _gauge("run_hours", "Hours that it has computed.", ["kind"], of(lambda run: run.hours_done))
    yield _gauge("run_posts", "Posts that it has read.", ["kind"], of(lambda run: run.posts))


def _rejects(rejects: RejectsStatus) -> Iterator[Metric]:
    description = "Rejects that nobody has settled; above 10,000 at most so many."
    yield _one("rejects_outstanding", description, rejects.outstanding)
    yield _one("rejects_oldest_timestamp_seconds", "When the oldest of them was refused first.", _at(rejects.oldest))


def _feeds(feeds: list[FeedStatus]) -> Iterator[Metric]:
    stages = [((feed.name, stage.stage), stage) for feed in feeds for stage in feed.stages]
    labels = ["feed", "stage"]
    states = [(names, stage.state) for names, stage in stages]
    yield _states("feed_state", "The state of a stage of a feed.", labels, states, (*SOURCE_STATES, NEVER))
    yield _gauge("feed_behind_messages", "At most so many records that it reads and lacks; 0 is exact.", labels,
                 ((names, stage.behind) for names, stage in stages))  # fmt: skip
    outcomes = (
        ((*names, outcome), getattr(stage, outcome))
        for names, stage in stages
        for outcome in ("kept", "rejected", "left_out")
    )
    yield _counter("feed_records", "Records by what became of them.", [*labels, "outcome"], outcomes)
    yield _counter("feed_gap_messages", "Offsets that its sink has skipped: gaps.", labels,
                   ((names, stage.lost) for names, stage in stages))  # fmt: skip
    yield _gauge("feed_committed_timestamp_seconds", "Its last commit.", labels,
                 ((names, _at(stage.committed_at)) for names, stage in stages))  # fmt: skip
    yield _gauge("feed_unregistered_folders", "Folders of its files that Hive does not know yet.", labels,
                 ((names, stage.unregistered) for names, stage in stages))  # fmt: skip


def _tops(tops: TopsStatus) -> Iterator[Metric]:
    if tops.topic:
        yield _one("tops_pending_hours", "Hours that the topic of finished hours lacks.", tops.pending)


def _alerts(alerts: AlertsStatus) -> Iterator[Metric]:
    if alerts.rules:
        yield _one("alerts_pending", "Webhook messages that wait for an attempt.", alerts.pending)
        yield _one("alerts_undelivered", "Webhook messages of the last day that ended undelivered.", alerts.given_up)
        yield _one("alerts_disabled_rules", "Rules whose receiver is gone.", len(alerts.disabled))


_PARTS: dict[str, Callable[[Any], Iterator[Metric]]] = {
    "servers": _servers,
    "sources": _sources,
    "speed": _speed,
    "archive": _archive,
    "hours": _hours,
    "runs": _runs,
    "rejects": _rejects,
    "feeds": _feeds,
    "tops": _tops,
    "alerts": _alerts,
}


def _one(name: str, description: str, value: float | None) -> Metric:
    return _gauge(name, description, [], [((), value)])


def _gauge(name: str, description: str, labels: list[str], samples: Iterable[Sample]) -> Metric:
    return _with(GaugeMetricFamily(f"trends_{name}", description, labels=labels), samples)


def _counter(name: str, description: str, labels: list[str], samples: Iterable[Sample]) -> Metric:
    """The library ends its name with `_total`."""
    return _with(CounterMetricFamily(f"trends_{name}", description, labels=labels), samples)


def _states(
    name: str,
    description: str,
    labels: list[str],
    current: Iterable[tuple[tuple[str, ...], str]],
    states: Iterable[str],
) -> Metric:
    """1 for the state in which something is, 0 for all others."""
    samples = ((*names, state) for names, _ in current for state in states)
    now = dict(current)
    return _gauge(name, description, [*labels, "state"], ((each, now[each[:-1]] == each[-1]) for each in samples))


def _with(family: GaugeMetricFamily | CounterMetricFamily, samples: Iterable[Sample]) -> Metric:
    for names, value in samples:
        if value is not None:
            family.add_metric(names, float(value))
    return family


def _at(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def _span_s(gap: GapStatus) -> float:
    return (_at(gap.until) or 0.0) - (_at(gap.since) or 0.0)


def _times(figure: int | None, unit: int) -> int | None:
    return None if figure is None else figure * unit
