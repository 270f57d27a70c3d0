"""The command palette: type a few letters, choose with the arrows, do it with Enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QDialog, QFrame, QLineEdit, QListView, QWidget

from app.look.theme import Theme
from app.shell.fuzzy import find_words
from app.shell.jump import Jump
from app.shell.palette_painter import JUMP_ROLE, LETTERS_ROLE, PalettePainter
from app.widgets.basics import make_column, make_label, make_row

MOST_ROWS = 60
"""More answers than anybody reads: the next letter makes them fewer."""

WIDTH, HEIGHT = 640, 420
FROM_TOP = 64
PLACEHOLDER = "Command, ROI, image, network, subject, setting or voxel number"
HELP = "↑ ↓ choose · Enter run · Esc close"
MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
AnyIndex = QModelIndex | QPersistentModelIndex


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
        best = find_words(query, f"{jump.title} {jump.kind} {jump.detail}")
        if best is not None:
            in_title = find_words(query, jump.title)
            score = best.score if in_title is None else in_title.score + best.score
            letters = best.letters if in_title is None else in_title.letters
            found.append((-score, bool(jump.reason), place, Answer(jump, letters)))
    return [answer for *_, answer in sorted(found, key=lambda row: row[:3])[:MOST_ROWS]]


class AnswerList(QAbstractListModel):
    """The answers as rows, each with a sentence for screen readers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Answer] = []

    def set_answers(self, answers: list[Answer]) -> None:
        """Show other answers."""
        self.beginResetModel()
        self.answers = answers
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of answers."""
        return 0 if parent.isValid() else len(self.answers)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Title, sentence and what the painter needs."""
        answer = self.answers[index.row()]
        jump = answer.jump
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return jump.title
            case Qt.ItemDataRole.AccessibleTextRole | Qt.ItemDataRole.ToolTipRole:
                why = f"not available: {jump.reason}" if jump.reason else jump.detail
                return ", ".join(part for part in (jump.title, jump.kind, why, jump.key) if part)
            case _ if role == JUMP_ROLE:
                return jump
            case _ if role == LETTERS_ROLE:
                return answer.letters
        return None


class Palette(QDialog):
    """A field over a list; keys typed into the field move the list."""

    def __init__(
        self,
        jumps: Sequence[Jump],
        *,
        theme: Theme,
        find_voxel: Callable[[str], Jump | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("palette")
        self.setWindowTitle("Command palette")
        self.resize(WIDTH, HEIGHT)
        self._jumps = jumps
        self._find_voxel = find_voxel
        self.field = QLineEdit()
        self.field.setPlaceholderText(PLACEHOLDER)
        self.field.setAccessibleName("Search commands and places")
        self.field.setClearButtonEnabled(True)
        self.field.installEventFilter(self)
        self.list = AnswerList()
        self.view = self._make_view(theme)
        self.note = make_label(HELP, "faint")
        self.count = make_label("", "faint")
        column = make_column(self.field, self.view, make_row(self.note, -1, self.count), gap=8, margin=12)
        column.setStretch(1, 1)
        self.setLayout(column)
        self.field.textChanged.connect(self._search)
        self.view.clicked.connect(self._do_clicked)
        self.view.activated.connect(self._do_clicked)
        self.view.selectionModel().currentChanged.connect(self._explain)
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

    def _make_view(self, theme: Theme) -> QListView:
        view = QListView()
        view.setModel(self.list)
        view.setItemDelegate(PalettePainter(theme, view))
        view.setAccessibleName("Answers")
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setUniformItemSizes(True)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        return view

    def _move(self, key: int) -> None:
        count = self.list.rowCount()
        if not count:
            return
        page = max(1, self.view.viewport().height() // max(1, self.view.sizeHintForRow(0)) - 1)
        row = self.view.currentIndex().row()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            row = (row + (1 if key == Qt.Key.Key_Down else -1)) % count
        else:
            row = min(max(row + (page if key == Qt.Key.Key_PageDown else -page), 0), count - 1)
        self.view.setCurrentIndex(self.list.index(row, 0))

    @Slot(str)
    def _search(self, query: str) -> None:
        voxel = self._find_voxel(query)
        first = [] if voxel is None else [Answer(voxel)]
        answers = first + find_jumps(query, self._jumps)
        self.list.set_answers(answers)
        self.count.setText(f"{len(answers)}{'+' if len(answers) == MOST_ROWS else ''} found" if answers else "")
        if answers:
            self.view.setCurrentIndex(self.list.index(0, 0))
        else:
            self.note.setText("No match. Try fewer letters.")

    @Slot(QModelIndex, QModelIndex)
    def _explain(self, index: QModelIndex, _before: QModelIndex) -> None:
        """Say of the chosen line why it cannot be done; a screen reader hears the field's description."""
        if not index.isValid():
            return
        self.note.setText(self.list.answers[index.row()].jump.reason or HELP)
        self.field.setAccessibleDescription(str(self.list.data(index, Qt.ItemDataRole.AccessibleTextRole)))

    @Slot(QModelIndex)
    def _do_clicked(self, index: QModelIndex) -> None:
        self.view.setCurrentIndex(index)
        self._do_current()

    def _do_current(self) -> None:
        """Close, then do what is chosen; what cannot be done now stays, with its reason."""
        index = self.view.currentIndex()
        if not index.isValid():
            return
        jump = self.list.answers[index.row()].jump
        if jump.reason:
            self.note.setText(jump.reason)
            return
        self.accept()
        jump.go()
