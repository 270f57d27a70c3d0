"""The test of the method in the window: its form, its cost, and a small study run on the lane, stopped and gone on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.analyses.study_dialog import Study, StudyDialog
from app.base.services import Services, open_services
from core.engine import Engine
from core.errors import BadInputError
from core.sweeps.study.config import LayerName, StudyConfig, make_quick
from tests.helpers.desks import make_desk

SMALL = StudyConfig(
    teachers=(LayerName("mobilenet_v2_robust", "features.3"),),
    candidates=(LayerName("alexnet", "features.4"), LayerName("mobilenet_v2", "features.3")),
    noise=(0.5,),
    n_voxels=2,
    n_train=8,
    n_test=4,
    n_images=2,
    n_components=3,
    n_steps=2,
    n_bootstrap=10,
)


@pytest.fixture
def tools(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Study]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    session: Services = open_services(engine=Engine(device="cpu"))
    yield Study(make_desk(qtbot, session))
    session.close()


def test_the_form_gives_the_usual_study_and_the_quick_one_and_tells_their_cost(qtbot: QtBot, tools: Study) -> None:
    dialog = StudyDialog(tools._session)
    qtbot.addWidget(dialog)
    assert dialog.value() == StudyConfig()
    dialog.set_step_seconds({tuple(layer): 0.3 for layer in StudyConfig().layers})
    assert "attack steps" in dialog.cost.text()
    full = dialog.cost.text()
    dialog.extent.set_value("quick")
    dialog.extent.chosen.emit("quick")
    assert dialog.value() == make_quick()
    assert dialog.cost.text() != full
    dialog.noise.setText("0.5, much")
    dialog.noise.editingFinished.emit()
    assert "numbers above 0" in dialog.work.error.text()
    assert not dialog.start.isEnabled()
    with pytest.raises(BadInputError):
        dialog.value()


def test_a_study_is_run_shown_and_saved(
    qtbot: QtBot, tools: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dict.fromkeys(StudyConfig().layers, 0.01)
    monkeypatch.setattr("app.analyses.study_dialog.measure_step_seconds", lambda *_, **__: known)  # all take a while
    tools.show_study()
    dialog = tools.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: "attack steps" in dialog.cost.text(), timeout=20_000)
    assert not dialog.tabs.isEnabled()
    dialog.run_study(SMALL)
    assert not dialog.start.isVisible()
    qtbot.waitUntil(lambda: dialog.finished_study is not None, timeout=60_000)
    assert dialog.start.isVisible()
    assert dialog.tabs.isEnabled()
    assert "Which criterion finds" in dialog.answer.text() or "Fragility" in dialog.answer.text()
    dialog.tabs.setCurrentIndex(1)
    assert not dialog.pictures["Findings"].image.isNull()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(list(tmp_path.glob("study-*/report.html"))), timeout=20_000)
