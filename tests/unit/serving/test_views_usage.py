"""What is asked wrongly of the views is said before any server is asked."""

import pytest
from click.testing import CliRunner

from serving.cli import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["day", "--date", "2017-01-06", "--last", "24h"], "exclude each other"),
        (["day", "--json", "--csv"], "exclude each other"),
        (["top", "--json", "--csv"], "exclude each other"),
        (["day", "--last", "60d"], "more than 336 hours"),
        (["rising", "--against", "soon"], "unrecognized time span"),
        (["rising", "--against", "999999w"], "unrecognized time span"),
        (["rising", "--hour", "now", "--against", "5000d"], "is more than"),
        (["top", "--last", "999999w"], "unrecognized time span"),
        (["tag", "#"], "at least one character"),
        (["tag", "paris", "--last", "30d", "--png", "x.png"], "336 hours"),
        (["watch", "--every", "0s"], "unrecognized time span"),
    ],
)
def test_it_exits_with_2_and_says_why(monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.setenv("TRENDS_MONGO__URI", "mongodb://127.0.0.1:9/?replicaSet=rs0")
    told = CliRunner().invoke(main, arguments)
    assert told.exit_code == 2, told.output
    assert says in told.stderr
    assert "Traceback" not in told.output
