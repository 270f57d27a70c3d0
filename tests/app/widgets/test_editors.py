"""Generic fields, used with a real mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from app.widgets.editors import CheckList


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
