"""Shows the pictures of an answer in rows, as large as their room is wide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.base.pictures import to_qimage
from app.widgets.basics import make_column, make_label
from app.widgets.large_view import LargeView
from core.reports.pictures import Picture
from core.types import ByteArray

GAP = 6
LEAST, MOST = 96, 224
"""Height of a picture in pixels."""
MAP_SCALE = 1.25
"""Times the height of a picture, for one with holes, as maps are."""


class ClickedLabel(QLabel):
    """A label that tells of a click, or of Enter and Space while it has the focus."""

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Tell."""
        self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell of the keys of a button."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)


class PictureGrid(QWidget):
    """Rows of pictures with words over them, which stand once over equal ones, each row with words at its left.

    A click shows a picture large, with the others one key away.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures: list[QLabel] = []
        self.captions: list[QLabel] = []
        self._grid: list[list[tuple[QLabel, QPixmap]]] = []
        self._names: list[QLabel] = []
        self._rows = QWidget()
        self._column = make_column(self._rows)
        self.setLayout(self._column)

    def show_pictures(self, grid: Sequence[Sequence[Picture]], names: Sequence[str] = ()) -> None:
        """Show rows of pictures."""
        shown, layout = QWidget(), QGridLayout()
        shown.setLayout(layout)
        layout.setSpacing(GAP)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1 + max(map(len, grid), default=0), 1)
        self.pictures, self.captions, self._grid, self._names = [], [], [], []
        large: list[tuple[str, ByteArray]] = []
        above: Sequence[Picture] = ()
        for line, row in enumerate(grid):
            drawn = []
            for column, picture in enumerate(row, start=1):
                if [one.caption for one in above[column - 1 : column]] != [picture.caption]:
                    self.captions.append(make_label(picture.caption, "faint"))
                    layout.addWidget(self.captions[-1], 2 * line, column)
                label = self._make_label(picture, "".join(names[line : line + 1]), large)
                layout.addWidget(label, 2 * line + 1, column)
                drawn.append((label, _make_pixmap(picture)))
            self._names.append(make_label("".join(names[line : line + 1]), "muted"))
            layout.addWidget(self._names[-1], 2 * line + 1, 0)
            self._grid.append(drawn)
            self.pictures += [label for label, _ in drawn]
            above = row
        self._column.replaceWidget(self._rows, shown)
        self._rows.deleteLater()
        self._rows = shown
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Pictures as large as the width allows."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give every picture the height at which the widest row fits."""
        named = max((label.sizeHint().width() for label in self._names), default=0)
        heights = []
        for row in self._grid:
            across = sum(_scale(one) * one.width() / max(1, one.height()) for _, one in row)
            heights.append((self.width() - named - GAP * (len(row) + 2)) / max(across, 0.1))
        height = min(MOST, max(LEAST, min(heights, default=LEAST)))
        ratio, smooth = self.devicePixelRatioF(), Qt.TransformationMode.SmoothTransformation
        for label, pixmap in (pair for row in self._grid for pair in row):
            if not pixmap.isNull():
                scaled = pixmap.scaledToHeight(round(ratio * height * _scale(pixmap)), smooth)
                scaled.setDevicePixelRatio(ratio)
                label.setPixmap(scaled)

    def _make_label(self, picture: Picture, name: str, large: list[tuple[str, ByteArray]]) -> QLabel:
        """A label of a picture, that shows it large among all that are in `large`."""
        if picture.levels is None:
            return QLabel("The surface is missing.")
        label = ClickedLabel()
        label.setMinimumSize(1, 1)  # else it could not become smaller again
        label.setAccessibleName(", ".join(filter(None, (*name.splitlines()[:2], *picture.caption.splitlines()))))
        label.setToolTip(f"{label.accessibleName()}\nClick to enlarge")
        label.clicked.connect(partial(self._enlarge, large, len(large)))
        large.append((label.accessibleName(), picture.levels))
        return label

    def _enlarge(self, pictures: Sequence[tuple[str, ByteArray]], at: int) -> None:
        LargeView(pictures, at, self).open()


def _make_pixmap(picture: Picture) -> QPixmap:
    return QPixmap() if picture.levels is None else QPixmap.fromImage(to_qimage(picture.levels))


def _scale(pixmap: QPixmap) -> float:
    return MAP_SCALE if pixmap.hasAlphaChannel() else 1.0
