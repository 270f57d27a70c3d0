"""The main journeys once with the real engine in the window: click, probe, save, restore, movie, fit. Few steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.encoders.fit_request import FitOptions, FitRequest
from core.engine import Engine
from core.figures.movie_config import MovieFormat
from core.probes.files import load_probe
from tests.helpers.imported_subject import write_imported

LONG = 100_000
"""Milliseconds: torch may be loading on a busy machine."""
NETWORK, LAYER = "alexnet", "features.4"
"""The smallest of the networks that come along, cut early."""


def write_recording(folder: Path, *, n_images: int = 24) -> None:
    """A subject of few random images and three voxels that follow their brightness."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    levels = generator.integers(0, 256, (n_images, 32, 32, 3), dtype=np.uint8) // generator.integers(
        1, 6, (n_images, 1, 1, 1), dtype=np.uint8
    )
    names = [f"p{number:02d}" for number in range(n_images)]
    for name, picture in zip(names, levels, strict=True):
        Image.fromarray(picture).save(folder / f"{name}.png")
    bright = levels.mean(axis=(1, 2, 3))
    means = np.stack([bright, -bright, bright + generator.standard_normal(n_images)], axis=1)
    source = {"kind": "files", "path": str(folder), "members": [f"{name}.png" for name in names]}
    write_imported("mine", means=means, source=source, images=names, n_test=6)


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    write_recording(tmp_path / "pictures")
    session = open_services(engine=Engine(device="cpu"))
    session.settings.set("subject", "simulated")
    session.settings.set("network", NETWORK)
    session.settings.set("layer", LAYER)
    made = make_window(session)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=LONG)
    wait_idle(made, qtbot)
    yield made
    made.close()
    made.deleteLater()


def wait_idle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=LONG)


def click_a_voxel(window: MainWindow, qtbot: QtBot) -> int:
    """Click on the first voxel that can be seen; returns it."""
    canvas, subject = window.explore.cortex.view.canvas, window.session.state.subject
    assert subject is not None
    table = subject.voxels
    for voxel in range(table.n_voxels):
        side, vertex = int(table.hemisphere[voxel]), int(table.vertex[voxel])
        at = canvas.screen_position(canvas.scene.meshes[side].points[vertex]).toPoint()
        pick = canvas.pick_at(QPointF(at))
        if pick is not None and (pick.side, pick.vertex) == (side, vertex):
            qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
            return voxel
    raise AssertionError("no voxel can be seen")


def test_click_probe_save_film_and_restore(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, state = window.session, window.session.state
    assert state.encoder == (NETWORK, LAYER)
    window.explore.controls.attack.n_steps.setValue(3)
    voxel = click_a_voxel(window, qtbot)
    qtbot.waitUntil(lambda: state.probe is not None, timeout=LONG)
    wait_idle(window, qtbot)
    probe = state.probe
    assert probe is not None and probe.config.target.voxels == (voxel,)
    assert probe.of_target(probe.shift) > 0, "the response was raised"

    session.controller.save_probe(tmp_path / "probe.json")
    wait_idle(window, qtbot)
    np.testing.assert_array_equal(load_probe(tmp_path / "probe.json").perturbed, probe.perturbed)

    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "film.gif"), ""))
    window.features.figures.show_movie()
    dialog = window.features.figures.movie_dialog
    assert dialog is not None
    dialog.save_requested.emit(replace(dialog.form.value(), seconds=1.0, hold=0.5, fps=5), MovieFormat.GIF)
    qtbot.waitUntil(lambda: dialog.work.note.text().startswith("Saved"), timeout=LONG)
    assert (tmp_path / "film.gif").stat().st_size > 0
    dialog.close()
    wait_idle(window, qtbot)

    assert window.features.sessions._write(tmp_path / "mine.probescope", waits=True)
    session.controller.clear_target()
    window.features.sessions._saved = window.features.sessions.open_now().record  # nothing is asked about
    window.features.sessions.path = None
    window.features.sessions.open_path(tmp_path / "mine.probescope")
    qtbot.waitUntil(lambda: state.probe is not None, timeout=LONG)
    wait_idle(window, qtbot)
    assert state.target == probe.config.target and state.probe is not None
    np.testing.assert_array_equal(state.probe.perturbed, probe.perturbed)


def test_a_fit_is_selectable_and_probed(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    window.features.fits.show_dialog()
    dialog = window.features.fits.dialog
    assert dialog is not None
    dialog.start(FitRequest("mine", NETWORK, (LAYER,), FitOptions(n_components=4, n_folds=3)))
    qtbot.waitUntil(lambda: not dialog.work.busy, timeout=LONG)
    assert dialog.work.error.text() == "" and "r" in dialog.summary.text()
    wait_idle(window, qtbot)
    dialog.close()
    session.controller.open_subject("mine")
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=LONG)
    wait_idle(window, qtbot)
    assert session.state.encoder == (NETWORK, LAYER)
    assert session.state.clean is not None and session.state.clean.shape == (3,)
