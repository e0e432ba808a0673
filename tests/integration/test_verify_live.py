"""`trends verify` beside everything that runs: what is healthy is never wrong, and what is wrong is told."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from batch_layer.archive.compaction import Compaction
from batch_layer.archive.reading.history import History
from batch_layer.archive.reading.ledger import Ledger, ledger_of
from batch_layer.checks import verify
from batch_layer.checks.compare_views import Rules, ViewComparison
from batch_layer.checks.finding import Finding
from batch_layer.checks.verify import verify_archive
from bench.inputs.archive_writer import ArchiveWriter
from config.settings import Settings
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from serving.views.store import Store
from tests.support.commands import run_trends
from tests.support.posts import PAST, Sender, archive_all, some_posts, with_archive
from tests.support.views import LATER, view_of_posts

RULES = Rules(AS_IS, {AS_IS.version: AS_IS})


def wrong(findings: "Sequence[Finding]") -> list[Finding]:
    return [finding for finding in findings if not finding.ok]


def behind(ledger: Ledger, act: Callable[[], object]) -> Callable[[Settings], Ledger]:
    """What gives `verify` a ledger, after which somebody acts before anything else is looked at."""
    act()
    return lambda _: ledger


def test_what_is_archived_while_verify_runs_is_no_stray_and_no_hole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(settings)
    sender.send(some_posts(60))
    archive_all(settings)

    def archive_more() -> None:
        sender.send(some_posts(60, hours=6))
        archive_all(settings)

    monkeypatch.setattr(verify, "ledger_of", behind(ledger_of(settings), archive_more))
    findings = list(verify_archive(settings, None, LATER))
    assert wrong(findings) == []
    assert len(findings) > 3 + 3, "each chain, each hour, each partition"


def test_files_that_a_compaction_replaces_and_purges_while_verify_runs_are_not_missed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = with_archive(settings, keep_replaced_s=0)
    sender = Sender(settings)
    for _ in range(2):
        sender.send(some_posts(60))
        archive_all(settings)

    def compact() -> None:
        for hours in (ledger_of(settings).hours(), []):
            Compaction(ledger_of(settings), at_once.archive, LATER).run(hours)

    stale = ledger_of(settings)
    old = [part.path for hour in stale.hours() for part in stale.parts(hour)]
    monkeypatch.setattr(verify, "ledger_of", behind(stale, compact))
    assert wrong(list(verify_archive(settings, None, LATER))) == []
    assert not any(stale.store.bytes_of(path) for path in old), "the files that it knew are gone"


def test_a_file_is_no_suspect_while_it_is_young(settings: Settings) -> None:
    Sender(settings).send(some_posts(30, hours=1))
    archive_all(settings)
    ledger = ledger_of(settings)
    folder = ledger.parts(ledger.hours()[0])[0].path.rpartition("/")[0]
    ledger.store.put(f"{folder}/stray.avro", b"x")
    assert wrong(list(verify_archive(settings, None))) == []
    (stray,) = wrong(list(verify_archive(settings, None, LATER)))
    assert (stray.where, "delete" in stray.next_step) == (f"{folder}/stray.avro", True)


def test_a_document_that_is_newer_than_the_ledger_is_compared_with_what_it_covers(settings: Settings) -> None:
    archive, hour = ArchiveWriter(settings), Hour.of(PAST)
    first, second = some_posts(20, hours=1), some_posts(20, hours=1)
    archive.add(0, first)
    stale = ledger_of(settings)
    archive.add(0, second)
    with Store(settings.mongo) as store:
        comparison = ViewComparison(store, History(stale), RULES, ["hashtag"], lambda: False)
        store.publish_all([view_of_posts(hour, [*first, *second], (42, 0, 0))])
        assert [finding.ok for finding in comparison.hour(hour)] == [True]
        assert comparison.hour(hour)[0].compared

        archive.add(0, some_posts(1, hours=1))
        stale.refresh()
        assert not comparison.hour(hour)[0].compared, "a late post has come, and nobody has marked the hour dirty yet"

        store.publish_all([view_of_posts(hour, first, (44, 0, 0))])
        (bad,) = comparison.hour(hour)
        assert not bad.ok
        assert "20 posts" in bad.what.replace("(20, ", "20 posts (")


def test_speed_rows_on_the_move_are_not_compared_and_wrong_ones_are_told(settings: Settings) -> None:
    archive, hour = ArchiveWriter(settings), Hour.of(PAST)
    archive.add(0, some_posts(5, hours=1))
    settled = [True]
    with Store(settings.mongo) as store:
        rows = store.collection("uses")
        rows.insert_one({"_id": f"{hour}|a", "hour": str(hour), "tag": "a", "shown": "a", "count": 5})
        comparison = ViewComparison(store, History(ledger_of(settings)), RULES, ["hashtag"], lambda: settled[0])
        assert [(each.ok, each.compared) for each in comparison.hour(hour)] == [(True, True)]
        rows.update_one({}, {"$inc": {"count": 1}})
        assert [(each.ok, each.compared) for each in comparison.hour(hour)] == [(False, True)]
        settled[0] = False
        assert [(each.ok, each.compared) for each in comparison.hour(hour)] == [(True, False)]


def test_findings_are_on_stdout_quiet_leaves_out_what_is_fine_and_not_compared_is_counted_apart(
    settings: Settings, settings_file: Path
) -> None:
    archive, hour = ArchiveWriter(settings), Hour.of(PAST)
    posts = some_posts(5, hours=1)
    archive.add(0, posts)
    with Store(settings.mongo) as store:
        store.publish_all([view_of_posts(hour, posts, (6, 0, 0))._replace(complete=False)])
    loud = run_trends(settings_file, "verify", "--hour", str(hour))
    assert f"ok    {hour}: 5 posts, as committed" in loud.stdout
    assert f"-     {hour}: provisional" in loud.stdout
    assert loud.stdout.splitlines()[-1].endswith("checks, 0 failed, 1 not compared")
    assert (loud.returncode, loud.stderr) == (0, "")
    quiet = run_trends(settings_file, "verify", "--hour", str(hour), "--quiet")
    assert quiet.stdout.splitlines() == loud.stdout.splitlines()[-1:]
    told = json.loads(run_trends(settings_file, "verify", "--hour", str(hour), "--json").stdout)
    assert (told["ok"], told["not_compared"], told["checked"]) == (True, 1, len(told["findings"]) - 1)
    path = ledger_of(settings).parts(hour)[0].path
    ledger_of(settings).store.put(path, b"rotten")
    bad = run_trends(settings_file, "verify", "--hour", str(hour), "--quiet")
    assert bad.returncode == 1
    assert bad.stdout.startswith(f"FAIL  {path}: 6 bytes instead of")
