"""The tabs: one that was put in stays what it is, others are made when first opened."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QListWidget, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.basics import make_column, make_label, make_scroll
from app.widgets.tabs import PageStack, Tabs, WorkPage


def test_a_page_that_was_put_in_is_never_moved_and_others_are_made_when_opened(qtbot: QtBot) -> None:
    parent, first = QWidget(), QLabel("first")
    qtbot.addWidget(parent)
    tabs = Tabs(parent)
    qtbot.addWidget(tabs.stack)
    qtbot.addWidget(tabs.bar)
    made: list[_Tall] = []
    tabs.put("first", first)
    tabs.add("tall", lambda _parent: made.append(_Tall()) or made[-1])  # type: ignore[func-returns-value]
    assert (tabs.current, tabs.keys, made) == ("first", ["first", "tall"], [])
    assert tabs.open("tall") is tabs.page("tall") is made[0]
    assert (tabs.current, tabs.stack.currentIndex()) == ("tall", 1)
    with qtbot.waitSignal(tabs.changed):
        tabs.bar.setCurrentIndex(0)
    assert tabs.stack.currentWidget() is first
    assert len(made) == 1


class _Tall(WorkPage):
    """Would like to be 1200 pixels high, can be far less, and says something long at its foot."""

    def __init__(self) -> None:
        super().__init__()
        self.foot = make_label(wraps=True)
        self.foot.setText("Done. Files in a folder with a long name. " * 4)
        self.setLayout(make_column(*(QListWidget() for _ in range(6)), self.foot))


def test_a_page_with_a_wrapped_line_fits_the_window_and_keeps_its_foot_in_sight(qtbot: QtBot) -> None:
    stack, page = PageStack(), _Tall()
    stack.addWidget(page)
    scroll = make_scroll(stack, sideways=True)
    qtbot.addWidget(scroll)
    scroll.resize(900, 620)
    scroll.show()
    qtbot.waitExposed(scroll)
    assert page.foot.mapTo(scroll, page.foot.rect().bottomLeft()).y() < 620
