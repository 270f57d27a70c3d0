"""A page behind a tab of the window whose form runs a job."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QStackedWidget, QWidget

from app.widgets.basics import allow, make_button, make_column, make_line, make_panel, make_row, make_scroll, make_split
from app.widgets.full_panel import MARK
from app.widgets.job_line import JobLine
from app.widgets.tabs import WorkPage

FORM_WIDTH = 338


class JobPage(WorkPage):
    """A form that scrolls over what runs it, stops it and saves its answer; the answer stands at the right.

    A subclass says what `start`, `ask_export` and `refresh` do, and the words of its buttons.
    """

    RUN, RUN_TIP, STOP_TIP = "Run", "", ""
    EXPORT, EXPORT_TIP, EXPORT_LATER = "Export…", "", "Run it first"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run = make_button(self.RUN, "big", self.start_or_cancel)
        self.export = make_button(self.EXPORT, do=self.ask_export)
        self.work, self.stack = JobLine(), QStackedWidget()
        self.lines = [self.work]
        """Of the jobs it has done; all are stopped together."""

    def lay_out(
        self,
        form: Sequence[QWidget | QLayout | int],
        answer: QLayout,
        *,
        empty: QWidget,
        more: Sequence[QWidget] = (),
        above: Sequence[QWidget] = (),
    ) -> None:
        """Put the form over the foot, with `more` buttons, beside the answer or what stands in its place.

        `above`: what stands above the button that runs it.
        """
        column = make_column(gap=0)
        form_panel, answer_panel = make_panel(column), make_panel(make_column(self.stack))
        form_panel.setMinimumWidth(FORM_WIDTH)
        answer_panel.setProperty(MARK, "Results")
        self.setLayout(make_row(make_split(form_panel, answer_panel, shares=(0, 1))))  # before they are filled: `Tabs`
        scroll = make_scroll(make_column(*form, -1, margin=16))
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        foot = make_column(*above, self.run, *self.lines, make_row(self.export, *more), margin=(16, 4, 16, 12))
        for line in self.lines:
            line.changed.connect(self.refresh)
        column.addLayout(make_column(scroll, make_line(), foot, gap=0, stretch=0))
        self.stack.addWidget(empty)
        self.stack.addWidget(make_panel(answer))

    @property
    def busy(self) -> bool:
        """Whether one of its jobs waits, runs or is about to stop."""
        return any(line.busy for line in self.lines)

    def show_state(self, reason: str, *, answered: bool) -> None:
        """Allow what can be done: run it, or `reason` why not; cancel while it runs; save where there is an answer."""
        self.run.setText("Cancel" if self.busy else self.RUN)
        allow(self.run, "" if self.busy else reason, self.STOP_TIP if self.busy else self.RUN_TIP)
        allow(self.export, "" if answered else self.EXPORT_LATER, self.EXPORT_TIP)

    def start_or_cancel(self) -> None:
        """Run or resume; while it runs, cancel."""
        if not self.busy:
            self.start()
            return
        for line in self.lines:
            line.cancel()

    def start(self) -> None:
        """Begin the job, if it can be done."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show what can be done now."""
        raise NotImplementedError

    def ask_export(self) -> None:
        """Ask where, and save the answer there."""
        raise NotImplementedError
