"""Errors of the dashboard: a page speaks of fields and keeps the form, the API of parameters, and none of options."""

import ast
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from config.errors import UsageError, of_parameter
from config.settings import Settings
from tests.house.repository import ROOT, modules
from tests.support.dashboard import get_routes, running, without_mongo

ROOMS = ("serving/query", "serving/answers", "serving/dashboard", "serving/views")
START = ROOT / "serving" / "dashboard" / "http" / "server.py"
"""Its errors reach whoever starts the server, and nobody's browser."""
MEANT = re.compile(r"`trends (status`|logs |batch |ingest sample|config|verify)[^`]*`?")
"""Commands that an error may advise: the edges have their own words for the first two, and nothing for the rest."""
TOKEN = "correct-horse-battery-staple"

WRONG: dict[str, tuple[str, ...]] = {
    "/?tz=Mars/X": ("tz",),
    "/day?date=soon&tz=Asia/Tokyo": ("date",),
    "/tag?name=paris&span=soon": ("span",),
    "/tag?name=paris&at=soon": ("at",),
    "/day?date=2017-01-06&last=7d": ("date", "last"),
    "/day?last=soon": ("last",),
    "/day?since=soon&until=now": ("since",),
    "/day?since=2017-01-07&until=2017-01-06": ("until",),
    "/range?since=2017-01-07T00:00&until=2017-01-06T00:00": ("until",),
    "/?kind=bigram&source=x": ("kind", "source"),
    "/tag?kind=fourgram&name=x": ("kind",),
    "/status?part=maybe": ("part",),
    "/api/top?hour=soon": ("hour",),
    "/api/top?hour=now&last=1h": ("hour", "last", "since", "until"),
    "/api/top?until=now": ("since", "until"),
    "/api/top?since=2017-01-07&until=2017-01-06": ("since", "until"),
    "/api/top?n=0": ("n",),
    "/api/top?n=1&n=2": ("n",),
    "/api/top?tz=Mars/X": ("tz",),
    "/api/top?kind=bigram&source=x": ("kind", "source"),
    "/api/tag": ("name",),
    "/api/tag?name=x&since=soon": ("since",),
    "/api/tag?name=x&last=soon": ("last",),
    "/api/day?date=soon": ("date",),
    "/api/rising?against=soon": ("against",),
    "/api/rising?hour=soon": ("hour",),
    "/posts?tag=": ("tag",),
    "/api/posts": ("tag",),
    "/api/posts?tag=x&hour=soon": ("hour",),
    "/api/posts?tag=x&last=1h&hour=now": ("hour", "last", "since", "until"),
    "/api/explain?hour=soon": ("hour",),
    "/api/export": ("since", "until"),
    "/api/export?last=1h&since=now": ("hour", "last", "since", "until"),
}
"""Requests, and the parameters at fault. MongoDB is not asked for any of them."""


class Form(HTMLParser):
    """The fields of the form in the main part of a page: name to value, and those that are marked as wrong."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.wrong: list[str] = []
        self.feed(page.partition("<main")[2].partition("</main")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            found = {name: value or "" for name, value in attrs}
            self.values[found["name"]] = found.get("value", "")
            if found.get("aria-invalid") == "true":
                assert found["aria-describedby"] == "problem"
                self.wrong.append(found["name"])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(without_mongo(Settings())) as address:
        yield address


@pytest.mark.parametrize("path", WRONG)
def test_an_error_names_fields_or_parameters_and_no_option(url: str, path: str) -> None:
    answer = httpx.get(url + path, timeout=60)
    assert answer.status_code == 400
    if path.startswith("/api/"):
        text = " ".join(answer.json()["error"].values())
        assert all(name in text for name in WRONG[path])
    else:
        form = Form(answer.text)
        text = unescape(re.sub("<[^>]*>", "", answer.text.partition("<main")[2].partition("<form")[0]))
        assert set(form.wrong) == set(WRONG[path])
        sent = dict(each.split("=") for each in path.partition("?")[2].split("&"))
        assert {name: form.values[name] for name in sent} == sent, "the form is as the reader filled it"
        assert 'id="problem"' in answer.text
    assert "--" not in text
    assert "trends " not in text


def test_each_page_that_is_wrong_in_several_ways_still_answers(url: str) -> None:
    for path in (
        "/?tz=Mars/X&n=1",
        "/day?date=%3Cscript%3E",
        "/tag?name=%22%3E%3Cimg&span=x",
        "/hour/soon",
        "/explain/x",
    ):
        answer = httpx.get(url + path, timeout=60)
        assert answer.status_code == 400
        assert "<script>" not in answer.text
        assert "<img" not in answer.text


def test_without_mongodb_the_advice_is_what_the_dashboard_has(url: str) -> None:
    routes = [path.replace("{text}", "2017-01-06T07") for path in get_routes()]
    asked = [path for path in routes if path not in ("/live", "/api/live", "/readyz", "/healthz", "/api", "/login")]
    down = 0
    for path in asked:
        answer = httpx.get(url + path, params={"name": "paris"} if path.endswith("tag") else None, timeout=60)
        if answer.status_code == 503:
            down += 1
            is_api = path.startswith(("/api/", "/hours.atom"))
            assert "trends status" not in answer.text, path
            assert ("/api/status" if is_api else "page Status") in answer.text, path
    assert down > 5


def test_a_wrong_token_marks_the_field_and_keeps_where_to_go() -> None:
    with running(without_mongo(Settings()), token=SecretStr(TOKEN)) as url:
        assert Form(httpx.get(f"{url}/login?to=/status").text).values == {"token": "", "to": "/status"}
        for token, status in (("wrong", 401), ("x" * 5_000, 400)):
            answer = httpx.post(f"{url}/login", data={"token": token, "to": "/status"})
            form = Form(answer.text)
            assert (answer.status_code, form.wrong, form.values["token"]) == (status, ["token"], "")
            assert form.values["to"] == ("/status" if status == 401 else "/")
        tried = [httpx.post(f"{url}/login", data={"token": "wrong"}) for _ in range(12)]
        assert (tried[-1].status_code, Form(tried[-1].text).wrong) == (429, ["token"])
        assert int(tried[-1].headers["retry-after"]) > 0


def test_no_error_that_a_page_can_raise_names_an_option_or_a_command_that_it_could_replace() -> None:
    found = []
    for path in modules():
        if path.relative_to(ROOT).as_posix().startswith(ROOMS) and path != START:
            found += [(path.name, text) for text in texts_of_errors(path) if is_for_a_terminal(text)]
    assert found == []


def texts_of_errors(path: Path) -> Iterator[str]:
    """The strings from which a module makes errors."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Error"):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def is_for_a_terminal(text: str) -> bool:
    """Whether it names an option, or a command for which the edges of the dashboard have no words."""
    text = MEANT.sub("", text)
    return "--" in text or "`trends " in text


def test_an_error_for_a_terminal_is_found() -> None:
    assert is_for_a_terminal("--until needs --since")
    assert is_for_a_terminal("or use `trends top` on the command line")
    assert not is_for_a_terminal("`trends batch hour ` computes it")


def test_the_command_speaks_of_options_and_the_nearest_parameter_counts() -> None:
    error = UsageError("`until` needs `since`", next_step="Say from when on", parameters=["until", "since"])
    assert str(error) == "--until needs --since. Say from when on"
    with pytest.raises(UsageError) as caught, of_parameter("date"), of_parameter("hour"):
        raise UsageError("unrecognized time: 'soon'")
    assert caught.value.parameters == ("hour",)
