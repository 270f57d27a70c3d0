from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from app.base.state import AppState
from core.attacks.config import AttackConfig
from core.types import Direction


def test_a_fact_tells_once_when_it_changes(qtbot: QtBot) -> None:
    state = AppState()
    told: list[int] = []
    state.attack_changed.connect(lambda: told.append(1))
    state.attack = AttackConfig(epsilon=1.0)
    state.attack = AttackConfig(epsilon=1.0)
    assert len(told) == 1
    assert state.attack.epsilon == 1.0


def test_arrays_are_compared_by_identity(qtbot: QtBot) -> None:
    state = AppState()
    told: list[int] = []
    state.clean_changed.connect(lambda: told.append(1))
    values = np.zeros(3, dtype=np.float32)
    state.clean = values
    state.clean = values
    state.clean = values.copy()
    assert len(told) == 2


def test_states_do_not_share_facts() -> None:
    one, other = AppState(), AppState()
    one.direction = Direction.LOWER
    assert other.direction is Direction.RAISE


def test_forgetting_keeps_what_was_chosen() -> None:
    state = AppState()
    state.encoder = ("net", "layer")
    state.clean = np.zeros(3, dtype=np.float32)
    state.step = 2
    state.forget_results()
    assert (state.clean, state.step) == (None, None)
    assert (state.network, state.layer) == ("net", "layer")
