"""Tables of text as spreadsheets, databases and Spark write them: delimiters, quotes, what stands before a header."""

from pathlib import Path

import pytest

from config.errors import UsageError
from ingest.sources.files.post_files import PostFiles
from ingest.sources.formats.csv_header import FormatOptions, header_of
from tests.support.sources import read, read_bytes, reading

IDS = [str((n << 22) + 1_136_166_008_386_486_272) for n in range(20)]
DAY = "2019-06-05T07:"


def rows(delimiter: str) -> str:
    return "".join(f"{IDS[n]}{delimiter}kept #t{n}{delimiter}{DAY}0{n}:00\n" for n in range(3))


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "\n",
        "\r\n \n\n",
        "# made in 2019\n",
        "# id, made by hand\n\n#\n",
        "sep={}\n",
        "\ufeffsep={}\r\n",
        '"sep={}"\n\n',
        "# made in 2019\nSEP={}\n",
    ],
)
def test_a_header_is_found_whatever_stands_before_it(delimiter: str, before: str, tmp_path: Path) -> None:
    header = delimiter.join(("id", "text", "created_at"))
    content = f"{before.format(delimiter)}{header}\n{rows(delimiter)}"
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert [post.text for post in posts] == ["kept #t0", "kept #t1", "kept #t2"]
    assert rejects == []
    assert str(posts[0].hour) == "2019-06-05T07"


def test_a_header_that_is_marked_as_a_comment_is_one(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, f"# id,text,created_at\n{rows(',')}".encode())
    assert (len(posts), rejects) == (3, [])


def test_a_header_may_span_lines(tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, f'id,"full\ntext",created_at\n{rows(",")}'.encode())
    assert (len(posts), rejects) == (3, [])


def test_a_delimiter_is_named_by_hand(tmp_path: Path) -> None:
    content = f"id\x01text\x01created_at\n{rows(chr(1))}".encode()
    with pytest.raises(UsageError):
        read_bytes(tmp_path, content)
    assert len(read_bytes(tmp_path, content, format="csv", delimiter="\x01")[0]) == 3


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\r\r\n"])
def test_every_line_end_ends_a_line(ending: str, tmp_path: Path) -> None:
    content = f"id,text,created_at\n{rows(',')}".replace("\n", ending)
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert ([post.text for post in posts], rejects) == (["kept #t0", "kept #t1", "kept #t2"], [])


def test_a_header_that_mixes_line_ends_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't find the column"):
        header_of(b"a\rb,c\n1,2\n", FormatOptions(), "posts.csv")


def test_utf_16_without_its_mark_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="UTF-16"):
        read_bytes(tmp_path, f"id,text\n{IDS[0]},a\n".encode("utf-16-le"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_is_told_by_its_mark(encoding: str, tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, f"id,text\n{IDS[0]},grün #größe 東京 😀\n".encode(encoding))
    assert ([post.text for post in posts], rejects) == (["grün #größe 東京 😀"], [])


def test_what_is_separated_by_tabs_does_not_quote(tmp_path: Path) -> None:
    texts = ['"open #a', 'closed #b"', '"one", two #c', '6" #d', '"whole ""quoted"" #e"', '"', '""']
    content = "id\ttext\tcreated_at\n" + "".join(f"{IDS[n]}\t{t}\t{DAY}0{n}:00\n" for n, t in enumerate(texts))
    posts, rejects = read_bytes(tmp_path, content.encode(), "posts.tsv")
    assert rejects == []
    assert [post.text for post in posts] == [*texts[:4], 'whole "quoted" #e', '"', ""]
    assert [str(post.hour) for post in posts] == ["2019-06-05T07"] * 7


def test_a_quoted_cell_over_lines_is_read_between_tabs_where_no_line_is_a_row(tmp_path: Path) -> None:
    content = f'id\ttext\tcreated_at\n{IDS[0]}\t"one\ntwo ""#a"""\t{DAY}01:00\n{IDS[1]}\t"x\ty"\t{DAY}02:00\n'
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert ([post.text for post in posts], rejects) == (['one\ntwo "#a"', "x\ty"], [])


def test_a_backslash_escapes_where_rows_show_it(tmp_path: Path) -> None:
    cells = [
        r'"he said \"go\" #a"',
        r'"he \"said, go\" #b"',
        r'"one\ntwo \"x\" #c"',
        '"over \\"\nlines #d"',
        r'"a \\"',
        r'"C:\\dir\q #e"',
        r"\N",
    ]
    content = "id,text,created_at\n" + "".join(f"{IDS[n]},{cell},{DAY}0{n}:00\n" for n, cell in enumerate(cells))
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert rejects == []
    assert [post.text for post in posts] == [
        'he said "go" #a',
        'he "said, go" #b',
        'one\ntwo "x" #c',
        'over "\nlines #d',
        "a \\",
        "C:\\dir\\q #e",
        "",
    ]


def test_a_backslash_at_the_end_of_a_cell_is_a_character_where_quotes_are_doubled(tmp_path: Path) -> None:
    content = f'id,text,created_at\n{IDS[0]},"a \\",{DAY}01:00\n{IDS[1]},"he said ""go"" #a",{DAY}02:00\n'
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert ([post.text for post in posts], rejects) == (["a \\", 'he said "go" #a'], [])


def test_one_row_that_escapes_by_backslash_far_behind_the_head_is_read(tmp_path: Path) -> None:
    plain = "".join(f"{IDS[n % 20]},{'x' * 900},{DAY}01:00\n" for n in range(400))
    content = f'id,text,created_at\n{plain}{IDS[1]},"he said \\"go, now\\" #b",{DAY}02:00\n'
    posts, rejects = read_bytes(tmp_path, content.encode())
    assert (posts[-1].text, rejects) == ('he said "go, now" #b', [])


def test_how_quotes_are_escaped_is_named_by_hand_and_kept_for_a_retry(tmp_path: Path) -> None:
    content = f'id,text,created_at\n{IDS[0]},"a \\",\\" b",{DAY}01:00\nx,"c \\" d",{DAY}01:00,9\n'
    posts, rejects = read_bytes(tmp_path, content.encode(), format="csv", escape="backslash")
    assert [post.text for post in posts] == ['a "," b']
    assert '"escape":"backslash"' in rejects[0].reader


@pytest.mark.parametrize(
    ("cell", "id_"),
    [
        ("x{}", IDS[0]),
        ("X{}", IDS[0]),
        ('"=""{}"""', IDS[0]),
        ('="{}"', IDS[0]),
        ("={}", IDS[0]),
        ("'{}'", IDS[0]),
        (" {} ", IDS[0]),
    ],
)
def test_an_id_that_a_tool_protects_is_its_digits(cell: str, id_: str, tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, f"id,text\n{cell.format(IDS[0])},a\n".encode())
    assert ([post.id for post in posts], rejects) == ([id_], [])


@pytest.mark.parametrize("id_", ["1136166008386486272.0", "1.13616600838649E+18", "1136166008386486300.", "1e18"])
def test_an_id_that_lost_digits_is_refused(id_: str, tmp_path: Path) -> None:
    posts, rejects = read_bytes(tmp_path, f"id,text,created_at\n{id_},a,{DAY}01:00\n".encode())
    assert posts == []
    assert "lost digits" in rejects[0].reason


def test_ids_of_another_source_are_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id,text,created_at\nx12,a,{DAY}01:00\n3.5,b,{DAY}01:00\n")
    posts, rejects, _ = read(PostFiles([str(tmp_path / "a.csv")], reading("forum")))
    assert ([post.id for post in posts], rejects) == (["x12", "3.5"], [])
