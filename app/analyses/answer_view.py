"""What the central figure of each question is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.look.theme import Theme


class AnswerView(QWidget):
    """The central figure of one question; a click asks to see a probe (encoder, target, image) in Explore."""

    probe_requested = Signal(int, int, int)

    def show_answer(self, finished: Any) -> None:
        """Draw an answer."""
        raise NotImplementedError

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        raise NotImplementedError
