"""Contrasts, sparing, patterns, smallest budgets, ensembles and the attack's options through the real window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import open_services
from app.explore.target_options_form import NO_SD_TIP
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.engine import Engine
from core.probes.probe import Probe
from core.probes.target import TargetKind
from core.types import NormName
from tests.helpers.fake_engine import SUBJECT, FakeEngine, make_catalogue


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    """A window with FFA as its target, probed."""
    session = open_services(engine=cast(Engine, FakeEngine()), catalogue=make_catalogue(tmp_path))
    window = make_window(session)
    window.resize(1120, 720)
    window.show()
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=20_000)
    session.controller.pick_roi("FFA")
    wait(window, qtbot)
    yield window
    window.close()
    window.deleteLater()


def wait(window: MainWindow, qtbot: QtBot) -> Probe:
    """Until what the window describes is on screen."""
    from app.base.state import request_probe

    state, lane = window.session.state, window.session.lane

    def is_there() -> bool:
        idle = isinstance(lane.state, Idle) and not lane.is_busy("probe")
        return idle and state.probe is not None and state.probe.config == request_probe(state)

    qtbot.waitUntil(is_there, timeout=20_000)
    assert state.probe is not None
    return state.probe


def test_a_contrast_is_probed_against_its_roi_and_taken_back(window: MainWindow, qtbot: QtBot) -> None:
    form = window.explore.controls.target.options
    form.contrast_roi.setCurrentIndex(form.contrast_roi.findData("PPA"))
    form.contrast_roi.activated.emit(form.contrast_roi.currentIndex())
    form.contrast_weight.setValue(0.5)
    probe = wait(window, qtbot)
    assert probe.config.target.kind is TargetKind.CONTRAST
    ppa, ffa = SUBJECT.voxels.voxels_in("PPA"), SUBJECT.voxels.voxels_in("FFA")
    direction = probe.config.target.vector(SUBJECT.voxels.n_voxels)
    np.testing.assert_allclose(direction[ppa], -0.5 / len(ppa), rtol=1e-5)
    np.testing.assert_allclose(direction[ffa], 1 / len(ffa), rtol=1e-5)
    qtbot.waitUntil(lambda: "PPA" in window.explore.images.title.text())
    assert window.explore.controls.target.kind.value() == TargetKind.ROI, "the form still shows what is raised"
    window.session.controller.pick_roi("EBA")
    assert wait(window, qtbot).config.target.label.startswith("ROI EBA"), "another target keeps the contrast"
    form.contrast_roi.setCurrentIndex(0)
    form.contrast_roi.activated.emit(0)
    assert wait(window, qtbot).config.target.kind is TargetKind.ROI


def test_a_contrast_with_itself_is_refused_and_nothing_runs(window: MainWindow, qtbot: QtBot) -> None:
    form, told = window.explore.controls.target.options, []
    window.session.problems.message.connect(lambda text, _kind: told.append(text))
    before = window.session.state.probe
    form.contrast_roi.setCurrentIndex(form.contrast_roi.findData("FFA"))
    form.contrast_roi.activated.emit(form.contrast_roi.currentIndex())
    qtbot.waitUntil(lambda: bool(told))
    assert "Contrast must be another ROI than the target, not 'FFA'" in told[0]
    assert window.session.state.probe is before


def test_sparing_others_and_its_weight_reach_the_probe(window: MainWindow, qtbot: QtBot) -> None:
    form = window.explore.controls.target.options
    assert not form.spare_weight.isEnabled()
    form.spares_others.setChecked(True)
    form.spare_weight.setValue(2.5)
    probe = wait(window, qtbot)
    assert probe.config.objective == ObjectiveConfig(ObjectiveKind.SELECTIVE, 2.5)


def test_a_pattern_from_a_file_becomes_the_target(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wished = np.full(SUBJECT.voxels.n_voxels, np.nan)
    wished[[4, 9]] = 1.0, -2.0
    np.save(tmp_path / "wish.npy", wished)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "wish.npy"), ""))
    target = window.explore.controls.target
    target.more.button.click()
    qtbot.mouseClick(target.options.pattern, Qt.MouseButton.LeftButton)
    probe = wait(window, qtbot)
    assert probe.config.target.kind is TargetKind.PATTERN
    assert probe.config.target.voxels == (4, 9)
    assert probe.config.objective.kind is ObjectiveKind.DISTANCE
    qtbot.waitUntil(lambda: target.options.pattern_mode.isEnabled())
    assert not target.options.wanted_shift_sd.isEnabled() and target.options.wanted_shift_sd.toolTip() == NO_SD_TIP
    assert not target.options.contrast_roi.isEnabled()
    qtbot.mouseClick(target.options.pattern_mode.button(ObjectiveKind.COSINE), Qt.MouseButton.LeftButton)
    assert wait(window, qtbot).config.objective.kind is ObjectiveKind.COSINE


def test_other_networks_join_and_leave_when_the_encoder_changes(window: MainWindow, qtbot: QtBot) -> None:
    actions = window.explore.controls.target.options.together.menu().actions()
    offered = [action.data() for action in actions]
    state = window.session.state
    assert offered and state.network not in offered
    actions[0].setChecked(True)
    assert wait(window, qtbot).config.ensemble == (offered[0],)
    layer = next(spec.default_layer for spec in window.session.catalogue.networks if spec.id == offered[0])
    window.session.controller.open_encoder(offered[0], layer)
    assert wait(window, qtbot).config.ensemble == (), "the network now open is no longer a further one"


def test_a_wish_is_reported_in_words(window: MainWindow, qtbot: QtBot) -> None:
    noted: list[str] = []
    window.session.controller.noted.connect(noted.append)
    window.session.problems.message.connect(lambda text, _kind: noted.append(text))
    window.explore.controls.target.options.wanted_shift_sd.setValue(1.5)
    probe = wait(window, qtbot)
    assert probe.config.wanted_shift_sd == 1.5
    reached, missed = "The smallest budget for 1.5 SD is ε 3.", "A shift of 1.5 SD is not reached within ε 3."
    said = reached if probe.reaches_wanted_shift else missed
    assert any(text.startswith(said) for text in noted)


def test_options_of_the_attack_reach_the_probe_and_say_where_they_have_no_use(window: MainWindow, qtbot: QtBot) -> None:
    form = window.explore.controls.attack
    form.momentum.setValue(1.0)
    form.diversity.setValue(0.5)
    form.translation.setValue(7)
    attack = wait(window, qtbot).config.attack
    assert (attack.momentum, attack.diversity, attack.translation) == (1.0, 0.5, 7)
    form.method.button(AttackMethod.APGD).click()
    attack = wait(window, qtbot).config.attack
    assert (attack.method, attack.momentum, attack.translation) == (AttackMethod.APGD, 0.0, 0)
    assert not form.momentum.isEnabled() and "APGD has a momentum" in form.momentum.toolTip()
    form.method.button(AttackMethod.SQUARE).click()
    form.n_queries.setValue(250)
    attack = wait(window, qtbot).config.attack
    assert (attack.method, attack.n_queries) == (AttackMethod.SQUARE, 250)
    assert not form.n_steps.isEnabled()
    form.method.button(AttackMethod.PGD).click()
    assert wait(window, qtbot).config.attack.momentum == 1.0, "what was chosen for PGD comes back with it"


def test_a_preset_fills_the_form_and_a_change_makes_it_ones_own(window: MainWindow, qtbot: QtBot) -> None:
    form = window.explore.controls.attack
    form.preset.setCurrentIndex(form.preset.findData("gaziv-linf-8"))
    form.preset.activated.emit(form.preset.currentIndex())
    attack = wait(window, qtbot).config.attack
    assert (attack.norm, attack.epsilon, attack.n_steps) == (NormName.LINF, 8 / 255, 200)
    assert attack.step_size == pytest.approx(1.2 / 255)
    qtbot.waitUntil(lambda: form.preset.currentData() == "gaziv-linf-8")
    form.n_steps.setValue(20)
    attack = wait(window, qtbot).config.attack
    assert (attack.n_steps, attack.step_size) == (20, None)
    qtbot.waitUntil(lambda: form.preset.currentData() == "")


@pytest.mark.parametrize(
    "attack",
    [
        AttackConfig(momentum=0.5, diversity=0.25, translation=3, n_steps=7, seed=2),
        AttackConfig(method=AttackMethod.APGD, norm=NormName.LINF, epsilon=4 / 255),
        AttackConfig(method=AttackMethod.SQUARE, n_queries=77, n_restarts=2),
        AttackConfig(epsilon=5.0, step_size=0.5, n_steps=500),
    ],
)
def test_the_form_gives_back_the_attack_it_was_given(window: MainWindow, qtbot: QtBot, attack: AttackConfig) -> None:
    window.explore.controls.attack.set_value(attack)
    assert window.explore.controls.attack.value() == attack


def test_one_hemisphere_of_an_roi_is_the_target(window: MainWindow, qtbot: QtBot) -> None:
    form, state = window.explore.controls.target, window.session.state
    table = state.subject.voxels
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: form.roi.value() == "FFA")
    for side, name in ((0, "left"), (1, "right")):
        qtbot.mouseClick(form.side.button(name), Qt.MouseButton.LeftButton)
        expected = np.flatnonzero((np.array(table.roi) == "FFA") & (table.hemisphere == side))
        assert state.target.voxels == tuple(expected)
        qtbot.waitUntil(lambda: form.summary.text().startswith(f"ROI {name} FFA"))  # noqa: B023
    qtbot.mouseClick(form.side.button(""), Qt.MouseButton.LeftButton)
    assert state.target.voxels == tuple(np.flatnonzero(np.array(table.roi) == "FFA"))
    window.session.controller.pick_roi("left FFA")  # as the palette does
    qtbot.waitUntil(lambda: form.side.value() == "left" and form.roi.value() == "FFA")
