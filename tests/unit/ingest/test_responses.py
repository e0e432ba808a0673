"""How long a service asks to wait, in each of the ways that services say it."""

import httpx
import pytest
from pydantic import SecretStr

from ingest.sources.live.backoff import DroppedError, RefusedError
from ingest.sources.live.responses import ResponseCheck
from tests.support.sources import NOW

CHECK = ResponseCheck("a.example", SecretStr("s3cret-t0ken"), "Set X", lambda: NOW)


@pytest.mark.parametrize(
    ("header", "value", "wait_s"),
    [
        ("Retry-After", "120", 120.0), ("Retry-After", "0", 0.0), ("Retry-After", "99999", 3_600.0),
        ("Retry-After", "Fri, 15 Jan 2027 08:00:30 GMT", 30.0), ("Retry-After", "soon", 0.0),
        ("Retry-After", "-5", 0.0),
        ("x-rate-limit-reset", str(NOW // 1000 + 700), 700.0), ("X-RateLimit-Reset", "2027-01-15T08:00:10Z", 10.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("status", "kind"), [(429, "limited"), (503, "http")])
def test_the_wait_that_a_service_asks_for(status: int, kind: str, header: str, value: str, wait_s: float) -> None:
    with pytest.raises(DroppedError) as dropped:
        CHECK.check(httpx.Response(status, headers={header: value}, text="later"), "stations")
    assert (dropped.value.kind, dropped.value.wait_s) == (kind, wait_s)
    assert str(dropped.value).startswith(f"a.example: stations: answers {status}: later")


def test_a_refusal_shows_no_secret_and_names_the_step() -> None:
    with pytest.raises(RefusedError, match=r"answers 401: \*\*\* is wrong. Set X"):
        CHECK.check(httpx.Response(401, text="s3cret-t0ken is wrong"))
