"""What follows the first paint of the window: the program is imported in a thread and made, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QEvent, QObject, QThread, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget


class Opening(QThread):
    """Starts once a window was painted; then takes the steps, each in a turn of the event loop, and is `done`.

    What a step gives that can be called is called in this thread before the next one; the window answers meanwhile.
    What a step raises is left in `failure`, and the event loop ends.
    """

    done = Signal()

    def __init__(self, window: QWidget, steps: Iterator[object]) -> None:
        super().__init__(window)
        self.setObjectName("probescope-opening")
        self._window, self._steps = window, steps
        self._work: Callable[[], object] = list
        self.failure: BaseException | None = None
        self.finished.connect(self._go_on)
        window.installEventFilter(self)

    def run(self) -> None:
        """Do what a step left to be done."""
        self._work()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the first paint, and for the others of that turn."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._go_on)
        return False

    def _go_on(self) -> None:
        if self._window.isHidden():
            return
        try:
            step = next(self._steps)
            if callable(step):
                self._work = step
                self.start()
            else:
                QTimer.singleShot(0, self._go_on)
        except StopIteration:
            self.done.emit()
        except BaseException as error:  # noqa: BLE001 - raised again where the event loop was started
            self.failure = error
            QApplication.exit(1)


def read_program() -> None:
    """Import all that stands in the window; in any thread."""
    import app.shell.features  # noqa: F401 - used once this is done
