"""Packages in the window: shows their dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from app.stimuli.package_dialog import PackageDialog
from app.widgets.basics import bring
from app.widgets.desk import Desk, Feature


class Packages(Feature):
    """Holds the dialog; `find_newest` gives the folder of the set that was written last."""

    def __init__(self, desk: Desk, find_newest: Callable[[], Path | None]) -> None:
        super().__init__(desk)
        self._find_newest = find_newest
        self.dialog: PackageDialog | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command."""
        return {"make_package": self.show_newest}

    def show_newest(self) -> None:
        """Open the dialog with the set that was written last, or with what it held."""
        newest = self._find_newest()
        self.show_dialog("" if newest is None else str(newest))

    def show_dialog(self, folder: str = "") -> None:
        """Open the dialog with a set, or with what it held; a running job is shown as it is."""
        if self.dialog is None:
            self.dialog = PackageDialog(self._session.lane, self._desk.parent)
            self.dialog.written.connect(self._note)
        self.dialog.start(folder)
        bring(self.dialog)

    def _note(self, folder: Path) -> None:
        self._session.controller.noted.emit(f"Wrote the package {folder}")
