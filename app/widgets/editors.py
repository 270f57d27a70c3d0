"""The editors that forms are built of: `value()` and a silent `set_value()` each. Never changed by a stray wheel."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.widgets.ask_path import ask_open
from app.widgets.basics import make_button, make_column, make_heading, make_row

LEAST_ROWS, ROW_HEIGHT = 3, 24
FEW = 8
"""Rows of a list that needs no search."""
KEY, TIP = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.ToolTipRole


class Unwheeled:
    """Leaves the wheel to the page that scrolls, unless the editor has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the value only where the user is."""
        if cast(QWidget, self).hasFocus():
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class Quiet(Unwheeled):
    """An editor whose value is set by one method of Qt's."""

    setter: ClassVar[str] = "setValue"

    def set_value(self, value: Any) -> None:
        """Show a value; emits no signal."""
        with QSignalBlocker(cast(QWidget, self)):
            getattr(self, self.setter)(value)


class CountBox(Quiet, QSpinBox):
    """A whole number."""


class NumberBox(Quiet, QDoubleSpinBox):
    """A number; a plain one reads 2, not 2.000."""

    plain = False

    def textFromValue(self, value: float) -> str:
        """As few figures as a plain number needs."""
        return self.locale().toString(value, "g", 7) if self.plain else super().textFromValue(value)


class Slider(Quiet, QSlider):
    """A slider from left to right."""

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setAccessibleName(name)


class FlagBox(Quiet, QCheckBox):
    """Yes or no."""

    setter = "setChecked"

    def value(self) -> bool:
        """Whether it is ticked."""
        return self.isChecked()


class TextLine(Quiet, QLineEdit):
    """A line of text."""

    setter = "setText"

    def value(self) -> str:
        """The text without blanks around it."""
        return self.text().strip()

    def words(self) -> list[str]:
        """What stands between its commas; a word that holds one stands in quotes."""
        return [word.strip() for word in next(csv.reader([self.text()], skipinitialspace=True), []) if word.strip()]

    def set_words(self, words: Iterable[str]) -> None:
        """Show words between commas; emits no signal."""
        quoted = ('"' + word.replace('"', '""') + '"' if set(word) & set(',"') else word for word in words)
        self.set_value(", ".join(quoted))

    def take_words(self, words: Iterable[str]) -> None:
        """The same, as if the user had typed them."""
        self.set_words(words)
        self.editingFinished.emit()


class PathLine(TextLine):
    """A path to type or to choose; `browse` is the button beside it, a folder is asked for where `kinds` is ""."""

    def __init__(self, title: str, kinds: str = "") -> None:
        super().__init__()
        self._title, self._kinds = title, kinds
        self.browse = make_button("Choose…", do=self._browse, tip=title)

    def path(self) -> Path | None:
        """The path, None where none is given."""
        return Path(self.value()).expanduser() if self.value() else None

    def _browse(self) -> None:
        if chosen := ask_open(self, self._title, self.value() or Path.home(), self._kinds):
            self.setText(str(chosen))
            self.editingFinished.emit()


class ChoiceBox(Unwheeled, QComboBox):
    """One of several values, each `(value, text)` or `(value, text, tip)`; `chosen` tells what the user picks."""

    chosen = Signal(object)

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self._values: list[Any] = []
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.activated.connect(self._tell)

    def set_choices(self, choices: Iterable[tuple[Any, ...]], current: object = None) -> None:
        """List values and show one as chosen, or the first where it is not among them; emits no signal."""
        with QSignalBlocker(self):
            self.clear()
            self._values = []
            for value, text, *tip in choices:
                self._values.append(value)
                self.addItem(text, value)
                self.setItemData(self.count() - 1, tip[0] if tip else None, TIP)
            self.set_value(current)

    def value(self) -> Any:
        """The chosen value; None where nothing is available or chosen."""
        index = self.currentIndex()
        return self._values[index] if index >= 0 else None

    def values(self) -> list[Any]:
        """All that is available."""
        return list(self._values)

    def set_value(self, value: object) -> None:
        """Show a value as chosen, the first where it is not available; emits no signal."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self._values.index(value) if value in self._values else min(0, self.count() - 1))

    def _tell(self) -> None:
        self.chosen.emit(self.value())


class SearchLine(QLineEdit):
    """Words that must all occur in what is listed."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.setPlaceholderText(f"Search {what}…")
        self.setAccessibleName(f"Search {what}")
        self.setClearButtonEnabled(True)

    def finds(self, text: str) -> bool:
        """Whether every word is in the text."""
        return all(word in text.casefold() for word in self.text().casefold().split())


class CheckList(QListWidget):
    """Any of several values, each `(value, text)` or `(value, text, tip)`; `most_rows` are seen at once, 0 for all."""

    def __init__(self, most_rows: int = 0) -> None:
        super().__init__()
        self.setProperty("role", "checks")
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # layers differ at the end, networks at the beginning
        self._most_rows = most_rows
        self._keys: list[Any] = []
        self.search = SearchLine("")
        self.search.textChanged.connect(self._find)

    def under(self, heading: str) -> QVBoxLayout:
        """The list under its heading, with all and none of what is seen, and a field that searches a long one."""
        self.search.setPlaceholderText("Search…")
        self.search.setAccessibleName(f"Search {heading}")
        both = [
            make_button(text, "link", partial(self.tick_all, ticked), tip=f"{text} of those listed")
            for text, ticked in (("All", True), ("None", False))
        ]
        return make_column(make_row(make_heading(heading), -1, *both), self.search, self, gap=4)

    def tick_all(self, ticked: bool, *_: object) -> None:
        """Tick all rows that are seen, or none of them, as one change by the user."""
        state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        with QSignalBlocker(self):
            for row in range(self.count()):
                if not self.isRowHidden(row):
                    self.item(row).setCheckState(state)
        if self.count():
            self.itemChanged.emit(self.item(0))

    def _offer_search(self) -> None:
        if self.search.parentWidget() is not None:  # a widget without one would be shown as a window
            self.search.setVisible(self.count() > FEW)

    def _find(self, *_: object) -> None:
        for row in range(self.count()):
            item = self.item(row)
            self.setRowHidden(row, not self.search.finds(f"{item.text()} {item.toolTip()}"))

    def set_choices(self, choices: Sequence[tuple[Any, ...]], checked: Collection[object] | None = None) -> None:
        """List values; those of `checked` are ticked, or else those that were. Emits no signal."""
        wanted = self.value() if checked is None else checked
        with QSignalBlocker(self):
            self.clear()
            self._keys = [value for value, *_ in choices]
            for _, text, *tip in choices:
                item = QListWidgetItem(text, self)
                item.setToolTip(tip[0] if tip else "")
                item.setSizeHint(QSize(1, ROW_HEIGHT))
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
        self.set_value(wanted)
        self._offer_search()
        self._find()
        if self._most_rows:
            self.setFixedHeight(min(self._most_rows, max(LEAST_ROWS, len(choices))) * ROW_HEIGHT + 8)

    def value(self) -> tuple[Any, ...]:
        """The ticked values, in their order."""
        ticked = Qt.CheckState.Checked
        return tuple(key for row, key in enumerate(self._keys) if self.item(row).checkState() is ticked)

    def values(self) -> list[Any]:
        """All that is available."""
        return list(self._keys)

    def set_value(self, values: Collection[object]) -> None:
        """Tick these values and no others; emits no signal."""
        with QSignalBlocker(self):
            for row, key in enumerate(self._keys):
                self.item(row).setCheckState(Qt.CheckState.Checked if key in values else Qt.CheckState.Unchecked)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on the text ticks as one on the box does."""
        item = self.itemAt(event.position().toPoint())
        before = None if item is None else item.checkState()
        super().mouseReleaseEvent(event)
        if item is not None and item is self.currentItem() and item.checkState() is before:
            is_ticked = before is Qt.CheckState.Checked
            item.setCheckState(Qt.CheckState.Unchecked if is_ticked else Qt.CheckState.Checked)

    def showEvent(self, event: QShowEvent) -> None:
        """Bring the first ticked value into view, and the search where the list is long."""
        super().showEvent(event)
        self._offer_search()
        first = next((row for row, key in enumerate(self._keys) if key in self.value()), 0)
        self.scrollToItem(self.item(first), CheckList.ScrollHint.PositionAtTop)
