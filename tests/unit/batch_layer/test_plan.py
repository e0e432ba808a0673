"""A plan follows from the ledger, the documents and the watermark alone."""

from collections.abc import Sequence
from typing import Any

import pytest

from batch_layer.plan import Documents, Span, plan_hour, plan_missing, plan_range
from config.errors import NoDataError, UsageError
from ingest.hours import Hour
from ingest.rule.hashtags import AS_IS
from serving.views.documents import HourDocument

H = Hour.parse("2017-01-06T07")


class Archive:
    """Hours with posts; `late` are those with posts that no document has seen."""

    def __init__(self, posts: dict[int, int], late: Sequence[int] = ()) -> None:
        self._posts = {H.plus(at): count for at, count in posts.items()}
        self._late = {H.plus(at) for at in late}

    def hours(self) -> list[Hour]:
        return sorted(self._posts)

    def posts(self, hour: Hour) -> int:
        return self._posts.get(hour, 0)

    def late_since(self, hour: Hour, document: HourDocument) -> bool:
        return hour in self._late

    def strange(self, document: HourDocument) -> set[str]:
        return {"a" * 32} if document.get("archive") == "a" * 32 else set()


def documents(**of: dict[str, Any]) -> Documents:
    made: dict[str, Any] = {
        str(H.plus(int(at[1:]))): {"complete": True, "dirty": False, "covered": [0]} | values
        for at, values in of.items()
    }
    return made


def test_what_is_missing_provisional_or_dirty_is_computed_and_what_is_final_is_not() -> None:
    archive = Archive({0: 5, 1: 5, 2: 5, 3: 5, 4: 5}, late=[2])
    there = documents(h0={}, h1={"complete": False}, h2={}, h3={"dirty": True})
    plan = plan_missing(archive, there, H.plus(5), AS_IS)
    assert [(each.hour, each.state) for each in plan.hours] == [
        (H.plus(1), "provisional"), (H.plus(2), "dirty"), (H.plus(3), "dirty"), (H.plus(4), "missing"),
    ]  # fmt: skip
    assert plan.late == (H.plus(2),)


def test_an_hour_in_progress_waits_but_a_late_post_in_it_is_told() -> None:
    plan = plan_missing(Archive({0: 1, 1: 1}, late=[1]), documents(h1={}), H.plus(1), AS_IS)
    assert [each.hour for each in plan.hours] == [H]
    assert plan.late == (H.plus(1),)


def test_hours_that_a_recomputation_is_at_are_left_to_it() -> None:
    plan = plan_missing(Archive({0: 1, 1: 1, 2: 1}), {}, H.plus(3), AS_IS, [Span(H.plus(1), H.plus(2))])
    assert [each.hour for each in plan.hours] == [H, H.plus(2)]
    assert not plan_missing(Archive({0: 1}), {}, H.plus(3), AS_IS, [Span(None, H.plus(3))]).hours


def test_a_range_takes_final_hours_too_and_leaves_out_what_is_not_complete() -> None:
    plan = plan_range(Span(H.plus(1), None), Archive({0: 1, 1: 2, 3: 4, 5: 8}), documents(h1={}), H.plus(5), AS_IS)
    assert [(each.hour, each.state) for each in plan.hours] == [(H.plus(1), "final"), (H.plus(3), "missing")]
    assert (plan.posts, plan.waiting, plan.job.kind) == (6, (H.plus(5),), "recompute")


def test_hours_that_hold_posts_of_an_archive_that_is_not_read_are_left_out_and_told() -> None:
    archive, strange = Archive({0: 1, 1: 1, 2: 1}, late=[0, 1]), {"archive": "a" * 32}
    there = documents(h0=strange, h1={}, h2=strange)
    plan = plan_missing(archive, there, H.plus(3), AS_IS)
    assert [each.hour for each in plan.hours] == [H.plus(1)]
    assert [(each.hour, of) for each, of in plan.stranded] == [(H, "a" * 32)]
    assert [each.hour for each in plan.with_stranded().hours] == [H, H.plus(1)]
    assert plan.late == (H, H.plus(1)), "it answers as provisional"
    plan = plan_range(Span(H, None), archive, there, H.plus(3), AS_IS)
    assert ([each.hour for each in plan.hours], len(plan.stranded)) == ([H.plus(1)], 2)
    assert not plan_hour(H, archive, there, H.plus(3), AS_IS).hours


def test_a_range_without_posts_has_no_data_and_one_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(NoDataError, match="not complete"):
        plan_range(Span(H, None), Archive({0: 1}), {}, H, AS_IS)
    with pytest.raises(NoDataError, match="no archived post"):
        plan_range(Span(H.plus(1), None), Archive({0: 1}), {}, H.plus(9), AS_IS)
    with pytest.raises(UsageError):
        plan_range(Span(H, H), Archive({0: 1}), {}, H.plus(9), AS_IS)


def test_one_hour_is_computed_whether_it_is_complete_or_not() -> None:
    assert not plan_hour(H, Archive({0: 1}), {}, H, AS_IS).hours[0].complete
    with pytest.raises(NoDataError):
        plan_hour(H.plus(1), Archive({0: 1}), {}, H, AS_IS)


def test_jobs_of_another_rule_or_range_are_other_jobs_and_the_hourly_one_is_always_the_same() -> None:
    archive = Archive({0: 1})
    other = AS_IS.with_corrections(["spam"], {})
    ranges = [Span(H, None), Span(H, H.plus(1)), Span(None, None)]
    keys = {plan_range(span, archive, {}, H.plus(9), rule).job.key for span in ranges for rule in (AS_IS, other)}
    assert len(keys) == 6
    assert plan_missing(archive, {}, H, AS_IS).job.key == plan_missing(archive, {}, H, other).job.key
