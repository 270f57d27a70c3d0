"""Leads through the window step by step, at a first start or from the Help menu. Never takes the window away.

Every step can be done by the user, by the program, or passed over; the tour only watches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer, Slot
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from app.base.desk import Desk, Feature
from app.explore.explore import KEY, Explore
from app.look.theme import Theme
from app.shell.tour_card import TourCard, TourFrame
from app.shell.tour_steps import STEPS, Step, remember

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
        self._before = remember(desk.services)
        self._place_soon = QTimer(self, singleShot=True, interval=0)
        self._place_soon.timeout.connect(self._place)
        self.card.next_asked.connect(self._next)
        self.card.back_asked.connect(self._back)
        self.card.help_asked.connect(self._do)
        self.card.end_asked.connect(self.end)
        state = desk.services.state
        for signal in (
            state.target_changed,
            state.probe_changed,
            state.preview_changed,
            state.attack_changed,
            state.card_changed,
        ):
            signal.connect(self._watch)
        desk.parent.installEventFilter(self)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command that opens the tour."""
        return {"start_tour": self.start}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.frame.theme = theme
        self.frame.update()

    @Slot()
    def offer(self) -> None:
        """Open at a start of the program, unless the user has had it or another dialog asks something."""
        if self._session.settings.flag(SETTING) and QApplication.activeModalWidget() is None:
            self.start()

    @Slot()
    def start(self) -> None:
        """Open at the first step; from now on it is no longer offered by itself."""
        self._session.settings.set(SETTING, False)
        self._desk.tabs.open(KEY)
        self._show(0)

    @Slot()
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
        self._before = remember(self._session)
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
        parent = target.parentWidget()
        while parent is not None:
            if isinstance(parent, QScrollArea):
                parent.ensureWidgetVisible(target)
            parent = parent.parentWidget()

    @Slot()
    def _next(self) -> None:
        if self.index + 1 < len(STEPS):
            self._show(self.index + 1)
        else:
            self.end()

    @Slot()
    def _back(self) -> None:
        self._show(max(0, self.index - 1))

    @Slot()
    def _do(self) -> None:
        step = self.step
        if step is not None and step.do is not None:
            step.do(self._session, self._explore)

    @Slot()
    def _watch(self) -> None:
        """See whether the step was done."""
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

    @Slot()
    def _place(self) -> None:
        step = self.step
        if step is None:
            return
        target = self._find(step)
        corner = target.mapTo(self._window, QPoint(0, 0))
        shown = QRect(corner, target.size()).intersected(self._window.rect())
        self.frame.setGeometry(shown.adjusted(-AROUND, -AROUND, AROUND, AROUND))
        self.frame.show()
        self.frame.raise_()
        self.card.stand_beside(shown)
        self.card.raise_()
