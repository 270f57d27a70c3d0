"""A mask is drawn on the clean image with the mouse: box, strokes, edge; the next probe is asked with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.explore.maps import make_map
from app.explore.mask_tool import BRUSH, FILE, FIRST_BOX, HARD, MaskTool
from app.shell.main_window import MainWindow
from app.widgets.image_view import ImageView
from core.attacks.mask import Mask, MaskShape
from tests.helpers.fake_engine import FakeEngine
from tests.helpers.open_window import open_window

LEFT, SHIFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path, size=(1600, 960)) as made:
        made.session.controller.pick_roi("FFA")
        qtbot.waitUntil(lambda: made.session.state.probe is not None, timeout=20_000)
        yield made


def tool(window: MainWindow) -> MaskTool:
    attack = window.explore.controls.attack
    attack.advanced.button.setChecked(True)
    return attack.mask_tool


def choose(window: MainWindow, shape: str) -> MaskTool:
    chosen = tool(window)
    chosen.shape.setCurrentIndex(chosen.shape.findData(shape))
    return chosen


def place(view: ImageView, x: float, y: float) -> QPoint:
    """Where image pixel (x, y) is on the canvas of a view."""
    scene = view._box.mapViewToScene(QPointF(x, y))
    return view._scene.mapFromScene(scene)


def drag(
    view: ImageView,
    start: tuple[float, float],
    end: tuple[float, float],
    keys: Qt.KeyboardModifier = NONE,
    *,
    before_release: Callable[[], object] = bool,
) -> None:
    canvas = view._scene.viewport()
    QTest.mousePress(canvas, LEFT, keys, place(view, *start))
    for share in (0.25, 0.5, 0.75, 1.0):
        at = [a + share * (b - a) for a, b in zip(start, end, strict=True)]
        QTest.mouseMove(canvas, place(view, *at))
        QTest.qWait(5)
    before_release()
    QTest.mouseRelease(canvas, LEFT, keys, place(view, *end))


def asked(window: MainWindow, qtbot: QtBot, mask: Mask | None) -> None:
    """The probe on screen was asked with this mask."""
    state = window.session.state
    qtbot.waitUntil(lambda: state.probe is not None and state.probe.config.attack.mask == mask, timeout=20_000)


def test_a_box_is_dragged_over_the_clean_image(window: MainWindow, qtbot: QtBot) -> None:
    view = window.explore.images.clean_view
    side = len(view.pixels)  # type: ignore[arg-type]
    box = choose(window, MaskShape.BOX)
    asked(window, qtbot, Mask(box=FIRST_BOX))
    drag(view, (0.5 * side, 0.5 * side), (0.6 * side, 0.4 * side))
    qtbot.waitUntil(lambda: box.chosen is not None and box.chosen.box != FIRST_BOX)
    assert box.chosen is not None
    np.testing.assert_allclose(box.chosen.box, (0.35, 0.15, 0.85, 0.65), atol=0.03)
    asked(window, qtbot, box.chosen)
    box.edge.setValue(0.1)
    box.edge.editingFinished.emit()
    asked(window, qtbot, Mask(box=box.chosen.box, edge=0.1))
    attack = window.explore.controls.attack
    assert not attack.quantise.isEnabled() and HARD in attack.quantise.toolTip()
    choose(window, "")
    asked(window, qtbot, None)


@pytest.mark.parametrize("shape", [MaskShape.BOX, MaskShape.PICTURE])
def test_a_probe_that_ends_in_the_middle_of_a_drag_leaves_it_alone(
    window: MainWindow, qtbot: QtBot, shape: MaskShape
) -> None:
    view, drawn = window.explore.images.clean_view, choose(window, shape)
    side, before = len(view.pixels), drawn.chosen  # type: ignore[arg-type]
    if before is not None:
        asked(window, qtbot, before)

    def end_a_probe() -> None:
        drawn.set_value(before)
        view.picture_changed.emit()

    drag(view, (0.5 * side, 0.5 * side), (0.6 * side, 0.4 * side), before_release=end_a_probe)
    assert drawn.chosen is not None and drawn.chosen != before
    if shape is MaskShape.BOX:
        np.testing.assert_allclose(drawn.chosen.box, (0.35, 0.15, 0.85, 0.65), atol=0.03)
    else:
        values = drawn.chosen.render(side)
        assert values[side // 2, side // 2] == values[round(0.4 * side), round(0.6 * side)] == 1


def test_a_mask_is_painted_and_rubbed_out(window: MainWindow, qtbot: QtBot) -> None:
    view, told = window.explore.images.clean_view, []
    side = len(view.pixels)  # type: ignore[arg-type]
    paint = choose(window, MaskShape.PICTURE)
    paint.refused.connect(told.append)
    assert paint.chosen is None and window.session.state.attack.mask is None, "nothing is painted yet"
    row = side // 2
    drag(view, (0.3 * side, row), (0.7 * side, row))
    qtbot.waitUntil(lambda: paint.chosen is not None)
    assert paint.chosen is not None
    values = paint.chosen.render(side)
    assert values[row, round(0.7 * side) - 1] == 1 and values[row + BRUSH + 2].sum() == 0
    asked(window, qtbot, paint.chosen)
    drag(view, (0.7 * side, row), (0.7 * side + 1, row), SHIFT)
    qtbot.waitUntil(lambda: paint.chosen is not None and paint.chosen.render(side)[row, round(0.7 * side)] == 0)
    before = paint.chosen
    for share in (0.3, 0.4, 0.5, 0.6, 0.7):
        drag(view, (share * side, row), (share * side + 1, row), SHIFT)
    assert paint.chosen is not None and (told or paint.chosen.levels.any())
    assert before != paint.chosen or told


def test_a_picture_is_read_and_one_that_is_no_mask_refused(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = len(window.explore.images.clean_view.pixels)  # type: ignore[arg-type]
    levels = np.zeros((side, side), dtype=np.uint8)
    levels[: side // 3] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    Image.fromarray(levels[:8, :8]).save(tmp_path / "small.png")
    found = iter([str(tmp_path / "small.png"), str(tmp_path / "mask.png")])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args, **_more: (next(found), ""))
    told: list[str] = []
    window.session.controller.noted.connect(told.append)
    picture = choose(window, FILE)
    assert picture.chosen is None and f"{side} x {side} pixels" in told[0] and picture.shape.value() == ""
    choose(window, FILE)
    assert picture.chosen is not None and np.array_equal(picture.chosen.levels, levels)
    asked(window, qtbot, picture.chosen)


def test_every_read_out_is_of_the_mask_that_is_drawn(window: MainWindow, qtbot: QtBot) -> None:
    state, cortex, engine = window.session.state, window.explore.cortex, cast(FakeEngine, window.session.engine)
    cortex.set_map("sensitivity")
    qtbot.waitUntil(lambda: state.atlas is not None and state.atlas.mask is None, timeout=20_000)
    before = state.probe
    choose(window, MaskShape.ELLIPSE)
    assert make_map("sensitivity", state).values is None or (state.atlas is not None and state.atlas.mask is not None)
    ellipse = Mask(MaskShape.ELLIPSE, FIRST_BOX)
    asked(window, qtbot, ellipse)
    qtbot.waitUntil(lambda: state.atlas is not None and state.atlas.mask == ellipse, timeout=20_000)
    assert engine.n_asked["atlas"] >= 2
    shown = make_map("sensitivity", state)
    assert shown.values is not None and shown.title.endswith("inside the mask")
    assert "inside the mask" in window.explore.controls.attack.epsilon._hint.text()
    meter = window.explore.images.meter
    qtbot.waitUntil(lambda: "inside the mask" in meter.accessibleName())
    state.step = 0
    qtbot.waitUntil(lambda: "inside the mask" in meter.accessibleName() and "–" in meter.accessibleName())
    assert state.probe is not None and before is not None and state.probe is not before
    n_atlases = engine.n_asked["atlas"]
    state.attack = replace(state.attack, epsilon=1.0)
    assert not window.session.lane.is_busy("atlas") and engine.n_asked["atlas"] == n_atlases, "of one mask it is one"
