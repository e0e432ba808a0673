"""Hostile records, each with what must become of it: lines of X's API, rows of a table, messages on Kafka."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.support.oracle import Sent

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
    "#LATEST": "latest",
    "=cmd()": "=cmd()",
    "<script>": "<script>",
    "[bold]": "[bold]",
    "\u202etxt.exe": "txt.exe",
    "\u0634\u0628\u06a9\u0647\u200c\u0647\u0627": "\u0634\u0628\u06a9\u0647\u200c\u0647\u0627",
    "\u05e9\u05dc\u05d5\u05dd": "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f469\u200d\U0001f4bb": "\U0001f469\u200d\U0001f4bb",
    "caf\u00e9": "caf\u00e9",
    "cafe\u0301": "caf\u00e9",
    "\u0130": "i",
    "stra\u00dfe": "strasse",
    "STRASSE": "strasse",
    "nul\0nul": "nul\0nul",
    "\x1b[2J\x07": "\x1b[2j\x07",
    "two\nlines\r\u2028": "two\nlines",
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
    yield Line(v2("10kB", ["x" * 10_000, "lost"]), None, "a hashtag of 10,000 bytes", "x/10kB")
    yield Line(v2("600kB", text="#" + "x" * 600_000, entities=None), None, "a hashtag of 600,000 bytes", "x/600kB")
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
    tags = frozenset(["a", "x", "i", "caf\u00e9"])
    yield Line(f"c1,{text},{TABLE}:00:00Z".encode(), Sent("c1", TABLE, tags))
    yield Line(b"c2,#deep " + DEEP + f",{TABLE}:00:00Z".encode(), Sent("c2", TABLE, frozenset(["deep"])))
    yield Line(b'c3,"#never closed,2017', None, "a quote that is not closed")
    yield Line(b"c4,\xed\xa0\x80,2017", None, "not UTF-8: byte 3 is 0xed")
    yield Line(b"c5,#nul\0,2017", None, "holds a NUL byte")
    yield Line(b"c6,cut", None, "2 cells where the header has 3")
    yield Line(b"c7,a\rb,2017", None, "not CSV: ")
    yield Line(DIGITS + b",-,2017-01-06", None, "an id of 5,000 characters")
    yield Line(b"6.9E+17,-,", None, "an id that lost digits")
    yield Line(b"c8,-,", None, "the id holds none")
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
    message(received_at=10**17): "impossible time of reception",
    message(tags=["fine", 7]): "not a post: ",
}
BAD_USES: dict[bytes, str] = {
    **dict.fromkeys(no_json(use("lost")), "not a use: "),
    use("lost", "2262-04-12T00"): "hour out of range",
    use("lost", "1970-01-01T00"): "hour out of range",
    use("lost", "LATEST"): "not an hour",
    use("lost", "../.."): "not an hour",
    use("lost", "9" * 3_000): "not an hour",
    use("lost", "\u0662\u0660\u0661\u0667-01-06T07"): "not an hour",
    use("lost").replace(b'"lost"', b"7"): "not a use: ",
    use("x" * 10_000): "4000 are the most",
    **{use(f"{number}" + "x" * 300_000): "4000 are the most" for number in range(24)},
}
