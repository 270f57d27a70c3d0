"""The map of the probe before the present one lies over it as contours, whatever map is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.explore.maps import make_map
from app.shell.main_window import MainWindow
from core.probes.probe import Probe
from tests.helpers.open_window import open_window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as window:
        yield window


def probe_of(window: MainWindow, qtbot: QtBot, roi: str) -> Probe:
    state = window.session.state
    window.session.controller.pick_roi(roi)
    qtbot.waitUntil(lambda: state.probe is not None and state.probe.config.target.roi == roi and not state.is_probing)
    window.explore.presenter.settle()
    assert state.probe is not None
    return state.probe


def test_the_contours_are_those_of_the_probe_before(window: MainWindow, qtbot: QtBot) -> None:
    cortex, painter = window.explore.cortex, window.explore.cortex.view.painter
    cortex.over.set_value("last", "contours", "0.5")
    cortex.look_changed.emit()
    first = probe_of(window, qtbot, "FFA")
    assert painter.over is None, "there is no probe before the first"
    assert probe_of(window, qtbot, "PPA") is not first
    over = painter.over
    assert over is not None and over.mode == "contours" and over.title == "Shift, last probe"
    np.testing.assert_allclose(over.values, (first.perturbed - first.clean) / first.reference_sd, rtol=1e-5)
    np.testing.assert_array_equal(painter.values, make_map("shift", window.session.state).values)
    window.session.state.step = 0
    window.explore.presenter.settle()
    assert painter.over is not None, "scrubbing changes only the present one"
    np.testing.assert_array_equal(painter.over.values, over.values)


def test_the_map_of_another_subject_is_none(window: MainWindow, qtbot: QtBot) -> None:
    probe, state = probe_of(window, qtbot, "FFA"), window.session.state
    assert make_map("last", state, before=probe).values is not None
    assert make_map("last", state, before=replace(probe, config=replace(probe.config, subject="other"))).values is None
    fewer = replace(probe, clean=probe.clean[1:])
    assert make_map("last", state, before=fewer).values is None
    assert make_map("last", state).values is None
