"""Posts in CSV: columns, quotes that are not closed, and cells that make no post."""

from pathlib import Path

import pytest

from config.errors import UsageError
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.csv_header import columns_of
from ingest.sources.formats.csv_rows import MOST_LINES
from tests.support.sources import NOW, read, read_bytes, reading

HEAD = b"tweet id, tweet, label\n"
IDS = [str((n << 22) + 325_208_201_740_029_952) for n in range(200)]


def row(n: int, text: str = "hello #x") -> bytes:
    return f"'{IDS[n]}',\"{text}\",on-topic\n".encode()


def test_every_recorded_row_is_a_post(test_data: Path) -> None:
    posts, rejects, _ = read(PostFiles([str(test_data / "crisislex_t6")], reading()))
    assert len(posts) == 60_082
    assert rejects == []
    assert len({post.id for post in posts}) == 60_078
    assert all(post.id.isdigit() for post in posts)


def test_the_header_may_have_blanks_and_ids_quotes_and_the_id_tells_the_time(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, HEAD + b'\'325208201740029952\',"Funny, ""how"" #x",off-topic\r\n')
    assert rejects == []
    assert posts[0].id == "325208201740029952"
    assert posts[0].text == 'Funny, "how" #x'
    assert posts[0].created_at == (325208201740029952 >> 22) + 1288834974657
    assert posts[0].received_at == NOW
    assert posts[0].payload == '\'325208201740029952\',"Funny, ""how"" #x",off-topic\r\n'


def test_columns_are_found_by_name_or_named_by_hand(tmp_path: Path) -> None:
    content = "lang\tMessage\tposted\tnr\nfr\tbonjour #é\t2017-01-06T07:30:00+01:00\tq7\n".encode()
    columns = {"id": "NR", "text": "message", "time": "Posted"}
    posts, _ = read_bytes(tmp_path, content, columns=columns)
    assert (posts[0].id, posts[0].text, posts[0].lang) == ("q7", "bonjour #é", "fr")
    assert str(posts[0].hour) == "2017-01-06T06"


@pytest.mark.parametrize(
    ("header", "asked"), [(b"a,b", {}), (b"id,b", {}), (b"id,text", {"time": "when"}), (b"", {}), (b"\xff\xfe", {})]
)
def test_a_header_without_what_is_needed_is_refused_with_what_it_has(header: bytes, asked: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        columns_of(header, asked, "x", "file.csv")


def test_a_quoted_cell_may_span_lines(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, HEAD + row(1) + row(2, "one\ntwo\n\nfour #y") + row(3))
    assert rejects == []
    assert [post.text for post in posts] == ["hello #x", "one\ntwo\n\nfour #y", "hello #x"]


@pytest.mark.parametrize("behind", [0, 1, 5, MOST_LINES + 20])
@pytest.mark.parametrize("broken", [b'\'7","never closed #z,on-topic\n', b"'7',\"never closed #z,on-topic\n"])
def test_a_quote_that_is_never_closed_takes_its_own_line_alone(tmp_path: Path, behind: int, broken: bytes) -> None:
    after = b"".join(row(2 + n) for n in range(behind))
    posts, rejects = read_bytes(tmp_path, HEAD + row(1) + broken + after)
    assert [post.id for post in posts] == [IDS[1], *IDS[2 : 2 + behind]]
    assert [(reject.raw, reject.where.rpartition(":")[2]) for reject in rejects] == [(broken, "3")]


def test_two_stray_quotes_do_not_take_the_rows_between_them(tmp_path: Path) -> None:
    broken = b"'7',\"open,on-topic\n"
    posts, rejects = read_bytes(tmp_path, HEAD + broken + row(1) + row(2) + broken + row(3))
    assert [post.id for post in posts] == IDS[1:4]
    assert [reject.raw for reject in rejects] == [broken, broken]


def test_a_quote_inside_an_unquoted_cell_is_a_character(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, HEAD + f'{IDS[1]},6" of snow #x,on\n'.encode() + row(2))
    assert rejects == []
    assert posts[0].text == '6" of snow #x'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"'1',\"not \xff utf-8\",x\n", "not UTF-8"),
        (b"'1',\"nul \x00\",x\n", "NUL"),
        (b"'325208201740029952'\n", "1 cell where the header has 3"),
        (b"'325208201740029952',a,b,c\n", "4 cells where the header has 3"),
        (b"3.25208E+17,lost digits,x\n", "lost digits"),
        (b",no id,x\n", "no time, and the id holds none"),
        (b"'12',an old id,x\n", "the id holds none"),
        (b"'99999999999999999999999',a long id,x\n", "the id holds none"),
        (b"'9223372036854775807',far ahead,x\n", "in the future"),
        (b"a\rb,c,d\n", "not CSV"),
    ],
)
def test_a_bad_row_is_set_apart_with_its_reason_and_its_neighbours_go_on(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    posts, rejects = read_bytes(tmp_path, HEAD + row(1) + line + row(2))
    assert [post.id for post in posts] == IDS[1:3]
    assert len(rejects) == 1
    assert reason in rejects[0].reason
    assert rejects[0].raw == line
    assert rejects[0].where.endswith("posts.csv:3")


def test_empty_cells_beyond_the_last_column_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, HEAD + b"\n\r\n" + f"{IDS[1]},hi #x,on,,\n".encode() + b"\n")
    assert (len(posts), rejects) == (1, [])


def test_a_cell_of_megabytes_is_read(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, HEAD + row(1, "y" * 3_000_000) + row(2))
    assert ([len(post.text) for post in posts], rejects) == ([3_000_000, 8], [])
