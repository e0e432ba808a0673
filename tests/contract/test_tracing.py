"""Tracing: without an endpoint a span is nothing at all; with one a collector gets it over OTLP."""

import sys

import pytest

from config.errors import TrendsError
from config.settings.network import tracing
from tests.support.otlp_collector import collector


@pytest.fixture(autouse=True)
def own_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_tracers", [])
    monkeypatch.setattr(tracing, "_providers", [])


def test_without_an_endpoint_every_span_is_the_same_object_that_does_nothing() -> None:
    tracing.start("", "trends archive")
    assert tracing.span("chunk", topic="posts", start=1) is tracing.span("batch run")


def test_a_collector_gets_spans_with_their_attributes_and_their_parents() -> None:
    with collector() as found:
        tracing.start(found.endpoint, "trends archive")
        with tracing.span("chunk", topic="posts", partition=2, start=10, next=15), tracing.span("commit"):
            pass
        tracing.finish()
    (chunk,), (commit,) = found.named("chunk"), found.named("commit")
    assert chunk.service == "trends archive"
    assert chunk.attributes == {"topic": "posts", "partition": 2, "start": 10, "next": 15}
    assert (commit.parent, chunk.parent) == (chunk.span_id, b"")


def test_a_collector_that_is_down_delays_and_fails_nothing() -> None:
    with collector() as gone:
        pass
    tracing.start(gone.endpoint, "trends archive")
    with tracing.span("chunk"):
        done = True
    tracing.finish()
    assert done


def test_an_error_in_a_span_goes_on_and_the_span_tells_its_kind_and_not_its_text() -> None:
    with collector() as found:
        tracing.start(found.endpoint, "trends archive")
        with pytest.raises(TrendsError, match="no answer"), tracing.span("chunk"):
            raise TrendsError("no answer")
        tracing.finish()
    (chunk,) = found.named("chunk")
    assert (chunk.status, chunk.events) == ("TrendsError", 0)


def test_without_the_packages_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(TrendsError, match=r"needs opentelemetry.*installs? "):
        tracing.start("http://127.0.0.1:1", "trends archive")
