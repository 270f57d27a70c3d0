"""Budgets in grey levels beside every field of one, checked against perturbations of that norm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.analyses.page import AnalysisPage
from app.shell.main_window import MainWindow
from app.stimuli.plan_dialog import PlanDialog
from core.attacks.config import describe_grey_levels
from core.sweeps.config import Question
from core.types import NormName
from tests.helpers.open_window import open_window


@pytest.mark.parametrize("side", [224, 384])
def test_grey_levels_are_those_of_a_perturbation_of_that_norm(side: int) -> None:
    delta = np.random.default_rng(0).normal(size=(3, side, side))
    told = []
    for epsilon in (0.5, 30.0, 500.0):
        scaled = delta * epsilon / np.linalg.norm(delta)
        rms = 255 * np.sqrt(np.mean(scaled**2))
        told.append(f"{rms:.2g}" if rms < 100 else f"{rms:.0f}")
    wanted = f"RMS {', '.join(told)} grey levels at {side} × {side}"
    assert describe_grey_levels((0.5, 30.0, 500.0), NormName.L2, side=side) == wanted
    assert describe_grey_levels((2 / 255, 0.5), NormName.LINF, side=side) == "at most 2, 128 grey levels a pixel"


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def test_every_field_of_a_budget_has_them(window: MainWindow) -> None:
    epsilon, state = window.explore.controls.attack.epsilon, window.session.state
    epsilon.set_epsilon(3.0)

    def shown() -> list[str]:
        return [one.text().replace("\N{NO-BREAK SPACE}", " ") for one in epsilon.findChildren(QLabel)]

    assert "RMS 2 grey levels at 224 × 224" in shown()
    epsilon.set_side(384)
    assert "RMS 1.2 grey levels at 384 × 384" in shown()
    page = window.tabs.open(Question.FRAGILITY)
    assert isinstance(page, AnalysisPage)
    form = page.form
    form.ladder.set_value("1, 3")
    form.refresh()
    assert form.grey.text() == "RMS 0.66, 2 grey levels at 224 × 224"
    form.norm.set_value(NormName.LINF)
    form.take_norm(NormName.LINF)
    form.ladder.set_value("4/255, 8/255")
    form.refresh()
    assert form.grey.text() == "at most 4, 8 grey levels a pixel"
    form.ladder.set_value("x")
    form.refresh()
    assert not form.grey.text()
    assert state.subject is not None
    keys = [(one.network, one.layer) for one in window.session.catalogue.encoders_of(state.subject.id)]
    dialog = PlanDialog(state.subject, keys, current=state.encoder, image="cat_chelsea", parent=window)
    dialog.budgets.set_value("l2:3, linf:8/255, l2:1")
    dialog.tell()
    assert dialog.grey.text() == "RMS 2, 0.66 grey levels at 224 × 224; at most 8 grey levels a pixel"
