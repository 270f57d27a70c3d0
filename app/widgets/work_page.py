"""What a page behind a tab of the window is: a widget that takes the theme's colours."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.look.theme import Theme


class WorkPage(QWidget):
    """A page of `Workspaces`."""

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        raise NotImplementedError

    def hasHeightForWidth(self) -> bool:
        """No: a wrapped line in it would make the height it would like the least one, and push its foot off screen."""
        return False
