"""The starts that bench_window.py times, an empty window's and ours, and how to wait in Qt's loop. Never judges."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.cortex.view import CortexView

STARTED_VARIABLE = "PROBESCOPE_BENCH_STARTED"
"""When the benchmark started a process, in seconds since the epoch."""

PATIENCE_SECONDS = 600.0
N_SHADES = 20
"""More colours than this in one row of pixels are a cortex."""


def show_empty_window() -> None:
    """Print the seconds this process took to paint an empty window; as all of these, by the clock and the processor."""
    import pyqtgraph  # noqa: F401 - part of what any such window needs
    from PySide6.QtWidgets import QApplication, QMainWindow

    application = QApplication(sys.argv[:1])
    _at_first_paint(application, application.closeAllWindows)
    window = QMainWindow()
    window.resize(1440, 900)
    window.show()
    application.exec()


def show_window() -> None:
    """Print the seconds this process took to paint the program's window, to fill it, and to draw the cortex in it."""
    import main
    from app.look.qt_application import make_application

    application = make_application()
    _at_first_paint(application, lambda: _follow(application))
    sys.argv[1:] = []
    main.main()


def _at_first_paint(application: QApplication, then: Callable[[], object]) -> None:
    from PySide6.QtCore import QEvent, QObject, QTimer

    class FirstPaint(QObject):
        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                application.removeEventFilter(self)
                QTimer.singleShot(
                    0, lambda: (_tell_age("paint"), then())
                )  # when the others of this turn were painted too
            return False

    application.installEventFilter(FirstPaint(application))


def _follow(application: QApplication) -> None:
    """Tell when the window answers everything, and when it shows the cortex, then close it."""
    from app.shell.main_window import MainWindow

    (window,) = (one for one in application.topLevelWidgets() if isinstance(one, MainWindow))
    full: list[bool] = []
    window.opening.done.connect(lambda: (_tell_age("everything"), full.append(True)))
    wait_until(lambda: "cortex" in vars(window.places) and _shows_cortex(window.places.cortex.view))
    _tell_age("cortex")
    wait_until(lambda: bool(full))
    window.close()


def _shows_cortex(view: CortexView) -> bool:
    """Whether there is more to see on the canvas than its background."""
    frame = view.canvas.frame
    if frame is None or frame.scene.path is None:
        return False
    row = frame.image.copy(0, frame.image.height() // 2, frame.image.width(), 1)
    return len({row.pixel(column, 0) for column in range(row.width())}) > N_SHADES


def wait_until(is_there: Callable[[], bool]) -> None:
    """Let Qt work until something is there. Raises TimeoutError after ten minutes."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not is_there():
        if time.perf_counter() > deadline:
            raise TimeoutError("the window did not get there")
        rest(10)  # more often it would be work of its own


def rest(milliseconds: int) -> None:
    """Let Qt work for a while."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _tell_age(what: str) -> None:
    """Print the seconds since the benchmark started this process, and those of the processor it took."""
    print(what, time.time() - float(os.environ[STARTED_VARIABLE]), time.process_time(), flush=True)
