"""The recipes of docs/recipes.md on the local HiveServer2: ranked hours of an export in SQL."""

import re
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from pyhive import hive as pyhive

from batch_layer.storage.webhdfs import HdfsStore
from bench.harness.stack_settings import use
from config.settings import Settings
from config.settings.logins import hive_login
from ingest.hours import Hour
from serving.cli import main
from serving.views.store import Store
from tests.support.dashboard import published

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
FIRST = Hour.parse("2017-01-06T07")


def test_ranked_hours_of_an_export_are_a_table_of_hive(
    settings_with_hive: Settings, settings_file: Path, tmp_path: Path
) -> None:
    own = settings_with_hive
    uses: Counter[str] = Counter()
    with Store(own.mongo) as store:
        for at in range(3):
            counts = {"paris": 9, "rain": 2 + at, f"only-{at}": 1}
            published(store, counts, FIRST.plus(at))
            uses.update(counts)
    file = tmp_path / "hours.parquet"
    with use(settings_file):
        told = CliRunner().invoke(main, ["export", "--since", "2017-01-01", "--until", "2017-01-07", "-o", str(file)])
    assert told.exit_code == 0, told.output
    folder = f"{own.hdfs.root}/exports/hours"
    HdfsStore(own.hdfs).put(f"{folder}/hours.parquet", file.read_bytes())
    create, by_hour, most = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    login = hive_login(own)
    connection = pyhive.connect(host=login["host"], port=login["port"], username="superset", database=own.hive.database)
    with closing(connection):
        cursor = connection.cursor()
        cursor.execute(create.replace("/exports/hours", folder))
        assert answer(cursor, by_hour)[:2] == [(f"{FIRST.start:%Y-%m-%d %H:%M:%S}", "paris", 9),
                                               (f"{FIRST.start:%Y-%m-%d %H:%M:%S}", "rain", 2)]  # fmt: skip
        rows = answer(cursor, most)
    assert {tag: count for tag, count, *_ in rows} == dict(uses)
    assert rows[0] == ("paris", 27, 3, 1)


def answer(cursor: Any, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement, times as the server prints them."""
    cursor.execute(statement)
    return [tuple(str(cell)[:19] if hasattr(cell, "year") else cell for cell in row) for row in cursor.fetchall()]
