"""One strip under the pictures: the shift that every fitted network predicts for the picture on screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHeaderView, QWidget

from app.explore.roi_table import LEAST_BAR_SPAN, ROW_HEIGHT, ROW_ROLE, BarDelegate
from app.widgets.basics import make_column, make_label, make_row, make_tool_button, set_look
from app.widgets.plain_table import PlainTable
from core.networks.spec import NetworkSpec
from core.probes.jury import Vote
from core.probes.spill_over import SpillRow
from core.words import format_signed

LEGEND = "SD of each encoder · ◆ robust ◇ standard"
TIP = (
    "What shift every fitted network predicts for the picture on screen, live while ε is dragged and steps are scrubbed"
)
MOST_ROWS = 6
"""More networks are scrolled."""

Juror = tuple[NetworkSpec, str, Vote | None]
"""A network, the layer of its encoder, and its vote; None until there is one."""


class JuryStrip(QWidget):
    """The switch, and while it is on a row for every network; `chosen` gives network and layer of a row clicked."""

    chosen = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.toggle = make_tool_button(tip=f"{TIP} (J)", name="Network jury")
        self.toggle.setText("Network jury")
        self.toggle.setCheckable(True)
        set_look(self.toggle, "kind", "plain")
        self.legend = make_label("", "faint", wraps=True, tip=TIP)
        self.table = PlainTable("Network jury", ("Network", "Shift (SD)"), stretches=False)
        self._bars = BarDelegate(self)
        self._jurors: Sequence[Juror] = ()
        self.table.horizontalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.setItemDelegateForColumn(1, self._bars)
        self.setLayout(make_column(make_row(self.toggle, self.legend, gap=6, stretch=1), self.table, gap=2))
        for signal in (self.table.cellClicked, self.table.cellActivated):
            signal.connect(self._choose)
        self.show_jurors(())

    def show_jurors(self, jurors: Sequence[Juror]) -> None:
        """Show the networks on one axis; nothing while the switch is off."""
        self._jurors = shown = jurors if self.toggle.isChecked() else ()
        rows = [_make_row(vote) for _, _, vote in shown]
        numbers = [format_signed(row.shift_sd) if math.isfinite(row.shift_sd) else row.roi[:1] for row in rows]
        names = [f"{'◆' if spec.robust else '◇'} {spec.title}" for spec, _, _ in shown]
        tips = [f"{spec.title} {layer}: {row.roi}" for (spec, layer, _), row in zip(shown, rows, strict=True)]
        self.table.fill([(name, (name, number)) for name, number in zip(names, numbers, strict=True)], tips=tips)
        self._bars.span = max([LEAST_BAR_SPAN, *(abs(row.shift_sd) for row in rows if math.isfinite(row.shift_sd))])
        for number, row in enumerate(rows):
            if (item := self.table.item(number, 1)) is not None:
                item.setData(ROW_ROLE, row)
        refused = {vote.refused if vote else "" for _, _, vote in shown}
        told = (refused.pop() if len(refused) == 1 else "") or LEGEND
        self.legend.setText(told if shown else "")
        self.table.setFixedHeight(ROW_HEIGHT * min(len(shown), MOST_ROWS) + 2)
        self.table.setVisible(bool(shown))

    def _choose(self, row: int, _column: int) -> None:
        spec, layer, _ = self._jurors[row]
        self.chosen.emit(spec.id, layer)


def _make_row(vote: Vote | None) -> SpillRow:
    """A vote as the bars are drawn of: named by what it says, in full colour if it is of the picture on screen."""
    unknown, shift = math.nan, math.nan if vote is None else vote.shift_sd
    told = f"{format_signed(shift)} SD{' for the picture before' if vote is not None and vote.is_late else ''}"
    if not math.isfinite(shift):
        told = "… waits for its turn" if vote is None else f"– {vote.refused or 'No SD is known for this target.'}"
    is_now = vote is not None and not vote.is_late
    return SpillRow(told, 0, unknown, shift, unknown, unknown, unknown, is_now)
