"""The trade-off in the real window: the front fills in, points and handle show their probes everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.explore.trade_off import TradeOffWindow, describe_point
from app.shell.main_window import MainWindow
from core.images.stimulus import Stimulus
from core.probes.probe import Probe, ProbeConfig
from core.probes.trade_off import WEIGHTS
from tests.helpers.fake_engine import FakeEngine
from tests.helpers.open_window import open_window


def weight_of(config: ProbeConfig) -> float:
    return 0.0 if config.objective.is_linear else config.objective.weight


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    make = FakeEngine._make

    def trade(engine: FakeEngine, config: ProbeConfig, stimulus: Stimulus) -> Probe:
        """The target's shift divided by 1 + weight, that of the others by its square."""
        probe, by = make(engine, config, stimulus), 1 + weight_of(config)
        scale = np.full(len(probe.clean), by**-2.0)
        scale[list(config.target.voxels)] = 1 / by
        perturbed = (probe.clean + scale * probe.shift).astype(np.float32)
        return replace(probe, perturbed=perturbed)

    monkeypatch.setattr(FakeEngine, "_make", trade)
    with open_window(qtbot, tmp_path) as window:
        yield window


def open_front(window: MainWindow, qtbot: QtBot) -> TradeOffWindow:
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: window.session.state.probe is not None and not window.session.state.is_probing)
    window.actions_table.action("trade_off").trigger()
    (found,) = window.findChildren(TradeOffWindow)
    qtbot.waitUntil(lambda: not found.work.busy and isinstance(window.session.lane.state, Idle))
    assert found.trade is not None
    return found


def test_front_points_and_handle(window: MainWindow, qtbot: QtBot) -> None:
    state, found = window.session.state, open_front(window, qtbot)
    trade = found.trade
    assert trade is not None and state.stimulus is not None and [one.weight for one in trade.points] == list(WEIGHTS)
    assert [one.weight for one in trade.front] == sorted(WEIGHTS, reverse=True)
    asked = cast(FakeEngine, window.session.engine).n_asked["probe"]
    point = trade.points[3]
    found.plot.picked.emit(point)
    assert state.probe is point.probe
    assert state.aim.spares_others and state.aim.spare_weight == 3.0
    options = window.explore.controls.target.options
    window.explore.presenter.settle()
    assert options.value().spare_weight == 3.0 and options.value().spares_others
    assert found.readout.text() == describe_point(point) and found.readout.text().startswith("penalty 3 · target +")
    assert found.handle.value() == trade.front.index(point)
    table = window.explore.responses.table
    moved = point.probe.shift_sd[list(point.probe.config.target.voxels)].mean()
    assert any(f"{moved:+.2f}" in line for line in table_texts(table)), "the spill-over table is that probe's"
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert cast(FakeEngine, window.session.engine).n_asked["probe"] == asked, "nothing is made again"

    # the handle goes from sparing to the plain target
    found.handle.setFocus()
    for key, weight in ((Qt.Key.Key_Home, 30.0), (Qt.Key.Key_End, 0.0)):
        qtbot.keyClick(found.handle, key)
        assert state.probe is not None and weight_of(state.probe.config) == weight
    assert not state.aim.spares_others

    # another image leaves the front; a point brings its own back
    before = state.stimulus.id
    window.session.controller.open_image("picture_2")
    qtbot.waitUntil(lambda: state.probe is not None and not state.is_probing)
    found.plot.picked.emit(trade.points[0])
    qtbot.waitUntil(lambda: state.probe is trade.points[0].probe)
    assert state.stimulus.id == before


def table_texts(table: object) -> list[str]:
    model = table.model()  # type: ignore[attr-defined]
    return [
        str(model.index(row, column).data()) for row in range(model.rowCount()) for column in range(model.columnCount())
    ]


def test_a_pattern_is_refused_in_the_window(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    n_voxels = window.session.state.subject.voxels.n_voxels  # type: ignore[union-attr]
    np.save(tmp_path / "wanted.npy", np.ones(n_voxels))
    window.session.state.auto_probe = False
    window.session.controller.pick_pattern(tmp_path / "wanted.npy")
    window.actions_table.action("trade_off").trigger()
    (found,) = window.findChildren(TradeOffWindow)
    assert "must be of a target, not a pattern" in found.work.error.text() and not found.work.busy
