"""The window of a trade-off: one handle between raising the target and sparing the rest, over a front that fills in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QDialog

from app.base.state import request_probe
from app.explore.selection import Selection
from app.widgets.basics import allow, bring, fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.desk import Desk
from app.widgets.editors import Slider
from app.widgets.job_line import JobLine, Reading
from app.widgets.plot_view import PlotView
from core.commands.works import ProbeWork
from core.figures.trade_off import plot_trade_off
from core.probes.probe import Probe
from core.probes.trade_off import WEIGHTS, TradeOff, TradePoint, iter_trade_off, plan_trade_off
from core.reports.plot import Plot
from core.words import format_number, format_signed

TIP = "Between the least spill-over and the largest shift of the target; the probe is shown in Explore"


class TradeOffWindow(QDialog):
    """Finds the front of what is chosen in Explore, beside other work; a point or the handle shows its probe there.

    `selection` gives what is chosen, `show` chooses it again with a finished probe.
    """

    def __init__(
        self, desk: Desk, *, selection: Callable[[], Selection], show: Callable[[Selection, Probe], object]
    ) -> None:
        super().__init__(desk.parent)
        self._services, self._selection, self._show_probe = desk.services, selection, show
        self._asked: Selection | None = None
        self.trade: TradeOff | None = None
        self.readout = make_label("One probe at each weight of the penalty on all other voxels.", wraps=True)
        self.plot = PlotView("Shift of the target against spill-over")
        self.plot.setMinimumSize(560, 380)
        self.handle = Slider("Between sparing the rest and raising the target")
        self.work = JobLine()
        self.go = make_button("", "primary", self._press)
        self.copy = make_copy_button(self._find, self.work.error)
        ends = make_row(self.copy, -1, make_button("Close", do=self.close), self.go)
        knob = make_row(make_label("Spare the rest"), self.handle, make_label("Move the target"), stretch=1)
        fill_dialog(self, "Trade-off", self.plot, knob, self.readout, self.work, ends, stretch=1)
        self.plot.describe = describe_point
        self.plot.picked.connect(self._show_point)
        self.handle.valueChanged.connect(self._slide)
        self.work.changed.connect(self._refresh)
        self._services.state.probe_changed.connect(self._mark)
        self._refresh()

    def open(self) -> None:
        """Come to the front, and find the front of what is chosen if there is none yet."""
        bring(self)
        if self.trade is None and not self.work.busy:
            self.start()

    def start(self) -> None:
        """Find the front of what is chosen now."""
        state, engine = self._services.state, self._services.engine
        config, stimulus = self.work.attempt(lambda: request_probe(state)), state.stimulus
        if config is None or stimulus is None or self.work.attempt(lambda: plan_trade_off(config, (0.0, 1.0))) is None:
            return
        self._asked, self.trade = self._selection(), None
        title = f"{config.describe_wish()} · {stimulus.id} · {config.attack.describe()}"
        self.plot.show_plot(Plot("", "", title=title))
        run = partial(engine.iter_probe, stimulus=stimulus)
        self.work.run(
            self._services.lane,
            "trade-off",
            lambda stop: iter_trade_off(partial(run, should_stop=stop), config, quick=True),
            title="Finding the trade-off…",
            on_done=self._take,
            read=self._read,
            stopped="Stopped. What was found so far stays.",
        )

    def _find(self) -> ProbeWork:
        choice = self._services.state.choice()
        plain = replace(choice, aim=replace(choice.aim, spares_others=False))
        return ProbeWork(plain, self._services.controller.image_key, weights=WEIGHTS)

    def _read(self, record: TradeOff) -> Reading:
        if record.points and (self.trade is None or record.points != self.trade.points):
            self._take(record)
        return Reading(record.done / record.total, f"Probe {min(int(record.done) + 1, record.total)} of {record.total}")

    def _take(self, trade: TradeOff) -> None:
        self.trade = trade
        self.plot.show_plot(replace(plot_trade_off(trade), title=self.plot.shown.title))
        with QSignalBlocker(self.handle):
            self.handle.setRange(0, len(trade.front) - 1)
        self._mark()
        self._refresh()

    def _mark(self) -> None:
        """Ring the point whose probe is on screen, and put the handle there."""
        probe, trade = self._services.state.probe, self.trade
        if probe is None or trade is None:
            return
        made = [(one.probe.config, one.probe.stimulus_sha256) for one in trade.points]
        key = probe.config, probe.stimulus_sha256
        marked = trade.points[made.index(key)] if key in made else None
        self.plot.mark(marked)
        if marked is not None:
            self.readout.setText(describe_point(marked))
        if marked in trade.front:
            self.handle.set_value(trade.front.index(marked))

    def _slide(self, place: int) -> None:
        if self.trade is not None:
            self._show_point(self.trade.front[place])

    def _show_point(self, point: TradePoint) -> None:
        """Show its probe everywhere, with the options that make it."""
        if self._asked is not None:
            asked = self._asked.aim
            aim = replace(asked, spares_others=bool(point.weight), spare_weight=point.weight or asked.spare_weight)
            self._show_probe(replace(self._asked, aim=aim), point.probe)

    def _press(self) -> None:
        self.work.cancel() if self.work.busy else self.start()

    def _refresh(self) -> None:
        self.go.setText("Stop" if self.work.busy else "Find the front")
        allow(self.handle, "" if self.trade is not None else "Find the front first", TIP)


def describe_point(point: TradePoint) -> str:
    """What a point is, in a line."""
    weight = f"penalty {point.weight:g}" if point.weight else "no penalty"
    gained = format_signed(point.target_sd)
    spill, control = (f"{format_number(one)} SD" for one in (point.spill_sd, point.control_sd))
    quick = " · quick look" * point.probe.config.attack.is_quick_look
    return f"{weight} · target {gained} SD · other voxels {spill}, random control {control}{quick}"
