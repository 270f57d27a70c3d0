"""Labels of the panels: the hint of an empty panel, a fold."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLayout, QScrollArea, QWidget

from app.widgets.basics import list_way, make_button, make_column, make_label, make_row, set_icon


class Fold(QWidget):
    """A clickable name, with what stands `beside` it, and the content under it, closed at first."""

    toggled = Signal(bool)

    def __init__(self, name: str, content: QWidget, *, beside: QLayout | None = None) -> None:
        super().__init__()
        self._content = content
        self.button = make_button(name, "fold", tip=f"Show or hide: {name.lower()}")
        self.button.setCheckable(True)
        self.button.toggled.connect(self._open)
        self._open(False)
        self.setLayout(make_column(make_row(self.button, beside or 0, stretch=0), content, gap=4))

    def _open(self, opened: bool) -> None:
        self._content.setVisible(opened)
        if opened:
            QTimer.singleShot(0, self, self._come_into_view)  # once it has its height
        set_icon(self.button, "chevron-down" if opened else "chevron-right")
        self.toggled.emit(opened)

    def _come_into_view(self) -> None:
        """Scroll the page so that what was opened is seen, its name above all."""
        for page in [one for one in list_way(self) if isinstance(one, QScrollArea)][:1]:
            for part in (self._content, self.button):
                page.ensureWidgetVisible(part, 0, 8)


NARROWEST_HINT, WIDEST_HINT = 80, 320


class EmptyState(QWidget):
    """What an empty panel says: what will be here, and what to do to get it."""

    def __init__(self, title: str, advice: str) -> None:
        super().__init__()
        self._title = make_label(title, "strong", wraps=True)
        self._advice = make_label(advice, "muted", wraps=True)
        for label in (self._title, self._advice):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = make_column(-1, self._title, self._advice, -1, margin=16)
        for label in (self._title, self._advice):
            column.setAlignment(label, Qt.AlignmentFlag.AlignHCenter)
        self.setLayout(column)
        self.setAccessibleName(f"{title}. {advice}")

    def minimumSizeHint(self) -> QSize:
        """As narrow as the lines can be, not as they are now."""
        return QSize(NARROWEST_HINT + 32, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the lines short enough to read."""
        for label in (self._title, self._advice):
            width = min(WIDEST_HINT, max(NARROWEST_HINT, self.width() - 32))
            label.setFixedSize(width, label.heightForWidth(width))  # the column would give it the height of one line
        super().resizeEvent(event)
