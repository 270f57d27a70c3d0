"""The steps of the tour: what each says, points at and waits for, and how the program does it. Never shows one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QWidget

from core.probes.target import TargetKind

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

SMALL_SHARE = 0.5
"""Of the budget: what the program drags epsilon to."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was so when a step began."""

    epsilon: float
    network: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Parameters
    ----------
    title, text : str
    find : function
        The widget it points at.
    is_done : function or None
        Whether the user has done it since the step began; None where there is only something to read.
    do : function or None
        Does it for the user.
    """

    title: str
    text: str
    find: Callable[[MainWindow], QWidget]
    is_done: Callable[[MainWindow, Before], bool] | None = None
    do: Callable[[MainWindow], object] | None = None


def remember(window: MainWindow) -> Before:
    """What is so now."""
    state = window.session.state
    return Before(state.attack.epsilon, state.network)


def _pick_good_voxel(window: MainWindow) -> None:
    """The voxel whose encoder predicts best; among equals the first."""
    card, controller = window.session.state.card, window.session.controller
    if card is not None:
        controller.pick_voxel(int(np.nanargmax(card.r)) if np.isfinite(card.r).any() else 0)


def _drag_epsilon(window: MainWindow) -> None:
    control = window.controls.attack.epsilon
    control.slider.set_number(SMALL_SHARE * control.epsilon())


def _is_robust(window: MainWindow, network: str) -> bool:
    spec = window.session.catalogue.spec_of(network)
    return spec is not None and spec.robust


def _switch_robust(window: MainWindow) -> None:
    """A fitted network of the other kind, at its usual layer."""
    session, state = window.session, window.session.state
    subject = state.subject.id if state.subject is not None else ""
    now = _is_robust(window, state.network)
    for config in session.catalogue.encoders_of(subject):
        if _is_robust(window, config.network) is not now:
            session.controller.open_encoder(*session.catalogue.choose_encoder(subject, config.network, ""))
            return


def _has_voxel(window: MainWindow, _before: Before) -> bool:
    target = window.session.state.target
    return target is not None and target.kind is TargetKind.VOXEL


def _has_probe(window: MainWindow, _before: Before) -> bool:
    return window.session.state.probe is not None


def _has_dragged(window: MainWindow, before: Before) -> bool:
    state = window.session.state
    return state.preview is not None or state.attack.epsilon != before.epsilon


def _has_compared(window: MainWindow, before: Before) -> bool:
    network = window.session.state.network
    return _is_robust(window, network) is not _is_robust(window, before.network)


def _cortex(window: MainWindow) -> QWidget:
    return window.cortex


def _images(window: MainWindow) -> QWidget:
    return window.images


def _responses(window: MainWindow) -> QWidget:
    return window.responses


def _epsilon(window: MainWindow) -> QWidget:
    return window.controls.attack.epsilon


def _network(window: MainWindow) -> QWidget:
    return window.controls.encoder.network


def _probe(window: MainWindow) -> None:
    window.session.controller.probe()


def _button_of(command: str) -> Callable[[MainWindow], QWidget]:
    return lambda window: window.tool_buttons[command]


STEPS: tuple[Step, ...] = (
    Step(
        "Pick a voxel",
        "This is the cortex of a simulated subject with known answers. Click any coloured voxel: it becomes the "
        "target, and a probe that raises its predicted response starts at once.",
        _cortex,
        _has_voxel,
        _pick_good_voxel,
    ),
    Step(
        "Read the probe",
        "Clean image, perturbed image and their difference, amplified. The budget below says how large the change is "
        "and whether it survives as an 8-bit picture.",
        _images,
        _has_probe,
        _probe,
    ),
    Step(
        "Look what else moved",
        "Left, the shift against the budget with an equal-norm random control: the attack must beat it. Middle, how "
        "far every other ROI went along. Right, the steps, which can be scrubbed.",
        _responses,
    ),
    Step(
        "Drag the budget ε",
        "Image, map and curve follow live, truly scored again at every budget; letting go makes the full probe.",
        _epsilon,
        _has_dragged,
        _drag_epsilon,
    ),
    Step(
        "Compare robust and standard",
        "Choose a network of the other kind. The same voxel needs another change: on a robust network what you see is "
        "closer to what the voxel prefers, on a standard one it looks like noise.",
        _network,
        _has_compared,
        _switch_robust,
    ),
    Step(
        "Take it to the scanner",
        "Export writes original, perturbed and control images as PNG, read back and scored again, with their manifest. "
        "The Stimuli tab collects many probes into one set for an experiment.",
        _button_of("export"),
    ),
    Step(
        "Find anything",
        "Ctrl+K finds every command, ROI, image, network and setting by a few letters. F1 lists all keys. This tour "
        "stays in the Help menu.",
        _button_of("palette"),
    ),
)
