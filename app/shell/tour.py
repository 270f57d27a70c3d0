"""Leads through the window step by step, at a first start or from the Help menu. Never takes the window away.

Every step can be done by the user, by the program, or passed over; the tour only watches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from app.base.services import Services
from app.explore.explore import Explore
from app.explore.places import KEY
from app.shell.tour_card import TourCard, TourFrame
from app.widgets.basics import bring, list_way
from app.widgets.desk import Desk, Feature, does
from core.probes.choice import Choice
from core.probes.target import TargetKind

SMALL_SHARE = 0.5
"""Of the budget: what the program drags epsilon to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Parameters
    ----------
    part : The widget it points at: a part of Explore, or the button of a command.
    is_done : Whether the user has done it, given what was chosen when the step began; None where there is only
        something to read.
    do : Does it for the user.
    """

    title: str
    text: str
    part: str
    is_done: Callable[[Services, Choice], bool] | None = None
    do: Callable[[Services, Explore], object] | None = None


def _pick_good_voxel(services: Services, _explore: Explore) -> None:
    """The voxel whose encoder predicts best; among equals the first."""
    card, controller = services.state.card, services.controller
    if card is not None:
        controller.pick_voxel(int(np.nanargmax(card.r)) if np.isfinite(card.r).any() else 0)


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


def _has_voxel(services: Services, _before: Choice) -> bool:
    target = services.state.target
    return target is not None and target.kind is TargetKind.VOXEL


def _has_dragged(services: Services, before: Choice) -> bool:
    state = services.state
    return state.preview is not None or state.attack.epsilon != before.attack.epsilon


def _has_compared(services: Services, before: Choice) -> bool:
    network = services.state.network
    return _is_robust(services, network) is not _is_robust(services, before.network)


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
        lambda services, _before: services.state.probe is not None,
        lambda services, _explore: services.controller.probe(),
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
        lambda _services, explore: explore.drag_epsilon(SMALL_SHARE),
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


DONE = "Done. Continue when you are ready."
AROUND = 4
"""Pixels between a widget and its frame."""

SETTING = "offer_tour"


class Tour(Feature):
    """Where the tour is; closed is -1. `find_button` gives the tool button of a command."""

    def __init__(self, desk: Desk, explore: Explore, find_button: Callable[[str], QWidget]) -> None:
        super().__init__(desk)
        self._window = desk.parent
        self._explore = explore
        self._find_button = find_button
        self.index = -1
        self.card = TourCard(desk.parent)
        self.frame = TourFrame(desk.parent)
        self._before = desk.services.state.choice()
        self._place_soon = QTimer(self, singleShot=True, interval=0)
        self._place_soon.timeout.connect(self._place)
        self.card.next.clicked.connect(self._next)
        self.card.back.clicked.connect(lambda: self._show(max(0, self.index - 1)))
        self.card.help.clicked.connect(self._do)
        self.card.end.clicked.connect(self.end)
        for fact in ("target", "probe", "preview", "attack", "card"):
            getattr(desk.services.state, f"{fact}_changed").connect(self._watch)
        desk.parent.installEventFilter(self)

    def offer(self) -> None:
        """Open at a start of the program, unless the user has had it or another dialog asks something."""
        if self._session.settings.flag(SETTING) and QApplication.activeModalWidget() is None:
            self.start()

    @does("start_tour")
    def start(self) -> None:
        """Open at the first step; from now on it is no longer offered by itself."""
        self._session.settings.set(SETTING, False)
        self._desk.tabs.open(KEY)
        self._show(0)

    def end(self) -> None:
        """Close."""
        self.index = -1
        self.card.hide()
        self.frame.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if watched is self._window and event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._place_soon.start()
        return False

    @property
    def step(self) -> Step | None:
        """The step shown."""
        return STEPS[self.index] if 0 <= self.index < len(STEPS) else None

    def _show(self, index: int) -> None:
        self.index = index
        step = STEPS[index]
        self._before = self._session.state.choice()
        self._bring_to_sight(self._find(step))
        self.card.back.setEnabled(index > 0)
        self.card.help.setVisible(step.do is not None)
        self.card.done.setText("")
        place = f"Step {index + 1} of {len(STEPS)}"
        self.card.show_step(place, step.title, step.text, is_last=index == len(STEPS) - 1)
        self._watch()
        self._place_soon.start()

    def _find(self, step: Step) -> QWidget:
        return self._explore.parts().get(step.part) or self._find_button(step.part)

    def _bring_to_sight(self, target: QWidget) -> None:
        """Unfold and scroll to what the step points at."""
        if target.isHidden() or not target.isVisibleTo(self._window):
            self._explore.show_all()
        for around in list_way(target):
            if isinstance(around, QScrollArea):
                around.ensureWidgetVisible(target)

    def _next(self) -> None:
        if self.index + 1 < len(STEPS):
            self._show(self.index + 1)
        else:
            self.end()

    def _do(self) -> None:
        step = self.step
        if step is not None and step.do is not None:
            step.do(self._session, self._explore)

    def _watch(self) -> None:
        step = self.step
        if step is None:
            return
        done = step.is_done is not None and step.is_done(self._session, self._before)
        self.card.show_done(DONE if done or self.card.done.text() else "")
        if self.card.done.text():
            if self.card.help.hasFocus():
                self.card.next.setFocus()
            self.card.help.hide()
        self._place_soon.start()

    def _place(self) -> None:
        step = self.step
        if step is None:
            return
        target = self._find(step)
        corner = target.mapTo(self._window, QPoint(0, 0))
        shown = QRect(corner, target.size()).intersected(self._window.rect())
        self.frame.setGeometry(shown.adjusted(-AROUND, -AROUND, AROUND, AROUND))
        bring(self.frame)
        self.card.stand_beside(shown)
        self.card.raise_()
