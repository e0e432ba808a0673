"""Alerts service: looks at finished hours, notes the messages of each rule, and delivers them.

Promises
    Each (rule, hour) has at most one message, whatever runs twice or dies. MongoDB has it before its first attempt.
    A message arrives at least once, or has an end that `trends alerts list` shows: refused, given up, disabled.
    A receiver that is slow or down holds up the messages of its own rules alone.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import tenacity

from config.errors import NoDataError, TrendsError
from config.quantity import quantity
from config.settings import AlertRule, AlertsSettings
from ingest.hours import Hour, Millis
from serving.alerts.attempt import Answer, host_of, send
from serving.alerts.deliveries import Claim, Deliveries, State
from serving.alerts.message import body_of, message_id, selected, trial_body
from serving.query.query import Query
from serving.query.time_expressions import hours_in
from serving.views.documents import Lens
from serving.views.store import Store

log = logging.getLogger(__name__)

CATCH_UP = 24
"""Finished hours that a look reaches back."""
_CANDIDATES = 1_000
_LONGEST_DELAY_S = 3_600.0


class Evaluation(NamedTuple):
    """A rule about one hour."""

    rule: str
    hour: Hour
    tags: list[str]
    """Those that the message is about; none: there is no message."""
    body: str


class Alerts:
    """The alerts of one database. Safe to share between threads."""

    def __init__(self, settings: AlertsSettings, store: Store, now: Callable[[], Millis]) -> None:
        self.settings, self._now = settings, now
        self._query = Query(store, origin="batch")
        self.deliveries = Deliveries(store, settings)
        self._reported: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Follow finished hours until somebody sets `stop`. It ends once the attempts that run have ended."""
        running: dict[str, Future[None]] = {}
        with ThreadPoolExecutor(max(1, len(self.settings.rules)), "webhooks") as threads:
            while not stop.is_set():
                for name in self.settings.rules:
                    self._quietly(name, self.look)
                    attempts = running.get(name)
                    if attempts is None or attempts.done():
                        if attempts:
                            attempts.result()  # an error that nobody expects ends the service, as one of `look` does
                        running[name] = threads.submit(self._quietly, name, lambda each: self.deliver(each, stop))
                stop.wait(self.settings.every_s)

    def look(self, name: str) -> list[Evaluation]:
        """Note the messages of a rule about finished hours that it has not looked at."""
        rule = self.settings.rules[name]
        if self.deliveries.is_disabled(name, rule):
            return []
        hours = [view.hour for view in replace(self._query, lens=_lens(rule)).finished(CATCH_UP, 1)]
        if not hours:
            return []
        since = self.deliveries.start(name, hours[0])
        found = []
        for hour in self.deliveries.unseen(name, [hour for hour in hours if hour > since]):
            evaluation = self.evaluate(name, hour)
            if self.deliveries.add(message_id(name, str(hour)), name, hour, evaluation.tags, evaluation.body):
                found.append(evaluation)
        self.deliveries.forget(name, rule, hours[-1].plus(-1))
        return found

    def newest(self) -> Hour | None:
        """The last finished hour."""
        return next((view.hour for view in self._query.finished(1, 1)), None)

    def evaluate(self, name: str, hour: Hour) -> Evaluation:
        """What a rule has to say about an hour. Writes nothing."""
        rule = self.settings.rules[name]
        try:
            query = replace(self._query, lens=_lens(rule))
            answer = query.rising(hour, hours_in(rule.against), _CANDIDATES, rule.least)
        except NoDataError:
            return Evaluation(name, hour, [], "")  # no hour before to compare with
        risers = selected(rule, answer.risers, self.deliveries.quiet_tags(name, rule, hour))
        body = body_of(name, rule, answer, risers, self._now()) if risers else ""
        return Evaluation(name, hour, [each.row.tag for each in risers], body)

    def deliver(self, name: str, stop: threading.Event | None = None) -> None:
        """Send the messages of a rule that are due, one after the other."""
        rule = self.settings.rules[name]
        while not (stop and stop.is_set()) and (claim := self.deliveries.claim(name)):
            answer = send(claim.id, claim.body, rule, self.settings, self._now())
            self._record(name, rule, claim, answer)

    def trial(self, name: str) -> Answer:
        """Send a message that says nothing. An address that was gone and takes it gets alerts again."""
        rule, now = self.settings.rules[name], self._now()
        answer = send(message_id(name, f"test {now}"), trial_body(name, now), rule, self.settings, now)
        if answer.verdict == "delivered":
            self.deliveries.enable(name)
        return answer

    def _record(self, name: str, rule: AlertRule, claim: Claim, answer: Answer) -> None:
        if answer.verdict == "delivered":
            self.deliveries.end(claim, "delivered", answer.status, "")
            log.info("%s: %s delivered after %s", name, claim.id, quantity(claim.attempts, "attempt"))
        elif answer.verdict == "again":
            delay_s = max(answer.retry_after_s, self._delay_s(claim.attempts))
            self.deliveries.retry(claim, delay_s, answer.status, answer.error)
            log.warning("%s: %s: %s; again in %.0f s", name, host_of(rule), answer.error, delay_s)
        else:
            state: State = "disabled" if answer.verdict == "gone" else "refused"
            self.deliveries.end(claim, state, answer.status, answer.error)
            log.warning("%s: %s: %s; the message ends", name, host_of(rule), answer.error)
            if answer.verdict == "gone":
                self.deliveries.disable(name, rule)

    def _delay_s(self, attempts: int) -> float:
        first = self.settings.retry_s
        wait = tenacity.wait_exponential_jitter(multiplier=first, max=_LONGEST_DELAY_S, jitter=first)
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = attempts
        return float(wait(state))

    def _quietly(self, name: str, work: Callable[[str], object]) -> None:
        """Do the work of a rule; log an error once, until it changes."""
        try:
            work(name)
        except TrendsError as error:
            if self._reported.get(name) != str(error):
                log.warning("%s: %s; trying again", name, error)
            self._reported[name] = str(error)
        else:
            self._reported.pop(name, None)


def _lens(rule: AlertRule) -> Lens:
    return Lens(rule.kind, rule.source)
