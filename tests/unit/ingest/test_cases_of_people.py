"""Small inputs that people met, with their right values, where they are at hand beside the recorded data."""

from collections import Counter
from pathlib import Path

import pytest

from ingest.rule.hashtags import AS_IS, tags_of
from ingest.sources.files.post_files import PostFiles
from tests.support.sources import read, reading

RIGHT: dict[str, tuple[int, dict[str, int]]] = {
    "L05_tweets.js": (1, {"2020-02-03T07 archive": 1}),
    "L05_tweets_array.json": (1, {"2020-02-03T07 archive": 1}),
    "L05_tweets_oneline.json": (1, {"2020-02-03T07 archive": 1}),
    "L05_tweets_wrapped.jsonl": (1, {"2020-02-03T07 archive": 1}),
    "L09_pandas_v1.jsonl": (4, {"2019-06-04T07 pandas": 4}),
    "L09_pandas_v2.jsonl": (3, {"2019-06-04T07 pandas2": 3}),
    "L10_unquoted.tsv": (5, {f"2019-06-05T07 {tag}": 1 for tag in ("alpha", "beta", "gamma", "delta", "epsilon")}),
    "L11_times.csv": (12, {f"2019-06-06T07 t{n:02}": 1 for n in (0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14)}),
    "L12_blank_first.csv": (1, {"2019-06-07T07 blankfirst": 1}),
    "L12_comment.csv": (1, {"2019-06-07T07 comment": 1}),
    "L12_cr_only.csv": (1, {"2019-06-07T07 cronly": 1}),
    "L12_pipe.csv": (1, {"2019-06-07T07 pipe": 1}),
    "L12_sep_line.csv": (1, {"2019-06-07T07 sephint": 1}),
    "L13_snscrape.jsonl": (2, {"2021-06-30T07 snscrape": 2}),
    "L13_spritzer.json.bz2": (1, {"2021-06-30T07 bzip": 1}),
    "L18_date_and_time.csv": (3, {f"2019-06-09T{hour} datetime2": 1 for hour in ("07", "12", "21")}),
    "L18_date_only.csv": (3, {f"2019-06-09T{hour} dateonly": 1 for hour in ("07", "12", "21")}),
    "L19_backslash.csv": (4, {f"2019-06-10T07 {tag}": 1 for tag in ("plain", "comma", "esc", "span")}),
    "L29_websocket.jsonl": (1, {"2024-05-06T07 ws": 1}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_file_of_people_has_its_right_values(name: str, test_data: Path) -> None:
    file = test_data.parent / "cases" / name
    if not file.is_file():
        pytest.skip(f"there is no {file.parent.name}/{name} beside the recorded data")
    posts, rejects, _ = read(PostFiles([str(file)], reading("")))
    uses = Counter(f"{post.hour} {tag}" for post in posts for tag in tags_of(post, AS_IS))
    assert (len(posts), dict(uses), rejects) == (*RIGHT[name], [])
