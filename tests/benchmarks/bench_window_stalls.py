"""How long the window stalls, by what it does meanwhile: one row a kind of work, with the cause of its longest stall.

A beat of the event loop that is over 16 ms late is a stall. "own" leaves out the time in which Qt's thread was ready
and had no core, which is the machine's other work as much as the program's; "busy" is what it worked itself.

Run: python -m tests.benchmarks.bench_window_stalls [--only KIND ...] [--causes N]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PySide6.QtCore import QTimer

from app.base.virtual_display import VirtualDisplay, has_display
from core.paths import HOME_VARIABLE
from tests.benchmarks.stall_watch import STALL, Beats, StallWatch
from tests.benchmarks.window_tasks import rest, wait_until

P99_BUDGET, LARGEST_BUDGET = 0.016, 0.1
"""Seconds, on two cores that do nothing else."""

N_IMPORTED, N_FITTED, N_RECIPES = 5000, 120, 300
N_PREVIEWS, PREVIEW_MS, N_STEPS, ORBIT_SIZE = 60, 30, 10, (700, 560)
SETTLE_MS = 700


@dataclass
class Bench:
    """The window at work, and a folder for what it reads and writes."""

    window: Any
    folder: Path
    watch: StallWatch

    @property
    def session(self) -> Any:
        """Its services."""
        return self.window.session

    def idle(self) -> None:
        """Wait until nothing runs."""
        from app.base.jobs import Idle

        rest(20)
        wait_until(lambda: isinstance(self.session.lane.state, Idle))

    def target(self, number: int = 0) -> None:
        """Probe one voxel of FFA and wait for it."""
        voxels = self.session.state.subject.voxels.voxels_in("FFA")
        self.session.controller.pick_voxel(int(voxels[number % len(voxels)]))
        self.idle()


def attack(bench: Bench) -> None:
    """Three probes."""
    for number in range(3):
        bench.target(number)


def previews(bench: Bench) -> None:
    """Epsilon dragged up and down, after a probe."""
    bench.target()
    bench.watch.take()
    for epsilon in np.abs(np.linspace(-2.9, 2.9, N_PREVIEWS)).tolist():
        bench.session.controller.drag_epsilon(epsilon + 0.05)
        rest(PREVIEW_MS)
    bench.idle()


def orbit(bench: Bench, seconds: float = 4.0) -> float:
    """The cortex turned whenever a frame came; frames a second."""
    canvas, frames = bench.window.explore.cortex.view.canvas, 0

    def turn() -> None:
        nonlocal frames
        frames += 1
        QTimer.singleShot(0, lambda: canvas.input.orbited.emit(0.01, 0.0))

    before = canvas.minimumSize()
    canvas.setMinimumSize(*ORBIT_SIZE)
    rest(SETTLE_MS)
    bench.watch.take()
    canvas.drawn.connect(turn)
    turn()
    rest(round(1e3 * seconds))
    canvas.drawn.disconnect(turn)
    canvas.setMinimumSize(before)
    return (frames - 1) / seconds


def switch(bench: Bench) -> None:
    """Other networks, images and a subject, each once."""
    session, here = bench.session, bench.session.state.encoder
    session.state.auto_probe = False
    for one in session.catalogue.encoders_of(session.state.subject.id)[:3]:
        session.controller.open_encoder(one.network, one.layer)
        bench.idle()
    for info in session.catalogue.images[:5]:
        session.controller.open_image(info.id)
        bench.idle()
    session.controller.open_encoder(*here)
    bench.idle()
    session.state.auto_probe = True


def sweep(bench: Bench) -> None:
    """A small analysis of fragility, from the button to its table and figures."""
    from app.analyses.page import AnalysisPage

    bench.window.tabs.open("fragility")
    page = bench.window.tabs.page("fragility")
    assert isinstance(page, AnalysisPage)
    rest(SETTLE_MS)
    page.form.encoders.set_value(page.form.encoders.value()[:2])
    page.form.images.set_value("test:2")
    page.form.n_steps.set_value(2)
    page.form.take_edit()
    page.start()
    wait_until(lambda: page.finished is not None)
    bench.idle()
    bench.window.tabs.open("explore")


def import_images(bench: Bench) -> None:
    """Recordings of 5,000 images, from the folder to the opened subject."""
    from core.datasets.import_options import ImportOptions

    source = bench.folder / "many"
    assistant = bench.window.features.recordings
    assistant.show_assistant(str(source / "many.toml"))
    dialog = assistant.dialog
    wait_until(lambda: dialog.pages.currentWidget() is dialog.options or bool(dialog.choose.error.text()))
    dialog.run_import("generic", str(source / "many.toml"), ImportOptions("many"))
    wait_until(lambda: not dialog.progress.work.busy)
    bench.idle()
    dialog.close()


def open_imported(bench: Bench) -> None:
    """The imported subject opened, its gallery scrolled from end to end."""
    bench.session.controller.open_subject("many")
    bench.idle()
    rest(SETTLE_MS)
    gallery = bench.window.explore.gallery
    gallery.group.set_value("own")
    gallery._show_group()
    bar = gallery.view.verticalScrollBar()
    for place in np.linspace(0, bar.maximum(), 40).astype(int).tolist():
        bar.setValue(place)
        rest(50)
    bench.session.controller.open_subject("simulated")
    bench.idle()


def photographs(bench: Bench) -> None:
    """Twelve photographs of 24 megapixels, dropped one after another."""
    for path in sorted((bench.folder / "photographs").glob("*.jpg")):
        bench.session.controller.open_image(str(path))
        bench.idle()
        rest(100)


def fit(bench: Bench) -> None:
    """An encoder of the subject with a few images: features, readouts, scores, card."""
    from app.encoders.fit_dialog import FitDialog
    from core.encoders.fit_request import FitRequest

    dialog = FitDialog(bench.session, bench.window)
    dialog.show()
    dialog.start(FitRequest("few", "mobilenet_v2", ("features.18",)))
    wait_until(lambda: not dialog.work.busy)
    assert not dialog.work.error.text(), dialog.work.error.text()
    bench.idle()
    dialog.close()


def tray(bench: Bench) -> None:
    """A tray of 300 probes: planned, shown, scrolled, kept in the session."""
    from core.stimuli.plan import list_recipes, resolve_plan

    options = {"networks": ("mobilenet_v2",), "images": ("test:50",), "voxels": ("FFA:3",)}
    plan = resolve_plan(options | {"directions": ("raise", "lower")})
    stimuli = bench.window.features.stimuli
    bench.window.tabs.open("stimuli")
    stimuli._list(lambda: list_recipes(plan), "{count}")
    wait_until(lambda: len(stimuli.tray.items) == N_RECIPES)
    rest(SETTLE_MS)
    bar = stimuli.page.list.verticalScrollBar()
    for place in np.linspace(0, bar.maximum(), 20).astype(int).tolist():
        bar.setValue(place)
        rest(30)
    stimuli.page.looking.cancel()
    bench.idle()
    bench.window.tabs.open("explore")


def sessions(bench: Bench) -> None:
    """The session with its probe and its tray: saved twice, then autosaved while targets change."""
    kept = bench.window.features.sessions
    for name in ("one", "two"):
        bench.target(len(name))
        kept._write(bench.folder / f"{name}.probescope")
        wait_until(lambda: not bench.session.files.is_busy("save"))
    for number in range(3):
        bench.target(number)
        rest(1300)


def card(bench: Bench) -> None:
    """The card of the encoder: its plots and tables."""
    encoders = bench.window.features.encoders
    encoders.show_card()
    rest(SETTLE_MS)
    window: Any = encoders.card_window
    for place in range(window.tabs.count()):
        window.tabs.setCurrentIndex(place)
        rest(200)
    bench.idle()
    window.close()


def figures(bench: Bench) -> None:
    """Every figure of the probe drawn in the dialog and saved."""
    from core.figures.figure_config import FigureConfig, FigureKind

    bench.target()
    feature = bench.window.features.figures
    for kind in FigureKind:
        feature.show_figure(kind)
        rest(400)
        bench.idle()
        with answered("app.figures.feature", bench.folder / f"{kind}.pdf"):
            feature._save_figure(FigureConfig(kind), "pdf")
        bench.idle()
    feature.figure_dialog.close()


def film(bench: Bench) -> None:
    """A movie of the turning cortex and one of the attack's steps, two seconds each."""
    from core.figures.movie_config import MovieConfig, MovieKind

    bench.target()
    feature = bench.window.features.figures
    feature.show_movie()
    rest(SETTLE_MS)
    bench.idle()
    for kind in (MovieKind.STEPS, MovieKind.CORTEX):
        path = bench.folder / f"{kind}.mp4"
        with answered("app.figures.feature", path):
            feature._make_movie(MovieConfig(kind=kind, fps=10, seconds=2, width=960, height=540), "mp4")
        bench.idle()
        assert path.is_file(), feature.movie_dialog.work.error.text()
    feature.movie_dialog.close()


KINDS: dict[str, Callable[[Bench], object]] = {
    "idle": lambda _bench: rest(1500),
    "attack": attack,
    "previews": previews,
    "orbit": orbit,
    "switch": switch,
    "sweep": sweep,
    "fit": fit,
    "import 5,000": import_images,
    "open 5,000": open_imported,
    "photographs": photographs,
    "tray of 300": tray,
    "sessions": sessions,
    "card": card,
    "figures": figures,
    "film": film,
}


@contextmanager
def answered(module: str, path: Path) -> Iterator[None]:
    """Whoever asks for a path to save to gets this one."""
    from importlib import import_module

    place = import_module(module)
    before = place.ask_path
    place.ask_path = lambda *_args, **_options: path  # type: ignore[attr-defined]
    try:
        yield
    finally:
        place.ask_path = before  # type: ignore[attr-defined]


def write_recording(folder: Path, n_images: int) -> None:
    """A recording of noise in the program's own description: pictures of 96 pixels, responses of 400 voxels."""
    from tests.helpers.recording_files import write_csv

    (folder / "images").mkdir(parents=True)
    draw = np.random.default_rng(0)
    names = [f"p{number:04d}.jpg" for number in range(n_images)]
    for name in names:
        Image.fromarray(draw.integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(folder / "images" / name)
    np.save(folder / "responses.npy", draw.standard_normal((n_images, 400)).astype(np.float32))
    write_csv(folder / "images.csv", [{"image": name, "category": "noise"} for name in names])
    write_csv(folder / "voxels.csv", [{"roi": "FFA", "hemisphere": "left", "vertex": at} for at in range(400)])
    from core.datasets.description import TEMPLATE

    (folder / f"{folder.name}.toml").write_text(TEMPLATE, encoding="utf-8")


def prepare(folder: Path, kinds: list[str]) -> None:
    """Write what the kinds of work read."""
    if {"import 5,000", "open 5,000"} & set(kinds):
        write_recording(folder / "many", N_IMPORTED)
    if "fit" in kinds:
        from core.datasets.import_options import ImportOptions
        from core.datasets.importer import iter_import
        from core.datasets.kinds import plan_import

        write_recording(folder / "few", N_FITTED)
        options = ImportOptions("few")
        for _ in iter_import(plan_import("generic", folder / "few" / "few.toml", options), options):
            pass
    if "photographs" in kinds:
        (folder / "photographs").mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (500, 750, 3), dtype=np.uint8)
        large = Image.fromarray(noise).resize((6000, 4000))
        for number in range(12):
            large.save(folder / "photographs" / f"{number}.jpg")


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    """The window with the embedded default, ready, on a display of its own where there is none."""
    display = None if has_display() else VirtualDisplay()
    from threadpoolctl import threadpool_limits

    from app.base.services import open_services
    from app.look.qt_application import make_application
    from app.shell.application import hold_collector, make_window
    from core.engine import Engine

    threadpool_limits(1, "blas")  # as in the program, which says so before numpy is loaded
    application = make_application()
    session = open_services(engine=Engine(spare_cores=1))
    window = make_window(session)
    hold_collector(window)
    window.show()
    bench = Bench(window, folder, StallWatch())
    try:
        wait_until(lambda: session.state.clean is not None)
        bench.idle()
        session.state.attack = replace(session.state.attack, n_steps=N_STEPS)
        rest(SETTLE_MS)
        yield bench
    finally:
        bench.watch.stop()
        window.close()
        application.shutdown()
        if display is not None:
            display.stop()


def measure(bench: Bench, kinds: list[str]) -> Iterator[tuple[str, float, Beats]]:
    """Do one kind of work after another."""
    for kind in kinds:
        rest(300)
        bench.watch.take()
        start = time.perf_counter()
        KINDS[kind](bench)
        yield kind, time.perf_counter() - start, bench.watch.take()


def show(kind: str, seconds: float, beats: Beats, n_causes: int) -> bool:
    """Print one row with its causes; whether it keeps the budget."""
    worst = beats.largest
    kept = beats.p99(own=True) <= P99_BUDGET and worst.own <= LARGEST_BUDGET
    longest = max(beats.late, default=0.0)
    columns = [beats.p99(), longest, beats.p99(own=True), worst.own, worst.busy]
    numbers = " ".join(f"{1e3 * one:7.1f}" for one in columns)
    print(
        f"{kind:14s}{seconds:6.1f} {len(beats.stalls):6d} {numbers}  {'' if kept else 'over  '}{worst.cause}",
        flush=True,
    )
    for cause, count, most in beats.causes()[:n_causes]:
        print(f"{'':20s} {count:6d} {'':23s} {1e3 * most:7.1f} {'':7s}    {cause}", flush=True)
    return kept


def main(arguments: list[str] | None = None) -> bool:
    """Print the table; whether every kind of work keeps the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument("--causes", type=int, default=0, help="causes of stalls to list for each kind")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="probescope-bench-") as home:
        os.environ[HOME_VARIABLE] = home
        folder = Path(home) / "bench"
        folder.mkdir()
        prepare(folder, options.only)
        heads = ("p99", "largest", "own p99", "largest", "busy")
        print(f"{'':14s}{'s':>6s} {f'>{1e3 * STALL:.0f} ms':>6s} {' '.join(f'{one:>7s}' for one in heads)}  cause (ms)")
        with opened(folder) as bench:
            kept = [show(*row, options.causes) for row in measure(bench, options.only)]
    print(f"budget: p99 {1e3 * P99_BUDGET:.0f} ms, largest {1e3 * LARGEST_BUDGET:.0f} ms")
    return all(kept)


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
