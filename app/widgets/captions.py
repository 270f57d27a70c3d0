"""Labels of the panels: the hint of an empty panel, a fold."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
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


class Readout(QWidget):
    """Words that change many times a second; it has room for so many lines, so that the window is not laid out anew."""

    def __init__(self, role: str = "muted", *, n_lines: int = 1, tip: str = "") -> None:
        super().__init__()
        self._label, self._n_lines = make_label("", role, wraps=True, tip=tip), n_lines
        self._label.setParent(self)  # and in no layout: that would ask for a new one with every text
        self._fit()

    def text(self) -> str:
        """What stands there."""
        return self._label.text()

    def setText(self, text: str) -> None:
        """Show a text; more lines than there is room for take more room."""
        if text != self.text():
            self._label.setText(text)
            self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Another font has other lines."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        least = self._n_lines * self._label.fontMetrics().lineSpacing()
        height = max(least, self._label.heightForWidth(self.width()))
        self._label.resize(self.width(), height)
        if height != self.minimumHeight():
            self.setFixedHeight(height)


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
