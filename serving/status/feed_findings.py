"""Findings about feeds, for `trends doctor`: which stage does not get on, since when, why, and the next step."""

from collections.abc import Iterator

from batch_layer.feeds.stage_model import StageStatus
from config.quantity import quantity
from config.settings import Settings
from config.stack.doctor import Finding
from ingest.sources.status import CONNECTED, FAILED, RECONNECTING, STOPPED
from ingest.standings import NEVER, SILENT
from serving.answers.explanation import Unknown
from serving.status.collect import feeds_status, or_error
from serving.status.model import FeedStatus


def feed_findings(settings: Settings) -> Iterator[Finding]:
    """A finding for each stage of each feed that has run here. Never an error: without Kafka there is none."""
    feeds = or_error(feeds_status, settings)
    if isinstance(feeds, Unknown):
        return
    for feed in feeds:
        if feed.error:
            step = f"`trends feed check {feed.name}` says what is wrong"
            yield Finding(f"feed {feed.name}", "wrong", feed.error, step)
        yield from (_finding(feed, stage) for stage in feed.stages)


def _finding(feed: FeedStatus, stage: StageStatus) -> Finding:
    subject = f"feed {feed.name}, {stage.stage}"
    if stage.error:
        return Finding(subject, "wrong", stage.error)
    behind = f"{quantity(stage.behind or 0, 'record')} behind"
    start = f"`trends up {feed.name}` starts it"
    wrong = {
        RECONNECTING: (f"waits since {stage.since}, {behind}, nothing is lost: {stage.why}", ""),
        FAILED: (f"failed at {stage.since}, {behind}: {stage.why}", f"Then {start} again"),
        SILENT: (f"its process has died, {behind}", start),
    }
    if stage.state in wrong:
        return Finding(subject, "wrong", *wrong[stage.state])
    if stage.state in {STOPPED, NEVER} and stage.behind:
        return Finding(subject, "note", f"does not run, {behind}", start)
    if stage.state == CONNECTED and stage.kept == 0 and not stage.behind:
        step = f"Has its source records? `trends status`, `trends logs {feed.name}`"
        return Finding(subject, "note", "runs, and has no record yet", step)
    return Finding(subject, "ok", f"{stage.state}, {quantity(stage.kept or 0, 'row')}, {behind}")
