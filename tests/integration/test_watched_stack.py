"""Prometheus against running servers: it scrapes each of them, loads all rules, and every metric of a rule exists."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import parser
from pydantic import SecretStr

from bench.harness import stack_settings
from config.settings import Settings
from config.stack import launcher
from config.stack.paths import StackPaths
from config.stack.servers import jmx_agent
from config.stack.servers.prometheus import RULES
from config.stack.status import states
from ingest.kafka.topics import core_topics, create_topics
from serving.views.store import Store
from tests.support.dashboard import running
from tests.support.prometheus import program
from tests.support.promql import panel_queries, selectors
from tests.support.wait import until

TOKEN = "correct-horse-battery-staple"
EVERY_SAMPLE = frozenset({"job", "instance", "daemon"})
"""Labels that Prometheus adds."""
ELSEWHERE = {"pg_up"}
"""Of postgres_exporter, which the stack does not start."""


@pytest.fixture(scope="module")
def watched(stack_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The session's servers with a dashboard that wants a token, and a Prometheus that has it."""
    if not stack_settings.read(stack_file).stack.metrics:
        pytest.skip("the servers of TRENDS_TEST_STACK run without stack.metrics")
    folder = tmp_path_factory.mktemp("watched")
    own = stack_settings.read(stack_settings.isolate(stack_file, folder / "first.toml", kafka={"partitions": 1}))
    create_topics(own.kafka, core_topics(own.kafka))
    with Store(own.mongo) as store:
        store.prepare()
    with running(own, token=SecretStr(TOKEN)) as url:
        tables: dict[str, dict[str, Any]] = {
            "stack": {"prometheus": str(program("prometheus"))},
            "serve": {"port": httpx.URL(url).port, "token": TOKEN},
        }
        settings = stack_settings.read(stack_settings.override(stack_file, folder / "trends.toml", tables))
        try:
            launcher.up(settings, ["prometheus"], lambda *_: None)
            scrape_often(settings)
            yield settings
        finally:
            launcher.down(settings, lambda *_: None, ["prometheus"])


def scrape_often(settings: Settings) -> None:
    """Have Prometheus look every few seconds: a test would wait half a minute for the first scrape."""
    file = StackPaths.of(settings.stack).conf("prometheus") / "prometheus.yml"
    text = (
        file.read_text()
        .replace("scrape_timeout: 25s", "scrape_interval: 20s\n    scrape_timeout: 20s")
        .replace("_interval: 30s", "_interval: 4s")
    )
    file.write_text(text)
    (pid,) = [state.pid for state in states(settings) if state.name == "prometheus"]
    assert pid
    os.kill(pid, signal.SIGHUP)


def ask(settings: Settings, path: str, **params: str) -> Any:
    answer = httpx.get(f"http://127.0.0.1:{settings.stack.prometheus_port}/api/v1/{path}", params=params, timeout=30)
    assert answer.json()["status"] == "success", answer.text
    return answer.json()["data"]


def scraped(settings: Settings) -> dict[str, set[str]]:
    """Metrics that the servers and the dashboard tell, with the labels of their samples."""
    found: dict[str, set[str]] = {"up": set(EVERY_SAMPLE)}
    urls = [f"http://127.0.0.1:{port}/metrics" for port in settings.stack.jmx_ports[: len(jmx_agent.SERVERS) - 1]]
    for url in [*urls, f"http://127.0.0.1:{settings.serve.port}/metrics"]:
        answer = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).raise_for_status()
        for family in parser.text_string_to_metric_families(answer.text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found.setdefault(name, set(EVERY_SAMPLE))
            for sample in family.samples:
                found.setdefault(sample.name, set(EVERY_SAMPLE)).update(sample.labels)
    return found


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("recording.yml", "alerts.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def test_every_server_and_the_dashboard_are_scraped(watched: Settings) -> None:
    def look() -> bool:
        active = ask(watched, "targets", state="active")["activeTargets"]
        up = {each["labels"]["daemon"] for each in active if each["health"] == "up"}
        return {*jmx_agent.SERVERS, "serve"} - up <= {"hive"}  # which only its name starts

    until(look, lambda: [(each["scrapeUrl"], each["lastError"]) for each in ask(watched, "targets")["activeTargets"]])


def queries() -> list[str]:
    """The expressions of all rules and of all panels."""
    return [*(rule["expr"] for rule in rules()), *panel_queries()]


def test_every_rule_is_loaded_and_every_query_can_be_evaluated(watched: Settings) -> None:
    loaded = [rule for group in ask(watched, "rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in loaded} == {rule.get("alert") or rule["record"] for rule in rules()}
    for query in queries():
        ask(watched, "query", query=query)


def test_every_metric_of_a_rule_and_of_a_panel_is_one_that_the_servers_tell(watched: Settings) -> None:
    told = scraped(watched)
    told |= {rule["record"]: {"layer", "source", "feed", "stage"} for rule in rules() if "record" in rule}
    for query in queries():
        for metric, labels in selectors(query).items():
            if metric in ELSEWHERE:
                continue
            assert metric in told, query
            without_samples = told[metric] <= EVERY_SAMPLE
            assert without_samples or labels <= told[metric], query
