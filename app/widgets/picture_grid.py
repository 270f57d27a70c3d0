"""Shows the pictures of an answer in rows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.base.pictures import to_qimage
from app.widgets.basics import make_column, make_label
from core.reports.pictures import Picture


class PictureGrid(QWidget):
    """Rows of pictures with words over them, which stand once over equal ones, each row with words at its left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures: list[QLabel] = []
        self.captions: list[QLabel] = []
        self._rows = QWidget()
        self._column = make_column(self._rows)
        self.setLayout(self._column)

    def show_pictures(self, grid: Sequence[Sequence[Picture]], names: Sequence[str] = (), *, height: int = 0) -> None:
        """Show rows of pictures; those without holes, which maps have, are scaled to a height."""
        shown, layout = QWidget(), QGridLayout()
        shown.setLayout(layout)
        layout.setSpacing(6)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1 + max(map(len, grid), default=0), 1)
        self.pictures, self.captions = [], []
        above: Sequence[Picture] = ()
        for line, row in enumerate(grid):
            for column, picture in enumerate(row, start=1):
                if [one.caption for one in above[column - 1 : column]] != [picture.caption]:
                    self.captions.append(make_label(picture.caption, "faint"))
                    layout.addWidget(self.captions[-1], 2 * line, column)
                self.pictures.append(_show(picture, height))
                layout.addWidget(self.pictures[-1], 2 * line + 1, column)
            layout.addWidget(make_label("".join(names[line : line + 1]), "muted"), 2 * line + 1, 0)
            above = row
        self._column.replaceWidget(self._rows, shown)
        self._rows.deleteLater()
        self._rows = shown


def _show(picture: Picture, height: int) -> QLabel:
    label = QLabel()
    if picture.levels is None:
        label.setText("The surface is missing.")
        return label
    pixmap = QPixmap.fromImage(to_qimage(picture.levels))
    smooth = Qt.TransformationMode.SmoothTransformation
    label.setPixmap(pixmap if pixmap.hasAlphaChannel() else pixmap.scaledToHeight(height, smooth))
    return label
