"""Tables as people read them: one interval column, numbers at the right that sort as numbers, copied with a header."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.analyses.numbers_table import lay_out_columns
from app.widgets.plain_table import PlainTable
from core.reports.table import Table, make_table, write_tables
from core.statistics import Interval

NAN = float("nan")


def cells(table: Table) -> dict[str, list[str]]:
    return {
        one.title: [cell if isinstance(cell, str) else cell[0] for cell in one.cells] for one in lay_out_columns(table)
    }


def test_an_interval_is_one_column_and_the_files_keep_three(tmp_path: Path) -> None:
    rows = [
        {"encoder": "a 1", "n_targets": 3, "held-out r": Interval(0.4211, 0.3142, 0.549)},
        {"encoder": "b 2", "n_targets": 12, "held-out r": Interval(-0.004, NAN, NAN)},
    ]
    table = make_table("fragility", "Fragility", rows)
    assert cells(table) == {
        "Encoder": ["a 1", "b 2"],
        "Targets": ["3", "12"],
        "Held-out r": ["0.421 [0.314, 0.549]", "−0.004"],
    }
    write_tables([table], tmp_path)
    with (tmp_path / "fragility.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["encoder", "n_targets", "held-out r", "held-out r low", "held-out r high"]


@pytest.mark.parametrize(
    ("column", "values", "shown"),
    [
        ("linf epsilon at 1 SD", [1 / 255, 0.5 / 255, math.inf], ["1/255", "0.5/255", "not reached"]),
        ("l2 epsilon at 1 SD", [0.5, 10.0, NAN], ["0.5", "10.0", "–"]),
        ("p (ROI labels permuted)", [0.0002, 0.0714], ["< 0.001", "0.071"]),
        ("T", [0.0000893, -0.001, 1.0], ["0.00", "0.00", "1.00"]),
        ("perturbed (SD of recipient)", [10.5, 9.59, 2.0], ["10.5", "9.6", "2.0"]),
    ],
)
def test_numbers_of_a_column_share_their_decimals(column: str, values: list[float], shown: list[str]) -> None:
    found = cells(make_table("one", "One", [{column: one} for one in values]))
    assert next(iter(found.values())) == shown


def test_notes_stand_last() -> None:
    found = cells(make_table("one", "One", [{"source": "a", "note": "own weights", "T": 1.0}]))
    assert list(found) == ["Source", "T", "Note"]


def test_a_budget_is_written_as_its_own_norm_says() -> None:
    rows = [{"norm": "l2", "epsilon at 1 SD": 0.5}, {"norm": "linf", "epsilon at 1 SD": 8 / 255}]
    assert cells(make_table("pairs", "Pairs", rows)) == {"Norm": ["L2", "Linf"], "ε at 1 SD": ["0.5", "8/255"]}


def test_a_click_on_a_header_sorts_by_number_and_ctrl_c_copies_what_is_seen(qtbot: QtBot) -> None:
    table = PlainTable("Numbers", stretches=False, sorts=True)
    qtbot.addWidget(table)
    table.set_header(["Encoder", "r"], right=[1])
    table.fill([(key, (key, (f"{value}".replace("-", "−"), value))) for key, value in ROWS])
    table.resize(400, 300)
    with qtbot.waitActive(table):
        table.show()
        table.activateWindow()
    assert table.row_keys() == ["a", "b", "c"], "first as they are given"
    head = table.horizontalHeader()
    place = QPoint(head.sectionViewportPosition(1) + head.sectionSize(1) // 2, head.height() // 2)
    for expected in (["c", "b", "a"], ["a", "b", "c"]):
        QTest.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert table.row_keys() == expected, "9 before 10.5, as texts never are"
    assert table.model().index(0, 1).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Encoder\tr\na\t10.5\nb\t9.0\nc\t-2.0"
    table.selectRow(1)
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Encoder\tr\nb\t9.0"


ROWS = (("a", 10.5), ("b", 9.0), ("c", -2.0))
