"""Where pictures of the cortex are drawn: a thread with a renderer of its own, so that no frame stops the window.

Of the frames asked for only the newest waits; pictures that are ordered are all drawn. While things move a frame is as
fine as there is time for, judged by what frames took, and a large surface has fewer triangles if it must; at rest one
twice as large, averaged down, with all triangles, follows. Where OpenGL belongs to the main thread (macOS) or no other
one gets a context, the same is done in Qt's thread; where there is no OpenGL at all, the cortex is drawn as points, and
the frame says so.
"""

from __future__ import annotations

import logging
import math
import operator
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QRectF, Qt, QThread, QTimer, Signal
from PySide6.QtGui import QImage, QPainter

from app.base.jobs import step_back
from app.cortex.annotate import find_annotations
from app.cortex.overlay import Annotations, draw_annotations
from app.cortex.points import PointRenderer
from app.cortex.scene import Format, GraphicsError, Scene
from app.look.theme import interface_font
from core.errors import Cancelled
from core.types import ByteArray

if TYPE_CHECKING:
    from app.cortex.renderer import Renderer

    AnyRenderer = Renderer | PointRenderer

LOGGER = logging.getLogger(__name__)

REST_MS = 100
"""Without a newer request for so long, things are at rest."""


class Fineness(NamedTuple):
    """How much larger than shown a frame is drawn (averaging smooths lines too, which multisampling does not), and
    whether a large surface is thinned.
    """

    scale: float
    thinned: bool = False


FINE, PLAIN, THINNED, COARSE = Fineness(2.0), Fineness(1.0), Fineness(1.0, True), Fineness(0.5, True)

SLOWEST = {FINE: 1 / 40, PLAIN: 1 / 15, THINNED: 1 / 15}
"""Seconds that a frame so fine may take while things move."""

UNKNOWN = (0.0, 0.0)
POLL_SECONDS = 0.05
"""Between two looks at whether a picture is still wanted."""

NO_GRAPHICS = "No OpenGL 3.2 was found, so the cortex is shown as points. `python main.py doctor` says more."
WRITTEN_OVER = [one.name for one in fields(Scene) if one.name != "colours"]
"""What of a scene decides what is written over it."""
OPENING = threading.Lock()
LOST = (GraphicsError, ImportError, OSError, RuntimeError)
"""What graphics that fail raise."""


def open_renderer() -> AnyRenderer:
    """A renderer that belongs to this thread. Raises GraphicsError or ImportError where no OpenGL is to be had."""
    with OPENING:  # a driver may mind two contexts made at once
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
    """A picture to draw; `answer` waits for an ordered one, the others are frames of which only the newest counts."""

    scene: Scene
    shape: Format
    is_fine: bool = False
    answer: Future[Frame] | None = None


class Easel:
    """Draws tasks in the one thread that uses it: the scene by a renderer, names and ring over it by Qt.

    Parameters
    ----------
    kinds : Each opens a renderer; one that fails or loses its graphics is followed by the next.
    """

    def __init__(self, *kinds: Callable[[], AnyRenderer]) -> None:
        self._kinds = kinds
        self._renderer: AnyRenderer | None = None
        self.took: dict[Fineness, tuple[float, float]] = {FINE: (math.inf, math.inf)}
        """Seconds of the last two frames so fine; the lower counts: the first after a change prepares much."""

        self._found, self._layer = Annotations(), QImage()
        self._measures, self._parts = ((0.0, 0.0), 0.0), list[object]()

    def draw(self, task: Task) -> Frame:
        """A picture finely, or a frame as fine as there is time for. Raises GraphicsError if all renderers fail."""
        if task.is_fine:
            frame = self._draw(task, FINE)
            self.took.pop(THINNED, None)  # another surface or size may have become fast enough
            if self.took[FINE][-1] < 4 * SLOWEST[PLAIN]:  # a quarter of the pixels takes a quarter of the time at best
                self.took.pop(PLAIN, None)
            return frame
        steps = [one for one in SLOWEST if task.scene.is_large or not one.thinned]
        quick = (one for one in steps if min(self.took.get(one, UNKNOWN)) < SLOWEST[one])
        fineness = next(quick, COARSE)
        drawn = replace(task.scene, thinned=True) if fineness.thinned and task.scene.is_large else task.scene
        frame = replace(self._draw(replace(task, scene=drawn), fineness), scene=task.scene)
        if self.took.get(COARSE, (math.inf,))[-1] < SLOWEST[steps[-1]] / 4:
            self.took.pop(steps[-1], None)  # four times the pixels would have been in time
        return frame

    def close(self) -> None:
        """Give back the graphics resources."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = None

    def _draw(self, task: Task, fineness: Fineness) -> Frame:
        started = time.perf_counter()
        pixels = self._render(task, fineness)
        image = resize(pixels, task.shape.pixels(), opaque=task.shape.ground is not None)
        self._annotate(task.scene, task.shape)
        painter = QPainter(image)
        painter.drawImage(0, 0, self._layer)
        painter.end()
        self.took[fineness] = (self.took.get(fineness, UNKNOWN)[1], time.perf_counter() - started)
        note = NO_GRAPHICS if isinstance(self._renderer, PointRenderer) else ""
        return Frame(image, self._found, task.scene, task.shape, fineness == FINE, note)

    def _annotate(self, scene: Scene, shape: Format) -> None:
        """Find and draw what is written over a scene, once while nothing but its colours changes.

        Qt keeps Python's lock while it draws letters: done for every frame, that would stop the window each time.
        """
        measures, parts = (shape.size, shape.ratio), [getattr(scene, one) for one in WRITTEN_OVER]
        if measures == self._measures and all(map(operator.is_, parts, self._parts)):
            return
        font, layer = interface_font(), QImage(*shape.pixels(), QImage.Format.Format_ARGB32_Premultiplied)
        found = find_annotations(scene, size=shape.size, font=font)
        layer.fill(Qt.GlobalColor.transparent)
        painter = QPainter(layer)
        painter.scale(shape.ratio, shape.ratio)
        painter.setFont(font)
        draw_annotations(painter, found, theme=scene.theme, font=font)
        painter.end()
        self._found, self._layer, self._measures, self._parts = found, layer, measures, parts

    def _render(self, task: Task, fineness: Fineness) -> ByteArray:
        lost: Exception | None = None
        for make in self._kinds:
            try:
                if self._renderer is None:
                    self._renderer = make()
                return self._renderer.draw(task.scene, task.shape, fineness.scale)
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
    _handed = Signal(object)
    _failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = ThreadPoolExecutor(1, "cortex", initializer=step_back)
        self._easel = Easel(open_renderer, open_renderer)
        self._alone = False
        self._closed = False
        self._newest: Task | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._refine)
        self.drawn.connect(self._wait_for_rest, Qt.ConnectionType.QueuedConnection)
        self._handed.connect(self._do, Qt.ConnectionType.QueuedConnection)
        self._failed.connect(_raise, Qt.ConnectionType.QueuedConnection)
        self.hurried = False
        """Whether other work needs the processor: the fine frame at rest is left out."""

        if sys.platform == "darwin":
            self._leave_thread()

    def ask(self, scene: Scene, shape: Format, *, is_fine: bool = False) -> None:
        """Have a frame drawn, instead of one that still waits."""
        self._rest.stop()
        self._newest = Task(scene, shape, is_fine)
        self._hand(self._newest)

    def draw(self, scene: Scene, shape: Format, should_stop: Callable[[], bool] = lambda: False) -> Frame:
        """A fine picture, waited for in whatever thread.

        Raises Cancelled if it is to stop or the studio was closed meanwhile.
        """
        answer: Future[Frame] = Future()
        task = Task(scene, shape, True, answer)
        self._hand(task)
        while not wait([answer], POLL_SECONDS).done:
            if self._closed or should_stop():
                raise Cancelled
            if self._alone and QThread.currentThread() is self.thread():
                self._do(task)
        return answer.result()

    def close(self, *, wait: bool = True) -> None:
        """Let the frame in hand be finished and end, waited for or not; safe to call twice."""
        self._rest.stop()
        if not self._closed:
            self._closed = True
            if self._alone:
                self._easel.close()
            else:
                self._thread.submit(self._easel.close)
            self._thread.shutdown(wait)

    def _hand(self, task: Task) -> None:
        """Give a task to the thread that draws."""
        if self._alone:
            self._handed.emit(task)
        elif not self._closed:
            self._thread.submit(self._do, task)

    def _do(self, task: Task) -> None:
        """Draw a task, if it is still wanted, and hand the picture over."""
        if self._closed or (task is not self._newest if task.answer is None else task.answer.done()):
            return
        try:
            frame = self._easel.draw(task)
        except Exception as error:  # noqa: BLE001 - crosses the thread as a value; whoever waits for it raises it
            if isinstance(error, GraphicsError) and not self._alone:
                self._leave_thread()
                self._handed.emit(task)
            elif task.answer is None:
                self._failed.emit(error)
            else:
                task.answer.set_exception(error)
            return
        if task.answer is None:
            self.drawn.emit(frame)
        else:
            task.answer.set_result(frame)

    def _leave_thread(self) -> None:
        """Draw in Qt's thread from now on."""
        self._easel = Easel(open_renderer, open_renderer, PointRenderer)
        self._alone = True

    def _wait_for_rest(self, frame: Frame) -> None:
        if frame.is_fine:
            self._rest.stop()
        elif self._newest is not None and not self._newest.is_fine and not self.hurried:
            self._rest.start()

    def _refine(self) -> None:
        if self._newest is not None and not self._closed:
            self.ask(self._newest.scene, self._newest.shape, is_fine=True)


def _raise(error: Exception) -> None:
    raise error


def resize(pixels: ByteArray, size: tuple[int, int], *, opaque: bool) -> QImage:
    """Pixels (height, width, 4) as a picture of (width, height), averaged if it is smaller."""
    # Averaging needs premultiplied alpha, or see-through black bleeds into the edges.
    kind = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    height, width, _ = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).convertToFormat(kind)
    if (width, height) == size:
        return image
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
