"""The editors that forms are built of: `value()` and a silent `set_value()` each. Never changed by a stray wheel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QWidget,
)

from app.widgets.basics import GRID, make_button, make_column

LEAST_ROWS, ROW_HEIGHT = 3, 24


class Unwheeled:
    """Leaves the wheel to the page that scrolls, unless the editor has the focus."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the value only where the user is."""
        if cast(QWidget, self).hasFocus():
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class CountBox(Unwheeled, QSpinBox):
    """A whole number."""

    def set_value(self, value: int) -> None:
        """Show a number; tells nobody."""
        with QSignalBlocker(self):
            self.setValue(value)


class NumberBox(Unwheeled, QDoubleSpinBox):
    """A number; a plain one reads 2, not 2.000."""

    plain = False

    def textFromValue(self, value: float) -> str:
        """As few figures as a plain number needs."""
        return self.locale().toString(value, "g", 7) if self.plain else super().textFromValue(value)

    def set_value(self, value: float) -> None:
        """Show a number; tells nobody."""
        with QSignalBlocker(self):
            self.setValue(value)


class ChoiceBox(Unwheeled, QComboBox):
    """One of several values, each `(value, text)` or `(value, text, tip)`."""

    def __init__(self) -> None:
        super().__init__()
        self._values: list[Any] = []

    def set_choices(self, choices: Iterable[tuple[Any, ...]], current: object = None) -> None:
        """Offer values and show one as chosen, or the first where it is not among them; tells nobody."""
        with QSignalBlocker(self):
            self.clear()
            self._values = []
            for value, text, *tip in choices:
                self._values.append(value)
                self.addItem(text, value)
                self.setItemData(self.count() - 1, tip[0] if tip else None, Qt.ItemDataRole.ToolTipRole)
            self.set_value(current)

    def value(self) -> Any:
        """The chosen value; None where nothing is on offer or chosen."""
        index = self.currentIndex()
        return self._values[index] if index >= 0 else None

    def values(self) -> list[Any]:
        """All that is on offer."""
        return list(self._values)

    def set_value(self, value: object) -> None:
        """Show a value as chosen, the first where it is not on offer; tells nobody."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self._values.index(value) if value in self._values else min(0, self.count() - 1))


class CheckList(QListWidget):
    """Any of several values, each `(value, text)` or `(value, text, tip)`."""

    def __init__(self, most_rows: int = 0) -> None:
        super().__init__()
        self.setProperty("role", "checks")
        self._most_rows = most_rows

    def set_choices(self, choices: Sequence[tuple[Any, ...]], checked: Collection[object] | None = None) -> None:
        """Offer values; those of `checked` are ticked, or else those that were. Tells nobody."""
        wanted = self.value() if checked is None else checked
        with QSignalBlocker(self):
            self.clear()
            for value, text, *tip in choices:
                item = QListWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, (value,))
                item.setToolTip(tip[0] if tip else "")
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Unchecked)
                self.addItem(item)
            self.set_value(wanted)
        if self._most_rows:
            self.setFixedHeight(min(self._most_rows, max(LEAST_ROWS, len(choices))) * ROW_HEIGHT + 8)

    def value(self) -> tuple[Any, ...]:
        """The ticked values, in their order."""
        return tuple(key for key, item in self._items() if item.checkState() is Qt.CheckState.Checked)

    def values(self) -> tuple[Any, ...]:
        """All that is on offer."""
        return tuple(key for key, _ in self._items())

    def set_value(self, values: Collection[object]) -> None:
        """Tick these values and no others; tells nobody."""
        with QSignalBlocker(self):
            for key, item in self._items():
                item.setCheckState(Qt.CheckState.Checked if key in values else Qt.CheckState.Unchecked)
        first = next((item for key, item in self._items() if key in values), None)
        if first is not None:
            self.scrollToItem(first)

    def _items(self) -> list[tuple[Any, QListWidgetItem]]:
        items = [self.item(row) for row in range(self.count())]
        return [(_as_kept(item.data(Qt.ItemDataRole.UserRole)[0]), item) for item in items]


class FlagBox(QCheckBox):
    """Yes or no."""

    def value(self) -> bool:
        """Whether it is ticked."""
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Tick or untick; tells nobody."""
        with QSignalBlocker(self):
            self.setChecked(value)


class FlagGroup(QWidget):
    """Any of a few values, each `(value, text, tip)`, with a box under the other."""

    changed = Signal()

    def __init__(self, choices: Sequence[tuple[Any, str, str]]) -> None:
        super().__init__()
        self.boxes = {value: FlagBox(text) for value, text, _ in choices}
        for (_, _, tip), box in zip(choices, self.boxes.values(), strict=True):
            box.setToolTip(tip)
            box.toggled.connect(self.changed)
        self.setLayout(make_column(*self.boxes.values(), gap=GRID))

    def value(self) -> tuple[Any, ...]:
        """The ticked values, in their order."""
        return tuple(value for value, box in self.boxes.items() if box.isChecked())

    def set_value(self, values: Collection[object]) -> None:
        """Tick these values and no others; tells nobody."""
        for value, box in self.boxes.items():
            box.set_value(value in values)


class TextLine(QLineEdit):
    """A line of text."""

    def value(self) -> str:
        """The text without blanks around it."""
        return self.text().strip()

    def words(self) -> list[str]:
        """What stands between its commas."""
        return [word.strip() for word in self.text().split(",") if word.strip()]

    def set_value(self, value: str) -> None:
        """Show a text; tells nobody."""
        with QSignalBlocker(self):
            self.setText(value)


class PathLine(TextLine):
    """A path to type or to choose; `browse` is the button beside it, a folder is asked for where `kinds` is ""."""

    def __init__(self, title: str, kinds: str = "") -> None:
        super().__init__()
        self._title, self._kinds = title, kinds
        self.browse = make_button("Choose…", tip=title)
        self.browse.clicked.connect(self._browse)

    def path(self) -> Path | None:
        """The path, None where none is given."""
        return Path(self.value()).expanduser() if self.value() else None

    @Slot()
    def _browse(self) -> None:
        start = self.value() or str(Path.home())
        if self._kinds:
            chosen, _ = QFileDialog.getOpenFileName(self, self._title, start, self._kinds)
        else:
            chosen = QFileDialog.getExistingDirectory(self, self._title, start)
        if chosen:
            self.setText(chosen)
            self.editingFinished.emit()


def _as_kept(value: Any) -> Any:
    """Qt gives tuples back as lists."""
    return tuple(value) if isinstance(value, list) else value
