"""The list behind undo and redo, and the probes kept for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.explore.selection import Selection
from app.explore.undo import COALESCE_SECONDS, MOST_STATES, STIMULUS_BYTES, UndoHistory, measure_probe
from core.attacks.config import AttackConfig
from core.images.stimulus import Stimulus
from core.probes.against import Against
from core.probes.choice import TargetOptions
from core.types import Direction
from tests.helpers.probes import make_probe

FIRST = Selection("s", "n", "l", None, Direction.RAISE, AttackConfig(), TargetOptions(), "face", 0.1, "shift")


def with_epsilon(epsilon: float) -> Selection:
    return replace(FIRST, attack=AttackConfig(epsilon=epsilon))


def test_steps_go_back_and_forth_and_a_new_choice_cuts_off_what_was_undone() -> None:
    history = UndoHistory()
    images = [replace(FIRST, image=name) for name in "abc"]
    assert [history.note(state, now=0.0) for state in images] == [True, True, True]
    assert history.go(-1) == images[1]
    assert history.go(-1) == images[0]
    assert history.go(-1) is None
    assert history.go(1) == images[1]
    other = replace(FIRST, image="d")
    history.note(other, now=0.0)
    assert history.state(1) is None
    assert history.go(-1) == images[1]


def test_the_same_state_is_no_step() -> None:
    history = UndoHistory()
    history.note(FIRST, now=0.0)
    assert not history.note(replace(FIRST), now=1.0)
    assert history.state(-1) is None


def test_a_drag_of_a_slider_is_one_step() -> None:
    history = UndoHistory()
    history.note(FIRST, now=0.0)
    for number in range(10):
        history.note(with_epsilon(1.0 + number), now=5.0 + 0.1 * number)
    assert history.state() == with_epsilon(10.0)
    assert history.state(-1) == FIRST
    history.note(with_epsilon(20.0), now=5.9 + COALESCE_SECONDS)
    assert history.state(-1) == with_epsilon(10.0), "after a rest it is another step"


def test_clicks_in_quick_succession_are_steps_of_their_own() -> None:
    history = UndoHistory()
    for name in "abc":
        history.note(replace(FIRST, image=name), now=0.0)
    assert history.state(-1) == replace(FIRST, image="b")


def test_a_slider_after_an_undo_is_a_new_step() -> None:
    history = UndoHistory()
    for state in (FIRST, with_epsilon(1.0)):
        history.note(state, now=0.0)
    history.go(-1)
    history.note(with_epsilon(2.0), now=0.1)
    assert history.state(-1) == FIRST


def test_only_so_many_states_are_kept() -> None:
    history = UndoHistory()
    for number in range(MOST_STATES + 5):
        history.note(replace(FIRST, image=str(number)), now=0.0)
    steps = 0
    while history.go(-1) is not None:
        steps += 1
    assert steps == MOST_STATES - 1
    assert history.state() == replace(FIRST, image="5")


def test_changes_are_named_by_their_fields() -> None:
    changed = replace(FIRST, direction=Direction.LOWER, gate_r=0.3)
    assert changed.changed_since(FIRST) == ("direction", "gate_r")
    assert replace(FIRST, stimulus=None).changed_since(FIRST) == ()


def test_a_probe_takes_what_its_arrays_take() -> None:
    probe = make_probe(44, 48)
    pixels = (probe.clean_pixels, probe.perturbed_pixels, probe.control_pixels, probe.sign_flip_pixels)
    least = sum(one.nbytes for one in (*pixels, probe.history.pixels, probe.clean, probe.perturbed))
    assert least < measure_probe(probe) < 2 * least


def test_states_whose_images_take_too_much_are_forgotten_but_one_image_counts_once() -> None:
    history = UndoHistory()
    side = int((STIMULUS_BYTES / 40) ** 0.5)  # of 3 x 4 bytes a pixel: three such images and no more
    images = [Stimulus(str(one), np.zeros((3, side, side), np.float32), str(one)) for one in range(5)]
    for number, image in enumerate(images):
        for gate in (0.1, 0.2):
            history.note(replace(FIRST, image=image.id, stimulus=image, gate_r=gate), now=10.0 * number)
    held = [history.state(-back) for back in range(8)]
    assert [one.image if one is not None else "" for one in held] == ["4", "4", "3", "3", "2", "2", "", ""]


def test_a_drag_back_to_where_it_began_is_no_step() -> None:
    history = UndoHistory()
    for number, state in enumerate((FIRST, with_epsilon(9.0), replace(FIRST))):
        history.note(state, now=0.1 * number)
    assert history.state() == FIRST and history.state(-1) is None
    history.note(with_epsilon(8.0), now=0.4)
    assert history.state(-1) == FIRST


def test_a_second_encoder_taken_away_at_once_can_be_brought_back() -> None:
    history, there = UndoHistory(), replace(FIRST, aim=TargetOptions(against=Against("alexnet", "features.7")))
    for number, state in enumerate((FIRST, there, replace(FIRST))):
        history.note(state, now=0.1 * number)
    assert history.state() == FIRST and history.state(-1) == there
