"""Sets up Qt, opens the window and runs until it closes. Never imports more than the frame of the window needs."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from app.base.endings import ENDINGS
from app.base.settings import Settings
from app.look.qt_application import make_application
from app.look.theme import apply_theme, find_theme
from app.shell.main_window import MainWindow

if TYPE_CHECKING:
    from app.base.services import Services

SIGNAL_POLL_MS = 200
"""Python sees a Ctrl-C only when it runs; an idle event loop must wake it now and then."""


def close_on_signal(window: MainWindow) -> None:
    """Close the window once a signal asks the program to end."""
    timer = QTimer(window)

    def wake() -> None:
        if ENDINGS.number:
            timer.stop()
            window.close()

    timer.timeout.connect(wake)
    timer.start(SIGNAL_POLL_MS)


def hold_collector(window: MainWindow) -> None:
    """Leave Python's collector out until the first work is done, and what is there by then out of it for good.

    It looks at all objects there are, some 0.3 s, while nothing else runs: several times during the start, and once
    more whenever something large is imported later.
    """

    def begin(state: object) -> None:
        from app.base.jobs import Idle  # behind the first paint

        if isinstance(state, Idle) and not gc.isenabled():
            gc.freeze()
            gc.enable()

    gc.disable()
    window.opening.done.connect(lambda: window.session.lane.state_changed.connect(begin))


def make_window(
    session: Services | None = None, session_file: Path | None = None, *, device: str = "auto"
) -> MainWindow:
    """A window that opens what was open last, or a session file, as soon as it is on screen."""
    application = make_application()
    settings = Settings() if session is None else session.settings

    def open_services() -> Services:
        from app.base import services  # behind the first paint: it knows the engine and all that is saved

        if session is not None:
            return session
        opened = services.open_services(settings=settings, device=device)
        opened.problems.install()
        return opened

    apply_theme(application, find_theme(settings.text("theme")))
    window = MainWindow(settings, open_services)
    window.session_file = session_file
    window.opening.done.connect(window.start)
    return window


def run(*, device: str = "auto", session_file: Path | None = None) -> int:
    """Open the window and stay until it is closed, by the user or by a signal. Returns the exit code of Qt."""
    application = make_application()
    window = make_window(session_file=session_file, device=device)
    window.opening.done.connect(lambda: window.features.tour.offer())
    close_on_signal(window)
    hold_collector(window)
    window.show()
    code = application.exec()
    if window.opening.failure is not None:
        window.hide()
        window.places.close()  # a live thread would abort the exit and hide the reason
        if "session" in vars(window):
            window.session.close()
        raise window.opening.failure
    return code
