"""JSON shapes: the types of all answers as JSON, for mypy and for the API's description."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from serving.views.documents import Kind

Layer = Literal["batch", "speed"]
State = Literal["live", "provisional", "final"]


class RankedTag(TypedDict):
    """A row of a top. `rank` is by competition: 1, 2, 2, 4."""

    rank: int
    tag: str
    shown: str
    count: int


class OtherPhrase(TypedDict):
    """A phrase of the same saying as a row, which has no row of its own."""

    tag: str
    shown: str
    count: int


class SurprisingPhrase(RankedTag):
    """A row of a top by surprise: `rank` is by `score`; `saying` chains the phrase and `others`, which overlap it."""

    score: float
    before: int
    expected: float
    saying: str
    others: list[OtherPhrase]


class DaysBefore(TypedDict):
    """What a top by surprise compares with. Without uses before, the rows are by count, and `fallback` says so."""

    since: str
    until: str
    hours_before: int
    uses_before: int
    formula: str
    fallback: str | None
    rules: dict[str, int]
    mend: str | None


class Order(TypedDict):
    """What orders the rows of a top, where somebody asks for phrases by surprise."""

    by: NotRequired[Literal["surprise", "count"]]
    surprise: NotRequired[DaysBefore]


class _OfAnHour(TypedDict):
    """An hour without its rows."""

    hour: str
    kind: Kind
    source: str | None
    origin: Layer
    state: State
    tied_beyond: int
    uses: int
    tags: int
    posts: int | None
    rule: str | None
    computed_at: str | None


class HourAnswer(_OfAnHour, Order):
    """One hour, answered by one layer."""

    top: list[SurprisingPhrase | RankedTag]


class HoursAnswer(TypedDict):
    """The hour in progress and the last complete one."""

    hours: list[HourAnswer]
    rules: dict[str, int]
    mend: str | None


class HourOfRange(TypedDict):
    """An hour that a range has summed."""

    hour: str
    origin: Layer
    state: State
    rule: str | None


class RangeAnswer(Order):
    """Several hours as one ranking; a count may lack up to `max_error` uses."""

    since: str
    until: str
    kind: Kind
    source: str | None
    origin: Literal["batch", "speed", "mixed"]
    state: State
    top: list[SurprisingPhrase | RankedTag]
    tied_beyond: int
    uses: int
    tags: int | None
    posts: int | None
    rule: str | None
    computed_at: str | None
    hours: list[HourOfRange]
    missing: list[str]
    max_error: int
    rules: dict[str, int]
    """Hours by version of the rule."""
    mend: str | None
    """Where there are several: the command that leaves one."""


class MovedTag(RankedTag):
    """A row of an hour in a day: its rank in the hour before, and how it moved."""

    was: int | None
    move: Literal["new", "up", "down", "same", "unknown"]


class MissingHour(TypedDict):
    """An hour without data."""

    hour: str
    origin: None
    state: Literal["missing"]
    top: list[RankedTag]


class MovedHour(_OfAnHour, Order):
    """One hour of a day."""

    top: list[MovedTag]


class SeriesOfDay(TypedDict):
    """A tag through all hours; null is unknown, or no rank."""

    tag: str
    shown: str
    count: int
    counts: list[int | None]
    ranks: list[int | None]


class DayAnswer(TypedDict):
    """Hours side by side."""

    since: str
    until: str
    hours: list[MovedHour | MissingHour]
    series: list[SeriesOfDay]
    missing: list[str]
    rules: dict[str, int]
    mend: str | None
    uses: int
    max_error: int


class RisingTag(RankedTag):
    """A tag whose share grew: its uses before, the expected uses, and a score."""

    was: int | None
    before: int
    expected: float
    score: float
    chance: float


class RisingAnswer(TypedDict):
    """Tags that rose in an hour against `hours_before`."""

    hour: str
    kind: str
    source: str | None
    origin: Layer
    state: State
    uses: int
    since: str
    hours_before: list[str]
    uses_before: int
    rules: dict[str, int]
    mend: str | None
    formula: str
    least: float
    rising: list[RisingTag]


class HourOfTag(TypedDict):
    """A tag in an hour; a null `count` is unknown, and at most `at_most`."""

    hour: str
    count: int | None
    rank: int | None
    at_most: int | None
    uses: int | None
    origin: Layer | None
    state: Literal["live", "provisional", "final", "missing"]
    rule: str | None


class Spelling(TypedDict):
    """A spelling of a tag, and the uses of the hours that show it so."""

    shown: str
    count: int


class HistoryAnswer(TypedDict):
    """A tag hour by hour."""

    tag: str
    kind: str
    source: str | None
    since: str
    until: str
    hours: list[HourOfTag]
    spellings: list[Spelling]
    uses: int
    max_error: int
    best: HourOfTag | None
    missing: list[str]
    rules: dict[str, int]
    mend: str | None


class ComparedTag(TypedDict):
    """A tag of a comparison."""

    tag: str
    hours: list[HourOfTag]
    spellings: list[Spelling]
    uses: int
    max_error: int
    best: HourOfTag | None


class ComparisonAnswer(TypedDict):
    """Several tags hour by hour."""

    since: str
    until: str
    kind: str
    source: str | None
    tags: list[ComparedTag]
    missing: list[str]
    rules: dict[str, int]
    mend: str | None


class Status(TypedDict):
    """The JSON of `trends status --json`; an unknown part is `{"error": why}`."""

    servers: Any
    sources: Any
    speed: Any
    archive: Any
    hours: Any
    runs: Any
    rejects: Any
    feeds: Any
    tops: Any
    alerts: Any


class Problem(TypedDict):
    """A problem, its place, and the next step."""

    what: str
    where: str
    next_step: str


class LogAnswer(TypedDict):
    """The last lines of a log of the local stack."""

    logs: list[str]
    """The logs that there are."""
    name: str
    lines: list[str]


class Refusal(TypedDict):
    """Every answer that is not 200."""

    error: Problem
