"""From a probe in Explore through the tray to a written set, in the real window with the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.analyses.page import count_probes
from app.base.jobs import Idle
from app.base.services import open_services
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from app.stimuli.plan_dialog import PlanDialog
from app.widgets.new_folder_dialog import NewFolderDialog
from core.engine import Engine
from core.stimuli.manifest import read_manifest
from core.stimuli.plan import list_analysis_recipes
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName

LONG = 100_000
"""Milliseconds: torch may be loading on a busy machine."""


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    session = open_services(engine=Engine(device="cpu"))
    session.state.auto_probe = False
    made = make_window(session)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    qtbot.waitUntil(lambda: session.state.clean is not None and isinstance(session.lane.state, Idle), timeout=LONG)
    yield made
    made.close()
    made.deleteLater()


def is_idle(window: MainWindow) -> bool:
    return isinstance(window.session.lane.state, Idle)


def test_a_probe_goes_through_the_tray_into_a_set_and_back(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    session, tools = window.session, window.features.stimuli
    session.controller.pick_roi("FFA")
    session.controller.probe()
    qtbot.waitUntil(lambda: session.state.probe is not None and is_idle(window), timeout=LONG)
    probe = session.state.probe
    assert probe is not None
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert [recipe.config for recipe in tools.tray.items] == [probe.config]
    qtbot.keyClick(window, Qt.Key.Key_T)
    assert len(tools.tray.items) == 1

    tools.show_page()
    qtbot.waitUntil(lambda: tools.tray.preview(0) is not None and is_idle(window), timeout=LONG)
    preview = tools.tray.preview(0)
    assert preview is not None
    assert preview.shift == pytest.approx(probe.of_target(probe.shift), rel=0.05)
    assert list(preview.pictures) == ["original", "raise", "control_random", "control_sign_flip"]

    config = tools.page.config()
    assert config is not None
    with qtbot.waitSignal(tools.set_written, timeout=LONG):
        tools.write_to(tmp_path / "set", config)
    found = read_manifest(tmp_path / "set")
    assert [row.role for row in found.rows] == list(preview.pictures)
    assert found.rows[1].shift == pytest.approx(preview.shift, rel=1e-4), "the file does what the preview said"
    assert found.rows[0].source_key == session.controller.image_key

    session.controller.clear_target()
    tools.open_row(0)
    qtbot.waitUntil(lambda: session.state.probe is not None and is_idle(window), timeout=LONG)
    assert window.tabs.current == "explore"
    again = session.state.probe
    assert again is not None and again.config == probe.config


def test_a_plan_is_asked_for_with_its_cost(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    assert state.subject is not None
    encoders = [(one.network, one.layer) for one in window.session.catalogue.encoders_of(state.subject.id)]
    dialog = PlanDialog(state.subject, encoders, current=state.encoder, image="", parent=window)
    qtbot.addWidget(dialog)
    assert dialog.plan is not None
    assert dialog.cost.text().startswith("4 images x 2 targets x 1 direction x 1 budget x 1 encoder = 8 probes")
    dialog.images.setText("no_such_image")
    dialog.budgets.setText("linf:8")
    dialog.tell()
    assert dialog.plan is None and not dialog.add.isEnabled()
    assert "Did you mean 8/255?" in dialog.problem.text()


def test_the_probes_behind_an_analysis_are_those_it_climbed() -> None:
    config = SweepConfig(
        Question.FRAGILITY,
        (EncoderName("simulated", "alexnet", "features.4"), EncoderName("simulated", "mobilenet_v2", "features.18")),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"), TargetName(5, "")),
        ladder=(0.5, 1.0),
        n_steps=2,
    )
    recipes = list_analysis_recipes(config)
    assert len(recipes) == 8
    assert {recipe.config.ladder for recipe in recipes} == {(0.5, 1.0)}
    assert {recipe.config.attack.n_steps for recipe in recipes} == {2}


def test_the_probes_behind_disagreement_are_three_of_every_pair_image_and_target() -> None:
    names = tuple(EncoderName("simulated", "alexnet", layer) for layer in ("features.4", "features.7", "features.11"))
    images, targets = ("cat_chelsea", "face_054"), (TargetName(-1, "FFA"),)
    config = SweepConfig(Question.DISAGREEMENT, names, images, targets, ladder=(1.0, 3.0), decided_sd=0.5)
    recipes = list_analysis_recipes(config)
    assert len(recipes) == count_probes(config) == 3 * 2 * 3
    pairs = {(one.config.layer, one.config.against.layer) for one in recipes if one.config.against}
    assert pairs == {("features.4", "features.7"), ("features.4", "features.11"), ("features.7", "features.11")}
    assert {one.config.against.decided_sd for one in recipes if one.config.against} == {0.5}


def test_a_folder_that_is_there_cannot_be_written_over(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "my_set").mkdir()
    about = ("my set", "1 item", "")
    dialog = NewFolderDialog("Write stimulus set", "my_set", about=about, verb="Write", folder=tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.folder() == tmp_path / "my_set"
    assert not dialog.go.isEnabled()
    dialog.field.setText(str(tmp_path / "other"))
    assert dialog.go.isEnabled()
