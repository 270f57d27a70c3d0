"""Generic fields, used with a real mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton, QStyle, QStyleOptionViewItem, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.editors import CheckList, TextLine


@pytest.mark.parametrize("on_the_box", [True, False])
def test_a_click_on_the_text_ticks_as_one_on_the_box_does(qtbot: QtBot, on_the_box: bool) -> None:
    checks = CheckList()
    qtbot.addWidget(checks)
    checks.set_choices([("a", "random direction"), ("b", "sign flip")])
    checks.resize(300, 120)
    checks.show()
    qtbot.waitExposed(checks)
    option = QStyleOptionViewItem()
    checks.initViewItemOption(option)
    option.rect = checks.visualItemRect(checks.item(1))
    option.features |= QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    box = checks.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, checks)
    place = box.center() if on_the_box else QPoint(box.right() + 60, box.center().y())
    for expected in (("b",), ()):
        qtbot.mouseClick(checks.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert checks.value() == expected


def test_all_and_none_tick_what_the_search_leaves_and_tell_once(qtbot: QtBot) -> None:
    checks, holder = CheckList(), QWidget()
    qtbot.addWidget(holder)
    holder.setLayout(checks.under("Encoders"))
    names = [f"MobileNetV2 · features.{number}" for number in range(9)] + ["AlexNet · features.4"]
    checks.set_choices([(number, name, f"id_{number}") for number, name in enumerate(names)], [0])
    holder.show()
    qtbot.waitExposed(holder)
    told: list[object] = []
    checks.itemChanged.connect(told.append)
    buttons = {one.text(): one for one in holder.findChildren(QPushButton)}
    qtbot.mouseClick(buttons["All"], Qt.MouseButton.LeftButton)
    assert checks.value() == tuple(range(10))
    assert len(told) == 1
    qtbot.keyClicks(checks.search, "alex FEATURES")
    assert [checks.isRowHidden(row) for row in range(10)] == [True] * 9 + [False]
    qtbot.mouseClick(buttons["None"], Qt.MouseButton.LeftButton)
    assert checks.value() == tuple(range(9)), "what is not seen is not touched"
    checks.search.clear()
    qtbot.keyClicks(checks.search, "id_3")
    assert [row for row in range(10) if not checks.isRowHidden(row)] == [3], "ids are found, too"


def test_a_short_list_has_no_search(qtbot: QtBot) -> None:
    checks, holder = CheckList(), QWidget()
    qtbot.addWidget(holder)
    holder.setLayout(checks.under("Targets"))
    checks.set_choices([(roi, roi) for roi in ("V1", "FFA")])
    holder.show()
    assert not checks.search.isVisible()


@pytest.mark.parametrize("words", [["test:4", "a_cat"], ["/home/me/a, b.png"], ['say "hi".png', "x"], []])
def test_words_with_commas_and_quotes_come_back(qtbot: QtBot, words: list[str]) -> None:
    line = TextLine()
    qtbot.addWidget(line)
    with qtbot.waitSignal(line.editingFinished):
        line.take_words(words)
    assert line.words() == words


def test_a_search_is_never_a_window_of_its_own(qtbot: QtBot) -> None:
    checks, holder = CheckList(), QWidget()
    qtbot.addWidget(holder)
    checks.set_choices([])
    checks.set_choices([(number, str(number)) for number in range(20)])
    assert not checks.search.isVisible()
    holder.setLayout(checks.under("Voxels"))
    holder.show()
    assert checks.search.isVisible()
    assert checks.search.window() is holder


def test_a_list_shows_whole_rows(qtbot: QtBot) -> None:
    checks, holder = CheckList(most_rows=4), QWidget()
    qtbot.addWidget(holder)
    holder.setLayout(checks.under("Encoders"))
    checks.set_choices([(number, f"encoder {number}") for number in range(9)])
    holder.show()
    rows = checks.viewport().height() / checks.sizeHintForRow(0)
    assert 4 <= rows < 4.5, "neither half of a fifth nor an empty one"


def test_a_name_too_long_for_a_list_keeps_its_end(qtbot: QtBot) -> None:
    names = ("MobileNetV2, robustified · features.18", "MobileNetV2, robustified · features.3")
    checks = CheckList()
    qtbot.addWidget(checks)
    checks.set_choices([(name, name) for name in names])
    cut = {checks.fontMetrics().elidedText(name, checks.textElideMode(), 180) for name in names}
    assert len(cut) == 2, "layers of one network can be told apart"
