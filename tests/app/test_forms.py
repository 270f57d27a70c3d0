"""Every form as it opens: its defaults make a configuration that the engine takes, under each norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.analyses.study_dialog import StudyDialog
from app.analyses.sweep_form import BOTH, SweepForm
from app.base.services import Services
from app.base.settings import SETTINGS, Settings
from app.encoders.fit_form import FitForm
from app.encoders.import_dialog import ImportEncoderDialog
from app.explore.attack_form import AttackForm
from app.explore.target_options_form import TargetOptionsForm
from app.figures.dialogs import FigureDialog
from app.figures.forms import MovieForm, StyleForm
from app.measured.form import MeasuredForm
from app.networks.import_dialog import ImportNetworkDialog
from app.networks.robustify_dialog import RobustifyDialog
from app.recordings.import_options_page import OptionsPage
from app.shell.settings_dialog import SettingsDialog
from app.stimuli.package_dialog import PackageForm
from app.stimuli.plan_dialog import PlanDialog
from app.stimuli.set_form import SetForm
from app.widgets.editors import ChoiceBox, CountBox, NumberBox
from core.attacks.config import AttackConfig, AttackMethod
from core.datasets.subject import load_subject
from core.encoders.card import EncoderCard
from core.encoders.config import EncoderConfig
from core.encoders.files import load_card
from core.encoders.importers.bind import ImportRequest
from core.experiments.measured.compare import CompareConfig
from core.experiments.packages.template import Template
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.movie_config import CortexStyle, MovieConfig, MovieKind
from core.networks.catalog import list_networks
from core.networks.import_options import NetworkImportOptions
from core.networks.spec import NetworkSpec
from core.probes.against import Against
from core.probes.choice import TargetOptions
from core.robustify.config import RobustifyConfig
from core.stimuli.config import SetConfig
from core.stimuli.plan import list_recipes
from core.sweeps import choose
from core.sweeps.config import Question
from core.sweeps.plan import estimate_cost
from core.sweeps.study.config import StudyConfig, make_quick
from core.sweeps.study.plan import estimate_study
from core.types import Direction, NormName
from tests.helpers.fake_engine import make_catalogue

KEYS = (("alexnet", "features.4"), ("alexnet", "features.7"))
EQUAL_RMS = math.sqrt(3 * 224 * 224)
"""An L2 change of this size is a change of 1 in every value of 224 x 224 pixels."""
LADDER = (0.1, 0.25, 0.5, 1.0, 3.0)


def make_sweep(qtbot: QtBot, question: Question) -> SweepForm:
    form = SweepForm(question)
    qtbot.addWidget(form)
    form.set_subject(load_subject("simulated"), [EncoderConfig("simulated", *key) for key in KEYS], KEYS)
    return form


def make_plan(qtbot: QtBot) -> PlanDialog:
    dialog = PlanDialog(load_subject("simulated"), list(KEYS), current=KEYS[0], image="")
    qtbot.addWidget(dialog)
    return dialog


@pytest.mark.parametrize("norm", [*NormName, BOTH])
@pytest.mark.parametrize("question", list(Question))
def test_every_analysis_runs_as_it_opens_under_every_norm(qtbot: QtBot, question: Question, norm: str) -> None:
    form = make_sweep(qtbot, question)
    assert form.norm.button(BOTH).isHidden() == (question is Question.DISCRIMINABILITY)
    if norm == BOTH and question is Question.DISCRIMINABILITY:
        return
    form.norm.button(norm).click()
    config = form.value()
    assert form.problem.isHidden() and "cells" in estimate_cost(config, {}).describe()
    first = NormName.L2 if norm == BOTH else NormName(norm)
    assert config.norms == (tuple(NormName) if norm == BOTH else (first,))
    wanted = LADDER if first is NormName.L2 else tuple(epsilon / EQUAL_RMS for epsilon in LADDER)
    assert config.ladder == wanted, "as the command line does, to the last bit"
    for one in config.norms:
        assert config.attack(one, 224).norm is one


def test_budgets_typed_in_an_analysis_follow_the_norm_and_come_back(qtbot: QtBot) -> None:
    form = make_sweep(qtbot, Question.FRAGILITY)
    form.ladder.setText("1, 2")
    form.ladder.editingFinished.emit()
    form.norm.button(NormName.LINF).click()
    assert form.value().ladder == pytest.approx((1 / EQUAL_RMS, 2 / EQUAL_RMS), rel=1e-12)
    assert form.ladder.text() == "0.657/255, 1.31/255"
    form.norm.button(NormName.L2).click()
    assert form.ladder.text() == "1, 2" and form.value().ladder == (1.0, 2.0)
    form.norm.button(NormName.LINF).click()
    form.ladder.setText("4/255, 8/255")
    form.ladder.editingFinished.emit()
    form.norm.button(NormName.L2).click()
    assert form.value().ladder == pytest.approx((4 / 255 * EQUAL_RMS, 8 / 255 * EQUAL_RMS), rel=1e-12)


def test_budgets_that_are_none_stay_for_the_user_to_mend(qtbot: QtBot) -> None:
    form = make_sweep(qtbot, Question.FRAGILITY)
    form.ladder.setText("much")
    form.norm.button(NormName.LINF).click()
    assert form.ladder.text() == "much" and "not 'much'" in form.problem.text()


@pytest.mark.parametrize("question", list(Question))
def test_gate_and_seed_of_an_analysis_are_fields(qtbot: QtBot, question: Question) -> None:
    form = make_sweep(qtbot, question)
    usual = form.value()
    assert (usual.gate, usual.seed) == (0.1, 0)
    form.gate.setValue(0.3)
    form.seed.setValue(5)
    other = form.value()
    assert (other.gate, other.seed) == (0.3, 5)
    assert other.images != usual.images, "the seed draws the images"
    form.voxels.setText("FFA:2")
    form.voxels.editingFinished.emit()
    few = form.value().targets
    form.gate.setValue(1.0)
    assert "with r >= 1" in form.problem.text() and len(few) == len(usual.targets) + 2


def test_an_analysis_form_shows_the_config_that_it_made(qtbot: QtBot) -> None:
    form, other = make_sweep(qtbot, Question.TRANSFER), make_sweep(qtbot, Question.TRANSFER)
    form.norm.button(NormName.LINF).click()
    form.seed.setValue(3)
    form.gate.setValue(0.2)
    form.direction.button(BOTH).click()
    form.untrained.click()
    config = form.value()
    other.set_value(config)
    assert other.value() == config


@pytest.mark.parametrize("norm", list(NormName))
@pytest.mark.parametrize("method", list(AttackMethod))
def test_the_attack_is_whole_under_every_norm_and_method(qtbot: QtBot, norm: NormName, method: AttackMethod) -> None:
    form = AttackForm()
    qtbot.addWidget(form)
    assert form.value() == AttackConfig()
    form.norm.button(norm).click()
    form.method.button(method).click()
    attack = form.value()
    assert (attack.norm, attack.method) == (norm, method)
    assert attack.epsilon == (3.0 if norm is NormName.L2 else 4 / 255)
    again = AttackForm()
    qtbot.addWidget(again)
    again.set_value(attack)
    assert again.value() == attack


@pytest.mark.parametrize("norm", list(NormName))
def test_a_plan_of_stimuli_can_be_met_under_every_norm(qtbot: QtBot, norm: NormName) -> None:
    dialog = make_plan(qtbot)
    dialog.norm.button(norm).click()
    assert dialog.plan is not None and dialog.add.isEnabled()
    (budget,) = dialog.plan.budgets
    assert budget.norm is norm
    assert budget.epsilon == pytest.approx(3.0 if norm is NormName.L2 else 3 / EQUAL_RMS, rel=1e-12)
    assert len(list_recipes(dialog.plan)) == dialog.plan.n_items == 8


def test_mixed_budgets_of_a_plan_come_together_and_bad_ones_stay(qtbot: QtBot) -> None:
    dialog = make_plan(qtbot)
    dialog.budgets.setText(f"l2:3, linf:{3 / EQUAL_RMS!r}")
    dialog.norm.button(NormName.LINF).click()
    assert dialog.plan is not None and len(dialog.plan.budgets) == 1, "the same budget twice is one"
    dialog.budgets.setText("l2:lots")
    dialog.norm.button(NormName.L2).click()
    assert dialog.budgets.text() == "l2:lots" and dialog.plan is None


def test_gate_and_seed_of_a_plan_are_fields(qtbot: QtBot) -> None:
    dialog = make_plan(qtbot)
    assert dialog.plan is not None
    usual = dialog.plan
    dialog.gate.setValue(0.25)
    dialog.seed.setValue(9)
    assert (dialog.plan.delivery.gate, dialog.plan.seed) == (0.25, 9)
    assert dialog.plan.images != usual.images


def test_the_study_runs_as_it_opens_and_as_the_quick_one(qtbot: QtBot) -> None:
    dialog = StudyDialog(cast(Services, None))
    qtbot.addWidget(dialog)
    assert dialog.value() == StudyConfig() and estimate_study(dialog.value(), {}).describe()
    dialog.seed.setValue(4)
    dialog.extent.button("quick").click()
    assert dialog.value() == make_quick(4) and estimate_study(dialog.value(), {}).describe()
    assert dialog.start.isEnabled()
    dialog.norm.button("linf").click()
    assert dialog.value().norm == "linf" and dialog.value().epsilon == pytest.approx(1 / (3 * 224**2) ** 0.5, rel=1e-3)
    dialog.epsilon.setText("2/255")
    assert dialog.value().epsilon == 2 / 255


@pytest.mark.parametrize("kind", list(MovieKind))
def test_every_kind_of_movie_is_whole(qtbot: QtBot, kind: MovieKind) -> None:
    form = MovieForm()
    qtbot.addWidget(form)
    assert form.value() == MovieConfig()
    form.kind.button(kind).click()
    assert form.value() == MovieConfig(kind=kind)


@pytest.mark.parametrize("kind", list(FigureKind))
@pytest.mark.parametrize("unit", ["cm", "in"])
def test_every_kind_of_figure_has_its_usual_size(qtbot: QtBot, kind: FigureKind, unit: str) -> None:
    dialog = FigureDialog()
    qtbot.addWidget(dialog)
    dialog.unit.setCurrentIndex(dialog.unit.findData(unit))
    dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
    made = dialog.config()
    assert made is not None and made.kind is kind
    assert (made.width_cm, made.height_cm) == pytest.approx(kind.size_cm, abs=0.02)
    usual = FigureConfig(kind)
    assert (made.font_size, made.dpi, made.theme, made.style) == (usual.font_size, usual.dpi, usual.theme, usual.style)


def test_forms_of_stimuli_and_measurements_open_with_the_usual(qtbot: QtBot) -> None:
    delivery, package, measured, style = SetForm(), PackageForm(), MeasuredForm(), StyleForm(with_motion=True)
    for form in (delivery, package, measured, style):
        qtbot.addWidget(form)
    assert delivery.value() == SetConfig()
    delivery.gate.setValue(0.4)
    assert delivery.value() == SetConfig(gate=0.4)
    assert package.value() == Template()
    assert measured.config() == CompareConfig()
    measured.seed.setValue(2)
    assert measured.config() == CompareConfig(seed=2)
    style.set_value(CortexStyle(gate_r=0.3))
    assert style.value() == CortexStyle(gate_r=0.3)


def test_the_aim_opens_with_nothing_asked(qtbot: QtBot) -> None:
    form = TargetOptionsForm()
    qtbot.addWidget(form)
    assert form.value() == TargetOptions()
    assert not form.contrast_weight.isEnabled() and form.contrast_weight.toolTip() == "Choose a contrast ROI first"


def services_with(networks: Sequence[NetworkSpec]) -> Any:
    return SimpleNamespace(catalogue=SimpleNamespace(subjects=(), networks=networks))


def test_forms_of_encoders_and_networks_ask_for_what_can_be_made(qtbot: QtBot, tmp_path: Path) -> None:
    fit, network = FitForm(), ImportNetworkDialog(cast(Any, None), print)
    robust, encoder = (
        RobustifyDialog(cast(Any, None), print),
        ImportEncoderDialog(services_with(list_networks()), print),
    )
    for form in (fit, network, robust, encoder):
        qtbot.addWidget(form)
    fit.offer(make_catalogue(tmp_path), subject="simulated", network="alexnet")
    request = fit.value()
    assert (request.subject, request.network, request.options.seed, request.options.scoring.seed) == (
        *("simulated", "alexnet"),
        *(0, 0),
    )
    fit.seed.setValue(6)
    assert (fit.value().options.seed, fit.value().options.scoring.seed) == (6, 6)
    assert (
        request.options.configure("simulated", "alexnet", request.layers[0], (384, 13, 13)).layer == request.layers[0]
    )
    assert network.options() == NetworkImportOptions()
    robust.set_networks(list_networks(), "alexnet")
    robust.images.setText(str(tmp_path))
    options = robust.options()
    assert (options.epsilon, options.n_images) == (RobustifyConfig().epsilon, RobustifyConfig().n_images)
    encoder.subject.set_choices([("s1", "S1")])
    encoder.network.set_choices([("alexnet", "AlexNet")])
    encoder.take_network()
    assert encoder.request() == ImportRequest("alexnet", encoder.layer.currentText(), "s1")


def test_the_import_of_a_recording_needs_an_id_alone(qtbot: QtBot) -> None:
    page = OptionsPage()
    qtbot.addWidget(page)
    page.subject.setText("sub-01")
    assert page.accept.isEnabled()
    options = page.options()
    assert (options.subject, options.held_out, options.bad_voxels, options.seed) == ("sub-01", "own", "fewest", 0)
    page.seed.setValue(3)
    assert page.options().seed == 3
    page.subject.setText("bad id")
    assert not page.accept.isEnabled() and "bad id" in page.accept.toolTip()


def test_every_setting_shows_a_value_that_it_may_have(qtbot: QtBot) -> None:
    settings = Settings()
    dialog = SettingsDialog(settings)
    qtbot.addWidget(dialog)
    for setting in SETTINGS:
        if setting.title:
            shown = dialog.rows[setting.key].editor.value()
            setting.check(shown)
            assert shown == settings.value(setting.key), setting.key


def test_every_editor_of_numbers_and_choices_is_spoken_and_leaves_the_wheel_alone(qtbot: QtBot) -> None:
    forms: list[QWidget] = [
        *(
            AttackForm(),
            TargetOptionsForm(),
            MovieForm(),
            SetForm(),
            PackageForm(),
            MeasuredForm(),
            FitForm(),
            StudyDialog(cast(Services, None)),
        ),
        *(
            FigureDialog(),
            RobustifyDialog(cast(Any, None), print),
            ImportNetworkDialog(cast(Any, None), print),
            ImportEncoderDialog(services_with(()), print),
            OptionsPage(),
        ),
        *(make_sweep(qtbot, question) for question in Question),
    ]
    for form in forms:
        qtbot.addWidget(form)
        for kind in (CountBox, NumberBox, ChoiceBox):
            for editor in form.findChildren(kind):
                assert editor.accessibleName(), f"{type(form).__name__} has a nameless {kind.__name__}"
                assert not editor.focusPolicy().value & 4, f"{editor.accessibleName()} takes the focus by wheel"


def test_levels_make_a_level_set_of_a_plan(qtbot: QtBot) -> None:
    """What nobody changed follows; the levels decide the direction."""
    dialog = make_plan(qtbot)
    dialog.levels.setText("-2:2:5")
    dialog.levels.editingFinished.emit()
    assert dialog.plan is not None and dialog.plan.levels == (-2.0, -1.0, 0.0, 1.0, 2.0)
    assert (dialog.images.text(), dialog.budgets.text()) == ("test:10", "l2:10")
    assert not dialog.direction.isEnabled() and "decides itself" in dialog.direction.toolTip()
    assert dialog.cost.text().startswith(
        "10 seeds x 2 targets x 5 levels (-2 to +2 SD) x 1 encoder = 100 probes, each within l2:10"
    )
    dialog.levels.setText("2, 1")
    dialog.levels.editingFinished.emit()
    assert dialog.plan is None and "Levels must be ascending" in dialog.problem.text()
    dialog.levels.setText("")
    dialog.levels.editingFinished.emit()
    assert dialog.plan is not None and dialog.plan.levels == () and dialog.direction.isEnabled()
    assert (dialog.images.text(), dialog.budgets.text()) == ("test:4", "l2:3")
    dialog.budgets.setText("l2:5")
    dialog.levels.setText("-1:1:2")
    dialog.levels.editingFinished.emit()
    assert dialog.budgets.text() == "l2:5", "what was typed stays"


def test_controversial_probes_are_planned_and_what_cannot_be_is_told(qtbot: QtBot) -> None:
    dialog = make_plan(qtbot)
    dialog.images.setText("test:2")
    dialog.rois.set_value(["FFA"])
    second = dialog.against.encoder
    second.setCurrentIndex(second.findData(KEYS[1]))
    plan = dialog.plan
    assert plan is not None and plan.pair == Against(*KEYS[1]) and dialog.notes.text() == ""
    assert dialog.cost.text().startswith("2 images x 1 target x 1 budget x 3 probes of ")
    assert {(one.config.direction, one.config.against.agrees) for one in list_recipes(plan) if one.config.against} == {
        (Direction.RAISE, False),
        (Direction.LOWER, False),
        (Direction.RAISE, True),
    }
    assert not dialog.direction.isEnabled() and not dialog.levels.isEnabled()
    dialog.against.decided_sd.setValue(0.5)
    dialog.against.sharpness.setValue(8.0)
    dialog.against.sharpness.editingFinished.emit()
    assert dialog.plan is not None and dialog.plan.pair == Against(*KEYS[1], sharpness=8.0, decided_sd=0.5)
    dialog.gate.setValue(1.0)
    assert dialog.notes.text().count("predicts ROI FFA (119 voxels) poorly") == 2 and dialog.plan is not None
    dialog.rois.set_value(["FFA", "V1"])
    dialog.take_edit()
    assert dialog.notes.text().endswith("\n… and 2 more like these")
    dialog.encoders.set_value([":".join(key) for key in KEYS[:2]])
    dialog.take_edit()
    assert "Controversial must be two different encoders" in dialog.problem.text() and dialog.plan is None
    dialog.encoders.set_value([":".join(KEYS[1])])
    dialog.take_edit()
    assert "two different encoders" in dialog.problem.text() and not dialog.add.isEnabled()
    second.setCurrentIndex(0)
    assert dialog.plan is not None and dialog.plan.pair is None and dialog.direction.isEnabled()


def test_a_target_that_one_of_the_two_cannot_move_is_refused_in_the_dialog(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*name: str) -> EncoderCard:
        card = load_card(*name)
        return replace(card, reference_sd=np.zeros_like(card.r)) if name[1:] == KEYS[1] else card

    monkeypatch.setattr(choose, "load_card", load)
    dialog = make_plan(qtbot)
    dialog.against.encoder.setCurrentIndex(dialog.against.encoder.findData(KEYS[1]))
    assert "as a constant" in dialog.problem.text() and dialog.plan is None and not dialog.add.isEnabled()


def test_one_level_alone_is_planned(qtbot: QtBot) -> None:
    dialog = make_plan(qtbot)
    dialog.levels.setText("2")
    dialog.levels.editingFinished.emit()
    assert dialog.plan is not None and dialog.plan.levels == (2.0,)
    assert " x 1 level (+2 SD) x " in dialog.cost.text()
    assert not dialog.against.encoder.isEnabled(), "a level set is made on each encoder alone"
