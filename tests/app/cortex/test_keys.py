"""The cortex by keys alone: it turns, shifts and zooms, steps to the voxel an arrow points to, and Enter picks it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.cortex.cursor import find_towards
from app.cortex.picking import HoverInfo
from app.cortex.view import CortexView
from tests.helpers.cortex import make_atlas, make_cortex, make_table

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def view(qtbot):
    view = CortexView()
    view.resize(620, 460)
    view.set_surface(make_cortex())
    view.set_voxels(make_table(make_cortex()))
    view.set_atlas(make_atlas(make_cortex()))
    view.set_named_view("lateral")
    qtbot.addWidget(view)
    view.show()
    qtbot.waitExposed(view)
    yield view
    view.close()


def press(view, key, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(view.canvas, key, modifiers)


def place(view, voxel) -> np.ndarray:
    side, vertex = view.painter.place_of(voxel)
    point = view.canvas.screen_position(view.canvas.scene.meshes[side].points[vertex])
    return np.array([point.x(), point.y()])


def test_arrows_turn_and_shift_arrows_shift(view) -> None:
    before = view.canvas.pose
    press(view, Qt.Key.Key_Right)
    assert view.canvas.pose.azimuth == pytest.approx((before.azimuth + 10) % 360)
    assert view.canvas.pose.centre == before.centre
    press(view, Qt.Key.Key_Up)
    assert view.canvas.pose.elevation == pytest.approx(before.elevation - 10)
    turned = view.canvas.pose
    press(view, Qt.Key.Key_Left, SHIFT)
    assert view.canvas.pose.azimuth == turned.azimuth
    assert view.canvas.pose.centre != turned.centre


def test_plus_and_minus_zoom_and_home_shows_all(view) -> None:
    before = view.canvas.pose.scale
    press(view, Qt.Key.Key_Plus)
    assert view.canvas.pose.scale == pytest.approx(before / 1.25)
    press(view, Qt.Key.Key_Minus)
    assert view.canvas.pose.scale == pytest.approx(before)
    press(view, Qt.Key.Key_Plus)
    press(view, Qt.Key.Key_Home)
    assert view.canvas.pose.scale == pytest.approx(before)


@pytest.mark.parametrize(("key", "way"), [(Qt.Key.Key_Right, (1, 0)), (Qt.Key.Key_Down, (0, 1))])
def test_a_step_goes_to_the_nearest_voxel_that_way(view, key, way) -> None:
    told: list[HoverInfo] = []
    view.voxel_hovered.connect(told.append)
    press(view, key, CONTROL)  # the first step enters at the middle of the view
    start = view.voxel_cursor.voxel
    shown = view.voxel_cursor.in_sight()
    places = np.stack([place(view, voxel) for voxel in shown])
    step = places - place(view, start)
    along, aside = step @ np.array(way), np.abs(step @ np.array([-way[1], way[0]]))
    allowed = {int(voxel) for voxel, a, b in zip(shown, along, aside, strict=True) if a > 1e-6 and b <= a}
    press(view, key, CONTROL)
    now = view.voxel_cursor.voxel
    assert now in allowed
    nearer = [v for v in allowed if np.linalg.norm(place(view, v) - place(view, start)) < along[shown == now][0] / 3]
    assert not nearer, "no voxel lies far before the one reached"
    assert told[-1].voxel == now


def test_page_down_visits_every_roi_in_sight_once(view) -> None:
    rois = np.asarray(make_table(make_cortex()).roi)
    expected = {roi for roi in rois[view.voxel_cursor.in_sight()] if roi}
    seen = []
    for _ in expected:
        press(view, Qt.Key.Key_PageDown)
        seen.append(rois[view.voxel_cursor.voxel])
    assert set(seen) == expected
    assert len(set(seen)) == len(seen)


def test_enter_picks_the_voxel_and_nothing_before_a_step(view, qtbot) -> None:
    with qtbot.assertNotEmitted(view.voxel_picked):
        press(view, Qt.Key.Key_Return)
    press(view, Qt.Key.Key_Right, CONTROL)
    with qtbot.waitSignal(view.voxel_picked) as picked:
        press(view, Qt.Key.Key_Return)
    assert picked.args == [view.voxel_cursor.voxel]


def test_nothing_lies_beyond_the_last_voxel() -> None:
    places = np.array([[0.0, 0.0], [10.0, 1.0], [4.0, -9.0]])
    assert find_towards(places, 0, direction=(1, 0)) == 1
    assert find_towards(places, 1, direction=(1, 0)) is None
    assert find_towards(places, 0, direction=(0, -1)) == 2
