"""`trends demo`: a tour on real servers. Each step prints the command that a user would type."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.errors import TrendsError
from config.quantity import quantity
from config.settings import Settings
from config.stack.polling import wait_until
from config.terminal_text import printable
from ingest.hours import HOUR_MS, Hour, wall_clock
from ingest.rule.hashtags import Rule
from serving.cli.batch_output import show
from serving.cli.next_steps import next_steps
from serving.cli.options import settings_of
from serving.cli.tour import echo_command, run_command, title
from serving.query.query import Query
from serving.views.client import mongo_errors
from serving.views.documents import USES, Row
from serving.views.store import Store

if TYPE_CHECKING:
    from batch_layer.archive.reading.ledger import Ledger
    from batch_layer.runner import BatchRunner
    from batch_layer.runs.outcome import Outcome

_SERVERS = ("kafka", "namenode", "datanode", "mongo", "zookeeper", "nimbus", "supervisor", "topology")
_WITHIN_S = 120.0

Facts = dict[str, Any]


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]…")
@click.pass_context
def demo(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Take a tour: ingest posts, count them in both layers, query them.

    Starts the servers, ingests posts (a generated sample of the last 24 hours, or files), shows the busiest hour from
    the speed layer and from the batch layer, corrects the hashtag rule and computes again. Everything keeps running
    afterwards.

    \b
    Examples:
      trends demo
      trends demo posts.csv
    """
    settings = settings_of(ctx)
    began = time.monotonic()
    title("Start the servers, and the topology that counts while posts come in")
    run_command("down", "archiver", "scheduler")
    run_command("up", *_SERVERS)
    with Store(settings.mongo) as store:
        Demo(settings, store).run(["file", *map(str, paths)] if paths else ["sample", "--restart"])
    title("Start the archiver and the scheduler: from here on all of this happens by itself")
    run_command("up")
    click.echo(f"\nThat took {time.monotonic() - began:.0f} s. Everything is still running.")


class Demo:
    """The steps between the servers' start and the services'; each prints its result.

    The two batch runs share one Spark session, as the scheduler's do; their commands would start one each.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.rule = Rule.from_settings(settings.rule)

    def run(self, source: list[str]) -> None:
        """All of them, in order."""
        from batch_layer.runner import BatchRunner

        title("Ingest posts")
        before = self._speed_uses().total()
        loaded = _run_for_json("ingest", *source)
        self._wait("the speed layer has counted them", self._counted)
        live = self._speed_uses().total() - before
        title("Archive the posts on HDFS")
        archived = _run_for_json("archive", "--until-drained")
        ledger = self._ledger()
        touched = self._touched(ledger)
        busiest = self._busiest(touched or ledger.hours(), ledger)
        title("Live: the busiest hour, as the speed layer has it")
        speed = self._speed_top(busiest)
        title("Computed from the archive: the same hour, as the batch layer has it")
        layer = BatchRunner(self.settings, lambda: self.rule, wall_clock)
        try:
            layer.engine.session()
            self._wait("the archive has been idle long enough for its hours to be complete", lambda: self._idle(ledger))
            echo_command("batch", "run")
            batch = layer.run(layer.plan_missing())
            run_command("top", "--hour", str(busiest))
            self._compare(busiest, speed)
            self._where_posts_went(loaded, live, archived, batch, ledger)
            self._correct(busiest, layer)
        finally:
            layer.close()
        self._what_next(busiest)

    def _counted(self) -> bool:
        from speed_layer.lag import caught_up

        return caught_up(self.settings)

    def _ledger(self) -> "Ledger":
        from batch_layer.archive.reading.ledger import ledger_of

        return ledger_of(self.settings)

    def _idle(self, ledger: "Ledger") -> bool:
        last = max((ledger.last_commit(p) or 0 for p in range(len(ledger.covered))), default=0)
        return wall_clock() - last > self.settings.archive.idle_after_s * 1000

    def _touched(self, ledger: "Ledger") -> list[Hour]:
        """The hours that are missing a document, or have one that lacks posts."""
        from batch_layer.archive.reading.history import History

        documents = {document["hour"]: document for document in self.store.batch_documents(*_EVER)}
        history = History(ledger)
        return [
            hour
            for hour in ledger.hours()
            if str(hour) not in documents or history.late_since(hour, documents[str(hour)])
        ]

    def _busiest(self, hours: list[Hour], ledger: "Ledger") -> Hour:
        """The hour with most uses in the speed layer, or where that has none, with most posts; not the one now."""
        complete = [hour for hour in hours if hour < Hour.of(wall_clock() - HOUR_MS)] or hours
        if not complete:
            raise TrendsError("no post was archived", next_step="See `trends rejects list`")
        uses = self._speed_uses()
        return max(complete, key=lambda hour: (uses[str(hour)], ledger.posts(hour)))

    def _speed_uses(self) -> Counter[str]:
        """The uses that the speed layer holds, by hour."""
        with mongo_errors():
            hours = self.store.collection(USES).aggregate([{"$group": {"_id": "$hour", "uses": {"$sum": "$count"}}}])
            return Counter({each["_id"]: each["uses"] for each in hours})

    def _speed_top(self, hour: Hour) -> list[Row]:
        with self.store.snapshot() as snapshot:
            rows = snapshot.speed_rows(hour)
            computed = snapshot.batch([hour])
        if rows:
            run_command("top", "--hour", str(hour), "--origin", "speed")
            if computed:
                click.echo("The batch layer has computed this hour before: these are the uses that came since then.")
        else:
            click.echo(f"The batch layer has computed {hour} before, so its speed rows are gone.")
        return [] if computed else rows

    def _compare(self, hour: Hour, speed: list[Row]) -> None:
        """Say where the two layers differ, and why; nothing where the speed layer had but a part of the hour."""
        if not speed:
            return
        with self.store.snapshot() as snapshot:
            document = snapshot.batch([hour])[str(hour)]
        batch = {row["tag"]: row["count"] for row in document["top"]}
        differing = [row for row in speed if batch.get(row.tag, 0) != row.count]
        if not differing:
            click.echo("Both layers agree: no post of this hour that uses a hashtag was sent twice.")
            return
        told = [f"#{printable(row.tag)} {row.count:,} → {batch.get(row.tag, 0):,}" for row in differing[:5]]
        more = f" and {len(differing) - 5:,} more" if len(differing) > 5 else ""
        click.echo(f"From speed to batch: {', '.join(told)}{more}.")
        click.echo("They differ because some posts were sent twice: the batch layer counts a post once.")

    def _where_posts_went(self, loaded: Facts, live: int, archived: Facts, batch: "Outcome", ledger: "Ledger") -> None:
        """Counts at each step, which must add up."""
        title("Where each post went")
        ledger.refresh()
        computed = [each.hour for each in batch.hours]
        arrived = sum(map(ledger.posts, computed))
        once = sum(each.posts for each in batch.hours)
        waiting = sum(map(ledger.posts, self._touched(ledger)))
        sent = f"{quantity(loaded['posts'], 'post')} to Kafka"
        kept = f"{quantity(archived['posts'], 'post')} in {quantity(archived['files'], 'file')}"
        counted = f"{quantity(once, 'post')} in {quantity(len(computed), 'hour')}, each once"
        rows = [
            ("ingest", f"{sent}, {quantity(loaded['rejects'], 'broken record')} to `rejects`", True),
            ("", f"{quantity(loaded['uses'], 'use')} of hashtags to Kafka", True),
            ("speed layer", f"{quantity(live, 'use')} counted", live == loaded["uses"]),
            ("archive", kept, _adds_up(loaded, archived)),
            ("batch layer", counted, once <= arrived),
            ("", f"sent twice: {arrived - once:,}; of hours that are not complete yet: {waiting:,}", True),
        ]
        for step, what, holds in rows:
            click.echo(f"  {step:12} {what}{'' if holds else '   DOES NOT ADD UP'}")
        if not all(holds for *_, holds in rows):
            raise TrendsError("the counts do not add up", next_step="Run `trends verify --all`")

    def _correct(self, busiest: Hour, layer: "BatchRunner") -> None:
        """Correct the rule, and compute the day from the busiest hour on again."""
        from batch_layer.plan import Span

        with self.store.snapshot() as snapshot:
            top = snapshot.batch([busiest])[str(busiest)]["top"]
        if not top:
            return
        wrong = top[0]["tag"]
        title(f"Correct the rule: #{printable(wrong)} is not to be counted. Compute the day from then on again")
        corrections = {"TRENDS_RULE__IGNORE": json.dumps([*self.settings.rule.ignore, wrong], ensure_ascii=False)}
        until = busiest.plus(24)
        echo_command("recompute", "--since", str(busiest), "--until", str(until), variables=corrections)
        self.rule = Rule.with_corrections([*self.settings.rule.ignore, wrong], self.settings.rule.aliases)
        show(layer.run(layer.plan_range(Span(busiest, until))), as_json=False)
        run_command("top", "--hour", str(busiest))

    def _wait(self, what: str, reached: Callable[[], bool]) -> None:
        click.echo(f"waiting until {what} …", err=True)
        timeout = TrendsError(f"not within {_WITHIN_S:.0f} s: {what}", next_step="See `trends status`")
        wait_until(reached, _WITHIN_S, every_s=0.25, timeout=timeout)

    def _what_next(self, busiest: Hour) -> None:
        title("What to type next")
        query = Query(self.store)
        newest = query.newest()
        rows = query.hour(busiest, 1).rows
        now_known = newest is not None and newest >= Hour.of(wall_clock()).plus(-1)
        for command, why in next_steps(busiest, rows[0].tag if rows else None, now_known=now_known):
            click.echo(f"  {printable(command, 200):75} {why}")


_EVER = (Hour(0), Hour.parse("9999-12-31T23"))


def _adds_up(loaded: Facts, archived: Facts) -> bool:
    return bool(archived["posts"] + archived["rejected"] >= loaded["posts"])


def _run_for_json(*arguments: str) -> Facts:
    """Run a command for its JSON."""
    facts: Facts = json.loads(run_command(*arguments, "--json", capture=True))
    return facts
