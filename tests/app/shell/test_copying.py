"""Every work space copies what it would run, or says in a sentence why there is no such text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.analyses.page import AnalysisPage
from app.analyses.study_dialog import StudyDialog
from app.base.jobs import Idle
from app.encoders.card_window import CardWindow
from app.encoders.whole_dialog import WholeEncoderDialog
from app.explore.fingerprint import FingerprintWindow
from app.images.page import ImagesPage
from app.networks.import_dialog import ImportNetworkDialog
from app.networks.robustify_dialog import RobustifyDialog
from app.recordings.import_dialog import ImportDialog
from app.shell.main_window import MainWindow
from app.stimuli.design_dialog import DesignDialog
from app.stimuli.package_dialog import PackageDialog
from app.stimuli.plan_dialog import PlanDialog
from core.commands import works
from core.commands.copied import copy_command, copy_python
from core.commands.works import CommandWork, ProbeWork, ask_fingerprint, ask_images
from core.datasets.subject import load_subject
from core.probes.target import target_voxel
from core.sweeps.config import Question
from core.types import Direction
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
        page.form.refresh()
        wanted = page.form.config
        assert (clipboard() == copy_command(wanted)) if wanted is not None else (not clipboard() and said)
    reasons = {"stimuli": "The tray is empty", "measured": "Open a stimulus set first"}
    for key, reason in reasons.items():
        window.tabs.open(key)
        said.clear()
        actions.give("copy_command")
        assert len(said) == 1
        assert reason in said[0]
    images = window.tabs.open("images")
    assert isinstance(images, ImagesPage)
    actions.give("copy_command")
    assert clipboard() == copy_command(ask_images(state.choice(), images.asked(synthesises=False)))
    assert clipboard().startswith("probescope rank ")


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


def press(button: QPushButton, way: int) -> str:
    """What the clipboard holds after one of both rows of a dialog's menu."""
    QGuiApplication.clipboard().clear()
    button.menu().actions()[way].trigger()
    return clipboard()


def test_dialogs_copy_what_their_button_would_run(window: MainWindow, tmp_path: Path) -> None:
    session = window.session
    study = StudyDialog(session, window)
    study.seed.set_value(7)
    assert press(study.copy, 0) == copy_command(CommandWork("study", {"config": study.value(), "out": Path("study")}))
    assert "seed=7" in press(study.copy, 1)
    study.noise.set_value("loud")
    assert press(study.copy, 0) == ""
    assert "must be numbers" in study.work.error.text()

    training = RobustifyDialog(session, lambda *_: None, window)
    training.set_networks([one for one in session.catalogue.networks if one.id == "alexnet"])
    training.images.set_value(str(tmp_path))
    assert f"--images {tmp_path}" in press(training.copy, 0)
    network = ImportNetworkDialog(session.lane, lambda *_: None, window)
    network.source.set_value("weights.pth")
    network.robust.set_value(True)
    assert press(network.copy, 0) == "probescope networks add weights.pth --robust"
    for field, value in (
        ("architecture", "timm:vit_tiny"),
        ("weights", "ema"),
        ("title", "My own"),
        ("tokens", "grid"),
    ):
        getattr(network, field).set_value(value)
    network.layers.set_value("blocks.1, blocks.3")
    network.output_stride.set_value(16)
    network.input_size.set_value(160)
    network.normalisation.set_value("0.5 0.5 0.5 0.25 0.25 0.2")
    network.parent_network.set_value("alexnet")
    for words in ("--layers blocks.1 --layers blocks.3", "--std 0.25 0.25 0.2", "--tokens grid", "--parent alexnet"):
        assert words in press(network.copy, 0), network.work.error.text()
    whole = WholeEncoderDialog(session, lambda _card: None, window)
    whole.module.set_value("package.module:make")
    whole.trusted.set_value(True)
    assert press(whole.copy, 0).startswith("probescope encoders add package.module:make --trust")
    for field, value in (
        ("key", "y"),
        ("new_subject", "s9"),
        ("source", "Us"),
        ("licence", "CC BY"),
        ("surface", "fsaverage6"),
    ):
        getattr(whole, field).set_value(value)
    whole.simulated.set_value(True)
    for words in ("--licence 'CC BY'", "--source Us", "--simulated", "--new-subject s9", "--surface fsaverage6"):
        assert words in press(whole.copy, 0), whole.work.error.text()
    assert "trusted=True" in press(whole.copy, 1)

    card = CardWindow(session, lambda: None, window)
    assert press(card.copy, 0) == ""
    assert "There is no encoder" in card.problem.text()
    card.card = session.state.card
    assert press(card.copy, 0).startswith("probescope encoders export simulated-")
    fingerprint = FingerprintWindow(window.features.explore._desk)
    button = next(one for one in fingerprint.findChildren(QPushButton) if one.text() == "Copy as")
    assert press(button, 0) == ""
    assert "Click a voxel" in fingerprint.work.error.text()
    session.state.target = target_voxel(load_subject("simulated").voxels, 3)
    assert press(button, 0) == copy_command(ask_fingerprint(session.state.choice()))

    tray = DesignDialog(session.lane, lambda: ("tray", {}), window)
    assert press(tray.copy, 0) == ""
    assert "not the tray" in tray.work.error.text()
    tray.open_set(tmp_path)
    assert press(tray.copy, 0) == f"probescope design {tmp_path} --noise-ceiling 0.3"
    package = PackageDialog(session.lane, window)
    assert press(package.copy, 0) == ""
    assert "Choose a stimulus set first" in package.work.error.text()
    recording = ImportDialog(session, lambda: None, window)
    assert press(recording.options.buttons.itemAt(1).widget(), 0) == ""
    assert "Choose a recording first" in recording.options.error.text()


def test_a_movie_and_a_figure_are_copied_with_their_probe(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, figures = window.session, window.features.figures
    session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: session.state.probe is not None and isinstance(session.lane.state, Idle), timeout=20_000)
    monkeypatch.setattr(works, "find_stimulus", lambda _image, _side: session.state.stimulus)  # made up
    figures.show_movie()
    figures.show_figure()
    assert figures.movie_dialog is not None
    assert figures.figure_dialog is not None
    for dialog in (figures.movie_dialog, figures.figure_dialog):
        button = next(one for one in dialog.findChildren(QPushButton) if one.text() == "Copy as")
        assert "iter_probe" in press(button, 1), dialog.work.error.text()
        session.state.direction = Direction.LOWER
        assert press(button, 1) == ""
        assert "another one than is chosen now" in dialog.work.error.text()
        session.state.direction = Direction.RAISE
