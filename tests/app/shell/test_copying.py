"""Every work space copies what it would run, or says in a sentence why there is no such text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.analyses.page import AnalysisPage
from app.shell.main_window import MainWindow
from app.stimuli.plan_dialog import PlanDialog
from core.commands.copied import copy_command, copy_python
from core.commands.works import ProbeWork
from core.datasets.subject import load_subject
from core.probes.target import target_voxel
from core.sweeps.config import Question
from tests.helpers.open_window import open_window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


def test_every_work_space_copies_or_says_why_not(window: MainWindow) -> None:
    state, actions, said = window.session.state, window.actions_table, []
    window.session.problems.message.connect(lambda text, _tone: said.append(text))
    state.target = target_voxel(load_subject("simulated").voxels, 3)  # the made-up subject has other ROIs
    expected = ProbeWork(state.choice(), window.session.controller.image_key)
    actions.give("copy_command")
    assert clipboard() == copy_command(expected)
    actions.give("copy_python")
    assert clipboard() == copy_python(expected)
    for question in Question:
        page = window.tabs.open(question)
        assert isinstance(page, AnalysisPage)
        page.form.rois.set_value(("FFA",))
        QGuiApplication.clipboard().clear()
        said.clear()
        actions.give("copy_command")
        wanted = page.form.config_if_valid()
        assert (clipboard() == copy_command(wanted)) if wanted is not None else (not clipboard() and said)
    for key, reason in (("stimuli", "A tray holds probes of any kind"), ("measured", "Open a stimulus set first")):
        window.tabs.open(key)
        said.clear()
        actions.give("copy_command")
        assert len(said) == 1
        assert reason in said[0]


def test_a_plan_is_copied_from_its_dialog(window: MainWindow) -> None:
    state = window.session.state
    assert state.subject is not None
    encoders = [(one.network, one.layer) for one in window.session.catalogue.encoders_of(state.subject.id)]
    dialog = PlanDialog(state.subject, encoders, current=state.encoder, image="cat_chelsea", parent=window)
    dialog.copy.menu().actions()[0].trigger()
    assert dialog.plan is not None
    assert clipboard() == copy_command(dialog.plan)
    dialog.budgets.set_value("l2:0")
    dialog.copy.menu().actions()[1].trigger()
    assert "above 0" in dialog.problem.text()
