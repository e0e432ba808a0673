"""Hostile input through the whole path: each record is counted or a reject that says where and what; no neighbour is
touched, both layers equal the oracle, and nothing of it reaches a terminal as it is.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, Message, Producer

from config.settings import Settings
from ingest.hours import Millis
from serving.cli import main
from serving.cli.options import now
from serving.render import printable
from speed_layer.lag import caught_up
from tests.end_to_end.asking import ask, run
from tests.end_to_end.oracle import Hours, Sent, count, top
from tests.end_to_end.waiting import counted, until
from tests.storm import submitted

STRANGE, MANY, TABLE, DIRECT, HUGE = (f"2017-01-06T{hour:02}" for hour in (7, 8, 9, 10, 11))
DIRECT_MS = 1_483_696_800_000
"""The first moment of `DIRECT`."""
DEEP = b"[" * 100_000
DIGITS = b"9" * 5_000
NANOSECONDS = "1483689600000000000"
PART = "[1]"

TAGS = {
    "$inc": "$inc",
    "a.b": "a.b",
    "../..": "../..",
    "#LATEST": "#latest",
    "=cmd()": "=cmd()",
    "<script>": "<script>",
    "[bold]": "[bold]",
    "\u202etxt.exe": "\u202etxt.exe",
    "\u0634\u0628\u06a9\u0647\u200c\u0647\u0627": "\u0634\u0628\u06a9\u0647\u200c\u0647\u0627",
    "\u05e9\u05dc\u05d5\u05dd": "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f469\u200d\U0001f4bb": "\U0001f469\u200d\U0001f4bb",
    "caf\u00e9": "caf\u00e9",
    "cafe\u0301": "caf\u00e9",
    "\u0130": "i\u0307",
    "stra\u00dfe": "strasse",
    "STRASSE": "strasse",
    "nul\0nul": "nul\0nul",
    "\x1b[2J\x07": "\x1b[2j\x07",
    "two\nlines\r\u2028": "two\nlines\r\u2028",
    "__proto__": "__proto__",
    "X" * 1_500: "x" * 1_500,
}
"""Spellings that a source may name, and what each is counted as."""

HUGE_POSTS = [Sent(f"huge{number}", HUGE, frozenset([f"{number:02}" + "x" * 200_000])) for number in range(48)]
"""Posts with tags that our producer would refuse, in sum more than a document of MongoDB holds."""


class Line(NamedTuple):
    """A record of a file: a good one has its post, a bad one a part of the reason for which it is refused."""

    raw: bytes
    post: Sent | None = None
    refused: str = ""
    where: str = ""
    """Where it was, if not simply the line of the file: `[1]` is the first part of it."""


def v2(id_: str, tags: Iterable[str] = (), at: str = f"{STRANGE}:30:00Z", **more: Any) -> bytes:
    """A line as X's API v2 gives it."""
    named = {"hashtags": [{"tag": tag} for tag in tags]}
    return json.dumps({"data": {"id": id_, "created_at": at, "text": "-", "entities": named} | more}).encode()


def v2_lines() -> Iterator[Line]:
    """Lines of a file; the same id twice is one post, sent twice."""
    for number, (spelling, tag) in enumerate(TAGS.items()):
        yield Line(v2(f"strange-{number}", [spelling]), Sent(f"strange-{number}", STRANGE, frozenset([tag])))
    twice = Line(v2("twice", ["Twice"]), Sent("twice", STRANGE, frozenset(["twice"])))
    yield from (twice, twice)
    many = [f"tag{number}" for number in range(1_000)]
    yield Line(v2("many", many, f"{MANY}:00:00Z"), Sent("many", MANY, frozenset(many)))
    yield Line(v2("large", ["large"], text="x" * 1_500_000), Sent("large", STRANGE, frozenset(["large"])))
    yield Line(b"\xef\xbb\xbf" + v2("bom", ["bom"]), Sent("bom", STRANGE, frozenset(["bom"])))
    yield Line(v2("nul", ["fine"], text="\0"), Sent("nul", STRANGE, frozenset(["fine"])))
    yield Line(v2("2MB", ["lost"], text="x" * 2_000_000), None, "ingest.max_post_bytes is 4000000", "x/2MB")
    yield Line(v2("10kB", ["x" * 10_000, "lost"]), None, "a hashtag of 10000 bytes", "x/10kB")
    yield Line(v2("600kB", text="#" + "x" * 600_000, entities=None), None, "a hashtag of 600000 bytes", "x/600kB")
    yield Line(v2("bytes")[:-9] + b"\xff\xfe" + v2("bytes")[-9:], None, "not UTF-8: byte")
    yield Line(v2("cut")[:-30], None, "not an answer or post: ")
    yield Line(DEEP, None, "not an answer or post: ")
    yield Line(b'{"data":' + DEEP, None, "nested too deep")
    yield Line(b'{"data":{"id":"1","text":"-","geo":' + DEEP, None, "nested too deep")
    yield Line(b'{"data":{"id":' + DIGITS + b',"text":"-"}}', None, "not a post: ", PART)
    yield Line(b'{"data":{"id":"1","text":"-","created_at":NaN}}', None, "JSON is malformed")
    yield Line(v2("digits", at=DIGITS.decode()), None, "a time that can't be understood", PART)
    yield Line(v2("NaN", at="NaN"), None, "a time that can't be understood", PART)
    yield Line(v2("ns", at=NANOSECONDS), None, "a time that can't be understood", PART)
    yield Line(v2("2262", at="2262-04-12T00:00:00Z"), None, "written in the future", PART)
    yield Line(v2("1970", at="1970-01-01T00:00:00Z"), None, "written before 2006", PART)
    yield Line(v2("half", text="\ud800"), None, "a lone surrogate", PART)
    yield Line(v2("half", ["\udfff"]), None, "a lone surrogate", PART)
    yield Line(v2("9" * 300), None, "an id of 300 characters", PART)


def csv_lines() -> Iterator[Line]:
    """Rows of a table whose header begins with a byte order mark."""
    text = "$inc #a.b #../.. =cmd() <script>#x</script> #\u0130 #cafe\u0301 #caf\u00e9 #\u202etxt"
    tags = frozenset(["a", "x", "i\u0307", "caf\u00e9"])
    yield Line(f"c1,{text},{TABLE}:00:00Z".encode(), Sent("c1", TABLE, tags))
    yield Line(b"c2,#deep " + DEEP + f",{TABLE}:00:00Z".encode(), Sent("c2", TABLE, frozenset(["deep"])))
    yield Line(b'c3,"#never closed,2017', None, "a quote that is not closed")
    yield Line(b"c4,\xed\xa0\x80,2017", None, "not UTF-8: byte 3 is 0xed")
    yield Line(b"c5,#nul\0,2017", None, "holds a NUL byte")
    yield Line(b"c6,cut", None, "2 cells where the header has 3")
    yield Line(b"c7,a\rb,2017", None, "not CSV: ")
    yield Line(DIGITS + b",-,2017-01-06", None, "an id of 5000 characters")
    yield Line(b"6.9E+17,-,", None, "an id that lost digits")
    yield Line(b"c8,-,", None, "the id tells none")
    for time, why in {
        DIGITS.decode(): "can't be understood",
        "NaN": "can't be understood",
        NANOSECONDS: "can't be understood",
        "2262-04-12": "written in the future",
        "1970-01-01": "written before 2006",
    }.items():
        yield Line(f"c9,#lost,{time}".encode(), None, why)


def beside_good(lines: Iterable[Line], hour: str) -> Iterator[Line]:
    """Each line with a good neighbour behind it."""
    for number, line in enumerate(lines):
        post = Sent(f"good-{hour}-{number}", hour, frozenset(["good"]))
        is_row = hour == TABLE
        yield line
        yield Line(
            f"{post.id},#good,{hour}:00:00Z".encode() if is_row else v2(post.id, ["good"], f"{hour}:00:00Z"), post
        )


class Told(NamedTuple):
    """What was sent: the good posts, and for each bad record where it was and why it is refused, with its bytes."""

    good: list[Sent]
    refused: dict[str, tuple[str, bytes]]


def written(file: Path, lines: list[Line], header: bytes = b"") -> Told:
    """Write a file."""
    file.write_bytes(header + b"".join(line.raw + b"\n" for line in lines))
    first = 1 + header.count(b"\n")
    refused = {
        line.where if line.where.startswith("x/") else f"{file}:{number}{line.where}": (line.refused, line.raw)
        for number, line in enumerate(lines, first)
        if line.post is None
    }
    return Told([line.post for line in lines if line.post], refused)


def message(**fields: Any) -> bytes:
    """A post as it lies on Kafka."""
    post = {"id": "k", "source": "x", "created_at": DIRECT_MS, "received_at": DIRECT_MS, "text": "-", "tags": []}
    return json.dumps(post | fields).encode()


def use(tag: str, hour: str = DIRECT) -> bytes:
    """A use as it lies on Kafka."""
    return json.dumps({"tag": tag, "hour": hour, "post": "k", "source": "x", "shown": tag}).encode()


def no_json(good: bytes) -> Iterator[bytes]:
    """Bytes that are no message of any topic."""
    yield from (b"", b"\xff\xfe\x00", b"\xef\xbb\xbf" + good, good[:-5], DEEP, b'{"deep":' + DEEP, b"NaN", b"null")
    yield from (b"\0", DIGITS, good.replace(b'"x"', b'"\\ud800"'), good.replace(b'"x"', b'"\xed\xa0\x80"'))


BAD_POSTS: dict[bytes, str] = {
    **dict.fromkeys(no_json(message()), "not a post: "),
    message(created_at=1).replace(b'_at": 1,', b'_at": ' + DIGITS + b","): "",
    message(created_at=1).replace(b'_at": 1,', b'_at": ' + b"9" * 4_000 + b","): "",
    message(created_at=float("nan")): "not a post: ",
    message(created_at=int(NANOSECONDS)): "written in the future",
    message(created_at=9_223_372_036_854): "written in the future",
    message(created_at=0): "written before 2006",
    message(created_at=-(10**18)): "written before 2006",
    message(received_at=10**17): "received at no possible time",
    message(tags=["fine", 7]): "not a post: ",
}
BAD_USES: dict[bytes, str] = {
    **dict.fromkeys(no_json(use("lost")), "not a use: "),
    use("lost", "2262-04-12T00"): "an hour that can't be",
    use("lost", "1970-01-01T00"): "an hour that can't be",
    use("lost", "LATEST"): "not an hour",
    use("lost", "../.."): "not an hour",
    use("lost", "9" * 3_000): "not an hour",
    use("lost", "\u0662\u0660\u0661\u0667-01-06T07"): "not an hour",
    use("lost").replace(b'"lost"', b"7"): "not a use: ",
    use("x" * 10_000): "4000 are the most",
    **{use(f"{number}" + "x" * 300_000): "4000 are the most" for number in range(24)},
}


def on_kafka(settings: Settings) -> Told:
    """Write messages past our own producer, each bad one beside a good one."""
    told = Told([], {})
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "message.max.bytes": 4_000_000})

    def bad(topic: str, value: bytes | None, why: str) -> None:
        def delivered(error: KafkaError | None, sent: Message) -> None:
            assert error is None
            told.refused[f"{topic}/{sent.partition()}@{sent.offset()}"] = (why, value or b"")

        producer.produce(topic, value, on_delivery=delivered)

    def good(number: int, spelling: str, tag: str, text: str = "-") -> None:
        told.good.append(Sent(f"k{number}", DIRECT, frozenset([tag])))
        producer.produce(settings.kafka.posts, message(id=f"k{number}", tags=[spelling], text=text))
        producer.produce(settings.kafka.hashtags, use(tag))

    bad(settings.kafka.posts, None, "not a post: an empty message")
    bad(settings.kafka.hashtags, None, "not a use: ")
    for topic, values in ((settings.kafka.posts, BAD_POSTS), (settings.kafka.hashtags, BAD_USES)):
        for value, why in values.items():
            bad(topic, value, why)
            good(len(told.good), "good", "good")
    for spelling, tag in TAGS.items():
        good(len(told.good), spelling, tag)
    good(len(told.good), "large", "large", "x" * 2_000_000)
    for post in HUGE_POSTS:
        (tag,) = post.tags
        producer.produce(settings.kafka.posts, message(id=post.id, tags=[tag], created_at=DIRECT_MS + 3_600_000))
    assert producer.flush(30) == 0
    return told


def rejects() -> list[dict[str, Any]]:
    """What `trends rejects list` says."""
    told = CliRunner().invoke(main, ["rejects", "list", "--json", "--limit", "0"])
    assert told.exit_code == 0, told.output
    assert is_safe(told.stdout)
    return [json.loads(line) for line in told.stdout.splitlines()]


def is_safe(shown: str) -> bool:
    """Whether a terminal shows it and obeys none of it."""
    return not [
        each
        for each in shown
        if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and each not in "\n\u200c\u200d"
    ]


def assert_refused(expected: dict[str, tuple[str, bytes]]) -> None:
    """Exactly these are outstanding, each with its place, its reason, and its bytes whole."""
    found = rejects()
    assert Counter(each["where"] for each in found) == Counter(expected.keys())
    for each in found:
        why, raw = expected[each["where"]]
        assert why in each["reason"], each["where"]
        assert 5 < len(each["reason"]) < 300, each["where"]
        is_part = each["where"].startswith("x/") or each["where"].endswith(PART)
        assert each["bytes"] in {len(raw), len(raw) + 1} or (is_part and 0 < each["bytes"] < len(raw)), each["where"]


def assert_served(expected: Hours, monkeypatch: pytest.MonkeyPatch, **same: Any) -> None:
    """JSON has every tag whole; a table has every tag, and is safe."""
    monkeypatch.setenv("COLUMNS", "1000")
    for hour, counts in expected.items():
        most = 1_000 if hour != HUGE else 10
        answer = ask("top", "--hour", hour, "-n", str(most))
        assert [(row["tag"], row["count"]) for row in answer["top"]] == top(counts, most), hour
        assert (answer["uses"], answer["tags"]) == (counts.total(), len(counts)), hour
        assert {key: answer[key] for key in same} == same, hour
        table = CliRunner().invoke(main, ["top", "--hour", hour, "-n", str(most)])
        assert table.exit_code == 0
        assert is_safe(table.stdout), hour
        lines = table.stdout.splitlines()
        for row in answer["top"][:100]:
            assert any(f" #{printable(row['shown'])} " in line for line in lines), row["shown"]


@pytest.mark.timeout(300)
def test_hostile_input_is_counted_or_refused_with_a_reason_and_harms_no_neighbour(
    settings: Settings, settings_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRENDS_CONFIG", str(settings_file))
    monkeypatch.setenv("TRENDS_ARCHIVE__IDLE_AFTER_S", "0")
    soon: Millis = now() + 1_800_000
    early = Line(v2("early", ["early"], str(soon)), None, "written in the future", PART)
    lines = [*beside_good(v2_lines(), STRANGE), early]
    rows = list(beside_good(csv_lines(), TABLE))
    read = written(tmp_path / "posts.jsonl", lines)
    tabled = written(tmp_path / "posts.csv", rows, b"\xef\xbb\xbfid,text,created_at\n")
    with submitted(settings, settings_file):
        for name, told, records in (("posts.jsonl", read, lines), ("posts.csv", tabled, rows)):
            loaded = ask("ingest", "file", str(tmp_path / name))
            assert (loaded["posts"], loaded["rejects"]) == (len(told.good), len(told.refused)), name
            assert loaded["posts"] + loaded["rejects"] == len(records)
        assert_refused(read.refused | tabled.refused)
        direct = on_kafka(settings)
        until(lambda: caught_up(settings), lambda: counted(settings))
        good = [*read.good, *tabled.good, *direct.good]
        assert_served(count(good, once=False), monkeypatch, origin="speed", state="live")

    archived = json.loads(run("archive", "--until-drained", "--json"))
    refused = read.refused | tabled.refused | direct.refused
    assert_refused(refused)
    assert (archived["posts"], archived["rejected"]) == (len(good) + len(HUGE_POSTS), len(BAD_POSTS) + 1)
    run("batch", "run")
    assert_served(count([*good, *HUGE_POSTS], once=True), monkeypatch, origin="batch", state="final")
    assert ask("verify", "--all")["ok"]
    assert_retried(len(refused), monkeypatch)


def assert_retried(outstanding: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes back as it is; with a clock that may be an hour ahead, the one post of soon does."""
    as_it_is = ask("rejects", "retry")
    assert (as_it_is["retried"], as_it_is["settled"], as_it_is["failing"]) == (outstanding, 0, outstanding)
    monkeypatch.setenv("TRENDS_ARCHIVE__FUTURE_S", "3600")
    now_ahead = ask("rejects", "retry")
    assert (now_ahead["settled"], now_ahead["posts"], now_ahead["uses"]) == (1, 1, 1)
    assert len(rejects()) == outstanding - 1
