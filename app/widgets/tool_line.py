"""Tools on one line; what it has no room for stands in a menu at its end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from app.widgets.basics import make_label, make_row, make_tool_button

CHANGES = (QEvent.Type.LayoutRequest, QEvent.Type.StyleChange, QEvent.Type.FontChange)
GAP, MARGIN = 4, (8, 6, 8, 6)


class ToolLine(QWidget):
    """Tools from left to right, the last at the right edge; `yielding` ones give way, the first of them first.

    In the menu a tool stands beside its accessible name.
    """

    def __init__(self, tools: Sequence[QWidget], yielding: Sequence[QWidget]) -> None:
        super().__init__()
        self._tools, self._yielding, self._n_given = tools, yielding, -1
        self._widths: dict[int, int] = {}
        self.more = make_tool_button(self._open, tip="More tools", name="More tools")
        self.more.setText("»")
        self.menu = QDialog(self, Qt.WindowType.Popup)
        self.menu.setObjectName("toolMenu")
        self._rows, self._names = QGridLayout(self.menu), [make_label(one.accessibleName(), "muted") for one in tools]
        for row, name in enumerate(self._names):
            self._rows.addWidget(name, row, 0)
        self._line = make_row(*tools[:-1], self.more, -1, tools[-1], gap=GAP, margin=MARGIN)
        self.setLayout(self._line)
        self._give(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put away as few as the width allows."""
        super().resizeEvent(event)
        counts = range(len(self._yielding))
        self._give(next((n for n in counts if self._width(n) <= event.size().width()), len(counts)))

    def minimumSizeHint(self) -> QSize:
        """Room for those that never give way."""
        return QSize(self._width(len(self._yielding)), super().minimumSizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Measure again what has changed."""
        if event.type() in CHANGES:
            self._widths.clear()
        return super().event(event)

    def _width(self, n_given: int) -> int:
        """Least pixels across with so many tools in the menu, which a window asks for in every layout."""
        if n_given not in self._widths:
            self._widths[n_given] = self._measure(n_given)
        return self._widths[n_given]

    def _measure(self, n_given: int) -> int:
        left = [one for one in self._tools if one not in self._yielding[:n_given]] + [self.more] * bool(n_given)
        sizes = [one.minimumSizeHint().expandedTo(one.minimumSize()).boundedTo(one.maximumSize()) for one in left]
        return MARGIN[0] + MARGIN[2] + GAP * len(left) + sum(size.width() for size in sizes)

    def _give(self, n_given: int) -> None:
        """Put the first of the yielding tools into the menu, and the others on the line."""
        if n_given == self._n_given:
            return
        self._n_given, given, n_left = n_given, self._yielding[:n_given], 0
        for row, tool in enumerate(self._tools):
            self._names[row].setVisible(tool in given)
            if tool in given:
                self._rows.addWidget(tool, row, 1, Qt.AlignmentFlag.AlignLeft)
            elif self._line.indexOf(tool) < 0:
                self._line.insertWidget(n_left, tool)
            n_left += tool not in given
        self.more.setVisible(bool(given))
        line = (*self._tools[:-1], self.more, self._tools[-1])
        parts = [part for one in line for part in (one, *one.findChildren(QWidget))]
        stops = [one for one in parts if one.window() is self.window() and one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        for first, second in pairwise(stops):
            QWidget.setTabOrder(first, second)

    def _open(self) -> None:
        self.menu.adjustSize()
        self.menu.move(self.more.mapToGlobal(QPoint(0, self.more.height())))
        self.menu.show()
