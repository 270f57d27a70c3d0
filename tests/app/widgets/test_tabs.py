"""The tabs: Explore stays what it is, analyses are made when first opened, a point leads back to Explore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QListWidget, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.base.services import Services, open_services
from app.look.theme import DARK, Theme
from app.shell.folds import make_scrolling
from app.widgets.basics import make_column, make_label
from app.widgets.page_stack import PageStack
from app.widgets.tabs import EXPLORE, Workspaces
from app.widgets.work_page import WorkPage
from core.engine import Engine
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.types import Direction, NormName


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    opened = open_services(engine=Engine(device="cpu"))
    opened.state.auto_probe = False
    yield opened
    opened.close()


@pytest.fixture
def spaces(qtbot: QtBot, session: Services) -> Iterator[Workspaces]:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = Workspaces(QLabel("explore", parent), session, parent)
    qtbot.addWidget(made.stack)
    qtbot.addWidget(made.tabs)
    made.set_theme(DARK)
    yield made
    del parent  # it owns what was made


def test_explore_is_first_and_never_moved(spaces: Workspaces) -> None:
    explore = spaces.stack.widget(EXPLORE)
    assert spaces.stack.currentWidget() is explore
    spaces.tabs.setCurrentIndex(2)
    assert spaces.stack.currentIndex() == 2
    spaces.tabs.setCurrentIndex(EXPLORE)
    assert spaces.stack.currentWidget() is explore
    assert spaces.page(Question.DISCRIMINABILITY) is spaces.page(Question.DISCRIMINABILITY)


def test_a_point_opens_its_probe_in_explore(qtbot: QtBot, session: Services, spaces: Workspaces) -> None:
    config = SweepConfig(
        Question.FRAGILITY,
        (EncoderName("simulated", "alexnet", "features.4"),),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"), TargetName(5, "")),
        directions=(Direction.LOWER,),
        ladder=(0.5, 1.0),
        n_steps=2,
    )
    spaces.tabs.setCurrentIndex(1)
    spaces.open_probe(config, 0, 1, 1)
    state = session.state
    qtbot.waitUntil(
        lambda: state.probe is not None and isinstance(session.lane.state, Idle), timeout=100_000
    )  # torch may be loading on a busy machine
    assert spaces.tabs.currentIndex() == EXPLORE
    assert state.probe is not None
    asked = state.probe.config
    assert (asked.network, asked.layer, asked.target.voxels) == ("alexnet", "features.4", (5,))
    assert (asked.direction, asked.attack.epsilon, asked.attack.norm) == (Direction.LOWER, 1.0, NormName.L2)
    assert state.probe.stimulus_id == "face_054"


class _Tall(WorkPage):
    """Would like to be 1200 pixels high, can be far less, and says something long at its foot."""

    def __init__(self) -> None:
        super().__init__()
        self.foot = make_label(wraps=True)
        self.foot.setText("Done. Files in a folder with a long name. " * 4)
        self.setLayout(make_column(*(QListWidget() for _ in range(6)), self.foot))

    def set_theme(self, theme: Theme) -> None:
        """Has no colours."""


def test_a_page_with_a_wrapped_line_fits_the_window_and_keeps_its_foot_in_sight(qtbot: QtBot) -> None:
    stack, page = PageStack(), _Tall()
    stack.addWidget(page)
    scroll = make_scrolling(stack)
    qtbot.addWidget(scroll)
    scroll.resize(900, 620)
    scroll.show()
    qtbot.waitExposed(scroll)
    assert page.foot.mapTo(scroll, page.foot.rect().bottomLeft()).y() < 620
