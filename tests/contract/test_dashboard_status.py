"""The status page: the lag over time, and the logs of this machine's stack, which hold no secret and lead nowhere."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from config.redaction import remember
from config.settings import Settings
from config.stack.logs import LONGEST_LINE, MOST_BYTES
from serving.answers.explanation import Unknown
from serving.dashboard import app
from serving.render.charts.lag_line import BREAK_MS, HEIGHT, MOST_POINTS, WIDTH, lag_line
from serving.status.lag_history import KEPT, MINUTE_MS, LagHistory, LagSample
from tests.support.dashboard import LAYERS, running, without_mongo
from tests.support.hostile_status import hostile_status
from tests.support.wait import until

STATUS = hostile_status()
SECRET = "a-secret-of-the-settings"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A stack whose state folder has some logs, and files beside them that are none."""
    own = Settings()
    own = own.model_copy(update={"stack": own.stack.model_copy(update={"state": tmp_path / "state"})})
    folder = tmp_path / "state" / "logs"
    folder.mkdir(parents=True)
    (folder / "kafka.log").write_text(f"<b>one</b>\nlogin with {SECRET}\n\x1b[31mred\ttab\n" + "x" * 10_000 + "\n")
    (folder / "mongo.log").write_text(f"{SECRET}" * 20_000 + "\nlast\n")
    (folder / "notes.txt").write_text("not a log")
    (tmp_path / "state" / "trends.log").write_text("outside")
    (tmp_path / "secret.log").write_text("outside")
    remember(SECRET)
    return without_mongo(own)


def test_a_log_is_read_by_its_name_from_the_end_and_without_secrets(settings: Settings) -> None:
    with running(settings, LAYERS._replace(status=lambda _: STATUS)) as url:
        told = httpx.get(f"{url}/api/logs", params={"name": "kafka"}).json()
        assert (told["logs"], told["name"]) == (["kafka", "mongo"], "kafka")
        assert told["lines"] == ["<b>one</b>", "login with ***", "\\u001b[31mred\ttab", "x" * LONGEST_LINE]
        assert httpx.get(f"{url}/api/logs?name=kafka&n=1").json()["lines"] == ["x" * LONGEST_LINE]
        assert httpx.get(f"{url}/api/logs?name=mongo").json()["lines"] == ["last"], "the beginning of a line is lost"
        assert len(SECRET) * 20_000 > MOST_BYTES
        assert httpx.get(f"{url}/api/logs").json() == {"logs": ["kafka", "mongo"], "name": "", "lines": []}
        page = httpx.get(f"{url}/logs?name=kafka").text
        assert "&lt;b&gt;one&lt;/b&gt;" in page
        assert SECRET not in page
        status = httpx.get(f"{url}/status").text
        assert ('href="/logs?name=kafka"' in status, 'href="/logs?name=archiver"' in status) == (True, False)


def test_no_name_leads_out_of_the_folder_of_logs(settings: Settings) -> None:
    names = ["../trends", "../../secret", "notes", "notes.txt", "/etc/passwd", "kafka.log", "..", ".", "kafka/../mongo"]
    names += [f"{settings.stack.state}/trends", "%2e%2e/trends", "kafka\x00", "*", "k" * 64, "k" * 65]
    with running(settings) as url:
        for name in names:
            for path in ("/api/logs", "/logs"):
                answer = httpx.get(url + path, params={"name": name})
                assert answer.status_code == (404 if len(name) <= 64 else 400), name
                assert "outside" not in answer.text


def test_a_machine_without_a_stack_says_that_it_has_no_logs(tmp_path: Path) -> None:
    own = Settings()
    elsewhere = own.model_copy(update={"stack": own.stack.model_copy(update={"state": tmp_path / "none"})})
    with running(without_mongo(elsewhere)) as url:
        assert "no logs of a local stack" in httpx.get(f"{url}/logs").text
        assert httpx.get(f"{url}/api/logs?name=kafka").status_code == 404


def test_the_lag_is_sampled_whether_somebody_looks_or_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "SAMPLE_S", 0.05)
    taken: list[int] = []

    def status(_: Settings) -> object:
        taken.append(1)
        return STATUS

    with running(settings, LAYERS._replace(status=status)) as url:  # type: ignore[arg-type] # the same status
        until(lambda: bool(taken), lambda: taken, 30)
        page = httpx.get(f"{url}/status").text
    for words in ("Lag of the speed layer from", "Lag of the archive from", "hours that wait for the batch layer from"):
        assert words in page
    assert "at most 123,456,789,012 at" in page


def test_a_minute_keeps_its_largest_lag_and_the_history_a_day() -> None:
    history = LagHistory()
    history.add(replace(STATUS, speed=Unknown("down")), 5 * MINUTE_MS + 1)
    history.add(replace(STATUS, archive=Unknown("down")), 5 * MINUTE_MS + 59_999)
    found = LagSample(5 * MINUTE_MS, 123_456_789_012, 987_654_321_098, 26_280)
    assert history.samples() == [found]
    for minute in range(6, 6 + KEPT):
        history.add(STATUS, minute * MINUTE_MS)
    assert (len(history.samples()), history.samples()[0].at) == (KEPT, 6 * MINUTE_MS)


def test_the_line_breaks_where_nothing_is_known_and_keeps_the_highest_point() -> None:
    minutes = [(at * MINUTE_MS, value) for at, value in enumerate([0, 4, None, 2, 1])]
    line = lag_line(minutes)
    assert line is not None
    assert line.paths == [f"M0.0 {HEIGHT}.0L150.0 0.0", f"M450.0 40.0L{WIDTH}.0 60.0"]
    assert (line.most, line.most_at, line.now) == (4, MINUTE_MS, 1)
    apart = lag_line([(0, 1), (BREAK_MS + 1, 1)])
    assert apart is not None
    assert len(apart.paths) == 2
    assert lag_line([(0, None)]) is None
    assert lag_line([]) is None
    day = lag_line([(at * MINUTE_MS, 9 if at == 777 else 1) for at in range(KEPT)])
    assert day is not None
    (path,) = day.paths
    assert path.count("L") < MOST_POINTS
    assert " 0.0L" in path, "a spike of one minute is there"


def test_a_token_protects_the_logs(settings: Settings) -> None:
    with running(settings, token=SecretStr("correct-horse-battery-staple")) as url:
        assert httpx.get(f"{url}/api/logs?name=kafka").status_code == 401
        assert httpx.get(f"{url}/logs?name=kafka").status_code == 303
