"""Pictures one at a time, as large as the window allows, at one zoom: the eye compares them in place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QDialog, QWidget

from app.widgets.basics import fill_dialog, make_label, make_row, make_tool_button
from app.widgets.image_view import ImageView
from core.types import ByteArray

NamedPictures = Sequence[tuple[str, ByteArray | None]]
"""Words and (height, width, 3 or 4) uint8 each; None is left out."""
SHARE = 0.92
"""Of the window it stands over."""
HELP = "← → other pictures at the same zoom · scroll to zoom · Esc or double click to close"


class LargeView(QDialog):
    """Shows one of several pictures; zoom and place stay while one goes from one to the next."""

    def __init__(self, pictures: NamedPictures, at: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._pictures = [(name, levels) for name, levels in pictures if levels is not None]
        self.at = sum(levels is not None for _, levels in pictures[:at])
        self.view, self.title, self.scale = ImageView("large"), make_label("", "strong"), make_label("", "muted")
        back, on = partial(self.step, -1), partial(self.step, 1)
        for key, do in ((Qt.Key.Key_Left, back), (Qt.Key.Key_Right, on)):
            QShortcut(key, self, do)
        buttons = [
            make_tool_button(do, tip=f"{name} picture", icon=name.lower())
            for name, do in (("Previous", back), ("Next", on))
            if len(self._pictures) > 1
        ]
        head, foot = make_row(self.title, -1, *buttons), make_row(make_label(HELP, "faint"), -1, self.scale)
        fill_dialog(self, "Picture", head, self.view, foot, gap=6, margin=12, stretch=1)
        self.view.view_moved.connect(self._tell_scale)
        self.view.enlarged.connect(self.accept)
        self.resize(parent.window().size() * SHARE)
        self._show()

    def step(self, by: int, *_clicked: bool) -> None:
        """Show the picture `by` places further, round the end."""
        self.at = (self.at + by) % len(self._pictures)
        self._show()

    def _show(self) -> None:
        name, levels = self._pictures[self.at]
        self.title.setText(f"{name} ({self.at + 1} of {len(self._pictures)})" if len(self._pictures) > 1 else name)
        self.view.suggested_name = name.splitlines()[0].lower()
        self.view.set_pixels(levels)
        self._tell_scale()

    def _tell_scale(self, *_moved: object) -> None:
        self.scale.setText(self.view.describe_scale())
