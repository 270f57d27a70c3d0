"""What the window asks the engine for: the whole epsilon grid, or one budget where a published schedule was chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.base.state import AppState, matches_probe, request_probe
from core.attacks.config import AttackConfig
from core.attacks.mask import Mask
from core.attacks.presets import PRESETS, find_preset
from core.datasets.photos import load_stimulus
from core.datasets.subject import load_subject
from core.probes.target import target_voxel
from tests.helpers.probes import make_probe


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


def test_a_probe_of_another_mask_is_not_rescaled_for_this_one(qtbot: QtBot) -> None:
    state = make_state()
    state.stimulus = load_stimulus("cat_chelsea")
    box = Mask(box=(0.0, 0.0, 0.5, 1.0))
    state.attack = AttackConfig(mask=box)
    probe = replace(make_probe(), config=request_probe(state), stimulus_sha256=state.stimulus.sha256)
    state.attack = AttackConfig(epsilon=1.5, n_steps=7, mask=box)
    assert matches_probe(state, probe)
    for other in (AttackConfig(), AttackConfig(mask=replace(box, edge=0.1)), AttackConfig(mask=box, quantise=True)):
        state.attack = other
        assert not matches_probe(state, probe)
