"""The steps of the tour: what each says, points at and waits for, and how the program does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.base.services import Services
from app.explore.explore import Explore
from core.probes.target import TargetKind

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
    part : str
        The widget it points at: a part of Explore, or the button of a command.
    is_done : function or None
        Whether the user has done it since the step began; None where there is only something to read.
    do : function or None
        Does it for the user.
    """

    title: str
    text: str
    part: str
    is_done: Callable[[Services, Before], bool] | None = None
    do: Callable[[Services, Explore], object] | None = None


def remember(services: Services) -> Before:
    """What is so now."""
    state = services.state
    return Before(state.attack.epsilon, state.network)


def _pick_good_voxel(services: Services, _explore: Explore) -> None:
    """The voxel whose encoder predicts best; among equals the first."""
    card, controller = services.state.card, services.controller
    if card is not None:
        controller.pick_voxel(int(np.nanargmax(card.r)) if np.isfinite(card.r).any() else 0)


def _drag_epsilon(_services: Services, explore: Explore) -> None:
    explore.drag_epsilon(SMALL_SHARE)


def _is_robust(services: Services, network: str) -> bool:
    spec = services.catalogue.spec_of(network)
    return spec is not None and spec.robust


def _switch_robust(services: Services, _explore: Explore) -> None:
    """A fitted network of the other kind, at its usual layer."""
    state = services.state
    subject = state.subject.id if state.subject is not None else ""
    now = _is_robust(services, state.network)
    for config in services.catalogue.encoders_of(subject):
        if _is_robust(services, config.network) is not now:
            services.controller.open_encoder(*services.catalogue.choose_encoder(subject, config.network, ""))
            return


def _has_voxel(services: Services, _before: Before) -> bool:
    target = services.state.target
    return target is not None and target.kind is TargetKind.VOXEL


def _has_probe(services: Services, _before: Before) -> bool:
    return services.state.probe is not None


def _has_dragged(services: Services, before: Before) -> bool:
    state = services.state
    return state.preview is not None or state.attack.epsilon != before.epsilon


def _has_compared(services: Services, before: Before) -> bool:
    network = services.state.network
    return _is_robust(services, network) is not _is_robust(services, before.network)


def _probe(services: Services, _explore: Explore) -> None:
    services.controller.probe()


STEPS: tuple[Step, ...] = (
    Step(
        "Pick a voxel",
        "This is the cortex of a simulated subject with known answers. Click any coloured voxel: it becomes the "
        "target, and a probe that raises its predicted response starts at once.",
        "cortex",
        _has_voxel,
        _pick_good_voxel,
    ),
    Step(
        "Read the probe",
        "Clean image, perturbed image and their difference, amplified. The budget below says how large the change is "
        "and whether it survives as an 8-bit picture.",
        "images",
        _has_probe,
        _probe,
    ),
    Step(
        "See what else moved",
        "Left, the shift against the budget with an equal-norm random control: the attack must beat it. Middle, how "
        "far every other ROI moved with it. Right, the steps, which can be scrubbed.",
        "responses",
    ),
    Step(
        "Drag the budget ε",
        "Image, map and curve follow live, scored again at every budget; releasing it runs the full probe.",
        "epsilon",
        _has_dragged,
        _drag_epsilon,
    ),
    Step(
        "Compare robust and standard",
        "Choose a network of the other kind. The same voxel needs another change: on a robust network you see "
        "something closer to what the voxel prefers, on a standard one something like noise.",
        "network",
        _has_compared,
        _switch_robust,
    ),
    Step(
        "Take it to the scanner",
        "Export writes original, perturbed and control images as PNG, read back and scored again, with their manifest. "
        "The Stimuli tab collects many probes into one set for an experiment.",
        "export",
    ),
    Step(
        "Find anything",
        "Ctrl+K finds every command, ROI, image, network and setting by a few letters. F1 lists all keys. This tour "
        "stays in the Help menu.",
        "palette",
    ),
)
