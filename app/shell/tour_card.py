"""A small card beside the part of the window it speaks of, and a frame around that part. Never blocks the window."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from app.look.theme import theme_in_use
from app.widgets.basics import announce, make_button, make_column, make_label, make_row

CARD_WIDTH = 300
GAP = 14
FRAME_WIDTH, FRAME_CORNER = 3.0, 8
INSIDE = 12
"""Pixels to the window's edge."""


class TourFrame(QWidget):
    """Draws a ring around one place of the window; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Part of the window this step describes")
        self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme_in_use().accent), FRAME_WIDTH))
        painter.drawRoundedRect(self.rect().adjusted(2, 2, -2, -2), FRAME_CORNER, FRAME_CORNER)
        painter.end()


class TourCard(QFrame):
    """Title, text and buttons of one step; Escape ends the tour."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("tourCard")
        self._window = parent
        self.setFixedWidth(CARD_WIDTH)
        self.place = make_label("", "faint")
        self.title = make_label("", "title", wraps=True)
        self.text = make_label("", wraps=True)
        self.done = make_label("", "muted", wraps=True)
        self.end = make_button("End tour", "link", tip="Reopen it from Help, Tour of the window (Esc)")
        self.back = make_button("Back")
        self.help = make_button("Do it for me", tip="Have the program do this step")
        self.next = make_button("Next", "primary")
        self._column = make_column(
            make_row(self.place, -1, self.end),
            self.title,
            self.text,
            self.done,
            make_row(self.back, -1, self.help, self.next),
            gap=8,
            margin=16,
        )
        self.setLayout(self._column)
        self.hide()

    def show_step(self, place: str, title: str, text: str, *, is_last: bool) -> None:
        """Show one step and put the focus on the button that goes on."""
        self.place.setText(place)
        self.title.setText(title)
        self.text.setText(text)
        self.next.setText("Finish" if is_last else "Next")
        self.setAccessibleName(f"Tour, {place}: {title}")
        self.setAccessibleDescription(text)
        self.show()
        self._fit()
        self.raise_()
        self.next.setFocus()
        announce(self, f"{place}. {title}. {text}")

    def show_done(self, text: str) -> None:
        """Say whether the step was done."""
        if text != self.done.text():
            self.done.setText(text)
            announce(self, text)
        self._fit()

    def stand_beside(self, target: QRect) -> None:
        """Stand over the gallery, of which no step speaks, or beside the target: right, left, below, above, in it."""
        room, size = self._window.rect().adjusted(INSIDE, INSIDE, -INSIDE, -INSIDE), self.size()
        places = (
            room.bottomLeft() - QPoint(0, size.height()),
            QPoint(target.right() + GAP, target.top()),
            QPoint(target.left() - GAP - size.width(), target.top()),
            QPoint(target.left(), target.bottom() + GAP),
            QPoint(target.left(), target.top() - GAP - size.height()),
        )
        fitting = [QRect(place, size) for place in places]
        inside = [self._push_in(rect, room) for rect in fitting]
        free = [rect for rect in inside if not rect.intersects(target)]
        corner = QRect(target.bottomRight() - QPoint(size.width() + GAP, size.height() + GAP), size)
        self.move((free or [self._push_in(corner, room)])[0].topLeft())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape ends the tour."""
        if event.key() == Qt.Key.Key_Escape:
            self.end.click()
        else:
            super().keyPressEvent(event)

    def _fit(self) -> None:
        """Wrapped labels need to know their width before their height."""
        inner = CARD_WIDTH - 32
        for label in (self.title, self.text, self.done):
            wanted = (
                label.heightForWidth(inner) if label.text() else label.fontMetrics().height()
            )  # "Done" keeps its room
            label.setMinimumHeight(wanted)
        self._column.activate()
        self.resize(CARD_WIDTH, self._column.totalHeightForWidth(CARD_WIDTH))

    @staticmethod
    def _push_in(rect: QRect, room: QRect) -> QRect:
        left = max(room.left(), min(rect.left(), room.right() - rect.width()))
        top = max(room.top(), min(rect.top(), room.bottom() - rect.height()))
        return QRect(QPoint(left, top), rect.size())
