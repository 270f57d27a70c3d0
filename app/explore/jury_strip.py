"""One strip under the pictures: the shift that every fitted network predicts for the picture on screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHeaderView, QWidget

from app.explore.roi_table import LEAST_BAR_SPAN, ROW_HEIGHT, ROW_ROLE, BarDelegate
from app.look.numbers import format_signed
from app.widgets.basics import make_column, make_row, make_tool_button
from app.widgets.captions import Caption
from app.widgets.plain_table import PlainTable
from core.probes.jury import Vote

LEGEND = "shift of the target in SDs of each encoder · ◆ robust ◇ standard"
TIP = (
    "What shift every fitted network predicts for the picture on screen, live while ε is dragged and steps are scrubbed"
)


@dataclass(frozen=True, slots=True, eq=False)
class Juror:
    """One network with its encoder's layer and its vote, None until there is one."""

    network: str
    layer: str
    title: str
    robust: bool
    vote: Vote | None
    control_shift_sd = math.nan

    @property
    def shift_sd(self) -> float:
        """The shift it predicts; NaN where it is not known."""
        return math.nan if self.vote is None else self.vote.shift_sd

    @property
    def is_target(self) -> bool:
        """Whether its bar is drawn in full colour: the vote is of the picture on screen."""
        return self.vote is not None and not self.vote.is_late

    def write(self) -> tuple[str, str]:
        """Its number, and what it says in a line."""
        known = math.isfinite(self.shift_sd)
        number = f"{format_signed(self.shift_sd)}" if known else "…" if self.vote is None else "–"
        told = f"{number} SD" if known else "waits for its turn" if self.vote is None else self.vote.refused or "no SD"
        late = "" if self.vote is None or self.is_target else ", of the picture before"
        return number, f"{self.title} {self.layer}, {'robust' if self.robust else 'standard'}: {told}{late}"


class JuryStrip(QWidget):
    """The switch, and while it is on a row for every network; `chosen` gives network and layer of a row clicked."""

    chosen = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.toggle = make_tool_button(tip=f"{TIP} (J)", name="Network jury")
        self.toggle.setText("Network jury")
        self.toggle.setCheckable(True)
        self.legend = Caption("faint", hint=TIP)
        self.table = PlainTable("Network jury", ("Network", "Shift (SD)"))
        self._bars = BarDelegate(self)
        self.table.horizontalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.setItemDelegateForColumn(1, self._bars)
        self.setLayout(make_column(make_row(self.toggle, self.legend, gap=6, stretch=1), self.table, gap=2))
        for signal in (self.table.cellClicked, self.table.cellActivated):
            signal.connect(self._choose)
        self.toggle.toggled.connect(partial(self.show_jurors, ()))
        self.show_jurors(())

    def show_jurors(self, jurors: Sequence[Juror], *_: object) -> None:
        """Show the networks, on one axis; nothing while the jury does not sit."""
        shown = jurors if self.toggle.isChecked() else ()
        told = [one.write() for one in shown]
        marks = [f"{'◆' if one.robust else '◇'} {one.title}" for one in shown]
        rows = [
            (f"{one.network}/{one.layer}", [mark, text])
            for one, mark, (text, _) in zip(shown, marks, told, strict=True)
        ]
        self.table.fill(rows, tips=[f"{tip}. Click: use this network" for _, tip in told])
        self._bars.span = max([LEAST_BAR_SPAN, *(abs(one.shift_sd) for one in shown if math.isfinite(one.shift_sd))])
        for number, one in enumerate(shown):
            if (item := self.table.item(number, 1)) is not None:
                item.setData(ROW_ROLE, one)
        self.legend.show_text(LEGEND if shown else "")
        self.table.setFixedHeight(ROW_HEIGHT * len(shown) + 2)
        self.table.setVisible(bool(shown))

    def _choose(self, row: int, _column: int) -> None:
        network, _, layer = self.table.row_keys()[row].partition("/")
        self.chosen.emit(network, layer)
