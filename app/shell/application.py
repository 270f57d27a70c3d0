"""Sets up Qt, opens the window and runs until it closes. Never imports torch: the lane does, behind the first paint.

The window's own libraries (VTK, pyqtgraph, numpy) are imported inside the functions, so that the splash is up first.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from app.base.settings import Settings
from app.look.icons import application_icon
from app.look.theme import apply_theme, find_theme
from app.shell.splash import make_splash

if TYPE_CHECKING:
    from app.base.services import Session
    from app.shell.main_window import MainWindow

SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while another waits: Qt gets its turn ten times as often as by default."""

SIGNAL_POLL_MS = 200
"""Python sees a Ctrl-C only when it runs; an idle event loop must wake it now and then."""

INTERRUPTED = 130


class _CtrlC(QObject):
    """Turns Ctrl-C in the terminal into a clean close."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.was_pressed = False
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._wake)
        self._timer.start(SIGNAL_POLL_MS)
        signal.signal(signal.SIGINT, self._press)

    @Slot()
    def _wake(self) -> None:
        if self.was_pressed:
            self._timer.stop()
            self._window.close()

    def _press(self, _number: int, _frame: FrameType | None) -> None:
        self.was_pressed = True


def make_application() -> QApplication:
    """The one QApplication, named and styled."""
    # Spinning OpenMP threads would starve the GUI thread; must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # The GUI thread's short sums are not worth waking BLAS threads; has an effect if numpy is not loaded yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Mesa's software renderer must leave the attack a core; must be set before the first OpenGL context.
    os.environ.setdefault("LP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))
    _keep_triton_out()
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("Probescope")
    application.setDesktopFileName("probescope")
    application.setWindowIcon(application_icon())
    sys.setswitchinterval(SWITCH_SECONDS)
    return application


def _keep_triton_out() -> None:
    """Let torch find no triton.

    Its compiled LLVM and that of Mesa's renderers share symbols: importing it after the first OpenGL context crashes
    the process. Nothing here compiles kernels, and importing it before the first paint would delay the window.
    """
    if "triton" not in sys.modules:
        sys.modules["triton"] = cast(ModuleType, None)


def make_window(session: Session | None = None, session_file: Path | None = None) -> MainWindow:
    """A window that opens what was open last, or a session file, as soon as it is on screen."""
    application = make_application()
    from app.base.services import open_session
    from app.shell.main_window import MainWindow

    used = session if session is not None else open_session()
    apply_theme(application, find_theme(used.settings.text("theme")))
    window = MainWindow(used)
    window.session_file = session_file
    window.shown_once.connect(window.start)
    return window


def run(*, device: str = "auto", session_file: Path | None = None) -> int:
    """Open the window and stay until it is closed. Returns the exit code: 0, or 130 after Ctrl-C."""
    application = make_application()
    splash = make_splash(find_theme(Settings().text("theme")))
    splash.show()
    from app.base.services import open_session
    from core.engine import Engine

    chosen = Settings()
    wish = chosen.text("device") if device == "auto" else device
    session = open_session(engine=Engine(device=wish, spare_cores=chosen.whole("spare_cores")))
    session.problems.install()
    try:
        window = make_window(session, session_file)
    except BaseException:
        session.close()  # a live thread would abort the exit and hide the reason
        raise
    window.shown_once.connect(window.tour.offer)
    ctrl_c = _CtrlC(window)
    window.show()
    splash.finish(window)
    code = application.exec()
    return INTERRUPTED if ctrl_c.was_pressed else code
