"""Tells on the desktop that long work has ended, if the user looks elsewhere. Never tells of what was cancelled."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from app.base.desk import Desk
from app.base.jobs import DEFECT, Completed, Failed, Job, Outcome, Stopped
from app.look.icons import application_icon
from app.widgets.basics import announce
from core.errors import ProbeError
from core.words import write_duration

SHOWN_MS = 10_000


class Notices(QObject):
    """Watches the lane: what has ended, after how long, and how it went."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.parent)
        self._desk = desk
        self._window = desk.parent
        self._settings = desk.services.settings
        self._tray: QSystemTrayIcon | None = None
        self.told: list[str] = []
        """What was told in this session, the newest last."""

        desk.services.lane.ended.connect(self.follow)

    def follow(self, job: Job, outcome: Outcome) -> None:
        """Tell of a job that was done or failed."""
        name, seconds = job.title.rstrip("… ."), time.monotonic() - job.began
        long = seconds > self._settings.whole("notify_seconds")
        if isinstance(outcome, Stopped) or not name or not long:
            return
        known = isinstance(outcome, Failed) and isinstance(outcome.error, ProbeError)
        failed = "" if isinstance(outcome, Completed) else str(outcome.error) if known else DEFECT
        text = f"{name}: {failed}" if failed else f"{name}: done after {write_duration(seconds)}"
        announce(self._window, text, urgent=bool(failed))
        wish = self._settings.text("notify")
        if wish == "always" or (wish == "away" and not self._window.isActiveWindow()):
            self._tell(text, failed=bool(failed))

    def _tell(self, text: str, *, failed: bool) -> None:
        """Mark the window in the task bar, show a message where the desktop has a tray, and a line in the window."""
        self.told.append(text)
        QApplication.alert(self._window)
        if not failed:
            self._desk.say(text, "info")
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(application_icon(), self)
            self._tray.setToolTip("Probescope")
            self._tray.messageClicked.connect(self._come_to_front)
        self._tray.show()
        look = QSystemTrayIcon.MessageIcon.Warning if failed else QSystemTrayIcon.MessageIcon.Information
        self._tray.showMessage("Probescope", text, look, SHOWN_MS)

    def _come_to_front(self) -> None:
        self._window.raise_()
        self._window.activateWindow()
