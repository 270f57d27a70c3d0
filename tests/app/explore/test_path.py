"""The path over the cortex in the real window: switch, scrubbing, running probes, the drawing's own thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

import app.explore.path as module
from app.shell.main_window import MainWindow
from core.probes.probe import in_reference_sds
from core.surfaces.anatomy import find_centres
from tests.helpers.open_window import open_window
from tests.helpers.probes import iter_progress


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as window:
        window.session.controller.pick_roi("FFA")
        qtbot.waitUntil(lambda: window.session.state.probe is not None and not window.session.state.is_probing)
        yield window


def expected(window: MainWindow, n_steps: int) -> object:
    state = window.session.state
    assert state.probe is not None and state.placed is not None
    moved = state.probe.history.responses[:n_steps] - state.probe.clean
    change = in_reference_sds(moved, state.probe.reference_sd)
    return find_centres(state.placed.surface, state.placed.voxels, change).tolist()


def drawn(window: MainWindow) -> object:
    window.explore.presenter.settle()
    centres = window.explore.cortex.view.canvas.scene.centres
    return None if centres is None else centres().tolist()


def test_it_follows_the_step_on_screen(window: MainWindow) -> None:
    state, button = window.session.state, window.explore.cortex.path_button
    assert drawn(window) is None
    state.card = replace(state.card, reference_sd=state.probe.reference_sd)  # type: ignore[type-var, union-attr]
    button.click()
    whole = state.probe.history.n_steps  # type: ignore[union-attr]
    assert drawn(window) == expected(window, whole)
    state.step = 4
    assert drawn(window) == expected(window, 5)
    assert window.explore.style().path and window.explore.value().path
    button.click()
    assert drawn(window) is None


def test_it_grows_with_a_running_probe_and_starts_again_with_another(window: MainWindow) -> None:
    state = window.session.state
    window.explore.cortex.path_button.click()
    probe = state.probe
    assert probe is not None
    records = [one for one in iter_progress(probe) if one.stage == "attack"][:3]
    for number, record in enumerate(records, start=1):
        state.progress = record
        assert len(drawn(window)) == number  # type: ignore[arg-type]
    state.progress = replace(records[0], clean=np.array(records[0].clean))
    assert len(drawn(window)) == 1  # type: ignore[arg-type]


def test_the_window_finds_no_centre_itself(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def find(*given: object) -> object:
        threads.append(threading.get_ident())
        return find_centres(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "find_centres", find)
    window.explore.cortex.path_button.click()
    qtbot.waitUntil(lambda: bool(threads))
    qtbot.waitUntil(lambda: bool(window.explore.cortex.view.canvas.frame.annotations.paths))  # type: ignore[union-attr]
    assert threading.get_ident() not in threads and len(threads) == 1, "once, in the thread that draws"
