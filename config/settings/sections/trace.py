"""Settings of tracing."""

from pydantic import Field

from config.settings.section import Section


class TraceSettings(Section):
    """Spans of OpenTelemetry, which need `pip install 'trends-lambda[trace]'`."""

    endpoint: str = Field(default="", pattern=r"^(https?://[^@\s]+)?$")
    """A collector that takes OTLP over HTTP: `http://127.0.0.1:4318`. Empty: no spans."""
