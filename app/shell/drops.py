"""What a drop on the window does: said while it is dragged, done when it is dropped. Never guesses.

The rows come from the features; the first that takes what was dropped does it, so what is told by its content stands
before what is told by its ending alone. What no row takes is refused with what could have been taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QWidget

from app.widgets.basics import bring, make_column, make_label, make_row, set_look
from app.widgets.desk import Desk, Drop, Paths

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
        self.leaving = QTimer(self, singleShot=True, interval=LINGER_MS)
        self.leaving.timeout.connect(self.hide)
        self.hide()

    def show_promise(self, title: str, details: str, *, can_take: bool) -> None:
        """Say what a drop will do, or why it cannot be taken."""
        self.title.setText(title)
        self.details.setText(details)
        self.details.setVisible(bool(details))
        set_look(self, "tone", "good" if can_take else "bad")
        self.setGeometry(self._window.rect())
        bring(self)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """The drag goes on here."""
        self.leaving.stop()
        event.acceptProposedAction()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """The drag has left the window."""
        self.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the drop on."""
        self.dropped.emit(event)


class Drops(QObject):
    """The rows with their overlay; it sees to the drags over the window by itself."""

    def __init__(self, desk: Desk, rows: Sequence[Drop]) -> None:
        super().__init__(desk.parent)
        self._desk = desk
        self.overlay = DropOverlay(desk.parent)
        self.overlay.dropped.connect(self.drop)
        self.rows = rows
        desk.parent.setAcceptDrops(True)
        desk.parent.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what is dragged over the window and dropped on it."""
        if isinstance(event, QDragEnterEvent):
            self.enter(event)
        elif event.type() == QEvent.Type.DragLeave:
            self.overlay.leaving.start()  # it may have gone on to the overlay
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self.drop(event)
        else:
            return super().eventFilter(watched, event)
        return True

    def find(self, paths: Paths) -> Drop | None:
        """The row that takes the paths, None if none does."""
        return next((row for row in self.rows if row.takes(paths)), None)

    def enter(self, event: QDragEnterEvent) -> None:
        """Accept local files, and say what a drop of them will do."""
        paths = paths_of(event.mimeData())
        if not paths:
            return
        event.acceptProposedAction()
        row = self.find(paths)
        if row is None:
            self.overlay.show_promise(f"{paths[0].name} cannot be opened", self._describe_all(), can_take=False)
        else:
            self.overlay.show_promise(row.promise.format(name=_name(row, paths)), _rest(row, paths), can_take=True)

    def drop(self, event: QDropEvent) -> None:
        """Do what was promised, or say why not."""
        self.overlay.hide()
        paths = paths_of(event.mimeData())
        if not paths:
            return
        event.acceptProposedAction()
        row = self.find(paths)
        if row is None:
            self._desk.say(f"{paths[0].name} cannot be opened. {self._describe_all()}", "error")
            return
        row.do(paths)
        if _rest(row, paths):
            self._desk.say(_rest(row, paths), "info")

    def _describe_all(self) -> str:
        things = list(dict.fromkeys(row.thing for row in self.rows))
        return f"Drop {', '.join(things[:-1])} or {things[-1]}."


def paths_of(data: QMimeData) -> list[Path]:
    """The local files and folders of a drag."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def _name(row: Drop, paths: Paths) -> str:
    return paths[0].name if not row.takes_many or len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"


def _rest(row: Drop, paths: Paths) -> str:
    if row.takes_many or len(paths) == 1:
        return ""
    return f"Only {paths[0].name} is opened; drop the other {len(paths) - 1} one at a time."
