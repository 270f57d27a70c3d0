"""Movies and figures saved from the real window: the dialogs, the lane, the off-screen cortex, the files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.base.settings import Settings
from app.cortex.pose import parse_poses
from app.figures.dialogs import FigureDialog, MovieDialog
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.engine import Engine
from core.figures.figure_config import FigureKind
from tests.helpers.fake_engine import FakeEngine, make_catalogue

LONG = 30_000


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    session = open_services(engine=cast(Engine, FakeEngine(0.0)), catalogue=make_catalogue(tmp_path))
    opened = make_window(session)
    with qtbot.waitActive(opened):
        opened.show()
        opened.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None and isinstance(session.lane.state, Idle), timeout=LONG)
    session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: session.state.probe is not None and isinstance(session.lane.state, Idle), timeout=LONG)
    qtbot.waitUntil(
        opened.explore.responses.history.movie_button.isEnabled, timeout=LONG
    )  # panels follow at the next turn
    yield opened
    opened.close()
    opened.deleteLater()


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Let the file dialog answer with a name in an empty folder."""
    folder = tmp_path / "saved"
    folder.mkdir()

    def answer(name: str) -> Path:
        path = folder / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
        return path

    return answer


def open_movie(window: MainWindow, qtbot: QtBot, *, kind: str = "steps") -> MovieDialog:
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    dialog = window.features.figures.movie_dialog
    assert dialog is not None
    dialog.form.dimensions.setCurrentIndex(3)  # 640 x 360
    dialog.form.seconds.setValue(2)
    dialog.form.fps.setValue(10)
    dialog.form.kind.button(kind).click()
    return dialog


def wait_idle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=LONG)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as movie:
        return sum(1 for _ in movie.decode(video=0))


def test_a_movie_of_the_steps_is_looked_at_costed_and_saved(
    window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]
) -> None:
    dialog = open_movie(window, qtbot)
    qtbot.waitUntil(lambda: dialog.preview.pixels is not None and "to make" in dialog.cost.text(), timeout=LONG)
    assert dialog.preview.pixels is not None
    assert dialog.preview.pixels.shape == (360, 640, 3)
    assert "20 frames" in dialog.cost.text()
    path = choose("film")  # the ending is added
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.note.text().startswith("Saved 20 frames"), timeout=LONG)
    assert count_frames(path.with_suffix(".mp4")) == 20
    assert not dialog.work.busy
    dialog.close()


def test_a_movie_of_the_cortex_is_drawn_by_the_window_and_written_by_the_lane(
    window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]
) -> None:
    dialog = open_movie(window, qtbot, kind="cortex")
    dialog.form.seconds.setValue(0.5)
    path = choose("turn.gif")
    dialog.form.format.setCurrentIndex(1)
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.note.text().startswith("Saved 5 frames"), timeout=LONG)
    with av.open(str(path)) as movie:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in movie.decode(video=0)]
    assert len(frames) == 5
    assert all(np.abs(frames[0] - frame).mean() > 1 for frame in frames[1:])  # it turns
    dialog.close()


def test_stopping_keeps_nothing(window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]) -> None:
    dialog = open_movie(window, qtbot)
    dialog.form.with_cortex.setChecked(True)
    dialog.form.seconds.setValue(60)
    path = choose("film.mp4")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.bar.share > 0, timeout=LONG)
    dialog.stop.click()
    wait_idle(window, qtbot)
    assert dialog.work.note.text() == "Stopped; nothing was saved."
    assert dialog.save.isEnabled()
    assert list(path.parent.iterdir()) == []
    dialog.close()


def test_the_window_can_be_closed_while_it_films(
    window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]
) -> None:
    dialog = open_movie(window, qtbot, kind="cortex")
    dialog.form.seconds.setValue(60)
    path = choose("film.mp4")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.bar.share > 0, timeout=LONG)
    dialog.close()
    window.close()
    assert list(path.parent.iterdir()) == []


def test_another_probe_does_not_end_what_is_being_filmed(
    window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]
) -> None:
    dialog = open_movie(window, qtbot, kind="cortex")
    dialog.form.seconds.setValue(2)
    path = choose("film.mp4")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.bar.share > 0, timeout=LONG)
    window.session.controller.pick_roi("PPA")
    qtbot.waitUntil(lambda: dialog.work.note.text().startswith("Saved"), timeout=LONG)
    assert count_frames(path) == 20
    dialog.close()
    wait_idle(window, qtbot)


def test_the_play_control_offers_the_movie_with_the_cortex_as_it_is_shown(window: MainWindow, qtbot: QtBot) -> None:
    window.explore.cortex.set_map("clean")
    window.explore.cortex.view.set_geometry("pial")
    window.explore.cortex.view.set_hemispheres("left")
    window.explore.cortex.outlines_button.setChecked(False)
    qtbot.mouseClick(window.explore.responses.history.movie_button, Qt.MouseButton.LeftButton)
    dialog = window.features.figures.movie_dialog
    assert dialog is not None
    assert dialog.isVisible()
    style = dialog.form.value().style
    assert (style.map, style.geometry, style.hemispheres, style.outlines) == ("clean", "pial", "left", False)
    sweep = dialog.form.kind.button("epsilon")
    assert not sweep.isEnabled()  # the made-up probe keeps no pixels of its budgets
    assert "Run it again, or render its steps" in sweep.toolTip()
    dialog.close()
    wait_idle(window, qtbot)


def open_figure(window: MainWindow, what: FigureKind) -> FigureDialog:
    window.actions_table.action("save_figure").trigger()
    dialog = window.features.figures.figure_dialog
    assert dialog is not None
    dialog.kind.setCurrentIndex(dialog.kind.findData(what))
    return dialog


def test_a_figure_and_its_table_are_looked_at_and_saved(
    window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]
) -> None:
    dialog = open_figure(window, FigureKind.PROBE)
    qtbot.waitUntil(lambda: dialog.preview.pixels is not None, timeout=LONG)
    assert dialog.preview.pixels is not None
    assert dialog.preview.pixels.shape[0] > dialog.preview.pixels.shape[1]
    path = choose("page.pdf")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.note.text().startswith("Saved"), timeout=LONG)
    assert path.read_bytes().startswith(b"%PDF")
    dialog.kind.setCurrentIndex(dialog.kind.findData(FigureKind.ROIS))
    dialog.format.setCurrentIndex(dialog.format.findData("csv"))
    path = choose("rois.csv")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.note.text() == f"Saved {path}", timeout=LONG)
    with path.open(newline="", encoding="utf-8") as file:
        rows = {row["roi"]: row for row in csv.DictReader(file)}
    state = window.session.state
    assert state.probe is not None
    assert state.subject is not None
    members = state.subject.voxels.voxels_in("FFA")
    assert float(rows["FFA"]["shift"]) == pytest.approx(float(state.probe.shift[members].mean()), rel=1e-4)
    dialog.close()
    wait_idle(window, qtbot)


def test_the_probe_is_saved_as_a_page_to_play_with(
    window: MainWindow, qtbot: QtBot, choose: Callable[[str], Path]
) -> None:
    window.actions_table.action("save_page").trigger()
    dialog = window.features.figures.figure_dialog
    assert dialog is not None
    assert (dialog.kind.value(), dialog.ending()) == (FigureKind.PROBE, "html")
    assert not dialog.dpi.isEnabled()
    path = choose("probe.html")
    dialog.save.click()
    qtbot.waitUntil(lambda: dialog.work.note.text() == f"Saved {path}", timeout=LONG)
    (found,) = re.findall(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    data, probe = json.loads(found), window.session.state.probe
    assert probe is not None
    moved = probe.of_target(probe.perturbed) - probe.of_target(probe.clean)
    assert data["numbers"]["shift"] == pytest.approx(moved, rel=1e-6)
    assert [one["name"] for one in data["cortex"]["maps"]] == ["shift", "clean", "perturbed"]
    dialog.close()
    wait_idle(window, qtbot)


def test_every_plot_and_the_cortex_can_be_copied_or_drawn_as_a_figure(window: MainWindow, qtbot: QtBot) -> None:
    clipboard = QGuiApplication.clipboard()
    for widget, kind in (
        (window.explore.responses.curve, FigureKind.CURVE),
        (window.explore.responses.table, FigureKind.ROIS),
        (window.explore.responses.history, FigureKind.STEPS),
        (window.explore.images.difference_view, FigureKind.IMAGES),
    ):
        rows = {action.text(): action for action in widget.actions()}
        is_image = kind is FigureKind.IMAGES
        rows["Copy image" if is_image else "Copy picture"].trigger()
        assert clipboard.image().width() == (224 if is_image else 2 * widget.width())
        rows["Save figure…"].trigger()
        dialog = window.features.figures.figure_dialog
        assert dialog is not None
        assert dialog.kind.currentData() == kind
        dialog.close()
    window.actions_table.action("copy_cortex").trigger()
    qtbot.waitUntil(lambda: clipboard.image().width() == 2 * window.explore.cortex.view.canvas.width())
    wait_idle(window, qtbot)


def test_a_view_of_the_cortex_is_kept_and_gone_back_to(window: MainWindow, qtbot: QtBot) -> None:
    view = window.explore.cortex.view
    view.set_geometry("pial")
    view.set_hemispheres("right")
    view.canvas.look_from(view.canvas.pose.orbited(0.2, 0.1).zoomed(1.5))
    kept = view.canvas.pose
    qtbot.keyClick(window, Qt.Key.Key_8)
    dialog = window.features.poses.dialog
    assert dialog is not None
    assert not dialog.keep.isEnabled()
    qtbot.keyClicks(dialog.name, "Mine")
    dialog.keep.click()
    view.set_named_view("flat")
    view.set_hemispheres("both")
    dialog.list.setCurrentRow(0)
    dialog.go.click()
    assert (view.geometry_name, view.hemispheres, view.canvas.pose) == ("pial", "right", kept)
    assert [pose.name for pose in parse_poses(Settings().text("camera_poses"))] == ["Mine"]  # on disk already
    dialog.remove.click()
    assert dialog.list.count() == 0
    dialog.close()


def test_poses_that_cannot_be_read_are_left_out() -> None:
    assert parse_poses("") == parse_poses("not json") == parse_poses('[{"name": "a"}]') == parse_poses("[1]") == ()
