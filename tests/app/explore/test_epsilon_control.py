from __future__ import annotations

import math

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.explore.epsilon_control import EpsilonControl
from core.attacks.config import describe_grey_levels
from core.types import NormName


@pytest.fixture
def control(qtbot: QtBot) -> EpsilonControl:
    made = EpsilonControl()
    qtbot.addWidget(made)
    made.resize(300, 120)
    made.show()
    return made


def type_text(control: EpsilonControl, text: str, qtbot: QtBot) -> None:
    control.field.selectAll()
    qtbot.keyClicks(control.field, text)
    qtbot.keyClick(control.field, Qt.Key.Key_Return)


def test_a_fraction_is_read_and_told(control: EpsilonControl, qtbot: QtBot) -> None:
    control.set_norm(NormName.LINF)
    with qtbot.waitSignal(control.committed) as told:
        type_text(control, "8/255", qtbot)
    assert told.args == [pytest.approx(8 / 255)]
    assert control.field.text() == "8/255"


def test_grey_levels_typed_under_linf_are_asked_about(control: EpsilonControl, qtbot: QtBot) -> None:
    control.set_norm(NormName.LINF)
    before = control.epsilon
    with qtbot.assertNotEmitted(control.committed):
        type_text(control, "8", qtbot)
    assert "Did you mean 8/255?" in control._error.text()
    assert control.epsilon == before
    assert control.field.property("invalid") == "true"


@pytest.mark.parametrize("text", ["nan", "-1", "abc", "", "1/0"])
def test_nonsense_is_refused_in_place(control: EpsilonControl, qtbot: QtBot, text: str) -> None:
    type_text(control, text or " ", qtbot)
    assert control._error.text()
    assert control.epsilon == 3.0


def test_dragging_tells_every_move_and_settles_once(control: EpsilonControl, qtbot: QtBot) -> None:
    moves: list[float] = []
    settled: list[float] = []
    control.dragged.connect(moves.append)
    control.committed.connect(settled.append)
    control.slider.setSliderDown(True)
    for position in (100, 200, 300):
        control.slider.setSliderPosition(position)
    assert settled == []
    control.slider.setSliderDown(False)
    assert len(moves) == 3
    assert settled == [moves[-1]]
    assert moves == sorted(moves)


def test_a_click_on_the_groove_jumps_there(control: EpsilonControl, qtbot: QtBot) -> None:
    control.set_epsilon(0.05)
    centre = control.slider.rect().center()
    qtbot.mouseClick(control.slider, Qt.MouseButton.LeftButton, pos=centre)
    assert control.epsilon == pytest.approx(math.sqrt(0.05 * 30), rel=0.1), "the middle of a log scale"


def test_each_norm_keeps_its_own_budget(control: EpsilonControl) -> None:
    control.set_epsilon(5.0)
    control.set_norm(NormName.LINF)
    assert control.epsilon == pytest.approx(4 / 255)
    control.set_norm(NormName.L2)
    assert control.epsilon == 5.0


def test_the_hint_states_the_rms_of_the_science_page() -> None:
    assert describe_grey_levels([1.0], NormName.L2, side=224) == "RMS 0.66 grey levels at 224 × 224"
    assert describe_grey_levels([8 / 255], NormName.LINF, side=224) == "at most 8 grey levels a pixel"
