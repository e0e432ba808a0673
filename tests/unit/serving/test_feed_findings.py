"""The findings of the doctor about feeds: each way in which a stage does not get on, with its next step."""

import pytest

from batch_layer.feeds.stage_model import StageStatus
from config.settings import Settings
from serving.answers.explanation import Unknown
from serving.status import feed_findings as module
from serving.status.feed_findings import feed_findings
from serving.status.model import FeedStatus

AT = "2026-01-05T07:00:00Z"


def stage(state: str, why: str = "", error: str = "", kept: int = 0, behind: int = 0) -> StageStatus:
    return StageStatus("postgres", "postgres", state, AT, why, kept=kept, behind=behind, error=error)


@pytest.mark.parametrize(
    ("found", "state", "words", "step"),
    [
        (stage("connected", kept=7, behind=0), "ok", "connected, 7 rows, 0 records behind", ""),
        (stage("connected", kept=0, behind=0), "note", "runs, and has no record yet", "`trends logs weather`"),
        (stage("reconnecting", "PostgreSQL is down", kept=7, behind=3), "wrong", f"waits since {AT}, 3 records", ""),
        (stage("failed", "a table of another shape", behind=3), "wrong", "a table of another shape", "Then `trends up"),
        (stage("silent", kept=7, behind=3), "wrong", "its process has died", "`trends up weather` starts it"),
        (stage("stopped", kept=7, behind=3), "note", "does not run, 3 records behind", "`trends up weather`"),
        (stage("stopped", kept=7, behind=0), "ok", "stopped, 7 rows", ""),
        (stage("connected", error="PostgreSQL does not answer"), "wrong", "PostgreSQL does not answer", ""),
    ],
)
def test_a_stage_that_does_not_get_on_is_a_finding_with_its_next_step(
    monkeypatch: pytest.MonkeyPatch, found: StageStatus, state: str, words: str, step: str
) -> None:
    monkeypatch.setattr(module, "feeds_status", lambda _: [FeedStatus("weather", [found], "")])
    (finding,) = feed_findings(Settings())
    assert (finding.subject, finding.state) == ("feed weather, postgres", state)
    assert words in finding.found
    assert step in finding.next_step


def test_a_feed_whose_file_is_wrong_is_a_finding_and_a_kafka_that_is_down_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "feeds_status", lambda _: [FeedStatus("weather", [], "weather.toml:3: no such key")])
    (finding,) = feed_findings(Settings())
    assert finding.state == "wrong"
    assert "`trends feed check weather`" in finding.next_step
    monkeypatch.setattr(module, "or_error", lambda *_: Unknown("no brokers"))
    assert list(feed_findings(Settings())) == []
