"""What each command of the table does, with the dialogs it needs. Never decides when it may be given."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog

from app.base.exports import save_window_picture
from app.base.paths import default_export_folder
from app.cortex.layout import NamedView
from app.explore.export_dialog import ExportDialog
from app.shell.about_dialog import AboutDialog
from app.shell.crash_dialog import CrashDialog
from app.shell.log_window import LogWindow
from app.shell.shortcuts import read_keys
from app.shell.shortcuts_sheet import ShortcutsSheet
from core.errors import ProbeError
from core.probes.probe import name_probe
from core.types import Direction

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

LOGGER = logging.getLogger(__name__)
IMAGE_FILTER = "Images (*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp);;All files (*)"
PNG_FILTER = "PNG (*.png)"
PROBE_FILTER = "Probe (*.json)"
PICTURE_SCALE = 2
VIEWS: tuple[NamedView, ...] = ("lateral", "medial", "ventral", "dorsal", "posterior", "anterior", "flat")


class Handlers(QObject):
    """One method a command; file dialogs are Qt's own, so that tests can stand in for them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._log: LogWindow | None = None

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handler of every command, by id."""
        controller = self._session.controller
        views = {f"view_{name}": partial(self._window.cortex.view.set_named_view, name) for name in VIEWS}
        return views | {
            "open_image": self.open_image,
            "previous_image": partial(self._window.gallery.step, -1),
            "next_image": partial(self._window.gallery.step, 1),
            "export": self.export,
            "save_probe": self.save_probe,
            "window_picture": self.save_window,
            "cortex_picture": self.save_cortex,
            "probe": controller.probe,
            "cancel": controller.cancel,
            "raise": partial(controller.set_direction, Direction.RAISE),
            "lower": partial(controller.set_direction, Direction.LOWER),
            "toggle_auto": self._window.controls.run.auto.toggle,
            "flicker": self._window.images.tools.flicker.toggle,
            "toggle_theme": self.toggle_theme,
            "reset_layout": self._window.reset_layout,
            "show_log": self.show_log,
            "show_shortcuts": self.show_shortcuts,
            "copy_report": self.copy_report,
            "about": self.show_about,
        }

    @Slot()
    def open_image(self) -> None:
        """Ask for an image file and open it."""
        start = self._session.settings.text("open_folder") or str(Path.home())
        chosen, _ = QFileDialog.getOpenFileName(self._window, "Open an image", start, IMAGE_FILTER)
        if chosen:
            self._session.settings.set("open_folder", str(Path(chosen).parent))
            self._session.controller.open_image(chosen)

    @Slot()
    def export(self) -> None:
        """Ask for a folder and export the probe's stimuli."""
        probe = self._session.state.probe
        if probe is None:
            return
        kept = self._session.settings.text("export_folder")
        dialog = ExportDialog(probe, Path(kept) if kept else default_export_folder(), self._window)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._session.settings.set("export_folder", str(dialog.parent_folder()))
            self._session.controller.export(dialog.folder())

    @Slot()
    def save_probe(self) -> None:
        """Ask for a file and save the probe."""
        probe = self._session.state.probe
        if probe is not None:
            path = self._ask_path("Save the probe", f"{name_probe(probe.config, probe.stimulus_id)}.json", PROBE_FILTER)
            if path is not None:
                self._session.controller.save_probe(path)

    @Slot()
    def save_window(self) -> None:
        """Ask for a file and save a picture of the window."""
        path = self._ask_path("Save a picture of the window", "probescope.png", PNG_FILTER)
        if path is not None:
            self._try(partial(save_window_picture, self._window, path))

    @Slot()
    def save_cortex(self) -> None:
        """Ask for a file and save a picture of the cortex at twice its size."""
        path = self._ask_path("Save a picture of the cortex", "cortex.png", PNG_FILTER)
        if path is not None:
            self._try(partial(self._grab_cortex, path))

    @Slot()
    def toggle_theme(self) -> None:
        """Switch dark and light."""
        self._session.settings.set("theme", "light" if self._window.theme.is_dark else "dark")

    @Slot()
    def show_log(self) -> None:
        """Open the log beside the window."""
        if self._log is None:
            self._log = LogWindow(self._session.log, self._window)
        self._log.show()
        self._log.raise_()

    @Slot()
    def show_shortcuts(self) -> None:
        """Open the help sheet."""
        ShortcutsSheet(read_keys(self._session.settings), self._window).open()

    @Slot()
    def show_about(self) -> None:
        """Open the about dialog."""
        AboutDialog(self._window).open()

    @Slot()
    def copy_report(self) -> None:
        """Put a report of the program as it runs on the clipboard."""
        QGuiApplication.clipboard().setText(self._session.problems.describe_program())
        self.show_note("Copied the program report: versions, device, settings and the last log lines.")

    @Slot(str, str)
    def show_crash(self, report: str, path: str) -> None:
        """Offer the report of a defect."""
        CrashDialog(report, path, self._window).open()

    @Slot(str)
    def show_note(self, text: str) -> None:
        """Say that something went well, and keep it in the log."""
        LOGGER.info("%s", text)
        self._window.banner.show_text(text, "info")

    def _grab_cortex(self, path: Path) -> str:
        self._window.cortex.view.grab_picture(path, scale=PICTURE_SCALE)
        return f"Saved the cortex to {path}"

    def _try(self, save: Callable[[], str]) -> None:
        try:
            self.show_note(save())
        except ProbeError as error:
            self._session.problems.show(error)

    def _ask_path(self, title: str, name: str, pattern: str) -> Path | None:
        kept = self._session.settings.text("export_folder")
        folder = Path(kept) if kept else Path.home()
        chosen, _ = QFileDialog.getSaveFileName(self._window, title, str(folder / name), pattern)
        return Path(chosen) if chosen else None
