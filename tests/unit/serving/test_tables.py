"""What a terminal shows of a day, of what rises, of a tag."""

from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from config.terminal_text import printable
from serving.answers.day import grid
from serving.answers.history import history
from serving.answers.merge import View
from serving.answers.rising import rising
from serving.render.tables import cut, day_table, history_table, rising_table
from serving.views.documents import Row
from tests.support.rendering import BASE, HOSTILE, terminal_lines, view

UTC = ZoneInfo("UTC")


def test_a_day_marks_what_rose_fell_and_is_new_and_says_where_there_is_nothing() -> None:
    views = [view(BASE, ("a", 5), ("B", 3)), view(BASE.plus(1), ("B", 9), ("a", 4), ("日本", 1))]
    views.append(view(BASE.plus(3), ("a", 2), origin="speed"))
    lines = terminal_lines(day_table(grid(views, BASE, BASE.plus(4), 10), UTC, 100))
    assert lines[1:5] == [
        "06 Jan 22:00    8 ███▍     #a           5   #B           3",
        "       23:00   14 ██████ ▲ #B           9 ▼ #a           4 ✚ #日本        1",
        "07 Jan 00:00               no data",
        "       01:00   2* ▊        #a           2",
    ]
    assert "24 uses of hashtags, 3 hours with data, 1 without, * not final yet" in lines[-1]


def test_a_narrow_terminal_shows_fewer_tags_and_says_so() -> None:
    day = grid([view(BASE, *((f"tag{at}", 20 - at) for at in range(10)))], BASE, BASE.plus(1), 10)
    for width in (60, 80, 132):
        lines = terminal_lines(day_table(day, UTC, width), width)
        assert all(cell_len(line) <= width for line in lines)
        shown = lines[1].count("#")
        assert f"the first {shown} of 10" in " ".join(lines)
    assert terminal_lines(day_table(day, UTC, 220), 220)[1].count("#") == 10


@pytest.mark.parametrize("tag", [*HOSTILE, "日本" * 40, "می‌خواهم", "👩‍👧"])
def test_any_tag_stays_in_its_cells(tag: str) -> None:
    assert cell_len(cut("#" + printable(tag), 12)) == 12
    assert not set(cut("#" + printable(tag), 12)) & set("\x1b\n\x00\u202e")
    views = [view(BASE, (tag, 3))]
    lines = terminal_lines(day_table(grid(views, BASE, BASE.plus(1), 10), UTC, 80), 80)
    assert not set("".join(lines)) & set("\x1b\x00\u202e")
    assert lines[1].endswith(" 3")


def test_what_rises_is_told_with_how_it_is_measured() -> None:
    answer = rising(view(BASE, ("Eclipse", 90), ("a", 10)), [view(BASE.plus(-1), ("a", 50))], BASE.plus(-1), 10)
    told = "\n".join(terminal_lines(rising_table(answer, UTC)))
    assert "#Eclipse" in told
    assert "Dunning" in told
    assert "once in 1,000" in told


def test_a_history_is_a_line_a_day_in_local_time_with_holes_and_what_is_not_known() -> None:
    cut_off = View(BASE.plus(2), "batch", "final", (Row("b", "b", 7),), 0, 9, 3, 9, "1", 0)
    views = [view(BASE, ("A", 8)), view(BASE.plus(1), ("b", 1)), cut_off, view(BASE.plus(4), ("a", 4))]
    lines = terminal_lines(history_table(history("a", views, BASE, BASE.plus(5)), UTC))
    assert lines[2] == f"Fri 2017-01-06  {' ' * 22}█·     8"
    assert lines[3] == "Sat 2017-01-07  ? ▄                          4"
    assert "12 uses" in lines
    assert "as #A (8), #a (4)" in lines
    assert any("up to 7 more" in line for line in lines)
    tokyo = terminal_lines(history_table(history("a", views, BASE, BASE.plus(5)), ZoneInfo("Asia/Tokyo")))
    assert tokyo[2].startswith("Sat 2017-01-07         █·? ▄")
