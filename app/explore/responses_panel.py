"""Shows what a probe did to the responses: curve, spill-over and history side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.base.state import Pinned
from app.explore.curve_view import CurveView
from app.explore.history_view import HistoryView
from app.explore.power_row import PowerRow
from app.explore.roi_table import RoiTable
from app.widgets.basics import make_column, make_label, make_panel, make_row, make_split
from app.widgets.captions import EmptyState, Readout
from app.widgets.full_panel import MARK, fills, make_full_button
from app.widgets.segmented import Segmented
from core.attacks.config import write_budget, write_convergence
from core.figures.curve import ATTACK, SECOND, SECOND_CONTROL, CurveData, curve_of, describe_run, steps_of
from core.figures.probe_plots import LAST, PINNED
from core.probes.probe import Preview, Probe, ProbeConfig, ProbeProgress
from core.probes.spill_over import RoiPool, SpillOver, tabulate_probe, tabulate_shift
from core.types import FloatArray, VoxelTable
from core.words import digits_for, format_number, format_signed

PARTS = ("curve", "spill-over", "steps")
LEAST_PART, LEAST_BESIDE, MARGIN = 200, 750, 10
"""Pixels across of one part, and of all side by side; a narrower panel shows one at a time. Beside its contents."""

SELECTIVITY_TIP = (
    "z = (target ROI's mean shift − mean over the other ROIs) ÷ SD over the other ROIs, every shift in SDs of the "
    "clean reference responses. Large: the probe moved its target and little else."
)
READOUT_TIP = (
    "Shift of the target at the full budget, in the response's unit and in SDs of its clean reference responses; the "
    "same for the equal-norm random control. Linearity = shift ÷ first-order shift: 1 for a linear encoder."
)


BEGINNING = "beginning · until the first step, the last probe is shown"


class LiveSteps:
    """What a running probe has shown so far; a record of a step already known replaces it."""

    control_shift = None

    def __init__(self, config: ProbeConfig, response_unit: str, reference_sd: FloatArray | None) -> None:
        self.config, self.response_unit, self.reference_sd = config, response_unit, reference_sd
        self.newest: ProbeProgress | None = None
        self._taken: dict[int, tuple[float, ...]] = {}

    def add(self, progress: ProbeProgress) -> None:
        """Take one record; only those of the attack are steps."""
        if progress.stage == "attack":
            self.newest = progress
            shifts = (progress.shift,) if self.config.against is None else progress.shifts_sd
            self._taken[progress.step] = (progress.epsilon, *shifts)

    @property
    def target_vector(self) -> FloatArray:
        """The weights of the target, (n_voxels,)."""
        return self.config.target.vector(0 if self.newest is None else len(self.newest.clean))

    def steps(self) -> CurveData:
        """Every step, with the budget in force; those whose records were left out lie on the line between others."""
        known = {max(step, 1): taken for step, taken in sorted(self._taken.items())}
        numbers, (epsilon, *shifts) = np.asarray([*known]), np.asarray([*known.values()], dtype=np.float64).T
        every = np.arange(1, numbers[-1] + 1)
        in_force = epsilon[np.searchsorted(numbers, every)]
        return self._describe(np.stack([in_force, *(np.interp(every, numbers, shift) for shift in shifts)], axis=1))

    def curve(self) -> CurveData:
        """The newest shift under each budget reached."""
        return self._describe(sorted({taken[0]: taken for taken in self._taken.values()}.values()))

    def _describe(self, taken: Sequence[tuple[float, ...]] | FloatArray) -> CurveData:
        epsilon, *shifts = np.asarray(taken, dtype=np.float64).T
        lines = dict(zip((ATTACK, SECOND), shifts, strict=False))
        return describe_run(self.config, self.response_unit, epsilon, lines)

    def describe(self, newest: ProbeProgress) -> str:
        """The newest step in words: "step 12 of 40 · L₂ ε 0.75 · +0.42 % signal change"."""
        unit = self.config.objective.unit(self.response_unit)
        moved = f"{format_signed(newest.shift, digits_for(abs(newest.shift)))} {unit}"
        if self.config.against is not None:
            moved = write_pair(self.config, newest.shifts_sd)
        budget = write_budget(newest.epsilon, self.config.attack.norm)
        return f"step {newest.step} of {newest.n_steps} · {budget} · {moved}"


def write_pair(config: ProbeConfig, shifts_sd: Sequence[float]) -> str:
    """The shifts of both encoders of a controversial or agreeing probe, each in its SDs."""
    return " · ".join(
        f"{format_signed(shift)} SD {name}" for name, shift in zip(config.encoder_names, shifts_sd, strict=True)
    )


class ResponsesPanel(QWidget):
    """The curve, the ROI table and the attack's history."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._probe: Probe | None = None
        self._table: VoxelTable | None = None
        self._pool: RoiPool | None = None
        self._live: LiveSteps | None = None
        self._pinned: Pinned | None = None
        self._pinned_spill: SpillOver | None = None
        self._beside: dict[str, CurveData] = {}
        self._last: CurveData | None = None
        self._tabulate_shown: Callable[[], None] | None = None
        self.curve = CurveView()
        self.power = PowerRow(self.curve)
        self.table = RoiTable()
        self.history = HistoryView()
        self.readout = Readout(n_lines=2, tip=READOUT_TIP)
        self.selectivity = Readout(tip=SELECTIVITY_TIP)
        self.axis_choice = Segmented(
            [("log", "Log", "Logarithmic epsilon axis, as in figures"), ("linear", "Linear", "Linear epsilon axis")]
        )
        self.part_choice = Segmented([(name, name.capitalize(), f"Show the {name}") for name in PARTS])
        self._build()
        self.axis_choice.chosen.connect(lambda axis: self.curve.set_log(axis == "log"))
        self.part_choice.chosen.connect(self._choose_parts)
        self.history.step_scrubbed.connect(self.show_step)
        self.clear()

    def begin_run(
        self, config: ProbeConfig, table: VoxelTable, *, response_unit: str, reference_sd: FloatArray | None = None
    ) -> None:
        """Make ready for the records of a new run, so that they show with their units and norm.

        Parameters
        ----------
        config : What is about to run.
        table : The subject's voxels.
        response_unit : Unit of the responses.
        reference_sd : (n_voxels,) float or None
            SD of each voxel's clean reference responses; without it the table waits for the result.
        """
        self._use_table(table)
        self._live = LiveSteps(config, response_unit, reference_sd)
        if self._last is not None:
            self._beside[LAST] = self._last
        self._probe = None
        self.history.stop()
        self.readout.setText(BEGINNING)

    def set_pinned(self, pinned: Pinned | None) -> None:
        """Show a probe's curve and table as A beside what is shown, which is B; None takes it away."""
        self._pinned, self._pinned_spill = pinned, None
        self._beside.pop(PINNED, None)
        if pinned is not None:
            self._beside[PINNED] = curve_of(pinned.probe)
            self._pinned_spill = next(iter(tabulate_probe(pinned.probe, pinned.placed.voxels).values()))

    def show_progress(self, progress: ProbeProgress) -> None:
        """Take one record of a running probe, for `draw_steps`, `draw_curve` and `draw_spill` to show."""
        if self._live is not None:
            self._live.add(progress)

    def draw_steps(self) -> None:
        """Draw the attack's steps, of a running probe up to the newest record."""
        if self._probe is not None:
            self.history.show_history(steps_of(self._probe))
        elif self._live is not None and self._live.newest is not None:
            self.history.show_history(self._live.steps(), n_planned=self._live.newest.n_steps)
            self.readout.setText(self._live.describe(self._live.newest))
            self._stack.setCurrentIndex(1)

    def draw_curve(self) -> None:
        """Draw the curve, of a running probe the newest shift under each budget reached."""
        if self._probe is not None and self._last is not None:
            self.curve.show_curve(self._last, self._beside)
        elif self._live is not None and self._live.newest is not None:
            self.curve.show_curve(self._live.curve(), self._beside)

    def draw_spill(self) -> None:
        """Tabulate what is shown: the newest record of a running probe, a preview, a step or what was delivered."""
        if self._live is None and self._tabulate_shown is not None:
            self._tabulate_shown()
        elif self._live is not None and self._live.newest is not None:
            self._tabulate(self._live, self._live.newest.responses - self._live.newest.clean, live=True)

    def show_probe(self, probe: Probe, table: VoxelTable) -> None:
        """Show a finished probe."""
        self.take_probe(probe, table)
        self.draw_steps()
        self.draw_curve()
        self.show_step(None)
        self.draw_spill()

    def take_probe(self, probe: Probe, table: VoxelTable) -> None:
        """Take a finished probe, for `draw_steps`, `draw_curve`, `show_step` and `draw_spill` to show."""
        self._live = None
        self._probe = probe
        self._use_table(table)
        if not probe.config.attack.is_quick_look:
            self._beside.pop(LAST, None)
        self._last = curve_of(probe)
        self._stack.setCurrentIndex(1)

    def show_preview(self, preview: Preview) -> None:
        """Let the curve's marker, and with `draw_spill` the table, follow an epsilon that is being dragged."""
        probe, there = self._probe, preview.second_responses
        if probe is None:
            return
        second_sd = math.nan
        if there is not None and probe.second is not None:
            second_sd = probe.of_target(there - probe.second.clean) / probe.second.target_sd
        self.curve.show_marker(preview.epsilon, preview.shift)
        attack = probe.config.attack
        self.history.readout.setText(f"of the probe at {write_budget(attack.epsilon, attack.norm)}")
        self._tabulate_shown = partial(
            self._tabulate, probe, preview.responses - preview.clean, second=there, live=True
        )
        self.readout.setText(f"{self._write_shift(probe, preview.shift, second_sd)} · quick look")

    def show_step(self, step: int | None) -> None:
        """Show one attack step, in the table with `draw_spill`; None is the delivered result."""
        probe = self._probe
        if probe is None:
            return
        self.history.set_step(step)
        if step is None:
            self.curve.show_marker(probe.config.attack.epsilon, float(probe.curve.shift[-1]))
            there = None if probe.second is None else probe.second.perturbed
            self._tabulate_shown = partial(self._tabulate, probe, probe.shift, second=there)
            self._read_out(probe)
        else:
            shift, second = float(probe.history.shift[step]), steps_of(probe).lines.get(SECOND)
            second_sd = math.nan if second is None else float(second[step])
            self.curve.show_marker(float(probe.history.epsilon[step]), shift)
            shifts = probe.history.responses[step] - probe.clean
            self._tabulate_shown = partial(self._tabulate, probe, shifts, live=True)
            self.readout.setText(f"{self._write_shift(probe, shift, second_sd)} · step {step + 1}")

    def clear(self) -> None:
        """Show the empty state."""
        self._probe = self._live = None
        self._tabulate_shown = None
        self.history.set_playing(False)
        self._stack.setCurrentIndex(0)

    def minimumSizeHint(self) -> QSize:
        """Room for one of its parts."""
        return QSize(LEAST_PART, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the parts side by side where there is room for all of them."""
        super().resizeEvent(event)
        self._choose_parts()

    def _choose_parts(self, *_chosen: str) -> None:
        if any(map(fills, self.parts)):
            return
        one = self.width() < LEAST_BESIDE
        self.part_choice.setVisible(one)
        for name, part in zip(PARTS, self.parts, strict=True):
            part.setHidden(one and name != self.part_choice.value())

    def _build(self) -> None:
        curve = QWidget()
        curve.setLayout(make_column(self.curve, self.power, gap=2, stretch=0))
        parts = (
            _make_part("Curve", self.readout, curve, self.power.shows, self.axis_choice),
            _make_part("Spill-over", self.selectivity, self.table),
            _make_part("Attack steps", self.history.readout, self.history),
        )
        self.parts = parts
        self._stack = QStackedWidget()
        advice = (
            "Pick a voxel on the cortex, or choose an ROI, then run a probe: its shift against ε, its spill-over and "
            "its steps appear here."
        )
        self._stack.addWidget(EmptyState("No probe yet", advice))
        self._stack.addWidget(make_split(*parts, shares=(38, 36, 26)))
        self.setLayout(make_column(self.part_choice, self._stack, gap=0))
        self.setProperty(MARK, "Responses")

    def _use_table(self, table: VoxelTable) -> None:
        if self._table is not table:
            self._table, self._pool = table, RoiPool(table)

    def _tabulate(
        self, source: Probe | LiveSteps, shift: FloatArray, *, second: FloatArray | None = None, live: bool = False
    ) -> None:
        """Tabulate a shift (n_voxels,), and what a second encoder responds (n_voxels,) where that is known."""
        if self._pool is None or source.reference_sd is None:
            return
        encoders = [(shift, source.reference_sd, source.control_shift)]
        if isinstance(source, Probe) and source.second is not None and second is not None:
            there = source.second
            encoders.append((second - there.clean, there.reference_sd, there.control - there.clean))
        spills = [
            tabulate_shift(moved, self._pool, reference_sd=sd, target=source.target_vector, control=control)
            for moved, sd, control in encoders
        ]
        names, own = source.config.encoder_names, 0
        if self._pinned is not None and self._pinned_spill is not None:
            spills, own = [self._pinned_spill, spills[0]], 1
            names = (f"A, {self._pinned.probe.config.network}", f"B, {source.config.network}")
        partner, unit = self._pool.roi_with_most(np.minimum(source.target_vector, 0.0)), source.response_unit
        self.table.show_rows(spills, names, unit=unit, live=live, own=own, partner=partner)
        told = (format_signed(z, 1) if math.isfinite(z := one.selectivity) else "not defined here" for one in spills)
        self.selectivity.setText(f"selectivity z = {' / '.join(told)}")

    @staticmethod
    def _write_shift(probe: Probe, shift: float, second_sd: float = math.nan) -> str:
        """A shift in the response's unit and in SDs; beside a second encoder's, both in SDs."""
        if probe.second is not None:
            return write_pair(probe.config, (shift / probe.target_sd, second_sd))
        data = curve_of(probe)
        of_what = "SD of the mean" if len(probe.config.target.voxels) > 1 else "SD"
        sds = f" ({format_signed(shift / data.target_sd)} {of_what})" if data.target_sd > 0 else ""
        return f"{format_signed(shift, digits_for(abs(shift)))}{sds}"

    def _read_out(self, probe: Probe) -> None:
        shift, lines = float(probe.curve.shift[-1]), curve_of(probe).lines
        digits = digits_for(abs(float(lines[ATTACK][-1])))
        controls = [lines[name][-1] for name in ("random control", SECOND_CONTROL) if name in lines]
        parts = (
            "UNDECIDED" * bool(probe.undecided),
            self._write_shift(probe, shift, probe.shifts_sd[1]),
            probe.undecided,
            "quick look" if probe.config.attack.is_quick_look else write_convergence(probe.to_gain),
            f"control {' / '.join(format_signed(float(one), digits) for one in controls)}",
            f"linearity {format_number(float(probe.curve.linearity[-1]))}" * (probe.second is None),
            "" if self._pinned is None else f"A, pinned {self._pinned.shift}",
        )
        self.readout.setText(" · ".join(filter(None, parts)))


def _make_part(heading: str, readout: QWidget, body: QWidget, *tools: QWidget) -> QWidget:
    """One third of the panel: heading with tools on its right, one line of read-out, the view."""
    head = make_row(make_label(heading, "strong"), -1, *tools)
    part = make_panel(make_column(head, readout, body, gap=2, margin=(MARGIN, 6, MARGIN, 8), stretch=2))
    head.addWidget(make_full_button(part, heading))
    part.setMinimumWidth(max(LEAST_PART, head.sizeHint().width() + 2 * MARGIN))
    return part
