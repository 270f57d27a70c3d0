"""Draws one line of the command palette: kind, title with the meant letters, detail, key."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.look.theme import Theme
from app.shell.jump import Jump

JUMP_ROLE = int(Qt.ItemDataRole.UserRole)
LETTERS_ROLE = JUMP_ROLE + 1
ROW_HEIGHT = 30
KIND_WIDTH = 78
GAP = 10
CORNER = 5
AnyIndex = QModelIndex | QPersistentModelIndex


class PalettePainter(QStyledItemDelegate):
    """Paints in the theme's colours; meant letters are bold, not only coloured."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:
        """One line."""
        return QSize(option.rect.width(), max(ROW_HEIGHT, option.fontMetrics.height() + 2 * GAP))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Draw one answer."""
        jump = index.data(JUMP_ROLE)
        if not isinstance(jump, Jump):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = option.rect.adjusted(2, 1, -2, -1)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QColor(self._theme.accent))
            painter.setBrush(QColor(self._theme.accent_soft))
            painter.drawRoundedRect(row, CORNER, CORNER)
        self._draw_parts(painter, row.adjusted(GAP, 0, -GAP, 0), jump, index.data(LETTERS_ROLE) or ())
        painter.restore()

    def _draw_parts(self, painter: QPainter, row: QRect, jump: Jump, letters: tuple[int, ...]) -> None:
        muted, title = QColor(self._theme.muted), QColor(self._theme.muted if jump.reason else self._theme.text)
        painter.setPen(muted)
        painter.drawText(row, _LEFT, jump.kind)
        key_width = painter.fontMetrics().horizontalAdvance(jump.key) if jump.key else 0
        painter.drawText(row, _RIGHT, jump.key)
        room = row.adjusted(KIND_WIDTH, 0, -(key_width + GAP if key_width else 0), 0)
        used = self._draw_title(painter, room, jump.title, letters, title)
        left = room.adjusted(used + GAP, 0, 0, 0)
        painter.setPen(muted)
        told = f"Not available: {jump.reason}" if jump.reason else jump.detail
        painter.drawText(left, _LEFT, painter.fontMetrics().elidedText(told, Qt.TextElideMode.ElideRight, left.width()))

    @staticmethod
    def _draw_title(painter: QPainter, room: QRect, title: str, letters: tuple[int, ...], colour: QColor) -> int:
        """Draw the title letter by letter; returns its width."""
        plain, bold = QFont(painter.font()), QFont(painter.font())
        bold.setBold(True)
        painter.setPen(colour)
        meant, used = set(letters), 0
        for place, letter in enumerate(title):
            font = bold if place in meant else plain
            painter.setFont(font)
            if used < room.width():
                painter.drawText(room.adjusted(used, 0, 0, 0), _LEFT, letter)
            used += QFontMetrics(font).horizontalAdvance(letter)
        painter.setFont(plain)
        return used


_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
