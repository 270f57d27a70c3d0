"""What the window says in passing: a message across the top, the bottom line, and on the desktop what has ended."""

from __future__ import annotations

import logging
import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QStatusBar, QSystemTrayIcon, QWidget

from app.base.jobs import Failed, Idle, Job, Outcome, RunState, Stopped
from app.look.icons import application_icon, load_icon
from app.look.theme import Theme, follow_theme, theme_in_use
from app.widgets.basics import announce, make_button, make_label, make_row, make_tool_button, set_look
from core.words import write_duration

if TYPE_CHECKING:
    from app.base.services import Services
    from app.widgets.desk import Desk

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
        failed = outcome.words if isinstance(outcome, Failed) else ""
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


OPENING, READY = "Opening…", "Ready"


class StatusLine(QStatusBar):
    """Job left, hover read-out in the middle, device right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = make_label(OPENING)
        self.hover = make_label()
        self.device = make_label()
        self.setSizeGripEnabled(False)
        self.job.setAccessibleDescription("Running job")
        self.hover.setAccessibleDescription("What is under the pointer or cursor")
        self.device.setAccessibleDescription("Computing device")
        self.addWidget(self.job)
        self.addWidget(self.hover, 1)
        self.addPermanentWidget(self.device)

    def follow(self, services: Services) -> None:
        """Show what the lane does, and where it computes."""
        self.job.setText(READY)
        services.lane.state_changed.connect(self.set_run_state)
        state, name = services.state, self.device
        state.device_changed.connect(lambda: name.setText(DEVICE_NAMES.get(state.device, state.device)))

    def set_run_state(self, state: RunState) -> None:
        """Follow the lane."""
        if isinstance(state, Idle):
            self.job.setText(READY)
        elif state.stops:
            self.job.setText("Stopping…")
        else:
            self.job.setText(state.title or state.kind)


DEVICE_NAMES = {"cpu": "CPU", "cuda": "GPU (CUDA)", "mps": "GPU (Metal)", "": "engine not loaded yet"}


LOGGER = logging.getLogger(__name__)
TONES = {"error": "warning", "warning": "warning", "info": "info"}
ICON_PIXELS = 18
REPORT = "report.html"
NOTE_MS = 12_000
"""How long a note stays: time to read a long path twice. The log keeps what is worth keeping."""


WIDEST, APART, MOST_LINES = 720, 12, 2
"""Of the banner, and between it and the sides of the window, in pixels; lines of a text that is not unfolded."""
ALL, LESS = "… Show all", "Show less"


def find_written(text: str) -> Path | None:
    """The file or folder that a note ends with, if it is there.

    Examples
    --------
    >>> find_written("Wrote 7 files to /usr. It was empty."), find_written("Added 2 probes to the tray")
    (PosixPath('/usr'), None)
    """
    for start in re.finditer(r"(?<!\S)(?=/|[A-Za-z]:[\\/])", text):
        rest = text[start.end() :]
        ends = [len(rest), *(found.start() for found in re.finditer(r"\.?(\s|$)", rest))]
        for end in sorted(set(ends), reverse=True):
            if rest[:end].strip("/") and Path(rest[:end]).exists():
                return Path(rest[:end])
    return None


class Banner(QFrame):
    """One sentence over the right of the status line, where it moves and hides next to nothing; it can be closed.

    A long one shows its first two lines until it is unfolded. Problems stay until closed or solved, notes disappear.
    What was written can be opened from its note.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._tone = "info"
        self._icon = QLabel()
        self.text = make_label(wraps=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open = make_button("", "link", self._open)
        self.more = make_button(ALL, "link")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._take_place)
        self._close = make_tool_button(self.clear, tip="Close this message", icon="close")
        parts = (self._icon, self.text, self.more, self.open, self._close)
        row = make_row(*parts, gap=10, margin=(12, 1, 4, 1), stretch=1)
        for part in (self._icon, self._close):
            row.setAlignment(part, Qt.AlignmentFlag.AlignVCenter)
        row.setAlignment(self.more, Qt.AlignmentFlag.AlignBottom)
        self.setLayout(row)
        self.leaving = QTimer(self, singleShot=True, interval=NOTE_MS)
        self.leaving.timeout.connect(self._leave)
        self.hide()
        follow_theme(self.set_theme)

    def float_over(self, place: QWidget) -> None:
        """Lie over a widget, whatever its size."""
        self.setParent(place)
        place.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of what it lies over."""
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self._take_place()
        return super().eventFilter(watched, event)

    def _take_place(self, *_: object) -> None:
        if (over := self.parentWidget()) is not None:
            metrics, is_open = self.text.fontMetrics(), self.more.isChecked()
            self.more.hide()
            line, beside = metrics.horizontalAdvance(self.text.text()), self.minimumSizeHint().width()
            width = min(WIDEST, over.width() - 2 * APART, line + beside + 2 * APART)
            is_long = self.text.heightForWidth(width - beside) > (folded := MOST_LINES * metrics.lineSpacing())
            self.more.setVisible(is_long)
            self.more.setText(LESS if is_open else ALL)
            self.text.setMaximumHeight(folded if is_long and not is_open else over.height())
            self.text.setAlignment(Qt.AlignmentFlag.AlignTop if is_long else Qt.AlignmentFlag.AlignVCenter)
            height = self.heightForWidth(width)
            self.setGeometry(over.width() - width - APART, over.height() - height, width, height)
            self.raise_()

    def _open(self) -> None:
        written = find_written(self.text.text())
        if written is not None:
            page = written / REPORT if (written / REPORT).is_file() else written
            shown = page if page.is_dir() or page.suffix == ".html" else page.parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown)))

    def follow(self, services: Services) -> None:
        """Show what the services say; an error goes once something later went well."""
        services.problems.message.connect(self.show_text)
        services.controller.noted.connect(partial(self.show_text, tone="info"))
        for fact in ("card", "stimulus", "target", "probe"):
            getattr(services.state, f"{fact}_changed").connect(partial(self._mend_by, services, fact))

    def show_text(self, text: str, tone: str) -> None:
        """Show one message in place of any other; the log keeps it."""
        LOGGER.info("%s", text)
        self._tone = tone
        self.text.setText(text)
        self.text.setToolTip(text)
        self.more.setChecked(False)
        set_look(self, "tone", tone)
        self.set_theme(theme_in_use())
        self.setAccessibleName(f"{tone.capitalize()}: {text}")
        written = find_written(text) if tone == "info" else None
        self.open.setVisible(written is not None)
        if written is not None:
            has_page = written.suffix == ".html" or (written / REPORT).is_file()
            self.open.setText("Open report" if has_page else "Open folder")
        self.show()
        self._take_place()
        self.leaving.stop()
        if tone == "info":
            self.leaving.start()
        announce(self, text, urgent=tone == "error")

    def _mend_by(self, services: Services, fact: str) -> None:
        """Take an error away because something later went well, which a fact that was forgotten is not."""
        if self._tone == "error" and getattr(services.state, fact) is not None:
            self.clear()

    def _leave(self) -> None:
        """A note goes, but not from under the pointer, unfolded, or while some of it is marked to be copied."""
        if self.underMouse() or self.more.isChecked() or self.text.hasSelectedText():
            self.leaving.start()
        else:
            self.clear()

    def clear(self) -> None:
        """Take the message away."""
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw the icon in the theme's colours."""
        colour = {"error": theme.danger, "warning": theme.warning, "info": theme.accent}[self._tone]
        self._icon.setPixmap(load_icon(TONES[self._tone], colour).pixmap(ICON_PIXELS, ICON_PIXELS))
