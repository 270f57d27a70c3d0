"""Where pictures of the cortex are drawn: a thread with a renderer of its own, so that no frame stops the window.

Of the frames asked for only the newest waits; pictures that are ordered are all drawn. While things move a frame is as
fine as there is time for, judged by what frames took; at rest one twice as large, averaged down, follows. Where OpenGL
belongs to the main thread (macOS) or no other one gets a context, the same is done in Qt's thread; where there is no
OpenGL at all, the cortex is drawn as points, and the frame says so.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PySide6.QtCore import QObject, QRectF, Qt, QThread, QTimer, Signal
from PySide6.QtGui import QImage, QPainter

from app.base.jobs import step_back
from app.cortex.annotate import Annotator
from app.cortex.overlay import Annotations, draw_annotations
from app.cortex.points import PointRenderer
from app.cortex.scene import Format, GraphicsError, Scene
from app.look.theme import interface_font
from core.errors import Cancelled
from core.types import ByteArray

LOGGER = logging.getLogger(__name__)

REST_SECONDS = 0.1
"""Without a newer request for so long, things are at rest."""

FINE, PLAIN, COARSE = 2.0, 1.0, 0.5
"""How much larger than shown a frame is drawn: averaging smooths lines too, which multisampling does not."""

SLOWEST = {FINE: 1 / 40, PLAIN: 1 / 15}
"""Seconds that a frame so fine may take while things move."""

UNKNOWN = (0.0, 0.0)
POLL_SECONDS = 0.05
"""Between two looks at whether an ordered picture is still wanted."""

NO_GRAPHICS = "No OpenGL 3.2 was found, so the cortex is shown as points. `python main.py doctor` says more."
LOST = (GraphicsError, ImportError, OSError, RuntimeError)
"""What graphics that fail raise."""


class AnyRenderer(Protocol):
    """Draws scenes in the thread that made it."""

    def draw(self, scene: Scene, shape: Format, oversampling: float = 1.0) -> ByteArray:
        """The scene without anything written, (height, width, 4) uint8, `oversampling` times as large."""

    def close(self) -> None:
        """Give back the graphics resources."""


def open_renderer() -> AnyRenderer:
    """A renderer that belongs to this thread. Raises GraphicsError or ImportError where no OpenGL is to be had."""
    from app.cortex.renderer import Renderer

    return Renderer()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A finished picture.

    Parameters
    ----------
    image : In pixels, names and ring included.
    is_fine : Drawn as well as it can be.
    note : What the user must know of how it was drawn, "" for nothing.
    """

    image: QImage
    annotations: Annotations
    scene: Scene
    shape: Format
    is_fine: bool
    note: str = ""

    def area_in(self, area: QRectF) -> QRectF:
        """Where it is shown in a widget's area: as high, and in the middle."""
        width, height = self.shape.size
        shown = QRectF(0, 0, width * area.height() / height, area.height())
        shown.moveCenter(area.center())
        return shown


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A frame to draw; `answer` waits for an ordered picture, `hurried` leaves the fine frame at rest out."""

    scene: Scene
    shape: Format
    hurried: bool = False
    answer: Future[Frame] | None = None


class Mailbox:
    """Tasks on their way to whoever draws them: all that were ordered, then the newest of the others."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._orders: deque[Task] = deque()
        self._newest: Task | None = None
        self.closed = False

    def put(self, task: Task) -> None:
        """Hand in a task; after closing an ordered one is cancelled."""
        with self._changed:
            if task.answer is None:
                self._newest = task
            elif self.closed:
                task.answer.cancel()
            else:
                self._orders.append(task)
            self._changed.notify()

    def take(self, patience: float | None) -> Task | None:
        """The next task; None after `patience` seconds without one, or once it was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._orders or self._newest, patience)
            if self._orders:
                return self._orders.popleft()
            task, self._newest = self._newest, None
            return None if self.closed else task

    def close(self) -> None:
        """Cancel what was ordered, and let nobody wait any longer."""
        with self._changed:
            self.closed = True
            while self._orders:
                if (answer := self._orders.popleft().answer) is not None:
                    answer.cancel()
            self._changed.notify()


class Easel:
    """Draws tasks in the one thread that uses it: the scene by a renderer, names and ring over it by Qt.

    Parameters
    ----------
    kinds : Each opens a renderer; one that fails or loses its graphics is followed by the next.
    """

    def __init__(self, *kinds: Callable[[], AnyRenderer]) -> None:
        self._kinds = kinds
        self._renderer: AnyRenderer | None = None
        self._annotator = Annotator()
        self._took: dict[float, tuple[float, float]] = {FINE: (math.inf, math.inf)}
        """Seconds of the last two frames so fine; the lower counts: the first after a change prepares much."""

        self.owed: Task | None = None
        """Drawn plainly last, to be drawn finely at rest."""

    def draw(self, task: Task) -> Frame:
        """An ordered picture, or a frame as fine as there is time for. Raises what the last renderer raised."""
        if task.answer is not None:
            return self._draw(task, FINE)
        fineness = next((one for one, limit in SLOWEST.items() if min(self._took.get(one, UNKNOWN)) < limit), COARSE)
        frame = self._draw(task, fineness)
        self.owed = None if frame.is_fine or task.hurried else task
        return frame

    def refine(self, task: Task) -> Frame:
        """The frame that is owed, now that things are at rest."""
        frame = self._draw(task, FINE)
        self._took.pop(PLAIN, None)  # another surface or size may have become fast enough
        self.owed = None
        return frame

    def close(self) -> None:
        """Give back the graphics resources."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = None

    def _draw(self, task: Task, fineness: float) -> Frame:
        started = time.perf_counter()
        pixels = self._render(task, fineness)
        image = resize(pixels, task.shape.pixels(), opaque=task.shape.ground is not None)
        font = interface_font()
        found = self._annotator.find(task.scene, size=task.shape.size, font=font)
        painter = QPainter(image)
        painter.scale(task.shape.ratio, task.shape.ratio)
        painter.setFont(font)
        draw_annotations(painter, found, theme=task.scene.theme, font=font)
        painter.end()
        self._took[fineness] = (self._took.get(fineness, UNKNOWN)[1], time.perf_counter() - started)
        note = NO_GRAPHICS if isinstance(self._renderer, PointRenderer) else ""
        return Frame(image, found, task.scene, task.shape, fineness == FINE, note)

    def _render(self, task: Task, fineness: float) -> ByteArray:
        lost: Exception | None = None
        for make in self._kinds:
            try:
                if self._renderer is None:
                    self._renderer = make()
                return self._renderer.draw(task.scene, task.shape, fineness)
            except LOST as error:
                LOGGER.info("The cortex was not drawn: %r", error)
                lost = error
                self.close()
        raise GraphicsError(NO_GRAPHICS) from lost


class Studio(QObject):
    """Draws frames and pictures of one view; close it.

    Signals
    -------
    drawn(Frame)
        A frame that was asked for; a finer one of the same scene may follow.
    """

    drawn = Signal(object)
    _woken = Signal()
    _failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = Mailbox()
        self._thread: threading.Thread | None = None
        self._easel: Easel | None = None
        self._alone = threading.Event()
        """Set once Qt's own thread has to draw."""

        self._rest = QTimer(self, singleShot=True, interval=round(1000 * REST_SECONDS))
        self._rest.timeout.connect(self._refine)
        self._woken.connect(self._serve, Qt.ConnectionType.QueuedConnection)
        self._failed.connect(_raise, Qt.ConnectionType.QueuedConnection)
        self.destroyed.connect(self._tasks.close)
        if sys.platform == "darwin":
            self._alone.set()

    def start(self) -> None:
        """Begin the thread, if there is to be one: the first frame does it, too."""
        if self._thread is None and not self._tasks.closed and not self._alone.is_set():
            self._thread = threading.Thread(target=self._run, name="cortex")
            self._thread.start()

    def ask(self, scene: Scene, shape: Format, *, hurried: bool = False) -> None:
        """Have a frame drawn, instead of one that still waits; `hurried` leaves the fine frame at rest out."""
        self._put(Task(scene, shape, hurried))

    def draw(self, scene: Scene, shape: Format, should_stop: Callable[[], bool] = lambda: False) -> Frame:
        """A fine picture, waited for in whatever thread.

        Raises Cancelled if it is to stop or the studio was closed meanwhile.
        """
        answer: Future[Frame] = Future()
        self._put(Task(scene, shape, answer=answer))
        while not answer.done():
            if should_stop():
                raise Cancelled
            if self._alone.is_set() and QThread.currentThread() is self.thread():
                self._serve()
            wait([answer], POLL_SECONDS)
        try:
            return answer.result()
        except CancelledError as error:
            raise Cancelled from error

    def close(self) -> None:
        """Let the frame in hand be finished and end; safe to call twice."""
        self._tasks.close()
        self._rest.stop()
        if self._thread is not None:
            self._thread.join()
        if self._easel is not None:
            self._easel.close()
        self._thread = self._easel = None

    def _put(self, task: Task) -> None:
        self._tasks.put(task)
        if self._alone.is_set():
            self._woken.emit()
        else:
            self.start()

    def _run(self) -> None:
        step_back()
        easel = Easel(open_renderer, open_renderer)
        while not self._tasks.closed and not self._alone.is_set():
            task = self._tasks.take(None if easel.owed is None else REST_SECONDS)
            self._deliver(easel, task)
        easel.close()

    def _deliver(self, easel: Easel, task: Task | None) -> None:
        """Draw a task, or without one what is owed, and hand it over."""
        refined = easel.owed if task is None else None
        if (drawn := task or refined) is None:
            return
        try:
            frame = easel.draw(drawn) if refined is None else easel.refine(drawn)
        except Exception as error:  # noqa: BLE001 - crosses the thread as a value; whoever waits for it raises it
            easel.owed = None
            if isinstance(error, GraphicsError) and not self._alone.is_set():
                self._alone.set()
                self._put(drawn)
            elif drawn.answer is None:
                self._failed.emit(error)
            else:
                drawn.answer.set_exception(error)
        else:
            if drawn.answer is None:
                self.drawn.emit(frame)
            else:
                drawn.answer.set_result(frame)

    def _serve(self) -> None:
        """Draw in Qt's thread what waits."""
        if self._easel is None:
            self._easel = Easel(open_renderer, open_renderer, PointRenderer)
        while (task := self._tasks.take(0)) is not None:
            self._deliver(self._easel, task)
        if self._easel.owed is not None:
            self._rest.start()

    def _refine(self) -> None:
        if self._easel is not None:
            self._deliver(self._easel, None)


def _raise(error: Exception) -> None:
    raise error


def resize(pixels: ByteArray, size: tuple[int, int], *, opaque: bool) -> QImage:
    """Pixels (height, width, 4) as a picture of (width, height), averaged if it is smaller."""
    height, width, _ = pixels.shape
    kind = QImage.Format.Format_RGBX8888 if opaque else QImage.Format.Format_RGBA8888
    image = QImage(np.ascontiguousarray(pixels).data, width, height, 4 * width, kind)
    # Averaging needs premultiplied alpha, or see-through black bleeds into the edges.
    quick = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    image = image.convertToFormat(quick)
    if (width, height) == size:
        return image
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
