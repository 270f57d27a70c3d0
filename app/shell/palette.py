"""The command palette: type a few letters, choose with the arrows, do it with Enter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QStaticText
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.look.theme import theme_in_use
from app.widgets.basics import fill_dialog, make_label, make_row
from app.widgets.drawing import draw_text


@dataclass(frozen=True, slots=True)
class Jump:
    """One line of the palette.

    Parameters
    ----------
    kind : "Command", "ROI", "Image" and so on.
    title, detail : What is searched, and what stands beside it.
    go : Does it.
    reason : Why it cannot be done now; empty if it can.
    key : Its keyboard shortcut.
    """

    kind: str
    title: str
    detail: str
    go: Callable[[], object]
    reason: str = ""
    key: str = ""


START = r"(?<![^\W_])"
"""A place behind no letter or figure."""

WAYS = (
    (100.0, "^", "({0})"),
    (80.0, START, "({0})"),
    (55.0, "", "({0})"),
    (45.0, START, f"(?:(?!{START}{{0}}).)*{START}({{0}})"),
    (20.0, "", "[^{0}]*({0})"),
)
"""What a word is worth that begins the text, begins a word of it, stands inside one, is its initials, is spread over
it; where its first letter stands, and how a further one follows."""

MOST_GAPS = 8
"""With more letters left out of a word that is spread over the text, it was not meant; each costs 1."""

LENGTH_COST = 0.1
"""A letter of the text: of two equal finds the shorter text is meant."""


@dataclass(frozen=True, slots=True)
class Find:
    """How well a text was meant, and which of its letters were."""

    score: float
    letters: tuple[int, ...]


def find_words(query: str, text: str) -> Find | None:
    """How well a text fits what was typed; None if a word of the query is not in it at all."""
    folded = text.casefold()
    score, letters = -LENGTH_COST * len(folded), set[int]()
    for word in query.casefold().split():
        found = _find_word(word, folded)
        if found is None:
            return None
        score += found.score
        letters.update(found.letters)
    return Find(score, tuple(sorted(letters)))


def _find_word(word: str, text: str) -> Find | None:
    for worth, start, follows in WAYS:
        first, *others = map(re.escape, word)
        if found := re.search(f"{start}({first})" + "".join(map(follows.format, others)), text):
            places = tuple(found.start(number) for number in range(1, len(word) + 1))
            gaps = 0 if start else places[-1] - places[0] + 1 - len(word)  # between initials are whole words
            return Find(worth - gaps, places) if gaps <= MOST_GAPS else None
    return None


ANSWER_ROLE = int(Qt.ItemDataRole.UserRole)
ROW_HEIGHT = 30
KIND_WIDTH = 78
GAP = 10
CORNER = 5
AnyIndex = QModelIndex | QPersistentModelIndex


class PalettePainter(QStyledItemDelegate):
    """Paints in the theme's colours; meant letters are bold, not only coloured."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:
        """One line."""
        return QSize(option.rect.width(), max(ROW_HEIGHT, option.fontMetrics.height() + 2 * GAP))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Draw one answer."""
        answer = index.data(ANSWER_ROLE)
        if not isinstance(answer, Answer):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = option.rect.adjusted(2, 1, -2, -1)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QColor(theme_in_use().accent))
            painter.setBrush(QColor(theme_in_use().accent_soft))
            painter.drawRoundedRect(row, CORNER, CORNER)
        row, jump, muted = row.adjusted(GAP, 0, -GAP, 0), answer.jump, theme_in_use().muted
        draw_text(painter, row, jump.kind, muted)
        draw_text(painter, row, jump.key, muted, align=Qt.AlignmentFlag.AlignRight)
        key_width = painter.fontMetrics().horizontalAdvance(jump.key) + GAP if jump.key else 0
        room, meant = row.adjusted(KIND_WIDTH, 0, -key_width, 0), answer.letters
        letters = [f"<b>{escape(one)}</b>" if at in meant else escape(one) for at, one in enumerate(jump.title)]
        title = QStaticText(f"<nobr>{''.join(letters)}</nobr>")
        title.prepare(font=painter.font())
        painter.setPen(QColor(muted if jump.reason else theme_in_use().text))
        painter.drawStaticText(room.left(), room.top() + round((room.height() - title.size().height()) / 2), title)
        told = f"Not available: {jump.reason}" if jump.reason else jump.detail
        draw_text(painter, room.adjusted(round(title.size().width()) + GAP, 0, 0, 0), told, muted)
        painter.restore()


MOST_ROWS = 60
"""More answers than anybody reads: the next letter makes them fewer."""

WIDTH, HEIGHT = 640, 420
FROM_TOP = 64
PLACEHOLDER = "Command, map, view, option, ROI, image, network, subject, setting or voxel number"
HELP = "↑ ↓ choose · Enter run · Esc close"
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, slots=True)
class Answer:
    """One line shown, with the letters that were meant."""

    jump: Jump
    letters: tuple[int, ...] = ()


def find_jumps(query: str, jumps: Sequence[Jump]) -> list[Answer]:
    """The jumps somebody may mean, the likeliest first; those that cannot be done now stand last among equals."""
    if not query.strip():
        return [Answer(jump) for jump in jumps[:MOST_ROWS]]
    found = []
    for place, jump in enumerate(jumps):
        if (best := find_words(query, f"{jump.title} {jump.kind} {jump.detail}")) is not None:
            in_title = find_words(query, jump.title)
            score = best.score if in_title is None else in_title.score + best.score
            letters = best.letters if in_title is None else in_title.letters
            found.append((-score, bool(jump.reason), place, Answer(jump, letters)))
    return [answer for *_, answer in sorted(found, key=lambda row: row[:3])[:MOST_ROWS]]


class AnswerList(QListWidget):
    """The answers as rows, each with a sentence for screen readers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Answer] = []
        self.setItemDelegate(PalettePainter(self))
        self.setAccessibleName("Answers")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)

    def set_answers(self, answers: list[Answer]) -> None:
        """Show other answers, the first as chosen."""
        self.clear()
        self.answers = answers
        for answer in answers:
            jump, item = answer.jump, QListWidgetItem(answer.jump.title, self)
            why = f"not available: {jump.reason}" if jump.reason else jump.detail
            said = ", ".join(part for part in (jump.title, jump.kind, why, jump.key) if part)
            item.setToolTip(said)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, said)
            item.setData(ANSWER_ROLE, answer)
        self.setCurrentRow(0)


class Palette(QDialog):
    """A field over a list; keys typed into the field move the list."""

    def __init__(
        self, jumps: Sequence[Jump], *, find_voxel: Callable[[str], Jump | None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.resize(WIDTH, HEIGHT)
        self._jumps = jumps
        self._find_voxel = find_voxel
        self.field = QLineEdit()
        self.field.setPlaceholderText(PLACEHOLDER)
        self.field.setAccessibleName("Search commands and places")
        self.field.setClearButtonEnabled(True)
        self.field.installEventFilter(self)
        self.list = AnswerList()
        self.note = make_label(HELP, "faint")
        self.count = make_label("", "faint")
        foot = make_row(self.note, -1, self.count)
        fill_dialog(self, "Command palette", self.field, self.list, foot, gap=8, margin=12, stretch=1)
        self.field.textChanged.connect(self._search)
        self.list.itemClicked.connect(self._do_current)
        self.list.itemActivated.connect(self._do_current)
        self.list.currentItemChanged.connect(self._explain)
        self._search("")

    def place_over(self, window: QWidget) -> None:
        """Stand near the upper edge of a window, in its middle."""
        self.resize(min(WIDTH, window.width() - 48), min(HEIGHT, window.height() - FROM_TOP - 24))
        corner = QPoint((window.width() - self.width()) // 2, FROM_TOP)
        self.move(window.mapToGlobal(corner))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys that move the list leave the field; the others stay there."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in MOVES:
                self._move(event.key())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do_current()
                return True
        return super().eventFilter(watched, event)

    def _move(self, key: int) -> None:
        count = self.list.count()
        if not count:
            return
        page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)) - 1)
        row = self.list.currentRow()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            row = (row + (1 if key == Qt.Key.Key_Down else -1)) % count
        else:
            row = min(max(row + (page if key == Qt.Key.Key_PageDown else -page), 0), count - 1)
        self.list.setCurrentRow(row)

    def _search(self, query: str) -> None:
        voxel = self._find_voxel(query)
        first = [] if voxel is None else [Answer(voxel)]
        answers = first + find_jumps(query, self._jumps)
        self.list.set_answers(answers)
        self.count.setText(f"{len(answers)}{'+' if len(answers) == MOST_ROWS else ''} found" if answers else "")
        if not answers:
            self.note.setText("No match. Try fewer letters.")

    def _explain(self, item: QListWidgetItem | None) -> None:
        """Say of the chosen line why it cannot be done; a screen reader hears the field's description."""
        if item is not None:
            self.note.setText(item.data(ANSWER_ROLE).jump.reason or HELP)
            self.field.setAccessibleDescription(item.toolTip())

    def _do_current(self) -> None:
        """Close, then do what is chosen; what cannot be done now stays, with its reason."""
        item = self.list.currentItem()
        jump = item.data(ANSWER_ROLE).jump if item is not None else None
        if jump is not None and jump.reason:
            self.note.setText(jump.reason)
        elif jump is not None:
            self.accept()
            jump.go()
