"""Opens the settings, and applies those about the window itself as they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication

from app.base.desk import Desk, Feature
from app.look.theme import Theme, find_theme
from app.shell.settings_dialog import SettingsDialog
from app.shell.shortcuts import KEY, read_keys


class Preferences(Feature):
    """Theme and keys; what else a setting changes follows it by itself.

    Parameters
    ----------
    desk : Desk
    set_theme, set_keys : function
        Change the colours, and the keys of the commands by their ids.
    """

    def __init__(
        self, desk: Desk, *, set_theme: Callable[[Theme], None], set_keys: Callable[[Mapping[str, str]], None]
    ) -> None:
        super().__init__(desk)
        self._settings = desk.services.settings
        self._change_theme = set_theme
        self._set_keys = set_keys
        self.dialog: SettingsDialog | None = None
        self._settings.changed.connect(self._apply)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow_system)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The command that opens the settings."""
        return {"settings": self.show_settings}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        if self.dialog is not None:
            self.dialog.set_theme(theme)

    @Slot()
    def show_settings(self, key: str = "") -> None:
        """Open the settings, on one of them if it is named."""
        if self.dialog is None:
            self.dialog = SettingsDialog(self._settings, self._desk.theme(), self._desk.parent)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        if key:
            self.dialog.show_setting(key)

    def _apply(self, key: str) -> None:
        if key == "theme":
            self._apply_theme()
        elif key == KEY:
            self._set_keys(read_keys(self._settings))

    def _follow_system(self) -> None:
        if self._settings.text("theme") == "system":
            self._apply_theme()

    def _apply_theme(self) -> None:
        theme = find_theme(self._settings.text("theme"))
        if theme is not self._desk.theme():
            self._change_theme(theme)
