"""What the window asks the engine for: the whole epsilon grid, or one budget where a published schedule was chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.base.state import AppState, request_probe
from core.attacks.config import AttackConfig
from core.attacks.presets import PRESETS, find_preset
from core.datasets.subject import load_subject
from core.probes.target import target_voxel


def make_state() -> AppState:
    state = AppState()
    state.subject = load_subject("simulated")
    state.encoder = ("alexnet", "features.7")
    state.target = target_voxel(state.subject.voxels, 3)
    return state


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_published_schedule_runs_at_its_one_budget_and_costs_what_it_says(qtbot: QtBot, name: str) -> None:
    state, preset = make_state(), find_preset(name)
    state.attack = preset.apply(AttackConfig())
    asked = request_probe(state)
    assert asked.ladder == (preset.epsilon,)
    assert len(asked.ladder) * asked.attack.n_restarts * asked.attack.steps_taken == preset.n_steps


def test_a_schedule_of_ones_own_has_the_whole_curve(qtbot: QtBot) -> None:
    state = make_state()
    state.attack = replace(find_preset("gaziv-l2-1").apply(AttackConfig()), n_steps=7, step_size=None)
    assert len(request_probe(state).ladder) == 5
