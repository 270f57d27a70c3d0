"""The commands about the program: its picture, log, keys, report, licences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication

from app.base.desk import Desk, Feature
from app.base.exports import save_window_picture
from app.shell.help_pages import PAGES, HelpPages
from app.shell.program_dialogs import AboutDialog, CrashDialog, LogWindow
from app.shell.shortcuts import read_keys
from app.shell.shortcuts_sheet import ShortcutsSheet
from app.widgets.ask_path import ask_path
from core.errors import ProbeError

PNG_FILTER = "PNG (*.png)"


class Handlers(Feature):
    """One method a command."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._log: LogWindow | None = None
        self._help: HelpPages | None = None
        self._session.problems.crashed.connect(self.show_crash)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The commands about the program."""
        return {
            "window_picture": self.save_window,
            "toggle_theme": self.toggle_theme,
            "show_log": self.show_log,
            "show_shortcuts": self.show_shortcuts,
            "copy_report": self.copy_report,
            "about": self.show_about,
            "help_first": partial(self.show_help, PAGES[0][0]),
            "help_pages": partial(self.show_help, PAGES[1][0]),
        }

    @Slot()
    def save_window(self) -> None:
        """Ask for a file and save a picture of the window."""
        parent, settings = self._desk.parent, self._session.settings
        path = ask_path(parent, "Save a picture of the window", "probescope.png", PNG_FILTER, settings=settings)
        if path is None:
            return
        try:
            self._desk.say(save_window_picture(parent, path), "info")
        except ProbeError as error:
            self._session.problems.show(error)

    @Slot()
    def toggle_theme(self) -> None:
        """Switch dark and light."""
        self._session.settings.set("theme", "light" if self._desk.theme().is_dark else "dark")

    @Slot()
    def show_log(self) -> None:
        """Open the log beside the window."""
        if self._log is None:
            self._log = LogWindow(self._session.log, self._desk.parent)
        self._log.show()
        self._log.raise_()

    @Slot()
    def show_shortcuts(self) -> None:
        """Open the help sheet."""
        ShortcutsSheet(read_keys(self._session.settings), self._desk.parent).open()

    def show_help(self, page: str) -> None:
        """Open the documentation at a page."""
        if self._help is None:
            self._help = HelpPages(self._desk.parent)
        self._help.show_page(page)

    @Slot()
    def show_about(self) -> None:
        """Open the about dialog."""
        AboutDialog(self._desk.parent).open()

    @Slot()
    def copy_report(self) -> None:
        """Put a report of the program as it runs on the clipboard."""
        QGuiApplication.clipboard().setText(self._session.problems.describe_program())
        self._desk.say("Copied the program report: versions, device, settings and the last log lines.", "info")

    @Slot(str, str)
    def show_crash(self, report: str, path: str) -> None:
        """Offer the report of a defect."""
        CrashDialog(report, path, self._desk.parent).open()
