"""Importing a surface through the window: what was found is shown before it is added, and the subject moves onto it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import nibabel
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.cortex.surface_feature import NOTHING_YET, ImportSurfaceDialog, ProjectDialog, Surfaces
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.datasets.surface_choice import chosen_surface, shown_surface
from core.engine import Engine
from core.surfaces.store import has_surface, load_atlases, save_surface
from tests.core.commands.test_copied import run
from tests.helpers.cortex import make_atlas, make_table
from tests.helpers.cortex_actors import drawn, line_points
from tests.helpers.fake_engine import SUBJECT, FakeEngine, make_catalogue
from tests.helpers.surface_files import SURFACE, write_subject

OWN = replace(SUBJECT, id="own", title="Own subject", surface="sub-01", voxels=make_table(SURFACE))


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    def load(_identity: str):
        return replace(OWN, surface=shown_surface("own", own="sub-01"))

    monkeypatch.setattr(Surfaces, "_recorded", lambda _self, _identity: (OWN.voxels, "sub-01"))
    catalogue = replace(make_catalogue(tmp_path), load_subject=load, encoders=())
    session = open_services(engine=cast(Engine, FakeEngine(0.0)), catalogue=catalogue)
    made = make_window(session)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: made.explore.cortex.view.surface is not None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle))
    yield made
    made.close()
    made.deleteLater()


def open_dialog(window: MainWindow) -> ImportSurfaceDialog:
    window.actions_table.action("import_surface").trigger()
    dialog = window.features.surfaces.dialog
    assert dialog is not None and dialog.isVisible()
    return dialog


def choose(monkeypatch: pytest.MonkeyPatch, dialog: ImportSurfaceDialog, folder: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    dialog.folder_button.click()


def test_a_folder_is_shown_added_and_used_by_the_subject(window, qtbot, tmp_path, monkeypatch) -> None:
    folder = write_subject(tmp_path / "sub-01")
    assert "surfaces add FOLDER --name sub-01" in window.banner.text.text()
    dialog = open_dialog(window)
    assert dialog.found.text() == NOTHING_YET and not dialog.add_button.isEnabled()
    assert dialog.add_button.toolTip() == "Choose a folder or files first"
    choose(monkeypatch, dialog, folder)
    qtbot.waitUntil(lambda: dialog.imported is not None, timeout=10_000)
    for part in ("162 vertices left, 642 right", "Geometries: pial, white, inflated, sphere, flat", "labels (1 ROIs)"):
        assert part in dialog.found.text()
    assert not has_surface("sub-01"), "nothing is kept before the user agrees"
    assert dialog.use.isChecked() and dialog.name.value() == "sub-01"
    dialog.atlas.setCurrentText("aparc")
    next(one for one in dialog.findChildren(QAction) if one.text() == "Copy as command").trigger()
    added = f"probescope surfaces add {folder} --name sub-01 --atlas aparc"
    assert QGuiApplication.clipboard().text() == f"{added} && probescope surfaces use sub-01 --subject own"
    dialog.add_button.click()
    view = window.explore.cortex.view
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "sub-01", timeout=10_000)
    assert [atlas.name for atlas in load_atlases("sub-01")] == ["aparc", "labels"]
    assert [len(mesh.points) for mesh in view.canvas.scene.meshes] == [162, 642]


def test_a_dropped_subject_folder_opens_the_dialog_and_is_read(window, qtbot, tmp_path) -> None:
    folder = write_subject(tmp_path / "sub-01")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.features.drops.drop(QDropEvent(QPointF(10, 10), Qt.DropAction.CopyAction, mime, buttons, keys))
    dialog = window.features.surfaces.dialog
    assert dialog is not None and dialog.isVisible()
    qtbot.waitUntil(lambda: dialog.imported is not None, timeout=10_000)
    assert "162 vertices left, 642 right" in dialog.found.text()
    dialog.reject()
    row = window.features.drops.find([tmp_path])
    assert row is None or row.thing != "surfaces", "a folder without a surface is left to others"


def test_a_surface_that_does_not_fit_can_be_added_but_not_used(window, qtbot, tmp_path, monkeypatch) -> None:
    folder = write_subject(tmp_path / "sub-02", replace(SURFACE, right=SURFACE.left), with_patch=False)
    save_surface(replace(SURFACE, name="sub-01"))
    dialog = open_dialog(window)
    choose(monkeypatch, dialog, folder)
    qtbot.waitUntil(lambda: dialog.imported is not None or dialog.problem.text() != "", timeout=10_000)
    assert "The hemispheres lie at the same place" in dialog.problem.text() and not dialog.add_button.isEnabled()
    for code in ("lh", "rh"):
        for name in ("white", "pial"):
            (folder / "surf" / f"{code}.{name}").unlink()
    choose(monkeypatch, dialog, folder)
    qtbot.waitUntil(lambda: dialog.imported is not None, timeout=10_000)
    assert not dialog.use.isEnabled()
    assert "has 162 left and 162 right vertices and the recording needs 162 left and 642 right" in dialog.use.toolTip()
    dialog.name.setText("sub-01")
    assert "already exists" in dialog.add_button.toolTip() and not dialog.add_button.isEnabled()
    dialog.name.setText("not a name")
    assert "up to 64 letters" in dialog.add_button.toolTip()
    dialog.name.setText("other")
    dialog.add_button.click()
    qtbot.waitUntil(lambda: has_surface("other"), timeout=10_000)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert chosen_surface("own") == ""


def test_bad_files_are_told_in_the_dialog(window, qtbot, tmp_path, monkeypatch) -> None:
    dialog = open_dialog(window)
    choose(monkeypatch, dialog, tmp_path)
    qtbot.waitUntil(lambda: "No surface was found" in dialog.problem.text(), timeout=10_000)
    assert not dialog.add_button.isEnabled()
    dialog.reject()


def test_the_subject_can_be_shown_on_another_surface_that_fits(window, qtbot, monkeypatch) -> None:
    for name in ("sub-01", "nicer"):
        save_surface(replace(SURFACE, name=name))
    window.session.controller.open_subject("own")
    view = window.explore.cortex.view
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "sub-01", timeout=10_000)
    offered: list[list[str]] = []

    def answer(_parent, _title, _label, names, _current, _editable):
        offered.append(names)
        return "nicer", True

    monkeypatch.setattr(QInputDialog, "getItem", answer)
    window.actions_table.action("choose_surface").trigger()
    qtbot.waitUntil(lambda: view.surface.name == "nicer", timeout=10_000)
    assert offered == [["fsaverage5", "nicer", "sub-01"]] and chosen_surface("own") == "nicer"
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("fsaverage5", True))
    window.actions_table.action("choose_surface").trigger()
    assert "needs 162 left and 642 right" in window.banner.text.text()
    assert chosen_surface("own") == "nicer"


def test_another_atlas_of_the_surface_can_be_outlined(window, qtbot, monkeypatch) -> None:
    mine = make_atlas(SURFACE)
    save_surface(replace(SURFACE, name="sub-01"), [mine, replace(mine, name="second", names=("A", "B"))])
    window.session.controller.open_subject("own")
    view = window.explore.cortex.view
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "sub-01", timeout=10_000)
    offered: list[list[str]] = []

    def answer(_parent, _title, _label, names, _current, _editable):
        offered.append(names)
        return "second", True

    monkeypatch.setattr(QInputDialog, "getItem", answer)
    window.actions_table.action("choose_atlas").trigger()
    assert offered == [["made-up", "second", "ROIs of the recording", "None"]]
    labels = view.canvas.draw().annotations.labels
    assert labels and {label.text for label in labels} <= {"A", "B"}
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("None", True))
    window.actions_table.action("choose_atlas").trigger()
    assert not view.canvas.draw().annotations.labels


def test_a_surface_can_be_removed_and_its_subject_is_then_not_drawn(window, qtbot, monkeypatch) -> None:
    window.actions_table.action("remove_surface").trigger()
    assert "none to remove" in window.banner.text.text()
    save_surface(replace(SURFACE, name="sub-01"))
    window.session.controller.open_subject("own")
    view = window.explore.cortex.view
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "sub-01", timeout=10_000)
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("sub-01", True))
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    window.actions_table.action("remove_surface").trigger()
    assert has_surface("sub-01")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    window.actions_table.action("remove_surface").trigger()
    assert not has_surface("sub-01")
    qtbot.waitUntil(lambda: view.surface.name == "fsaverage5", timeout=10_000)


def test_a_volume_is_projected_onto_the_surface_on_screen(window, qtbot, tmp_path, monkeypatch) -> None:
    save_surface(replace(SURFACE, name="sub-01"))
    window.session.controller.open_subject("own")
    affine = np.array([[2.0, 0, 0, -90], [0, 2, 0, -110], [0, 0, 2, -70], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(np.full((100, 100, 90), 3, np.float32), affine), tmp_path / "three.nii.gz")
    suggested: list[str] = []

    def save_as(_parent, _title, start, _pattern):
        suggested.append(start)
        return str(tmp_path / "out.npz"), ""

    def choose_volume(dialog: ProjectDialog) -> QDialog.DialogCode:
        assert not dialog.save.isEnabled()
        dialog.volume.browse.click()
        assert dialog.save.isEnabled()
        next(one for one in dialog.findChildren(QAction) if one.text() == "Copy as command").trigger()
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "three.nii.gz"), ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", save_as)
    monkeypatch.setattr(ProjectDialog, "exec", choose_volume)
    window.actions_table.action("project_volume").trigger()
    qtbot.waitUntil(lambda: (tmp_path / "out.npz").exists(), timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert suggested == [str(tmp_path / "three_sub-01.npz")]
    with np.load(tmp_path / "out.npz") as written:
        assert written["left"].shape == (162,) and written["right"].shape == (642,)
        np.testing.assert_allclose(written["right"], 3)
        expected = written["right"]
    monkeypatch.chdir(tmp_path)
    assert run(QGuiApplication.clipboard().text()) == 0
    with np.load(tmp_path / "three_sub-01.npz") as copied:
        np.testing.assert_array_equal(copied["right"], expected)


def test_choosing_an_roi_in_the_table_outlines_it_on_the_cortex(window, qtbot) -> None:
    save_surface(replace(SURFACE, name="sub-01"))
    window.session.controller.open_subject("own")
    view = window.explore.cortex.view
    qtbot.waitUntil(lambda: view.surface is not None and view.surface.name == "sub-01", timeout=10_000)
    window.explore.responses.table.roi_selected.emit("FFA")
    QApplication.sendPostedEvents()
    with drawn(view.canvas.scene) as renderer:
        assert len(line_points(renderer, "emphasis", 0)) > 3
    window.explore.responses.table.roi_selected.emit("")
    assert view.canvas.scene.emphasised is None
