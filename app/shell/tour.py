"""Leads through the window step by step, at a first start or from the Help menu. Never takes the window away.

Every step can be done by the user, by the program, or passed over; the tour only watches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QTimer, Slot
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from app.look.theme import Theme
from app.shell.tour_card import TourCard, TourFrame
from app.shell.tour_steps import STEPS, Step, remember

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

DONE = "Done. Go on when you have looked at it."
AROUND = 4
"""Pixels between a widget and its frame."""

SETTING = "offer_tour"


class Tour(QObject):
    """Where the tour is; closed is -1."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.index = -1
        self.card = TourCard(window)
        self.frame = TourFrame(window)
        self._before = remember(window)
        self._place_soon = QTimer(self, singleShot=True, interval=0)
        self._place_soon.timeout.connect(self._place)
        self.card.next_asked.connect(self._next)
        self.card.back_asked.connect(self._back)
        self.card.help_asked.connect(self._do)
        self.card.end_asked.connect(self.end)
        state = window.session.state
        for signal in (
            state.target_changed,
            state.probe_changed,
            state.preview_changed,
            state.attack_changed,
            state.card_changed,
        ):
            signal.connect(self._watch)
        window.installEventFilter(self)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command that opens the tour."""
        return {"start_tour": self.start}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.frame.theme = theme
        self.frame.update()

    @Slot()
    def offer(self) -> None:
        """Open at a start of the program, unless the user has had it or another dialog asks something."""
        if self._window.session.settings.flag(SETTING) and QApplication.activeModalWidget() is None:
            self.start()

    @Slot()
    def start(self) -> None:
        """Open at the first step; from now on it is no longer offered by itself."""
        self._window.session.settings.set(SETTING, False)
        self._window.workspaces.tabs.setCurrentIndex(0)
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
        self._before = remember(self._window)
        self._bring_to_sight(step.find(self._window))
        self.card.back.setEnabled(index > 0)
        self.card.help.setVisible(step.do is not None)
        self.card.done.setText("")
        place = f"Step {index + 1} of {len(STEPS)}"
        self.card.show_step(place, step.title, step.text, is_last=index == len(STEPS) - 1)
        self._watch()
        self._place_soon.start()

    def _bring_to_sight(self, target: QWidget) -> None:
        """Unfold and scroll to what the step points at."""
        if target.isHidden() or not target.isVisibleTo(self._window):
            self._window.folds.show_all()
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
            step.do(self._window)

    @Slot()
    def _watch(self) -> None:
        """See whether the step was done."""
        step = self.step
        if step is None:
            return
        done = step.is_done is not None and step.is_done(self._window, self._before)
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
        target = step.find(self._window)
        corner = target.mapTo(self._window, QPoint(0, 0))
        shown = QRect(corner, target.size()).intersected(self._window.rect())
        self.frame.setGeometry(shown.adjusted(-AROUND, -AROUND, AROUND, AROUND))
        self.frame.show()
        self.frame.raise_()
        self.card.stand_beside(shown)
        self.card.raise_()
