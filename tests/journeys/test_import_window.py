"""Recordings through the real window: dropped, looked into, imported, opened, cancelled; a made-up engine answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

import app.recordings.import_dialog
from app.base.jobs import Idle
from app.base.services import open_services
from app.explore.gallery_panel import OWN
from app.recordings.feature import RecordingDialog
from app.recordings.import_dialog import ImportDialog
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.datasets.description import TEMPLATE
from core.datasets.import_options import ImportOptions
from core.datasets.importer import ImportProgress, iter_import
from core.datasets.recording import Recording
from core.datasets.subject import load_responses, load_subject, user_subjects_folder
from core.engine import Engine
from tests.helpers.fake_engine import FakeEngine, make_catalogue
from tests.helpers.recording_files import AFFINE, save_volume, write_csv, write_picture

VALUES = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    pictures = tmp_path / "catalogue"
    pictures.mkdir()
    made = make_window(open_services(engine=cast(Engine, FakeEngine()), catalogue=make_catalogue(pictures)))
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    settle(made, qtbot)
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "study-7"
    for number in range(12):
        write_picture(folder / "images" / f"p{number:02d}.png", number)
    np.save(folder / "responses.npy", VALUES)
    write_csv(folder / "images.csv", [{"image": f"p{number:02d}.png", "category": "face"} for number in range(12)])
    rows = [{"roi": roi, "hemisphere": "left", "vertex": 4 + at} for at, roi in enumerate(("FFA", "FFA", "PPA"))]
    write_csv(folder / "voxels.csv", rows)
    (folder / "study-7.toml").write_text(TEMPLATE, encoding="utf-8")
    return folder


def settle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, buttons, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.features.drops.drop(QDropEvent(QPointF(50, 50), action, data, buttons, keys))


def look(window: MainWindow, path: Path, qtbot: QtBot) -> ImportDialog:
    drop(window, path)
    dialog = window.features.recordings.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.options or bool(dialog.choose.error.text()))
    return dialog


def test_a_dropped_folder_is_looked_into_imported_and_opened(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source, qtbot)
    found = dict(dialog.options.found.rows)
    assert found["Images"] == "12 in 12 trials" and found["Shown"] == "1 times 12"
    assert found["ROIs"] == "FFA 2, PPA 1"
    assert dialog.options.subject.text() == "study-7"
    assert not (user_subjects_folder() / "study-7").exists()
    dialog.options.title.setText("Ours")
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    assert dict(dialog.summary.found.facts.rows)["Images"] == "12, each shown once"
    np.testing.assert_array_equal(load_responses("study-7")[:, 0], VALUES)
    dialog.summary.open.click()
    assert not dialog.isVisible()
    settle(window, qtbot)
    form = window.explore.controls.encoder
    assert form.subject.findData("study-7") >= 0


def test_a_mask_of_another_grid_is_resampled_once_the_box_is_ticked(
    window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    folder, betas = tmp_path / "volumes", np.random.default_rng(1).standard_normal((2, 2, 2, 6)).astype(np.float32)
    save_volume(folder / "betas_1.nii", betas)
    fine = AFFINE @ np.diag([0.5, 0.5, 0.5, 1])
    fine[:3, 3] -= 0.5
    save_volume(folder / "mask.nii", np.ones((4, 4, 4), dtype=np.uint8), fine)
    for name in "abcdef":
        write_picture(folder / "images" / f"{name}.png")
    write_csv(folder / "trials.csv", [{"image": name} for name in "abcdef"])
    dialog = look(window, folder, qtbot)
    assert "or Resample in the window" in dialog.choose.error.text()
    dialog.choose.resample.setChecked(True)
    dialog.choose.look.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.options)
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    assert load_subject("volumes").voxels.n_voxels == 8
    assert "64 voxels above 0 became 8." in load_subject("volumes").note


def test_unticked_rois_stay_out(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source / "study-7.toml", qtbot)
    dialog.options.rois.item(1).setCheckState(Qt.CheckState.Unchecked)
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    assert load_subject("study-7").voxels.roi == ("FFA", "FFA")


def test_a_folder_that_is_no_recording_is_refused_on_the_page(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "empty").mkdir()
    dialog = look(window, tmp_path / "empty", qtbot)
    assert "a recording of a known kind" in dialog.choose.error.text()
    assert dialog.choose.look.isEnabled()


def test_a_taken_id_is_refused_and_can_be_changed(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source, qtbot)
    dialog.options.subject.setText("kay2017")
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: bool(dialog.options.error.text()))
    assert "ships with the program" in dialog.options.error.text()
    dialog.options.subject.setText("bad id")
    assert not dialog.options.accept.isEnabled() and "letters, digits" in dialog.options.accept.toolTip()
    dialog.options.subject.setText("mine")
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    assert load_subject("mine").categories == ("face",) * 12


def never_ending(recording: Recording, options: ImportOptions) -> Iterator[ImportProgress]:
    """An import that has begun and never gets on."""
    real = iter_import(recording, options)
    try:
        first = next(real)
        while True:
            yield first
    finally:
        real.close()  # type: ignore[attr-defined]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.recordings.import_dialog, "iter_import", never_ending)


@pytest.mark.usefixtures("slow")
def test_cancelling_keeps_nothing(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source, qtbot)
    dialog.options.accept.click()
    assert dialog.progress.work.busy
    dialog.progress.cancel.click()
    qtbot.waitUntil(lambda: not dialog.progress.work.busy)
    assert dialog.options.error.text() == "Cancelled; nothing was imported."
    folder = user_subjects_folder()
    assert not folder.is_dir() or not list(folder.iterdir())


def test_a_template_is_saved_from_the_first_page(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.toml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(path), ""))
    window.features.recordings.show_assistant()
    dialog = window.features.recordings.dialog
    assert dialog is not None
    dialog.save_template()
    assert path.read_text(encoding="utf-8") == TEMPLATE


def test_a_recording_is_shown_again_and_removed(
    window: MainWindow, source: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = look(window, source, qtbot)
    assert not window.actions_table.action("show_recording").isEnabled()
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    window.session.state.subject = load_subject("study-7")
    assert window.actions_table.action("show_recording").isEnabled()
    window.actions_table.give("show_recording")
    shown = window.findChild(RecordingDialog)
    assert shown is not None and shown.isVisible()
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.StandardButton.Cancel)
    shown.remove.click()
    assert (user_subjects_folder() / "study-7").is_dir()
    monkeypatch.setattr(QMessageBox, "question", lambda *_args: QMessageBox.StandardButton.Yes)
    shown.remove.click()
    assert not (user_subjects_folder() / "study-7").exists()
    settle(window, qtbot)
    assert window.explore.controls.encoder.subject.findData("study-7") < 0


def test_the_gallery_offers_what_the_subject_saw(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source, qtbot)
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    window.session.state.subject = load_subject("study-7")
    group = window.explore.gallery.group
    assert group.itemText(group.findData(OWN)) == "This subject"
    group.setCurrentIndex(group.findData(OWN))
    group.activated.emit(group.currentIndex())
    assert window.explore.gallery.first_key() == "study-7:p00" and window.explore.gallery.list.rowCount() == 12
    window.session.state.subject = load_subject("kay2017")
    assert group.findData(OWN) < 0 and window.explore.gallery.list.rowCount() == 4


def test_fitting_goes_on_with_the_new_subject(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source, qtbot)
    dialog.options.accept.click()
    qtbot.waitUntil(lambda: dialog.pages.currentWidget() is dialog.summary)
    fits = window.features.fits
    assert fits.dialog is None
    dialog.summary.fit.click()
    assert fits.dialog is not None and fits.dialog.isVisible() and not dialog.isVisible()
    fits.dialog.close()


@pytest.mark.usefixtures("slow")
def test_an_import_that_waits_for_its_turn_can_be_cancelled(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog, free = look(window, source, qtbot), threading.Event()
    window.session.lane.submit("other", lambda _stop: free.wait(20), on_done=lambda _answer: None)
    dialog.options.accept.click()
    dialog.progress.cancel.click()
    assert not dialog.progress.work.busy and "Cancelled" in dialog.options.error.text()
    free.set()
    settle(window, qtbot)
    assert not (user_subjects_folder() / "study-7").exists()


@pytest.mark.usefixtures("slow")
def test_closing_the_assistant_stops_the_import(window: MainWindow, source: Path, qtbot: QtBot) -> None:
    dialog = look(window, source, qtbot)
    dialog.options.accept.click()
    dialog.close()
    assert not dialog.isVisible()
    qtbot.waitUntil(lambda: not dialog.progress.work.busy)
    settle(window, qtbot)
    assert "Cancelled" in dialog.options.error.text()
