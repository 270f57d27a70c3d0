"""With a real mouse: paint a set, rub some of it out, keep it as an ROI, come back to it; and an ROI's left half."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QInputDialog
from pytestqt.qtbot import QtBot

from app.shell.main_window import MainWindow
from core.datasets.voxel_sets import load_sets
from core.probes.target import TargetKind
from tests.helpers.open_window import open_window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def where(window: MainWindow, vertex: int) -> QPoint:
    """The pixel of a vertex of the right side."""
    canvas = window.explore.cortex.view.canvas
    return canvas.screen_position(canvas.scene.meshes[1].points[vertex]).toPoint()


def seen_voxels(window: MainWindow) -> list[tuple[int, int]]:
    """(voxel, vertex) of the right side that the pointer reaches, the leftmost on the screen first."""
    view, table = window.explore.cortex.view, window.session.state.subject.voxels
    found = []
    for voxel in np.flatnonzero(table.hemisphere == 1):
        at = where(window, int(table.vertex[voxel]))
        pick = view.canvas.pick_at(at) if view.canvas.rect().adjusted(9, 9, -9, -9).contains(at) else None
        if pick is not None and (pick.side, pick.vertex) == (1, table.vertex[voxel]):
            found.append((at.x(), int(voxel), int(table.vertex[voxel])))
    return [(voxel, vertex) for _, voxel, vertex in sorted(found)]


def test_a_set_is_painted_rubbed_out_kept_and_found_again(
    window: MainWindow, qtbot: QtBot, monkeypatch, tmp_path
) -> None:
    form, view, state = window.explore.controls.target, window.explore.cortex.view, window.session.state
    view.set_named_view("posterior")
    qtbot.mouseClick(form.kind.button(TargetKind.SET), Qt.MouseButton.LeftButton)
    assert form.draw.isChecked()
    assert form.draw.text() == "Stop drawing"
    assert form.brush.isVisible()
    before, places = view.canvas.pose, seen_voxels(window)
    (first, first_vertex), (last, last_vertex) = places[0], places[-1]
    start, end = where(window, first_vertex), where(window, last_vertex)
    QTest.mousePress(view.canvas, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 21):
        QTest.mouseMove(view.canvas, start + (end - start) * step / 20)
    QTest.mouseRelease(view.canvas, Qt.MouseButton.LeftButton, pos=end)
    assert view.canvas.pose == before, "the brush turns nothing"
    painted = set(state.target.voxels)
    assert {first, last} <= painted
    assert state.target.kind is TargetKind.SET
    qtbot.mouseClick(form.brush.button("erase"), Qt.MouseButton.LeftButton)
    QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=end)
    assert last not in state.target.voxels
    assert first in state.target.voxels
    assert set(state.target.voxels) < painted
    kept = state.target.voxels

    monkeypatch.setattr(QInputDialog, "getText", lambda *_a, **_k: ("my patch", True))
    qtbot.mouseClick(form.keep, Qt.MouseButton.LeftButton)
    subject = state.subject.id
    assert load_sets(subject, state.subject.voxels) == (("my patch", kept),)
    assert (state.target.kind, state.target.roi, state.target.voxels) == (TargetKind.ROI, "my patch", kept)
    qtbot.waitUntil(lambda: form.roi.value() == "my patch")
    assert "my patch" in [jump.title for jump in window.features.jumps.everything() if jump.kind == "ROI"]

    window.session.controller.pick_roi("V1")
    qtbot.waitUntil(lambda: form.roi.value() == "V1")
    form.roi.set_value("my patch")
    form.take_roi()
    assert state.target.voxels == kept
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_a, **_k: ("my patch", True))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_a, **_k: ("patch 2", True))
    window.actions_table.action("rename_set").trigger()
    assert dict(load_sets(subject, state.subject.voxels)) == {"patch 2": kept}
    path = tmp_path / "set.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a, **_k: (str(path), ""))
    window.actions_table.action("write_set").trigger()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a, **_k: (str(path), ""))
    window.actions_table.action("read_set").trigger()
    assert (state.target.kind, state.target.voxels) == (TargetKind.SET, kept)
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_a, **_k: ("patch 2", True))
    window.actions_table.action("remove_set").trigger()
    assert load_sets(subject, state.subject.voxels) == ()
    qtbot.waitUntil(lambda: form.roi.findData("patch 2") < 0)


def test_a_key_sizes_the_brush_and_does_not_change_the_image(window: MainWindow, qtbot: QtBot) -> None:
    form, view = window.explore.controls.target, window.explore.cortex.view
    image = window.session.controller.image_key
    qtbot.mouseClick(form.kind.button(TargetKind.SET), Qt.MouseButton.LeftButton)
    view.canvas.setFocus()
    radius = form.radius()
    QTest.keyClick(view.canvas, Qt.Key.Key_BracketRight)
    assert form.radius() == pytest.approx(1.25 * radius, rel=0.03)
    assert form.size_label.text() == f"{view.brush.radius:.1f} mm"
    assert window.session.controller.image_key == image
    form.brush_size.setValue(form.brush_size.maximum())
    assert view.brush.radius == pytest.approx(40, rel=0.03)
