"""The splitters of the window, their first sizes and how they are remembered."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QSplitter, QWidget

HANDLE_PIXELS = 6
FIRST_SIZES: dict[str, tuple[int, ...]] = {
    "main_splitter": (324, 1116),
    "left_splitter": (620, 204),
    "work_splitter": (560, 260),
    "top_splitter": (720, 400),
}


def make_splitter(name: str, orientation: Qt.Orientation, *widgets: QWidget, stretch: int) -> QSplitter:
    """A splitter whose part number `stretch` takes the room a larger window gives."""
    splitter = QSplitter(orientation)
    splitter.setObjectName(name)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(HANDLE_PIXELS)
    for number, widget in enumerate(widgets):
        splitter.addWidget(widget)
        splitter.setStretchFactor(number, 1 if number == stretch else 0)
    splitter.setSizes(list(FIRST_SIZES[name]))
    return splitter


def encode(state: QByteArray) -> str:
    """Qt's opaque state as text."""
    return bytes(state.toBase64().data()).decode("ascii")


def decode(text: str) -> QByteArray:
    """The reverse of `encode`."""
    return QByteArray.fromBase64(QByteArray(text.encode("ascii")))
