"""After every change of state each panel shows what the state says, by numbers computed here with numpy alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QGraphicsView
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.state import AppState
from app.cortex.picking import Pick
from app.explore.picture_set import Role
from app.shell.main_window import MainWindow
from core.probes.probe import Probe
from core.types import Direction, FloatArray
from tests.helpers.fake_engine import SUBJECT, FakeEngine
from tests.helpers.open_window import open_window

NUMBER = r"[+−]?\d+(?:\.\d+)?"


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path, size=(1400, 860)) as made:
        yield made


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait for the lane, the drawing and the read-out under the pointer."""
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    presenter, reread = window.explore.presenter, window.explore.cortex.view._reread
    qtbot.waitUntil(lambda: not presenter._stale and not presenter._round and not reread.isActive())


def place_of(window: MainWindow, roi: str) -> tuple[int, QPoint]:
    """A voxel of an ROI that can be seen, and where."""
    canvas, voxels = window.explore.cortex.view.canvas, SUBJECT.voxels
    for voxel in np.flatnonzero(np.asarray(voxels.roi) == roi):
        side, vertex = int(voxels.hemisphere[voxel]), int(voxels.vertex[voxel])
        at = canvas.screen_position(canvas.scene.meshes[side].points[vertex]).toPoint()
        pick = canvas.pick_at(QPointF(at))
        if pick is not None and (pick.side, pick.vertex) == (side, vertex):
            return int(voxel), at
    raise AssertionError(f"no vertex of {roi} can be seen")


def click(window: MainWindow, qtbot: QtBot, roi: str) -> int:
    voxel, at = place_of(window, roi)
    canvas = window.explore.cortex.view.canvas
    QCursor.setPos(canvas.mapToGlobal(at))  # the real pointer, too: Qt tells of what lies under it
    QTest.mouseMove(canvas, at)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    settle(window, qtbot)
    return voxel


def first_number(text: str) -> float:
    return read(re.search(NUMBER, text).group())  # type: ignore[union-attr]


def read(text: str) -> float:
    return float(text.replace("−", "-"))


def digits(text: str) -> float:
    """Half of the last figure written."""
    return 0.5001 * 10.0 ** -len(text.partition(".")[2])


def responses(state: AppState, probe: Probe) -> FloatArray:
    if state.step is not None:
        return np.asarray(probe.history.responses[state.step])
    return probe.perturbed if state.preview is None else state.preview.responses


def check(window: MainWindow, hovered: int) -> None:
    """Compare what every panel shows of a finished probe with the state."""
    state, explore = window.session.state, window.explore
    probe, target, card = state.probe, state.target, state.card
    assert probe is not None and target is not None and card is not None and state.clean is not None
    shift = responses(state, probe) - state.clean
    in_sds = shift / card.reference_sd
    check_hover(window, hovered, in_sds)
    check_bar(window, in_sds)
    check_table(window, shift, shift / probe.reference_sd, probe)
    check_target(window)
    check_budget(window, probe)
    steps = explore.responses.history
    number = f"step {state.step + 1} of 40" if state.step is not None else "after 40 steps"
    told = "of the probe at" if state.preview is not None else number
    assert told in steps.readout.text()
    assert steps.slider.maximum() == 40
    marked = float(probe.curve.shift[-1]) if state.step is None else float(probe.history.shift[state.step])
    marked = marked if state.preview is None else state.preview.shift
    assert explore.responses.curve.marker is not None
    assert explore.responses.curve.marker[1] == pytest.approx(marked, rel=1e-3, abs=1e-6)
    said = re.search(NUMBER, explore.responses.readout.text()).group()  # type: ignore[union-attr]
    assert read(said) == pytest.approx(marked, abs=digits(said))
    caption, title = explore.images.caption.text(), explore.images.title.text()
    assert f"{state.network} {state.layer}" in caption
    assert title == f"{state.stimulus.id} · {state.direction} {target.label}"  # type: ignore[union-attr]


def check_hover(window: MainWindow, voxel: int, in_sds: FloatArray) -> None:
    text = window.status.hover.text()
    found = re.fullmatch(rf".*voxel {voxel}\b.*?({NUMBER}) SD.*", text)
    assert found, text
    assert read(found[1]) == pytest.approx(float(in_sds[voxel]), abs=digits(found[1]))


def check_bar(window: MainWindow, in_sds: FloatArray) -> None:
    reading = window.explore.cortex.view.colour_bar.reading
    assert reading is not None and reading.unit == "SD"
    assert reading.limit == pytest.approx(max(0.5, np.percentile(np.abs(in_sds), 99)), rel=1e-4)


def check_table(window: MainWindow, shift: FloatArray, in_sds: FloatArray, probe: Probe) -> None:
    table, rois = window.explore.responses.table, np.asarray(SUBJECT.voxels.roi)
    assert table.row_keys()[0] == SUBJECT.voxels.roi[probe.config.target.voxels[0]]
    for row, roi in enumerate(table.row_keys()):
        for column, values in ((2, shift), (3, in_sds)):
            text = str(table.model().index(row, column).data())
            assert read(text) == pytest.approx(float(values[rois == roi].mean()), abs=digits(text)), (roi, column)


def check_target(window: MainWindow) -> None:
    state, form = window.session.state, window.explore.controls.target
    assert state.target is not None and state.card is not None
    assert form.summary.text() == state.target.label[0].upper() + state.target.label[1:]
    voxels = list(state.target.voxels)
    r, most = np.median(state.card.r[voxels]), np.sqrt(np.median(state.card.noise_ceiling[voxels]))
    assert f"r {r:.2f} of at most {most:.2f}".replace("-", "−") in form.details.text()
    assert form.kind.value() == state.target.kind
    assert (form.roi.value() or "") == (state.target.roi if state.target.kind == "roi" else "")


def check_budget(window: MainWindow, probe: Probe) -> None:
    state, images = window.session.state, window.explore.images
    size = float(np.linalg.norm(probe.perturbed_pixels - probe.clean_pixels))
    if state.step is not None:
        levels = probe.history.pixels[state.step].astype(float) / 255
        before = np.round(255 * probe.clean_pixels.transpose(1, 2, 0)) / 255
        size = float(np.linalg.norm(levels - before))
    elif state.preview is not None:
        size = float(np.linalg.norm(state.preview.delta))
    assert images.meter.rows[0].name == "L₂"
    assert read(images.meter.rows[0].value) == pytest.approx(size, abs=2e-3)
    survives = images.meter.rows[-1].value
    assert (survives == "–") is (state.step is not None)


def test_every_panel_tells_the_truth_after_every_change(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    state, explore, engine = window.session.state, window.explore, cast(FakeEngine, window.session.engine)
    hovered = click(window, qtbot, "FFA")
    check(window, hovered)
    hovered = click(window, qtbot, "V3")
    check(window, hovered)

    explore.responses.history.slider.setValue(3)
    settle(window, qtbot)
    assert state.step == 3
    check(window, hovered)
    explore.responses.history.slider.setValue(40)
    settle(window, qtbot)
    assert state.step is None
    check(window, hovered)

    explore.controls.attack.epsilon.dragged.emit(1.1)
    qtbot.waitUntil(lambda: state.preview is not None)
    settle(window, qtbot)
    check(window, hovered)
    explore.controls.attack.epsilon.set_epsilon(1.1)
    explore.controls.attack.epsilon.committed.emit(1.1)
    settle(window, qtbot)
    assert state.preview is None and state.probe is not None and state.probe.config.attack.epsilon == 1.1
    check(window, hovered)

    window.session.controller.set_direction(Direction.LOWER)
    settle(window, qtbot)
    check(window, hovered)
    window.session.controller.pick_roi("PPA")
    settle(window, qtbot)
    check(window, hovered)
    for command in ("undo", "undo", "redo", "redo"):
        window.actions_table.give(command)
        settle(window, qtbot)
        check(window, hovered)

    other = next(name for name in ("alexnet", "resnet18") if name != state.network)
    window.session.controller.open_encoder(*window.session.catalogue.choose_encoder("simulated", other, ""))
    settle(window, qtbot)
    assert state.network == other
    check(window, hovered)

    before = state.probe
    engine.seconds_a_step = 0.05
    window.session.controller.set_direction(Direction.RAISE)
    qtbot.waitUntil(lambda: state.progress is not None and state.progress.step > 2)
    window.session.controller.cancel()
    engine.seconds_a_step = 0.0
    settle(window, qtbot)
    assert state.progress is None and state.probe is before
    window.actions_table.give("undo")
    settle(window, qtbot)
    check(window, hovered)

    sessions = window.features.sessions
    sessions._write(tmp_path / "kept.probescope")
    qtbot.waitUntil(lambda: sessions.path is not None and not sessions.is_modified())
    window.session.controller.pick_roi("V1")
    settle(window, qtbot)
    sessions._saved = None if sessions._saved is None else sessions.open_now().record
    sessions.path = None  # nothing to ask about
    sessions.open_path(tmp_path / "kept.probescope")
    qtbot.waitUntil(lambda: sessions.path is not None)
    settle(window, qtbot)
    check(window, hovered)
    assert not sessions.is_modified()


def test_the_pointer_reads_the_map_that_is_shown(window: MainWindow, qtbot: QtBot) -> None:
    voxel = click(window, qtbot, "FFA")
    state, cortex = window.session.state, window.explore.cortex
    assert state.card is not None and state.clean is not None and state.probe is not None
    wanted = {"clean": state.clean, "perturbed": state.probe.perturbed, "r": state.card.r}
    limits = {}
    for name, values in wanted.items():
        cortex.set_map(name)
        settle(window, qtbot)
        text = window.status.hover.text()
        found = re.search(rf"voxel {voxel}\b.*?({NUMBER}) ", text)
        assert found and read(found[1]) == pytest.approx(float(values[voxel]), abs=digits(found[1])), text
        limits[name] = cortex.view.colour_bar.reading.limit  # type: ignore[union-attr]
    largest = max(np.percentile(np.abs(one), 99) for one in (state.clean, state.probe.perturbed))
    assert limits["clean"] == limits["perturbed"] == pytest.approx(largest, rel=1e-4)


def test_a_pointer_that_rests_reads_what_comes_to_lie_under_it(window: MainWindow, qtbot: QtBot) -> None:
    click(window, qtbot, "FFA")
    canvas, at = window.explore.cortex.view.canvas, QCursor.pos()
    scene: Any = cast(QGraphicsView, window.explore.images.clean_view.findChild(QGraphicsView)).scene()

    def pick_there() -> Pick | None:
        place = canvas.mapFromGlobal(at)
        return canvas.pick_at(QPointF(place)) if canvas.rect().contains(place) else None

    for command in ("pin_probe", "toggle_controls", "unpin_probe", "toggle_controls"):
        window.actions_table.give(command)
        for _ in range(3):  # a panel that takes its place is laid out in the next turns
            qtbot.wait(100)
            settle(window, qtbot)
        state = window.session.state
        qtbot.waitUntil(lambda: bool(window.status.hover.text()) is (pick_there() is not None))
        scene.sigMouseMoved.emit(QPointF(-5, -5))  # as a scene that changes repeats its last movement
        pick, text = pick_there(), window.status.hover.text()
        assert bool(text) is (pick is not None), (command, text)
        if pick is not None:
            side = np.asarray(SUBJECT.voxels.hemisphere) == pick.side
            voxels = np.flatnonzero(side & (np.asarray(SUBJECT.voxels.vertex) == pick.vertex))
            assert f"vertex {pick.vertex} " in text, (command, text)
            if len(voxels):
                assert state.probe is not None and state.card is not None
                check_hover(
                    window, int(voxels[0]), (state.probe.perturbed - state.probe.clean) / state.card.reference_sd
                )


def test_flicker_swaps_the_response_maps_with_the_images(window: MainWindow, qtbot: QtBot) -> None:
    click(window, qtbot, "FFA")
    view, images = window.explore.cortex.view, window.explore.images
    seen: set[tuple[str, float]] = set()

    def look() -> bool:
        if (reading := view.colour_bar.reading) is not None:
            seen.add((reading.title, reading.limit))
        return {title for title, _ in seen} >= {"Response, clean", "Response, perturbed"}

    window.actions_table.give("flicker")
    qtbot.waitUntil(look)
    assert len({limit for title, limit in seen if title.startswith("Response")}) == 1
    images.set_comparison(Role.CONTROL)  # of which the cortex has no map
    window.actions_table.give("flicker")
    settle(window, qtbot)
    assert view.colour_bar.reading is not None and view.colour_bar.reading.title.startswith("Shift")


def test_the_tab_of_another_kind_of_target_tells_what_is_the_target_until_then(
    window: MainWindow, qtbot: QtBot
) -> None:
    form = window.explore.controls.target
    window.session.controller.pick_set((3, 4, 5))
    settle(window, qtbot)
    assert form.kind.value() == "set" and form.summary.text().startswith("Set of 3")
    qtbot.mouseClick(form.kind.button("voxel"), Qt.MouseButton.LeftButton)
    window.session.controller.set_direction(Direction.LOWER)
    settle(window, qtbot)
    assert form.kind.value() == "voxel" and form.summary.text() == "Click a voxel on the cortex"
    assert form.details.text().startswith("Until then: Set of 3")
    window.session.controller.pick_roi("PPA")
    settle(window, qtbot)
    assert (form.kind.value(), form.roi.value()) == ("roi", "PPA")
    window.session.controller.clear_target()
    settle(window, qtbot)
    assert form.roi.currentIndex() == -1
    assert (form.summary.text(), form.details.text()) == ("Choose an ROI", "")


def test_a_click_where_no_voxel_is_says_so(window: MainWindow, qtbot: QtBot) -> None:
    canvas, painter = window.explore.cortex.view.canvas, window.explore.cortex.view.painter
    for x in range(20, canvas.width(), 12):
        pick = canvas.pick_at(QPointF(x, canvas.height() / 3))
        if pick is not None and painter.voxel_at(pick.side, pick.vertex) is None:
            qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(x, round(canvas.height() / 3)))
            break
    assert "no voxel" in window.banner.text.text() and "Click where" in window.banner.text.text()
    assert window.session.state.target is None
