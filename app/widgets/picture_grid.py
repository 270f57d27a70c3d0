"""Shows the pictures of an answer in rows, as large as their room is wide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.widgets.basics import make_column, make_label
from app.widgets.image_view import PictureLabel
from app.widgets.large_view import LargeView
from core.reports.pictures import Picture

GAP = 6
LEAST, MOST = 64, 224
"""Height of a picture in pixels."""
MAP_SCALE = 1.25
"""Times that height, for one with holes, as maps are."""


class PictureGrid(QWidget):
    """Rows of pictures with words over them, which stand once over equal ones, each row with words at its left.

    A click shows a picture large, with the others one key away.
    """

    HINT, MISSING = "Click to enlarge", "The surface is missing."

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures: list[PictureLabel] = []
        self.captions: list[QWidget] = []
        self._names: list[QLabel] = []
        self._widest: tuple[float, int] = (1.0, 0)
        """The widest row: its width against the height of a picture, and its number of pictures."""
        self._rows = QWidget()
        self._column = make_column(self._rows, -1)
        self.setLayout(self._column)

    def show_pictures(self, grid: Sequence[Sequence[Picture]], names: Sequence[str] = ()) -> None:
        """Show rows of pictures."""
        shown, layout = QWidget(), QGridLayout()
        shown.setLayout(layout)
        layout.setSpacing(GAP)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1 + max(map(len, grid), default=0), 1)
        self.pictures, self.captions, self._names, self._widest = [], [], [], (1.0, 0)
        above: Sequence[Picture] = ()
        for line, row in enumerate(grid):
            name = "".join(names[line : line + 1])
            for column, picture in enumerate(row, start=1):
                if [one.caption for one in above[column - 1 : column]] != [picture.caption]:
                    self.captions.append(self.make_caption(picture))
                    layout.addWidget(self.captions[-1], 2 * line, column)
                self.pictures.append(self._show(picture, name))
                layout.addWidget(self.pictures[-1], 2 * line + 1, column)
            self._names.append(make_label(name, "muted"))
            layout.addWidget(self._names[-1], 2 * line + 1, 0)
            self._widest = max(self._widest, (sum(map(_aspect, self.pictures[-len(row) :])), len(row)))
            above = row
        self._column.replaceWidget(self._rows, shown)
        self._rows.hide()  # at once: it is deleted only after the present turn, or what is modal
        self._rows.deleteLater()
        self._rows = shown
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Pictures as large as the width allows."""
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """Room for the smallest pictures: those shown may be larger, and become smaller."""
        return QSize(round(self._beside() + LEAST * self._widest[0]), super().minimumSizeHint().height())

    def _beside(self) -> int:
        """Pixels across of names and gaps."""
        named = max((label.sizeHint().width() for label in self._names), default=0)
        return named + GAP * (self._widest[1] + 2)

    def _fit(self) -> None:
        height = min(MOST, max(LEAST, (self.width() - self._beside()) / self._widest[0]))
        for label in self.pictures:
            label.setFixedSize(round(height * _aspect(label)), round(height * _scale(label)))

    def _show(self, picture: Picture, name: str) -> PictureLabel:
        words = (*name.splitlines()[:2], *picture.caption.splitlines())
        label = PictureLabel(", ".join(filter(None, words)), least=(LEAST, LEAST))
        if picture.levels is None:
            label.show_text(self.MISSING)
            return label
        label.show_pixels(picture.levels)
        label.setToolTip(f"{label.accessibleName()}\n{self.HINT}")
        label.clicked.connect(partial(self.take_click, label))
        return label

    def make_caption(self, picture: Picture) -> QWidget:
        """What stands over a picture."""
        return make_label(picture.caption, "faint", wraps=True)

    def take_click(self, chosen: PictureLabel) -> None:
        """Show it large."""
        pictures = [(one.accessibleName(), one.pixels) for one in self.pictures]
        LargeView(pictures, self.pictures.index(chosen), self).open()


def _scale(label: PictureLabel) -> float:
    return MAP_SCALE if label.image.hasAlphaChannel() else 1.0


def _aspect(label: PictureLabel) -> float:
    """Width against the height of a picture."""
    return _scale(label) * label.image.width() / max(1, label.image.height())
