"""The probe loupe in the real window: switch, key, newest voxel, running probes, other settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.cortex.picking import HoverInfo
from app.explore.loupe import POINT, WAITS, Loupe
from app.shell.main_window import MainWindow
from core.types import Direction, Hemisphere, NormName
from tests.helpers.fake_engine import FakeEngine
from tests.helpers.open_window import open_window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as window:
        yield window


def loupe_of(window: MainWindow) -> Loupe:
    (loupe,) = window.findChildren(Loupe)
    return loupe


def point_at(window: MainWindow, voxel: int | None) -> None:
    window.explore.cortex.view.voxel_hovered.emit(HoverInfo(Hemisphere.LEFT, 0, voxel, "FFA", 0.5))


def window_title(window: MainWindow, voxel: int) -> str:
    subject = window.session.state.subject
    assert subject is not None
    return f"voxel {voxel} (left {subject.voxels.roi[voxel]})"


def settle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))


def test_shows_shift_and_picture_of_the_voxel_pointed_at(window: MainWindow, qtbot: QtBot) -> None:
    loupe, engine = loupe_of(window), cast(FakeEngine, window.session.engine)
    point_at(window, 3)
    assert loupe.isHidden() and "first_order" not in engine.n_asked
    window.actions_table.action("loupe").trigger()
    settle(window, qtbot)
    assert loupe.isVisible() and loupe.title.text() == "First order +6.00 SD"  # (1 + 3) x 3 / 2
    assert loupe.note.text().startswith(
        f"{window_title(window, 3)} at L₂ ε 3, gradient of the clean image · difference ×"
    )
    assert loupe.picture.isVisible() and not loupe.picture.pixmap().isNull()
    for _ in range(3):
        point_at(window, 3)
    settle(window, qtbot)
    assert engine.n_asked["first_order"] == 1, "the same voxel is not asked for again"
    assert "probe" not in engine.n_asked
    point_at(window, None)
    assert loupe.note.text() == POINT and loupe.picture.isHidden()
    window.actions_table.action("loupe").trigger()
    assert loupe.isHidden()


def test_follows_direction_and_budget(window: MainWindow, qtbot: QtBot) -> None:
    loupe, state = loupe_of(window), window.session.state
    loupe.toggle()
    point_at(window, 0)
    settle(window, qtbot)
    state.direction = Direction.LOWER
    settle(window, qtbot)
    assert loupe.title.text() == "First order −1.50 SD"
    state.attack = replace(state.attack, norm=NormName.LINF, epsilon=8 / 255)
    settle(window, qtbot)
    assert loupe.title.text() == "First order −0.0157 SD" and "at L∞ ε 8/255" in loupe.note.text()


def test_only_the_newest_of_many_voxels_arrives(window: MainWindow, qtbot: QtBot) -> None:
    loupe, engine = loupe_of(window), cast(FakeEngine, window.session.engine)
    loupe.toggle()
    for voxel in range(50):
        point_at(window, voxel)
    settle(window, qtbot)
    assert loupe.note.text().startswith(window_title(window, 49)) and "+75.0 SD" in loupe.title.text()
    assert engine.n_asked["first_order"] <= 3


def test_waits_for_a_running_probe(window: MainWindow, qtbot: QtBot) -> None:
    loupe, engine = loupe_of(window), cast(FakeEngine, window.session.engine)
    loupe.toggle()
    window.session.state.is_probing = True
    point_at(window, 7)
    assert loupe.note.text() == WAITS and "first_order" not in engine.n_asked
    window.session.state.is_probing = False
    settle(window, qtbot)
    assert engine.n_asked["first_order"] == 1 and "+12.0 SD" in loupe.title.text()


def test_a_held_key_shows_it_until_it_is_released(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    loupe, held = loupe_of(window), [Qt.KeyboardModifier.ControlModifier]
    monkeypatch.setattr(QGuiApplication, "queryKeyboardModifiers", lambda: held[0])
    point_at(window, 2)
    settle(window, qtbot)
    assert loupe.isVisible() and "+4.50 SD" in loupe.title.text()
    held[0] = Qt.KeyboardModifier.NoModifier
    qtbot.waitUntil(loupe.isHidden)


def test_an_unknown_sd_gives_the_unit_of_the_response(window: MainWindow, qtbot: QtBot) -> None:
    loupe, engine = loupe_of(window), window.session.engine
    made = engine.first_order_probe

    def without_sd(*args: object, **more: object) -> object:
        found = made(*args, **more)  # type: ignore[arg-type]
        found.shift_sd = np.nan  # type: ignore[misc]
        return found

    engine.first_order_probe = without_sd  # type: ignore[method-assign, assignment]
    loupe.toggle()
    point_at(window, 0)
    settle(window, qtbot)
    assert loupe.title.text() == "First order +3.00 % signal change"
