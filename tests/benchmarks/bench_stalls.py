"""What the window's event loop stalls, second by second of work: 10 maps a second on the cortex beside an attack.

The cortex stands in a window among other widgets; MobileNetV2 is attacked in a thread without pause; a timer of 5 ms
tells how late each of its ticks is. A second part turns the cortex as fast as frames come, and times hover and pick.

Run: python -m tests.benchmarks.bench_stalls [--seconds N]
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PySide6.QtCore import QPointF, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QMainWindow, QSlider, QTextEdit, QWidget

from app.base.virtual_display import VirtualDisplay, has_display
from app.cortex.view import CortexView
from app.look.qt_application import make_application
from core.figures.probe_maps import ProbeMap
from core.surfaces.atlas import load_atlas
from core.surfaces.store import load_fsaverage5
from core.types import VoxelTable
from tests.benchmarks.window_tasks import Gaps, rest

SIZE = (700, 560)
MAPS_PER_SECOND = 10
STALL_P99, STALL_MOST, FEWEST_FRAMES, HOVER_MOST = 16.0, 100.0, 15.0, 16.0
"""Milliseconds, and frames a second while the cortex is turned."""


class Attack:
    """One gradient of the network after another, in a thread that gives the window precedence."""

    def __init__(self) -> None:
        self.steps = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Stop after the step in hand."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        import torch
        import torchvision

        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
        torch.set_num_threads(1)
        network = torchvision.models.mobilenet_v2().eval().requires_grad_(False)
        image = torch.rand(1, 3, 224, 224)
        while not self._stop.is_set():
            network(image.clone().requires_grad_(True)).sum().backward()
            self.steps += 1


def make_voxels() -> VoxelTable:
    """A voxel at every vertex of fsaverage5."""
    surface = load_fsaverage5()
    places = [(side, vertex) for side in (0, 1) for vertex in range(surface.n_vertices[side])]
    rows = np.array([(*place, voxel) for voxel, place in enumerate(places)], dtype=np.int32)
    ceiling = np.ones(len(rows), dtype=np.float32)
    return VoxelTable(rows[:, 0].astype(np.int8), rows[:, 1], ("",) * len(rows), ceiling, rows)


@contextmanager
def open_cortex() -> Iterator[CortexView]:
    """The cortex at `SIZE` in a window of other widgets."""
    view, window, central = CortexView(), QMainWindow(), QWidget()
    view.set_surface(load_fsaverage5())
    view.set_voxels(make_voxels())
    view.set_atlas(load_atlas())
    view.canvas.setFixedSize(*SIZE)
    grid = QGridLayout(central)
    grid.addWidget(QTextEdit("hello " * 400), 0, 0)
    grid.addWidget(view, 0, 1)
    label, bar = QLabel("0"), QSlider()
    grid.addWidget(label, 1, 0)
    grid.addWidget(bar, 1, 1)
    window.setCentralWidget(central)
    window.resize(1440, 900)
    window.show()
    ticks = QTimer(window)
    ticks.timeout.connect(lambda: label.setText(str(time.monotonic())))
    ticks.timeout.connect(lambda: bar.setValue(int(10 * time.monotonic()) % 100))
    ticks.start(66)
    rest(3000)
    try:
        yield view
    finally:
        ticks.stop()
        view.canvas.close_canvas()
        window.close()


def tell(what: str, gaps: list[float]) -> bool:
    """Print stalls; whether they keep the budgets."""
    milliseconds = 1e3 * np.asarray(gaps)
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
    print(f"{what}: stall p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f}  largest {milliseconds.max():.1f} ms", flush=True)
    return bool(p99 <= STALL_P99 and milliseconds.max() <= STALL_MOST)


def measure_maps(view: CortexView, seconds: float) -> bool:
    """Draw maps beside an attack."""
    frames: list[float] = []
    view.canvas.drawn.connect(lambda: frames.append(time.perf_counter()))
    maps = np.random.default_rng(0).normal(size=(8, make_voxels().n_voxels)).astype(np.float32)
    attack, number = Attack(), [0]
    timer = QTimer()

    def show() -> None:
        number[0] += 1
        view.set_map(ProbeMap(maps[number[0] % 8], title="Shift", unit="SD", diverging=True, limit=2.0))

    timer.timeout.connect(show)
    while not attack.steps:
        rest(50)
    timer.start(1000 // MAPS_PER_SECOND)
    rest(1000)
    gaps, steps, drawn = Gaps(), attack.steps, len(frames)
    rest(round(1000 * seconds))
    steps, drawn = attack.steps - steps, len(frames) - drawn
    timer.stop()
    attack.end()
    gaps.stop()
    print(f"maps: {drawn / seconds:.1f} frames/s, {steps / seconds:.1f} attack steps/s")
    return tell("maps beside an attack", gaps.take())


def measure_orbit(view: CortexView, seconds: float) -> bool:
    """Turn the cortex whenever a frame came."""
    frames: list[float] = []

    def turn() -> None:
        frames.append(time.perf_counter())
        QTimer.singleShot(0, lambda: view.canvas.input.orbited.emit(0.01, 0.0))

    going = view.canvas.drawn.connect(turn)
    gaps = Gaps()
    turn()
    rest(round(1000 * seconds))
    view.canvas.drawn.disconnect(going)
    gaps.stop()
    speed = len(frames) / seconds
    print(f"orbit: {speed:.1f} frames/s")
    return tell("orbit", gaps.take()) and speed >= FEWEST_FRAMES


def measure_hover(view: CortexView) -> bool:
    """Move the pointer over the cortex."""
    spent = []
    for x, y in np.random.default_rng(0).uniform((100, 80), (600, 480), size=(300, 2)):
        start = time.perf_counter()
        view.canvas.input.hovered.emit(QPointF(x, y))
        spent.append(1e3 * (time.perf_counter() - start))
    print(f"hover: median {np.median(spent):.2f}, p99 {np.percentile(spent, 99):.2f} ms")
    return bool(np.percentile(spent, 99) <= HOVER_MOST)


def main(arguments: list[str] | None = None) -> bool:
    """Print everything; whether all is within the budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args(arguments).seconds
    display = None if has_display() else VirtualDisplay()
    application = make_application()
    with open_cortex() as view:
        kept = [measure_maps(view, seconds), measure_orbit(view, seconds), measure_hover(view)]
    application.shutdown()
    if display is not None:
        display.stop()
    return all(kept)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
