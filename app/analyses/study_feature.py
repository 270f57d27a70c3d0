"""The test of the method in the window: opens its dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.analyses.study_dialog import StudyDialog
from app.widgets.basics import bring
from app.widgets.desk import Desk, Feature


class Study(Feature):
    """Holds the dialog."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.dialog: StudyDialog | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command."""
        return {"study": self.show_study}

    def show_study(self) -> None:
        """Open the dialog and measure how fast the networks are here."""
        if self.dialog is None:
            self.dialog = StudyDialog(self._session, self._desk.parent)
            self.dialog.measure()
        bring(self.dialog)
