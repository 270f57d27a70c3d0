"""The demonstration: drives the real window with real mouse clicks, without anyone there. Never fakes a number.

It loads the embedded default, clicks a voxel of FFA, probes it raise and lower, exports and collects both and prints
what came out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtTest import QTest

from app.base.endings import ENDINGS
from app.base.jobs import Idle
from app.base.pictures import save_window_picture
from app.base.services import open_services
from app.base.virtual_display import VirtualDisplay, has_display
from app.look.qt_application import make_application
from app.look.theme import DARK, LIGHT, Theme, apply_theme
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.checks import refusal
from core.engine import Engine
from core.errors import StorageError
from core.files import replace_file
from core.paths import HOME_VARIABLE
from core.probes.probe import Probe
from core.stimuli.manifest import MANIFEST, list_files, read_rows
from core.types import Direction

ROI = "FFA"
IMAGE = "cat_chelsea"
NETWORK = "mobilenet_v2_robust"
POLL_MS = 20
SETS = ("raise", "lower")
PICTURES = ("window.png", "window_light.png", "encoder_card.png", "window_lower.png", "stimuli.png")
MARK = "demo.txt"
"""By it the pictures of a demonstration that was stopped before its first export are known."""
MARK_TEXT = "Written by the demonstration of Probescope, which replaces its own files here when it runs again.\n"
PATIENCE_SECONDS = 240.0
"""Loading torch on a cold, busy machine is the longest wait."""
LAST_PAINT_MS = 600
"""Lets all panels follow before a picture is taken."""


def run_demo(folder: str, *, device: str = "auto") -> int:
    """Run the demonstration into `folder` (what an earlier one left there is replaced). Returns 0.

    Raises StorageError if the folder cannot be written, no virtual display can be started, or the window hangs.
    """
    out = Path(folder).absolute()
    remove_earlier(out)
    display = None if has_display() else VirtualDisplay()
    previous = os.environ.get(HOME_VARIABLE)
    try:
        with tempfile.TemporaryDirectory(prefix="probescope-demo-") as home:
            os.environ[HOME_VARIABLE] = home  # neither reads nor changes what the user had open last
            _drive(out, device=device)
    finally:
        make_application().shutdown()  # Qt must let go of the display before it ends, or Xlib ends the program
        os.environ.pop(HOME_VARIABLE, None)
        if previous is not None:
            os.environ[HOME_VARIABLE] = previous
        if display is not None:
            display.stop()
    return 0


def _drive(out: Path, *, device: str) -> None:
    make_application()
    session = open_services(engine=Engine(device=device, spare_cores=1))
    session.settings.set("network", NETWORK)
    session.settings.set("image", IMAGE)
    window = make_window(session)
    started = time.monotonic()
    try:
        window.show()
        wait_for("the window", window, lambda: session.state.clean is not None)
        state, took = session.state, time.monotonic() - started
        subject = state.subject.title if state.subject else "no subject"
        print(f"Loaded {subject}, {state.network} {state.layer} on {state.device} in {took:.1f} s")
        raised = _click_a_voxel(window)
        _account(raised)
        _picture(window, out / "window.png", theme=DARK)
        _picture(window, out / "window_light.png", theme=LIGHT)
        apply_theme(make_application(), DARK)
        _picture_card(window, out / "encoder_card.png")
        window.actions_table.give("add_to_tray")
        _export(window, out / "raise")
        session.controller.set_direction(Direction.LOWER)
        wait_for("the lowering probe", window, lambda: _finished(window).config.direction is Direction.LOWER)
        lowered = _finished(window)
        _account(lowered)
        _picture(window, out / "window_lower.png", theme=DARK)
        window.actions_table.give("add_to_tray")
        _export(window, out / "lower")
        _picture_tray(window, out / "stimuli.png")
    finally:
        window.close()
    print(f"Stimuli, manifests and pictures of the window: {out}")


def _click_a_voxel(window: MainWindow) -> Probe:
    """Click the best predicted voxel of the ROI that the camera sees, and wait for its probe."""
    at = _visible_point(window)
    clicked = time.monotonic()
    first: list[float] = []
    window.session.state.progress_changed.connect(lambda: first.append(time.monotonic() - clicked))
    QTest.mouseClick(window.explore.cortex.view.canvas, Qt.MouseButton.LeftButton, pos=at)
    wait_for("the raising probe", window, lambda: window.session.state.probe is not None)
    whole = time.monotonic() - clicked
    print(f"Clicked the cortex: first image after {first[0]:.2f} s, whole probe after {whole:.2f} s")
    return _finished(window)


def _visible_point(window: MainWindow) -> QPoint:
    state, canvas = window.session.state, window.explore.cortex.view.canvas
    if state.subject is None or state.card is None:
        raise StorageError("The embedded subject or its encoders are missing. `python main.py doctor` says more.")
    table = state.subject.voxels
    members = table.voxels_in(ROI)
    for voxel in members[np.argsort(-state.card.r[members])]:
        side, vertex = int(table.hemisphere[voxel]), int(table.vertex[voxel])
        at = canvas.screen_position(canvas.scene.meshes[side].points[vertex]).toPoint()
        pick = canvas.pick_at(QPointF(at))
        if pick is not None and (pick.side, pick.vertex) == (side, vertex):
            return at
    raise StorageError(f"No voxel of {ROI} can be seen from the start view.")


def _account(probe: Probe) -> None:
    clean, perturbed = probe.of_target(probe.clean), probe.of_target(probe.perturbed)
    control = probe.of_target(probe.control_shift)
    print(
        f"{probe.config.describe()}\n"
        f"  response {clean:+.3f} -> {perturbed:+.3f} {probe.response_unit}, shift {perturbed - clean:+.3f} "
        f"= {(perturbed - clean) / probe.target_sd:+.2f} SD of the clean reference responses\n"
        f"  random control of the same norm {control:+.3f}, linearity {probe.curve.linearity[-1]:.2f}, "
        f"L2 {probe.l2:.3f}, Linf {probe.linf * 255:.1f}/255, {probe.seconds:.1f} s"
    )


def _export(window: MainWindow, folder: Path) -> None:
    window.session.controller.export(folder)
    wait_for("the export", window, (folder / "manifest.json").exists)
    print(f"  exported {sum(path.is_file() for path in folder.rglob('*'))} files to {folder}")


def _picture(window: MainWindow, path: Path, *, theme: Theme) -> None:
    apply_theme(make_application(), theme)
    window.banner.clear()
    window.explore.presenter.settle()
    _rest(LAST_PAINT_MS)
    window.explore.cortex.view.canvas.settle()
    save_window_picture(window, path)


def _picture_card(window: MainWindow, path: Path) -> None:
    """Open the encoder card as a user does, and save its picture."""
    window.actions_table.action("encoder_card").trigger()
    card = window.features.encoders.card_window
    if card is None:
        raise StorageError("The encoder card did not open; the log says why.")
    wait_for("the encoder card", window)
    _rest(LAST_PAINT_MS)
    save_window_picture(card, path)
    card.close()


def _picture_tray(window: MainWindow, path: Path) -> None:
    """Show what was collected for a set of stimuli, and save its picture."""
    tools = window.features.stimuli
    tools.show_page()
    tray, page = tools.tray, tools.page
    wait_for("the tray", window, lambda: all(tray.preview(row) is not None for row in range(len(tray.items))))
    page.list.setCurrentIndex(page.model.index(0, 0))
    _picture(window, path, theme=DARK)


def _finished(window: MainWindow) -> Probe:
    probe = window.session.state.probe
    if probe is None:
        raise StorageError("The probe ended without a result; the log says why.")
    return probe


def wait_for(what: str, window: MainWindow, is_there: Callable[[], bool] = lambda: True) -> None:
    """Wait until nothing runs and it is there. Raises StorageError once no step was done for long."""
    session, progress, since = window.session, None, time.monotonic()
    while not (isinstance(session.lane.state, Idle) and is_there()):
        if session.state.progress is not progress:
            progress, since = session.state.progress, time.monotonic()
        if time.monotonic() - since > PATIENCE_SECONDS:
            waited = f"Gave up on {what} after {PATIENCE_SECONDS:.0f} s without a step."
            raise StorageError(f"{waited} `python main.py doctor` may say why.")
        _rest(POLL_MS)


def _rest(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
    ENDINGS.check()


def remove_earlier(folder: Path) -> None:
    """Remove what an earlier demonstration wrote, and only that. Raises BadInputError if other files are in the way."""
    sets = [folder / name for name in SETS if (folder / name / MANIFEST).is_file()]
    written = {path for one in sets for path in list_files(read_rows(one))}
    pictures = [folder / name for name in PICTURES if (folder / name).is_file()]
    written |= set(pictures) if sets or (folder / MARK).is_file() else set()
    places = [folder / name for name in (*SETS, *PICTURES)]
    held = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    if others := sorted(set(held) - written):
        advice = "The demonstration did not write it, and nothing is overwritten. Choose another --out."
        raise refusal(
            "out", allowed="a new folder or one of an earlier demonstration", got=str(others[0]), advice=advice
        )
    try:
        for one in sets:
            shutil.rmtree(one)
        for picture in pictures:
            picture.unlink()
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}. Choose another with --out.") from error
    replace_file(folder / MARK, lambda partial: partial.write_text(MARK_TEXT, encoding="utf-8"))
