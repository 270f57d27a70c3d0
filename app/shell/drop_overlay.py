"""Says over the window what a drop will do while something is dragged."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QWidget

from app.widgets.basics import make_column, make_label, make_row, set_look

LINGER_MS = 120
"""A drag that left the window for its overlay comes back within this."""

TEXT_WIDTH = 460


class DropOverlay(QFrame):
    """Covers its parent; `dropped` hands the drop on."""

    dropped = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self.setObjectName("dropOverlay")
        self.setAcceptDrops(True)
        self.title = make_label("", "title", wraps=True)
        self.details = make_label("", "muted", wraps=True)
        for label in (self.title, self.details):
            label.setFixedWidth(TEXT_WIDTH)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        card = QFrame()
        card.setProperty("role", "dropCard")
        card.setLayout(make_column(self.title, self.details, gap=6, margin=24))
        self.setLayout(make_column(-1, make_row(-1, card, -1), -1))
        self._leave = QTimer(self, singleShot=True, interval=LINGER_MS)
        self._leave.timeout.connect(self.hide)
        self.hide()

    def show_promise(self, title: str, details: str, *, can_take: bool) -> None:
        """Say what a drop will do, or why it cannot be taken."""
        self.title.setText(title)
        self.details.setText(details)
        self.details.setVisible(bool(details))
        set_look(self, "tone", "good" if can_take else "bad")
        self.setGeometry(self._window.rect())
        self.show()
        self.raise_()

    def leave_soon(self) -> None:
        """Go away unless the drag goes on over this widget."""
        self._leave.start()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """The drag goes on here."""
        self._leave.stop()
        event.acceptProposedAction()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """The drag has left the window."""
        self.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the drop on."""
        self.dropped.emit(event)
