"""Whole journeys through the real window: real mouse, real keys, a made-up engine that is as slow as asked."""

from __future__ import annotations

import csv
import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QDialog, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.explore.responses_panel import BEGINNING
from app.look.theme import theme_in_use
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from app.widgets.new_folder_dialog import NewFolderDialog
from core.engine import Engine
from core.probes.probe import Probe
from core.probes.target import TargetKind
from core.surfaces.store import save_surface
from core.types import Direction, NormName
from tests.helpers.cortex import make_atlas, make_cortex, make_table
from tests.helpers.fake_engine import SUBJECT, FakeEngine, make_catalogue
from tests.helpers.open_window import open_window

MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path) -> Iterator[MakeWindow]:
    """Opens windows with a made-up engine and closes them in the end."""
    opened: list[MainWindow] = []

    def open_one(seconds_a_step: float = 0.0) -> MainWindow:
        engine = FakeEngine(seconds_a_step)
        session = open_services(engine=cast(Engine, engine), catalogue=make_catalogue(tmp_path))
        window = make_window(session)
        opened.append(window)
        window.resize(1120, 720)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        qtbot.waitUntil(lambda: session.state.clean is not None, timeout=20_000)
        qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle))
        return window

    yield open_one
    for window in opened:
        window.close()
        window.deleteLater()


def wait_for_probe(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    qtbot.waitUntil(lambda: state.probe is not None and isinstance(window.session.lane.state, Idle), timeout=20_000)
    window.explore.presenter.settle()


def visible_voxel(window: MainWindow, roi: str) -> tuple[int, QPoint]:
    """A voxel of an ROI and a screen point at which it, and no other, is picked; found by projection and checked."""
    canvas = window.explore.cortex.view.canvas
    for voxel in np.flatnonzero(np.asarray(SUBJECT.voxels.roi) == roi):
        side, vertex = int(SUBJECT.voxels.hemisphere[voxel]), int(SUBJECT.voxels.vertex[voxel])
        point = canvas.scene.meshes[side].points[vertex]
        at = canvas.screen_position(point).toPoint()
        pick = canvas.pick_at(QPointF(at))
        if pick is not None and (pick.side, pick.vertex) == (side, vertex):
            return int(voxel), at
    raise AssertionError(f"no vertex of {roi} can be seen")


def test_a_click_on_a_vertex_makes_a_probe_of_its_voxel(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    voxel, at = visible_voxel(window, "FFA")
    qtbot.mouseClick(window.explore.cortex.view.canvas, Qt.MouseButton.LeftButton, pos=at)
    wait_for_probe(window, qtbot)
    state = window.session.state
    assert state.target is not None and state.probe is not None
    assert state.target.kind is TargetKind.VOXEL
    assert state.target.voxels == (voxel,)
    assert state.probe.config.target.voxels == (voxel,)
    assert state.probe.config.direction is Direction.RAISE
    qtbot.waitUntil(lambda: f"voxel {voxel}" in window.explore.images.title.text())
    assert window.explore.controls.target.summary.text().startswith(f"Voxel {voxel} (")


def test_the_shift_map_is_that_of_the_probe(make: MakeWindow, qtbot: QtBot) -> None:
    from app.explore.maps import make_map

    window = make()
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    state = window.session.state
    assert state.probe is not None and state.card is not None
    expected = (state.probe.perturbed - state.probe.clean) / state.card.reference_sd
    shown = make_map("shift", state)
    assert shown.values is not None
    np.testing.assert_allclose(shown.values, expected, rtol=1e-5)


def test_dragging_epsilon_previews_live_and_releasing_probes(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    state, engine = window.session.state, cast(FakeEngine, window.session.engine)
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    first = state.probe
    previews: list[float] = []
    state.preview_changed.connect(lambda: previews.append(state.preview.epsilon) if state.preview else None)
    slider = window.explore.controls.attack.epsilon.slider
    start, end = QPoint(slider.width() // 2, slider.height() // 2), QPoint(slider.width() - 30, slider.height() // 2)
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=start)
    asked_before = engine.n_asked.get("preview", 0)
    engine.seconds_a_step = 0.1
    for share in np.linspace(0, 1, 40):
        send_move(slider, QPointF(start + (end - start) * float(share)))
    last_dragged = window.explore.controls.attack.epsilon.epsilon
    qtbot.waitUntil(lambda: bool(previews) and previews[-1] == last_dragged)
    assert engine.n_asked["preview"] - asked_before <= 3, "of 40 requests only the newest waited"
    assert state.probe is first, "dragging makes no probe"
    engine.seconds_a_step = 0.0
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=end)
    qtbot.waitUntil(lambda: state.probe is not first and isinstance(window.session.lane.state, Idle))
    assert state.probe is not None
    assert state.probe.config.attack.epsilon == window.explore.controls.attack.epsilon.epsilon
    assert state.preview is None


def send_move(widget: QWidget, at: QPointF) -> None:
    """A mouse move with the left button held down."""
    kind, held = QEvent.Type.MouseMove, Qt.MouseButton.LeftButton
    none, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QMouseEvent(kind, at, widget.mapToGlobal(at), none, held, keys))


def test_cancel_gives_back_what_was_there(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    state, engine = window.session.state, cast(FakeEngine, window.session.engine)
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    first = state.probe
    engine.seconds_a_step = 0.2
    qtbot.keyClick(window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: state.progress is not None)
    assert window.explore.controls.run.button.text() == "Cancel"
    qtbot.mouseClick(window.explore.controls.run.button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(window.session.lane.state_changed):
        pass
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert state.probe is first
    assert state.progress is None
    assert window.explore.controls.run.button.text() == "Probe"


def test_a_second_probe_is_drawn_from_its_first_step_and_a_cancelled_one_leaves_nothing(
    make: MakeWindow, qtbot: QtBot
) -> None:
    window = make()
    state, responses = window.session.state, window.explore.responses
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    whole = responses.readout.text()
    engine = cast(FakeEngine, window.session.engine)
    engine.seconds_a_step = 1000.0
    window.session.controller.pick_roi("PPA")
    qtbot.waitUntil(lambda: responses.readout.text() != whole)
    assert responses.curve.isVisible() and responses.readout.text() == BEGINNING
    assert not responses.history.slider.isEnabled(), "the last probe's steps are not this one's"
    engine.seconds_a_step = 0.2
    qtbot.waitUntil(lambda: responses.readout.text().startswith("step "))
    assert responses.curve.isVisible() and window.explore.images.meter.rows[-1].value == "–"
    window.actions_table.give("cancel")
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    qtbot.waitUntil(lambda: not responses.curve.isVisible())
    assert state.probe is None and window.explore.images.meter.rows == ()


def test_map_and_plots_of_a_running_probe_are_drawn_less_often_than_its_images(
    make: MakeWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, drawn = make(), Counter[str]()
    engine = cast(FakeEngine, window.session.engine)
    engine.seconds_a_step = 0.2
    state, explore = window.session.state, window.explore
    monkeypatch.setattr("app.explore.presenter.PLOT_REST", 1e6)

    def count(part: str) -> None:
        draw = getattr(explore.presenter, f"_draw_{part}")
        monkeypatch.setattr(
            explore.presenter, f"_draw_{part}", lambda: (drawn.update([part] * (state.progress is not None)), draw())
        )

    for part in ("images", "map", "curve"):
        count(part)
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: drawn["images"] >= 3)
    assert 1 <= drawn["map"] <= 2 and 1 <= drawn["curve"] <= 2, "once, or before in the round in which it began"
    engine.seconds_a_step = 0.0
    wait_for_probe(window, qtbot)
    assert state.probe is not None and explore.responses.curve.data is not None
    assert np.array_equal(explore.responses.curve.data.epsilon, state.probe.curve.epsilon)


def test_changing_direction_norm_and_image_probes_again(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    state = window.session.state
    window.session.controller.pick_roi("PPA")
    wait_for_probe(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: state.probe is not None and state.probe.config.direction is Direction.LOWER)
    window.explore.controls.attack.norm.button(NormName.LINF).click()
    qtbot.waitUntil(lambda: state.probe is not None and state.probe.config.attack.norm is NormName.LINF)
    before = state.stimulus
    qtbot.keyClick(window, Qt.Key.Key_BracketRight)
    qtbot.waitUntil(lambda: state.probe is not None and state.stimulus is not before)
    assert state.probe is not None and state.stimulus is not None
    assert state.probe.stimulus_sha256 == state.stimulus.sha256
    assert state.probe.config.target == state.target
    network = window.explore.controls.encoder.network
    network.setCurrentIndex(1)
    network.activated.emit(1)
    qtbot.waitUntil(lambda: state.probe is not None and state.probe.config.network == network.currentData())


def test_without_auto_probe_nothing_runs_until_asked(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    engine = cast(FakeEngine, window.session.engine)
    window.explore.controls.run.auto.setChecked(False)
    window.session.controller.pick_roi("FFA")
    window.session.controller.set_direction(Direction.LOWER)
    qtbot.wait(50)
    assert "probe" not in engine.n_asked
    qtbot.keyClick(window, Qt.Key.Key_P)
    wait_for_probe(window, qtbot)
    assert engine.n_asked["probe"] == 2, "a quick look, and the whole probe"


def test_a_quick_look_comes_before_the_whole_probe(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    state, controller = window.session.state, window.session.controller
    seen: list[Probe] = []
    state.probe_changed.connect(lambda: seen.append(state.probe) if state.probe is not None else None)
    controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    quick, whole = seen
    assert quick.config.attack.is_quick_look and not whole.config.attack.n_steps
    assert replace(quick.config, attack=whole.config.attack) == whole.config
    responses = window.explore.responses
    responses.show_probe(quick, state.subject.voxels)
    assert " · quick look · " in responses.readout.text()
    state.probe = quick
    window.actions_table.give("add_to_tray")
    assert not window.features.stimuli.tray.items
    controller.set_attack(replace(state.attack, n_steps=20))
    wait_for_probe(window, qtbot)
    assert [one.config.attack.n_steps for one in seen] == [10, 0, 10, 20], "a number of steps is taken at once"


def test_scrubbing_shows_that_step(make: MakeWindow, qtbot: QtBot) -> None:
    from app.explore.maps import find_perturbed

    window = make()
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    state = window.session.state
    assert state.probe is not None
    window.explore.responses.history.step_scrubbed.emit(3)
    shown = find_perturbed(state)
    assert shown is not None
    np.testing.assert_array_equal(shown, state.probe.history.responses[3])


def test_the_sensitivity_map_is_computed_when_chosen(make: MakeWindow, qtbot: QtBot) -> None:
    from app.explore.maps import make_map

    window = make()
    state = window.session.state
    window.explore.cortex.set_map("sensitivity")
    qtbot.waitUntil(lambda: state.atlas is not None)
    assert state.atlas is not None and state.card is not None
    shown = make_map("sensitivity", state)
    assert shown.values is not None
    expected = state.attack.epsilon * state.atlas.l2 / state.card.reference_sd
    np.testing.assert_allclose(shown.values, expected, rtol=1e-5)
    assert shown.unit == "SD"


def test_a_set_drawn_with_the_mouse_becomes_the_target(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    state, target = window.session.state, window.explore.controls.target
    voxel, at = visible_voxel(window, "FFA")
    qtbot.mouseClick(target.kind.button(TargetKind.SET), Qt.MouseButton.LeftButton)
    assert target.draw.isChecked(), "choosing a set starts drawing"
    canvas = window.explore.cortex.view.canvas
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at)
    for step in range(1, 13):
        send_move(canvas, QPointF(at + QPoint(step, 0)))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at + QPoint(12, 0))
    wait_for_probe(window, qtbot)
    assert state.target is not None and state.probe is not None
    assert state.target.kind is TargetKind.SET and voxel in state.target.voxels
    assert state.probe.config.target.voxels == state.target.voxels
    weights = state.probe.target_vector
    assert weights[list(state.target.voxels)] == pytest.approx(1 / len(state.target.voxels))
    qtbot.mouseClick(target.clear, Qt.MouseButton.LeftButton)
    assert state.target is None and state.probe is None


def test_a_saved_probe_is_the_one_on_screen(
    make: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.probes.files import load_probe

    window = make()
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    path = tmp_path / "mine.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))
    with qtbot.waitSignal(window.session.controller.noted, timeout=20_000) as told:
        window.actions_table.action("save_probe").trigger()
    assert "mine" in told.args[0]
    shown, saved = window.session.state.probe, load_probe(path)
    assert shown is not None and saved.config == shown.config
    np.testing.assert_array_equal(saved.perturbed_pixels, shown.perturbed_pixels)
    np.testing.assert_array_equal(saved.perturbed, shown.perturbed)


def test_an_image_chosen_in_the_dialog_is_shown(
    make: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    window = make()
    path = tmp_path / "grey.png"
    Image.fromarray(np.full((240, 240, 3), 77, dtype=np.uint8)).save(path)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_args: ([str(path)], ""))
    window.actions_table.action("open_image").trigger()
    qtbot.waitUntil(lambda: window.session.controller.image_key == str(path))
    stimulus = window.session.state.stimulus
    assert stimulus is not None and (stimulus.levels == 77).all()
    assert window.session.settings.text("open_folder") == str(tmp_path)


def test_export_writes_the_set_with_its_manifest(
    make: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make()
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)

    def accept(dialog: NewFolderDialog) -> int:
        dialog.field.setText(str(tmp_path / "out"))
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(NewFolderDialog, "exec", accept)
    with qtbot.waitSignal(window.session.controller.noted, timeout=20_000) as told:
        window.actions_table.action("export").trigger()
    folder = next((tmp_path / "out").iterdir())
    assert str(folder) in told.args[0]
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4
    assert len(list(folder.glob("stimuli/*.png"))) == 4


def test_an_unwritable_export_is_a_banner_and_loses_nothing(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make()
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    probe = window.session.state.probe
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    window.session.controller.export(blocked / "set")
    qtbot.waitUntil(window.banner.isVisible)
    assert str(blocked) in window.banner.text.text()
    assert window.session.state.probe is probe


def test_a_dropped_file_is_opened_and_a_bad_one_refused(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make()
    bad = tmp_path / "notes.txt"
    bad.write_text("no picture", encoding="utf-8")
    before = window.session.state.stimulus
    drop(window, bad)
    qtbot.waitUntil(window.banner.isVisible)
    assert "notes.txt" in window.banner.text.text()
    assert window.session.state.stimulus is before
    from PIL import Image

    good = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)).save(good)
    drop(window, good)
    qtbot.waitUntil(lambda: window.session.controller.image_key == str(good))
    assert window.explore.gallery.list.row_of(str(good)) >= 0


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.features.drops.drop(QDropEvent(QPointF(10, 10), action, data, buttons, keys))


def test_pictures_are_saved(make: MakeWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    window = make()
    for command, name in (("window_picture", "window.png"), ("cortex_picture", "cortex.png")):
        path = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, path=path: (str(path), ""))
        window.actions_table.action(command).trigger()
        qtbot.waitUntil(path.is_file)
        with Image.open(path) as picture:
            assert min(picture.size) > 300


def test_both_themes_can_be_worn(make: MakeWindow, qtbot: QtBot) -> None:
    window = make()
    seen = theme_in_use().name
    window.actions_table.action("toggle_theme").trigger()
    assert theme_in_use().name != seen


def test_a_closed_window_is_freed_with_all_that_stood_in_it(qtbot: QtBot, tmp_path: Path) -> None:
    with open_window(qtbot, tmp_path) as window:
        window.session.controller.pick_roi("FFA")
        wait_for_probe(window, qtbot)
        parts = (window, window.explore, window.explore.cortex.view, window.session.state, window.session.lane)
        kept = [weakref.ref(part) for part in parts]
    del window, parts
    qtbot.waitUntil(lambda: gc.collect() >= 0 and not any(one() is not None for one in kept))


def test_closing_while_a_probe_runs_is_clean(make: MakeWindow, qtbot: QtBot) -> None:
    window = make(0.2)
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: window.session.state.progress is not None)
    window.close()
    assert window.session.lane._thread.isFinished()
    assert not window.isVisible()


def test_what_was_open_opens_again(make: MakeWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window = make()
    window.session.controller.open_encoder(*window.session.catalogue.choose_encoder("simulated", "alexnet", ""))
    window.explore.controls.gate.setValue(0.3)
    encoder = window.session.state.encoder
    window.close()
    again = make()
    assert again.session.state.encoder == encoder
    assert again.explore.controls.gate.value() == pytest.approx(0.3)


def test_a_subject_is_shown_on_its_own_surface(make: MakeWindow, qtbot: QtBot) -> None:
    surface = replace(make_cortex(), name="sub-01")
    save_surface(surface, [make_atlas(surface)])
    window = make()
    session, view = window.session, window.explore.cortex.view
    assert view.surface is not None and view.surface.name == "fsaverage5"
    own = replace(SUBJECT, id="own", surface="sub-01", voxels=make_table(surface))
    object.__setattr__(session.catalogue, "load_subject", lambda _identity: own)
    session.controller.open_subject("own")
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "sub-01", timeout=10_000)
    assert [len(mesh.points) for mesh in view.canvas.scene.meshes] == [162, 642]
    own_elsewhere = replace(own, surface="sub-02")
    object.__setattr__(session.catalogue, "load_subject", lambda _identity: own_elsewhere)
    session.controller.open_subject("own")
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "fsaverage5", timeout=10_000)
    assert "surfaces add FOLDER --name sub-02" in window.banner.text.text()


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900)])
def test_target_budget_and_probe_button_are_seen_without_scrolling(make: MakeWindow, qtbot: QtBot, size) -> None:
    window = make()
    window.resize(*size)
    window.session.controller.pick_roi("FFA")
    wait_for_probe(window, qtbot)
    controls = window.explore.controls
    qtbot.waitUntil(lambda: controls.target.summary.text().startswith("ROI FFA"))
    for part in (controls.target.kind, controls.target.summary, controls.attack.epsilon.slider, controls.run.button):
        assert part.visibleRegion().boundingRect() == part.rect(), part
    for area in window.findChildren(QAbstractScrollArea):
        assert not area.isVisible() or not area.horizontalScrollBar().isVisible(), area
    QTest.mouseClick(controls.attack.epsilon.field, Qt.MouseButton.LeftButton)
    QTest.keyClick(controls.attack.epsilon.field, Qt.Key.Key_Return)
    assert window.explore.cortex.view.canvas.hasFocus(), "the keys go to the cortex after Enter"
