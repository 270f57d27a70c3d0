"""The tabs of the analyses: a point leads to its probe in Explore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.analyses.feature import Analyses
from app.base.jobs import Idle
from app.base.services import Services, open_services
from app.explore.explore import Explore
from app.explore.places import KEY, Places
from app.look.qt_application import make_application
from core.engine import Engine
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.types import Direction, NormName
from tests.helpers.desks import make_desk


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    make_application()
    opened = open_services(engine=Engine(device="cpu"))
    opened.state.auto_probe = False
    yield opened
    opened.close()


def test_a_point_opens_its_probe_in_explore(qtbot: QtBot, session: Services) -> None:
    config = SweepConfig(
        Question.FRAGILITY,
        (EncoderName("simulated", "alexnet", "features.4"),),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"), TargetName(5, "")),
        directions=(Direction.LOWER,),
        ladder=(0.5, 1.0),
        n_steps=2,
    )
    desk = make_desk(qtbot, session)
    places = Places(session.settings)
    desk.tabs.put(KEY, places.whole)
    explore = Explore(desk, places)
    analyses = Analyses(desk, explore)
    desk.tabs.open(Question.FRAGILITY)
    analyses.open_probe(config, 0, 1, 1)
    state = session.state
    qtbot.waitUntil(
        lambda: state.probe is not None and isinstance(session.lane.state, Idle), timeout=100_000
    )  # torch may be loading on a busy machine
    assert desk.tabs.current == "explore"
    assert state.probe is not None
    asked = state.probe.config
    assert (asked.network, asked.layer, asked.target.voxels) == ("alexnet", "features.4", (5,))
    assert (asked.direction, asked.attack.epsilon, asked.attack.norm) == (Direction.LOWER, 1.0, NormName.L2)
    assert state.probe.stimulus_id == "face_054"
    explore.close()
