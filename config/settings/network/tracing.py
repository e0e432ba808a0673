"""Tracing: spans of what a process does with records, sent by OTLP to the collector that `trace.endpoint` names.

Without an endpoint nothing is loaded, and `span` returns one object that does nothing.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from config.distribution import how_to_install
from config.errors import TrendsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

Value = str | int | float | bool
_OFF: AbstractContextManager[None] = nullcontext()
_tracers: list["Tracer"] = []
"""At most one: that of this process."""
_providers: list["TracerProvider"] = []
"""Its provider."""


def span(name: str, **attributes: Value) -> AbstractContextManager[None]:
    """A span around a `with` block. Attributes are names, numbers and offsets: nothing of a post, no secret."""
    return _recording(_tracers[0], name, attributes) if _tracers else _OFF


def start(endpoint: str, service: str) -> None:
    """Send the spans of this process to a collector, from now on and at its end. Without an endpoint: nothing.

    `service` names the process in a trace. A collector that does not answer costs a warning, and no record waits for
    it. Raises `TrendsError` where the optional packages are missing.
    """
    if not endpoint or _tracers:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise TrendsError(
            "tracing needs opentelemetry",
            where="trace.endpoint",
            next_step=f"{how_to_install('opentelemetry')}, or unset it",
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _providers.append(provider)
    _tracers.append(provider.get_tracer("trends"))


def finish() -> None:
    """Send the spans that wait, and stop tracing. The end of the process does it too."""
    _tracers.clear()
    while _providers:
        _providers.pop().shutdown()


@contextmanager
def _recording(tracer: "Tracer", name: str, attributes: dict[str, Value]) -> Iterator[None]:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - optional

    with tracer.start_as_current_span(
        name, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)  # its text may hold a post or a secret
            raise
