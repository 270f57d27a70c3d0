"""Reports are written beside what the user keeps in the same folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInputError
from core.reports.analysis_package import write_report
from core.reports.draw_plot import make_axes, write_figures
from core.reports.table import make_table, write_tables


def test_tables_and_figures_replace_their_own_files_only(tmp_path: Path) -> None:
    mine = [tmp_path / "tables" / "mine.csv", tmp_path / "figures" / "poster.svg", tmp_path / "figures" / "one"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    figure, _ = make_axes(1, 1)
    for value in (1.5, 2.5):
        (table,) = (
            path
            for path in write_tables([make_table("t", "T", [{"a": value}])], tmp_path / "tables")
            if path.suffix == ".csv"
        )
        assert table.read_bytes() == f"a\r\n{value}\r\n".encode()
        written = write_figures({"one": figure}, tmp_path / "figures")
    assert [path.name for path in written] == ["one.svg", "one.png", "one.pdf"]
    assert {path.read_text(encoding="utf-8") for path in mine} == {"mine"}


def test_a_table_of_no_rows_keeps_its_columns_and_unknown_numbers_are_nan(tmp_path: Path) -> None:
    tables = [
        make_table("empty", "E", [], ("a", "b")),
        make_table("full", "F", [{"a": float("nan"), "b": 'x, "y"'}, {"a": float("inf"), "b": "ü"}, {"a": 3, "b": ""}]),
    ]
    paths = [path for path in write_tables(tables, tmp_path) if path.suffix == ".csv"]
    assert paths[0].read_bytes() == b"a,b\r\n"
    assert paths[1].read_bytes().decode() == 'a,b\r\nnan,"x, ""y"""\r\ninf,ü\r\n3,\r\n'


def test_a_page_or_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<title>My holidays</title>", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"page\.html.*The program did not write it"):
        write_report([tmp_path], page)
    assert page.read_text(encoding="utf-8") == "<title>My holidays</title>"


def test_no_cell_or_name_of_a_column_is_a_formula(tmp_path: Path) -> None:
    table = make_table("t", "T", [{"=ROI": "@SUM(1,1)", "r": -0.5}])
    path = write_tables([table], tmp_path)[0]
    assert path.read_text(encoding="utf-8").splitlines() == ["'=ROI,r", '"\'@SUM(1,1)",-0.5']
