"""Lets the lane ask for pictures of the cortex that only Qt's thread may draw. Never draws more than one a turn.

Each request is one event of the window's loop, so that the window stays alive between two pictures; meanwhile the lane
composes and encodes the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.base.jobs import ShouldStop
from app.figures.cortex_renderer import CortexRenderer
from core.errors import Cancelled
from core.figures.movie_frames import Shot
from core.types import ByteArray

POLL_SECONDS = 0.05
"""Between two looks at whether the work was cancelled meanwhile."""

Draw = Callable[[], ByteArray]


class CortexRequests(QObject):
    """Draws in the thread it was made in, for as long as it is open."""

    asked = Signal(object, object)

    def __init__(self, renderer: CortexRenderer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.renderer = renderer
        self._open = True
        self.asked.connect(self._draw, Qt.ConnectionType.QueuedConnection)

    def for_job(self, should_stop: ShouldStop) -> FedCortex:
        """What a job is given; it raises Cancelled while it waits if the job is to stop."""
        return FedCortex(self, should_stop)

    def close(self) -> None:
        """Give back the graphics; what is still asked for is cancelled."""
        self._open = False
        self.renderer.close()

    @Slot(object, object)
    def _draw(self, draw: Draw, future: Future[ByteArray]) -> None:
        if not self._open:
            future.cancel()
            return
        try:
            future.set_result(draw())
        except Exception as error:  # noqa: BLE001 - crosses the thread as a value; the job raises it
            future.set_exception(error)


class FedCortex:
    """The cortex as a job sees it; see core.figures.movie_frames.Cortex."""

    def __init__(self, feed: CortexRequests, should_stop: ShouldStop) -> None:
        self._feed = feed
        self._should_stop = should_stop
        renderer = feed.renderer
        self.key, self.note, self.meshes = renderer.key, renderer.note, renderer.meshes

    def draw(self, shot: Shot, size: tuple[int, int]) -> ByteArray:
        """A picture from Qt's thread."""
        return self._wait(partial(self._feed.renderer.draw, shot, size))

    def still(self, size: tuple[int, int]) -> ByteArray:
        """The see-through picture from Qt's thread."""
        return self._wait(partial(self._feed.renderer.still, size))

    def _wait(self, draw: Draw) -> ByteArray:
        future: Future[ByteArray] = Future()
        self._feed.asked.emit(draw, future)
        while not wait([future], POLL_SECONDS).done:
            if self._should_stop():
                raise Cancelled
        try:
            return future.result()
        except CancelledError as error:  # closed meanwhile
            raise Cancelled from error
