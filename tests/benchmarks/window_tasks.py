"""What bench_window.py times: an empty window, ours, and ours at work. Never judges."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.cortex.view import CortexView

STARTED_VARIABLE = "PROBESCOPE_BENCH_STARTED"
"""When the benchmark started a process, in seconds since the epoch."""

TICK_MS = 5
PATIENCE_SECONDS = 600.0
IDLE_MS = 2000
EPSILONS = [2.9 - 0.12 * step for step in range(20)]
N_SHADES = 20
"""More colours than this in one row of pixels are a cortex."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Gaps of the event loop beyond a tick (idle, during an attack, during previews) and waits, all in seconds."""

    threads: int
    idle: list[float]
    attack: list[float]
    previews: list[float]
    painted: list[float]
    probe_seconds: float


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


def measure_window() -> Measured:
    """Open the window with the embedded default, probe once and drag epsilon, watching the event loop."""
    from app.base.jobs import Idle
    from app.base.services import open_services
    from app.look.qt_application import make_application
    from app.shell.application import make_window
    from core.engine import Engine

    application = make_application()
    session = open_services(engine=Engine(spare_cores=1))
    window = make_window(session)
    window.show()
    state = session.state
    try:
        wait_until(lambda: state.clean is not None and isinstance(session.lane.state, Idle))
        gaps = Gaps()
        rest(IDLE_MS)
        idle = gaps.take()
        table = state.subject.voxels if state.subject is not None else None
        assert table is not None
        asked = time.perf_counter()
        session.controller.pick_voxel(int(table.voxels_in("FFA")[0]))
        wait_until(lambda: state.probe is not None and isinstance(session.lane.state, Idle))
        seconds, attack = time.perf_counter() - asked, gaps.take()
        rest(IDLE_MS)
        gaps.take()
        painted = [_time_preview(window, epsilon) for epsilon in EPSILONS]
        previews = gaps.take()
        gaps.stop()
        import torch

        return Measured(torch.get_num_threads(), idle, attack, previews, painted, seconds)
    finally:
        window.close()
        application.shutdown()


def _time_preview(window: object, epsilon: float) -> float:
    """Seconds from asking for a budget to the painted cortex."""
    from app.shell.main_window import MainWindow

    assert isinstance(window, MainWindow)
    canvas = window.explore.cortex.view.canvas
    seen: list[float] = []
    answered: list[float] = []
    window.session.state.preview_changed.connect(lambda: answered.append(time.perf_counter()))
    shown = canvas.drawn.connect(lambda: seen.append(time.perf_counter()) if answered else None)
    start = time.perf_counter()
    window.session.controller.drag_epsilon(epsilon)
    wait_until(lambda: bool(seen))
    canvas.drawn.disconnect(shown)
    return seen[0] - start


class Gaps:
    """Notes how late each tick of a fast timer is."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._seconds: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def take(self) -> list[float]:
        """What was noted since the last call."""
        taken, self._seconds = self._seconds, []
        return taken

    def stop(self) -> None:
        """Tick no more."""
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self._seconds.append(max(0.0, now - self._last - TICK_MS / 1e3))
        self._last = now


def wait_until(is_there: Callable[[], bool]) -> None:
    """Let Qt work until something is there. Raises TimeoutError after ten minutes."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not is_there():
        if time.perf_counter() > deadline:
            raise TimeoutError("the window did not get there")
        rest(1)


def rest(milliseconds: int) -> None:
    """Let Qt work for a while."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def _tell_age(what: str) -> None:
    """Print the seconds since the benchmark started this process, and those of the processor it took."""
    print(what, time.time() - float(os.environ[STARTED_VARIABLE]), time.process_time(), flush=True)
