"""The dashboard's pages, its API and what guards them, on a real MongoDB."""

import json
import re
import socket
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from click.testing import CliRunner
from httpx_sse import connect_sse
from pydantic import SecretStr

from batch_layer.rank import NOTHING_FURTHER, PostFields
from config.errors import NoDataError, UnavailableError, UsageError
from config.settings import ServeSettings, Settings
from ingest.hours import Hour
from ingest.rule.hashtags import normalise
from serving.cli import main
from serving.client import Client
from serving.dashboard.http import server
from serving.dashboard.http.middleware import POLICY
from serving.dashboard.pages.links import lens_params
from serving.query.query import Query
from serving.render import json_answers as render
from serving.status.model import Status
from serving.views.documents import Lens
from serving.views.store import Store
from tests.support.cli import ask
from tests.support.dashboard import LAYERS, Clock, boston, counted, counted_phrases, published, running
from tests.support.lens_hours import POSTS, compute
from tests.support.metrics import figures, read
from tests.support.status import status_from

HOUR = Hour.parse("2013-04-15T20")
TOKEN = "correct-horse-battery-staple"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "\u202egnp",
    "a\nb",
    "x" * 10_000,
]


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with Store(settings.mongo) as made:
        yield made


def get(url: str, **asked: Any) -> httpx.Response:
    return httpx.get(url, params=asked or None, timeout=60)


def test_the_api_answers_with_the_json_of_the_command_line(
    settings: Settings, settings_file: Path, store: Store, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    boston(test_data, store)
    current = Hour.of(Clock()())
    counted(store, current, paris=3, rain=1)
    same: dict[str, dict[str, Any]] = {
        "top --hour 2013-04-15T16 --tz America/New_York": {"hour": "2013-04-15T16", "tz": "America/New_York"},
        "top --since 2013-04-15 --until 2013-04-17 -n 25": {"since": "2013-04-15", "until": "2013-04-17", "n": 25},
        f"top --hour {current} --origin speed": {"hour": str(current), "origin": "speed"},
        "top": {},
    }
    with running(settings) as url:
        for command, asked in same.items():
            assert get(f"{url}/api/top", **asked).json() == ask(*command.split()), command
        day = get(f"{url}/api/day", date="2013-04-15").json()
        assert day == ask("day", "--date", "2013-04-15")
        rising = get(f"{url}/api/rising", hour=str(HOUR), against="12h", least=0).json()
        assert rising == ask("rising", "--hour", str(HOUR), "--against", "12h", "--least", "0")
        span = {"since": "2013-04-15", "until": "2013-04-17"}
        history = get(f"{url}/api/tag", name="#PrayForBoston", **span).json()
        assert history == ask("tag", "PrayForBoston", "--since", span["since"], "--until", span["until"])
        assert get(f"{url}/api/explain", hour=str(HOUR)).json()["answer"]["run"] == "run-1"
        parts = {"servers", "sources", "speed", "archive", "hours", "runs", "rejects", "feeds", "tops", "alerts"}
        assert set(get(f"{url}/api/status").json()) == parts
    assert len(day["hours"]) == 24
    assert rising["rising"]
    assert sum(point["count"] for point in history["hours"]) == history["uses"] > 0


def test_a_file_holds_what_the_command_prints_and_its_name_says_what(
    settings: Settings, settings_file: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    published(store, {"paris": 5, "東京": 2}, HOUR)
    published(store, {"paris": 1, "snow": 9}, HOUR.plus(1))
    since, until = str(HOUR), str(HOUR.plus(2))
    files: dict[str, tuple[str, dict[str, Any]]] = {
        f"top --hour {HOUR} --csv": ("top", {"hour": str(HOUR)}),
        f"day --since {since} --until {until} --csv": ("day", {"since": since, "until": until}),
        f"tag 東京 paris --since {since} --until {until} --csv": (
            "tag",
            {"name": ["東京", "paris"], "since": since, "until": until},
        ),
    }
    with running(settings) as url:
        for command, (question, asked) in files.items():
            saved = get(f"{url}/api/{question}", **asked, format="csv")
            printed = CliRunner().invoke(main, command.split())
            assert saved.text.splitlines() == printed.stdout.splitlines(), command
            assert saved.headers["content-type"].startswith("text/csv")
        names = saved.headers["content-disposition"]
        assert 'filename="trends-tag-__-paris-2013-04-15T20-2013-04-15T22.csv"' in names
        assert "filename*=UTF-8''trends-tag-%E6%9D%B1%E4%BA%AC-paris" in names
        compared = get(f"{url}/api/tag", name=["東京", "#Paris", "paris"], since=since, until=until).json()
        assert compared == ask("tag", "東京", "paris", "--since", since, "--until", until)
        assert [each["uses"] for each in compared["tags"]] == [2, 6]
        for question, asked in (files[each] for each in list(files)[1:]):
            drawn = get(f"{url}/api/{question}", **asked, format="png")
            assert (drawn.headers["content-type"], drawn.content[:4]) == ("image/png", b"\x89PNG")


def test_a_day_without_a_midnight_or_with_two_is_whole_for_the_command_the_api_and_the_page(
    settings: Settings, settings_file: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    for hour in ("2018-11-04T04", "2018-11-05T04", "2011-12-30T09", "2011-12-30T10"):
        published(store, {"paris": 5}, Hour.parse(hour))
    days = [
        ("2018-11-04", "America/Havana", 25, "Sunday, 04 November 2018", "2018-11-03", "2018-11-05"),
        ("2011-12-29", "Pacific/Apia", 24, "Thursday, 29 December 2011", "2011-12-28", "2011-12-31"),
        ("2011-12-31", "Pacific/Apia", 24, "Saturday, 31 December 2011", "2011-12-29", "2012-01-01"),
        ("2018-11-05", "Asia/Kathmandu", 25, "Monday, 05 November 2018", "2018-11-04", "2018-11-06"),
    ]
    with running(settings) as url:
        for date, zone, hours, heading, before, after in days:
            told = get(f"{url}/api/day", date=date, tz=zone).json()
            assert (told, len(told["hours"])) == (ask("day", "--date", date, "--tz", zone), hours), date
            page = get(f"{url}/day", date=date, tz=zone).text
            assert f"<h1>{heading}</h1>" in page
            assert [f"date={each}&amp;tz" in page for each in (before, after)] == [True, True]
        refused = get(f"{url}/api/day", date="2011-12-30", tz="Pacific/Apia")
        assert (refused.status_code, refused.json()["error"]["what"]) == (
            400,
            "the calendar of Pacific/Apia has no 2011-12-30",
        )


def test_every_answer_has_the_shape_that_its_description_promises(settings: Settings, store: Store) -> None:
    """What is sent passes through these shapes, which leave out what they do not name."""
    published(store, {"paris": 5, "rain": 2}, HOUR)
    published(store, {"paris": 1, "snow": 9}, HOUR.plus(-1))
    query = Query(store)
    made = {
        f"/api/top?hour={HOUR}": render.hour_json(query.hour(HOUR, 10)),
        f"/api/top?since={HOUR}&until={HOUR.plus(3)}": render.range_json(query.range(HOUR, HOUR.plus(3), 10)),
        "/api/day?date=2013-04-15": render.day_json(query.day(HOUR.plus(-20), HOUR.plus(4), 10)),
        f"/api/rising?hour={HOUR}&least=0": render.rising_json(query.rising(HOUR, 24, 10, 0)),
        f"/api/tag?name=paris&since={HOUR.plus(-2)}&until={HOUR.plus(1)}": render.history_json(
            query.history("paris", HOUR.plus(-2), HOUR.plus(1))
        ),
    }
    with running(settings) as url:
        for path, document in made.items():
            assert get(url + path).json() == json.loads(json.dumps(document)), path
        described = get(f"{url}/api/openapi.json").json()["paths"]
    questions = ("top", "now", "day", "rising", "tag", "explain", "status", "live", "export", "posts", "logs")
    assert set(described) == {"/hours.atom", *(f"/api/{question}" for question in questions)}


@pytest.mark.parametrize(
    ("path", "status", "what"),
    [
        ("/api/top?hour=soon", 400, "unrecognized time: 'soon'"),
        ("/api/top?n=0", 400, "Input should be greater than or equal to 1"),
        ("/api/top?hour=now&last=1h", 400, "`hour`, `last` and `since`/`until` exclude each other"),
        ("/api/top?tz=Mars/X", 400, "unknown time zone: 'Mars/X'"),
        ("/api/top?hour=1999-01-01T00", 404, "no data for 1999-01-01T00"),
        ("/api/day?date=soon", 400, "unrecognized time: 'soon'"),
        ("/api/day?last=90d", 400, None),
        ("/api/day?last=24h&date=2013-04-15", 400, "`date` and `last` exclude each other"),
        ("/api/day?since=2013-04-15&date=2013-04-15", 400, "`date` and `since` exclude each other"),
        ("/api/tag?name=a&name=b&name=c&name=d&name=e&name=f", 400, "6 tags are more than one chart keeps apart"),
        ("/api/top?format=png", 400, "Input should be 'json' or 'csv'"),
        ("/api/tag", 400, "Field required"),
        ("/api/nonsense", 404, "no such page"),
    ],
)
def test_what_can_not_be_answered_says_what_and_what_next(
    url_of_nothing: str, path: str, status: int, what: str | None
) -> None:
    answer = get(url_of_nothing + path)
    assert answer.status_code == status
    assert what is None or answer.json()["error"]["what"] == what
    assert answer.json()["error"]["next_step"]


def test_what_is_trending_now_is_the_same_for_the_command_the_api_and_python(
    settings: Settings, settings_file: Path, store: Store, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    hours = boston(test_data, store)
    current = Hour.of(Clock()())
    for back in range(-25, 0):
        published(store, hours[HOUR.plus(back)], current.plus(back), shown={"prayforboston": "PrayForBoston"})
    counted(store, current, **hours[HOUR])
    with running(settings) as url, Client(settings) as python:
        answer = get(f"{url}/api/now", kind="hashtag").json()
        assert _without_projection(answer) == _without_projection(ask("now"))
        assert _without_projection(answer) == _without_projection(python.now().to_dict())
        now = answer["hours"][0]
        assert [row["shown"] for row in now["top"]] == [row["shown"] for row in now["trends"]]
        assert now["trends"][0]["counts"][-1] == max(hours[HOUR].values())
        assert now["rising"]
        refused = get(f"{url}/api/now", n=3)
        assert (refused.status_code, get(f"{url}/api/now", kind="trigram").status_code) == (400, 404)


def _without_projection(document: Any) -> Any:
    """The hours of an answer without what depends on the minute and on the lag: projections, and weeks by them."""
    if isinstance(document, dict):
        return {
            name: _without_projection(each) for name, each in document.items() if name not in ("projection", "week")
        }
    return [_without_projection(each) for each in document] if isinstance(document, list) else document


@pytest.fixture(scope="module")
def url_of_nothing(stack: Settings) -> Iterator[str]:
    """A dashboard over a database without anything."""
    mongo = stack.mongo.model_copy(update={"database": "trends_without_anything"})
    with running(stack.model_copy(update={"mongo": mongo})) as url:
        yield url


def test_every_page_is_there_before_anything_was_counted(url_of_nothing: str) -> None:
    pages = {"/": 200, "/day": 404, f"/hour/{HOUR}": 404, "/tag?name=x": 404, "/tag": 200, "/api": 200}
    for path, status in pages.items():
        answer = get(url_of_nothing + path)
        assert (path, answer.status_code) == (path, status)
        assert status == 200 or "No data yet" in answer.text


def test_whatever_a_url_asks_it_is_answered_or_refused(url_of_nothing: str) -> None:
    hours = [
        "0001-01-01T00",
        "1969-12-31T23",
        "1970-01-01T00",
        "2261-12-31T23",
        "2262-01-01T00",
        "9999-12-31T23",
        "x" * 99,
    ]
    odd = [f"/hour/{hour}" for hour in hours] + [f"/tag?name=x&at={hour}" for hour in hours]
    odd += [f"/day?date={hour[:10]}&tz=Asia/Kathmandu" for hour in hours] + [
        "/range?date=2013-04-31",
        "/range?since=%00",
        "/range?since=2013&until=x&name=%ED%A0%80",
    ]
    odd += ["/tag?name=x&span=0h", "/tag?name=x&span=99999w", "/tag?name=%00%ff", "/tag?name=%ED%A0%80", "/hour/%2e%2e"]
    odd += ["/?kind=fourgram", "/day?kind=bigram&source=x", "/?source=%00", "/tag?name=x&kind=trigram", "/?kind="]
    odd += ["/login?to=javascript:x", "/day?date=", "/hour", "/status?part=maybe", "/?tz=../../etc/passwd", "/?tz=%00"]
    for path in odd:
        answer = get(url_of_nothing + path)
        assert answer.status_code in {200, 303, 400, 404}, (path, answer.status_code)
        assert "internal error" not in answer.text


def test_no_tag_is_markup_on_any_page(settings: Settings, store: Store) -> None:
    published(store, {tag: 10 - at for at, tag in enumerate(HOSTILE)}, HOUR)
    asked: list[tuple[str, dict[str, str]]] = [("/day", {"date": "2013-04-15"}), (f"/hour/{HOUR}", {})]
    asked += [("/tag", {"name": tag, "at": str(HOUR)}) for tag in HOSTILE]
    with running(settings) as url:
        for path, words in asked:
            answer = get(url + path, **words)
            counted = normalise(words.get("name", "")) == words.get("name", "")  # by the rule of now; else nothing is
            assert answer.status_code == (200 if counted else 404), (path, words)
            for markup in ("<script>alert", "<img src=x", "\u202e"):
                assert markup not in answer.text
            assert path == "/tag" or "{{ 7*7 }}" in answer.text


LINK = re.compile(r'href="(/(?!static/|status|api)[^"]*)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
COUNTED = {"": "#boston", "kind=bigram": "boston tonight", "kind=trigram": "pray boston tonight", "source=x": "#boston"}
"""What a URL names as counted, and what stands then on every page of an hour of two sources."""


@pytest.mark.parametrize("asked", COUNTED)
def test_every_page_counts_what_its_url_names_and_leads_to_pages_that_count_the_same(
    settings: Settings, store: Store, asked: str
) -> None:
    compute(store, 1, [*POSTS, PostFields("x", "3", "pray Boston tonight", None, "en")], hour=HOUR)
    shown, lens_of_url = COUNTED[asked], parse_qsl(asked)
    clock = Clock()
    clock.at = HOUR.start_ms + 1
    with running(settings, clock=clock) as url, httpx.Client(base_url=url, timeout=60) as client:
        for path in ("/", "/day", "/day?date=2013-04-15", f"/hour/{HOUR}", f"/tag?name={quote(shown)}"):
            answer = client.get(path, params=[*parse_qsl(urlsplit(path).query), *lens_of_url])
            page = answer.text
            assert (answer.status_code, shown in page.lower()) == (200, True), path
            assert ("#boston" in page.lower()) == ("kind" not in asked), path
            offered = page.split('<nav class="lenses"')[1].split("</nav>")[0]
            for link in LINK.findall(page.replace(offered, "")):
                assert _lens_params(parse_qsl(urlsplit(unescape(link)).query)) == lens_of_url, link
            for form in page.split("<form")[1:]:
                assert _lens_params(HIDDEN.findall(form.split("</form>")[0])) == lens_of_url, path
            for link in LINK.findall(offered):
                assert client.get(unescape(link)).status_code in {200, 404}, link  # bluesky has no hashtag
        fields = [("since", "2013-04-15T20:00"), ("until", "2013-04-15T21:00")]
        chosen = client.get("/range", params=[*fields, *lens_of_url])
        assert chosen.headers["location"] == f"/hour/{HOUR}" + (f"?{asked}" if asked else "")


def _lens_params(values: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in values if name in ("kind", "source")]


def test_sources_are_offered_where_hours_keep_several_of_them(settings: Settings, store: Store) -> None:
    compute(store, 1, POSTS[:2], hour=HOUR)
    with running(settings) as url:
        assert "All sources" not in get(f"{url}/hour/{HOUR}").text
    compute(store, 2, [*POSTS, PostFields("<b>\u202e", "1", "#boston", None)], hour=HOUR)
    with running(settings) as url:
        page = get(f"{url}/hour/{HOUR}").text
        for source in ("All sources", "x", "bluesky", "&lt;b&gt;\\u202e"):
            assert f"<bdi>{source}</bdi>" in page
        assert "All sources" not in get(f"{url}/hour/{HOUR}", kind="bigram").text, "phrases are over all sources"
        assert "posts of x alone" in get(f"{url}/hour/{HOUR}", source="x").text
        for path in (f"/hour/{HOUR}", "/", "/day", "/tag", "/status", "/live"):
            refused = get(url + path, kind="bigram", source="x")
            assert (refused.status_code, "Leave out" in refused.text) == (400, True), path


def test_a_page_says_why_there_is_nothing_in_the_words_of_the_command(settings: Settings, store: Store) -> None:
    compute(store, 1, further=NOTHING_FURTHER, hour=HOUR)
    counted(store, HOUR.plus(1), paris=3)
    clock = Clock()
    clock.at = HOUR.plus(1).start_ms + 1
    with running(settings, clock=clock) as url:
        for lens in (Lens("bigram"), Lens(source="x")):
            for hour in (HOUR, HOUR.plus(1), HOUR.plus(-1)):
                why = Query(store, lens=lens).nothing(hour)
                answer = get(f"{url}/hour/{hour}?{urlencode(lens_params(lens))}")
                assert answer.status_code == 404
                assert _said(why) in _text(answer.text), (lens, hour)
                assert hour == HOUR.plus(-1) or _said(why) in _text(get(f"{url}/?{urlencode(lens_params(lens))}").text)


def _said(why: NoDataError) -> str:
    return f"{why.what[0].upper()}{why.what[1:]}. {why.next_step}".replace("`", "")


def _text(page: str) -> str:
    return unescape(re.sub("<[^>]*>", "", page))


def test_a_page_may_load_nothing_but_our_own_files(url_of_nothing: str) -> None:
    for path in ("/", "/day", "/api/top", "/static/dashboard.js", "/nonsense"):
        headers = get(url_of_nothing + path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
    for path in ("/", "/tag", "/api", "/status"):
        page = get(url_of_nothing + path).text
        assert "http://" not in page
        assert "https://" not in page
        assert " style=" not in page
        assert not [part for part in page.split("<script")[1:] if 'src="/static/' not in part.split(">")[0]]


def test_only_names_of_this_server_are_answered(settings: Settings) -> None:
    hosts = {
        "evil.example": 421, "evil.example:8000": 421, "": 421, "localhost": 200, "127.0.0.1:1": 200, "[::1]:80": 200,
        "trends.example": 200, "192.0.2.7": 200, "127.0.0.1.evil.example": 421,
    }  # fmt: skip
    with running(settings, names=("Trends.example",)) as url:
        for host, status in hosts.items():
            assert httpx.get(f"{url}/tag", headers={"Host": host}).status_code == status, host


def test_a_token_is_needed_where_one_is_set_and_shown_once_by_a_browser(settings: Settings) -> None:
    with running(settings, token=SecretStr(TOKEN)) as url, httpx.Client(base_url=url) as browser:
        assert browser.get("/api/openapi.json").status_code == 401
        assert browser.get("/api/openapi.json", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert browser.get("/api/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        sent = browser.get("/tag?name=x")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?to=%2Ftag%3Fname%3Dx")
        assert browser.post("/login", data={"token": "wrong", "to": "/tag"}).status_code == 401
        assert browser.get("/tag").status_code == 303
        far = browser.post("/login", data={"token": TOKEN, "to": "//evil.example"})
        assert far.headers["location"] == "/"
        cookie = far.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert browser.get("/tag").status_code == 200
        assert browser.post("/login", content=b"token=" + b"x" * 100_000).status_code == 400
        assert browser.get("/tag", headers={"Cookie": "trends=; ;;=\x7f"}).status_code == 303


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "trends.example"])
def test_others_can_not_ask_without_a_token(host: str) -> None:
    with pytest.raises(UsageError, match="no token protects the dashboard"):
        server.check_settings(ServeSettings(host=host))
    with pytest.raises(UsageError, match="shorter than 16"):
        server.check_settings(ServeSettings(host=host, token=SecretStr("short")))
    server.check_settings(ServeSettings(host=host, token=SecretStr(TOKEN)))


def test_loopback_needs_no_token_and_a_port_that_is_taken_is_told() -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        server.check_settings(ServeSettings(host=host))
    with server.listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(UnavailableError, match="--port"):
            server.listen("127.0.0.1", taken.getsockname()[1])


def test_a_change_comes_by_the_stream_and_streams_end_with_the_server(settings: Settings, store: Store) -> None:
    clock = Clock()
    clock.at = HOUR.start_ms + 1
    counted(store, HOUR, paris=3)
    seen = []
    with httpx.Client(timeout=60) as client, running(settings, clock=clock) as url:
        with connect_sse(client, "GET", f"{url}/api/live") as stream:
            for event in stream.iter_sse():
                if event.event == "answer":
                    seen.append(json.loads(event.data)["hours"][0]["top"])
                    if len(seen) == 2:
                        break
                    counted(store, HOUR, rain=5)
        still_open = client.send(client.build_request("GET", f"{url}/live"), stream=True)
        assert "rain" in next(still_open.iter_text())
    assert [[row["tag"] for row in top] for top in seen] == [["paris"], ["rain", "paris"]]


def test_phrases_come_by_the_stream_where_the_speed_layer_counts_them(settings: Settings, store: Store) -> None:
    clock = Clock()
    clock.at = HOUR.start_ms + 1
    counted(store, HOUR, paris=3)
    counted_phrases(store, HOUR, "bigram", {"rain today": 2})
    with httpx.Client(timeout=60) as client, running(settings, clock=clock) as url:
        with connect_sse(client, "GET", f"{url}/api/live?kind=bigram") as stream:
            first = json.loads(next(stream.iter_sse()).data)["hours"][0]
        assert (first["kind"], [row["tag"] for row in first["top"]]) == ("bigram", ["rain today"])
        with connect_sse(client, "GET", f"{url}/live?kind=bigram") as stream:
            told = (json.loads(event.data) for event in stream.iter_sse() if event.event == "answer")
            assert "rain today" in next(told)
            counted_phrases(store, HOUR, "bigram", {"snow tomorrow": 5})
            page = next(told)
    assert page.index("snow tomorrow") < page.index("rain today")
    assert "paris" not in page


def test_without_mongodb_pages_and_programs_are_told_so(settings: Settings) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        uri = SecretStr(f"mongodb://127.0.0.1:{nobody.getsockname()[1]}/?replicaSet=rs0")
        mongo = settings.mongo.model_copy(update={"uri": uri, "timeout_s": 0.3})
        with running(settings.model_copy(update={"mongo": mongo})) as url:
            for path in ("/", "/day", f"/hour/{HOUR}", "/tag?name=x"):
                answer = get(url + path)
                assert answer.status_code == 503, path
                assert "MongoDB" in answer.text
                assert "Traceback" not in answer.text
            answer = get(f"{url}/api/top")
            assert (answer.status_code, answer.json()["error"]["where"]) == (503, "MongoDB")
            with httpx.Client(timeout=60) as client, connect_sse(client, "GET", f"{url}/api/live") as stream:
                assert next(stream.iter_sse()).event == "trouble"


def test_an_error_that_should_not_happen_is_kept_and_told_without_a_traceback(settings: Settings) -> None:
    told: list[Exception] = []

    def broken(_: Settings) -> Status:
        raise ZeroDivisionError("a defect")

    def kept(error: Exception) -> str:
        told.append(error)
        return "The details are in a file"

    with running(settings, LAYERS._replace(status=broken, record_crash=kept)) as url:
        for path in ("/status", "/api/status"):
            answer = get(url + path)
            assert answer.status_code == 500
            assert "internal error" in answer.text
            assert "ZeroDivisionError" not in answer.text
    assert len(told) == 2


def test_metrics_are_what_the_status_tells_for_who_may_ask(settings: Settings, store: Store) -> None:
    published(store, {"paris": 5}, HOUR)
    counted(store, HOUR.plus(1), rain=5)
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    with running(settings, token=SecretStr(TOKEN)) as url:
        refused = get(f"{url}/metrics")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as scraper:
            answer = scraper.get(f"{url}/metrics")
            told = scraper.get(f"{url}/api/status").json()
            assert scraper.get(f"{url}/metrics", headers=accept).text.endswith("# EOF\n")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert TOKEN not in answer.text
    found = read(answer.text)
    assert found == figures(status_from(told))
    assert (found["trends_hours", "final"], found["trends_hours", "live"]) == (1, 1)
    assert {key[1] for key, value in found.items() if key[0] == "trends_part_up" and value} == set(told)
