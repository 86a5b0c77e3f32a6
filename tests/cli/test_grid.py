"""Tables fit the terminal: some columns give way, some go, the others are never cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tidegate.cli.grid import Column, lay_out

COLUMNS = (
    Column("TIME"),
    Column("KIND", optional=1),
    Column("N", right=True),
    Column("NAME", elastic=8),
    Column("NOTE", optional=2),
    Column("ID"),
)


def drawn(*rows: tuple[str, ...], room: int = 200) -> list[str]:
    return [line.plain for line in lay_out(COLUMNS, [[Text(cell) for cell in row] for row in rows], room)]


def test_columns_stand_under_their_headings() -> None:
    assert drawn(
        ("12:00", "server", "1", "first", "x", "abc"), ("13:00", "client", "12", "second one", "y", "def")
    ) == [
        "TIME   KIND     N  NAME        NOTE  ID",
        "12:00  server   1  first       x     abc",
        "13:00  client  12  second one  y     def",
    ]


def test_an_optional_column_without_contents_is_left_out() -> None:
    assert drawn(("12:00", "", "1", "first", "", "abc")) == ["TIME   N  NAME   ID", "12:00  1  first  abc"]


def test_optional_columns_go_first_the_lowest_number_before_others() -> None:
    assert drawn(("12:00", "server", "1", "a long name", "note", "abcdef"), room=36)[1] == (
        "12:00  1  a long name  note  abcdef"
    )


def test_then_elastic_columns_are_cut() -> None:
    assert (
        drawn(("12:00", "server", "1", "a very long name", "note", "abcdef"), room=26)[1]
        == "12:00  1  a very …  abcdef"
    )


def test_a_rigid_column_is_never_cut() -> None:
    assert (
        drawn(("12:00", "server", "1", "a very long name", "note", "abcdef"), room=5)[1] == "12:00  1  a very …  abcdef"
    )


def test_wide_characters_take_two_cells() -> None:
    assert drawn(("12:00", "", "1", "日本", "", "a"), ("12:00", "", "1", "abcd", "", "b"))[1:] == [
        "12:00  1  日本  a",
        "12:00  1  abcd  b",
    ]


cells = st.text("ab日 ", max_size=30)


@given(st.lists(st.tuples(cells, cells, cells, cells, cells, cells), max_size=5), st.integers(1, 200))
def test_every_line_fits_where_it_can(rows: list[tuple[str, ...]], room: int) -> None:
    lines = list(lay_out(COLUMNS, [[Text(cell) for cell in row] for row in rows], room))
    rigid = [max([len(column.name), *(Text(row[i]).cell_len for row in rows)]) for i, column in enumerate(COLUMNS)]
    least = rigid[0] + rigid[2] + min(8, rigid[3]) + rigid[5] + 6
    assert all(line.cell_len <= max(room, least) for line in lines)
