"""The Grafana dashboard of tops: each of its queries, as the committed file has it, on a running `trends serve`."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from config.settings import Settings
from deploy.grafana.build import FOLDER
from ingest.hours import Hour, wall_clock
from serving.views.store import Store
from tests.support.dashboard import published, running

DOCUMENT = json.loads((FOLDER / "tops.json").read_text())
PANELS = {panel["title"]: panel for panel in DOCUMENT["panels"]}


def params(target: dict[str, Any]) -> dict[str, str]:
    """The parameters of a query as Grafana sends them: the last day, hashtags."""
    now = datetime.now(UTC)
    values = {"${__from:date:iso}": now - timedelta(days=1), "${__to:date:iso}": now}
    moments = {name: at.isoformat(timespec="milliseconds").replace("+00:00", "Z") for name, at in values.items()}
    known = {**moments, "${kind}": "hashtag"}
    return {each["key"]: known.get(each["value"], each["value"]) for each in target["url_options"]["params"]}


def rows(target: dict[str, Any], answer: httpx.Response) -> list[dict[str, Any]]:
    """The rows that Infinity makes of an answer."""
    if target["type"] == "csv":
        return list(csv.DictReader(io.StringIO(answer.text)))
    found: list[dict[str, Any]] = answer.json()[target["root_selector"]]
    return found


@pytest.mark.parametrize("title", PANELS)
def test_a_query_of_a_panel_gives_rows_with_its_columns(settings: Settings, title: str) -> None:
    now = Hour.of(wall_clock())
    with Store(settings.mongo) as store:
        for at in range(-6, 1):
            published(store, {"calm": 50, "paris": 90 if at == 0 else 5}, now.plus(at))
    (target,) = PANELS[title]["targets"]
    assert PANELS[title]["datasource"] == target["datasource"]
    with running(settings) as url:
        answer = httpx.get(f"{url}{target['url']}", params=params(target), timeout=60)
    assert answer.status_code == 200, answer.text
    found = rows(target, answer)
    assert found, "no row proves nothing"
    for row in found:
        for column in target["columns"]:
            value = row[column["selector"]]
            if column["type"] == "number":
                float(value)
            elif column["type"] == "timestamp":
                assert datetime.fromisoformat(value).tzinfo is not None
            else:
                assert value.lstrip("#") in ("calm", "paris")
