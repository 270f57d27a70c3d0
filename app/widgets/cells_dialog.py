"""Tables of the workers and the cells of a folder, whoever computes them; read anew while it is open."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QDialog, QHeaderView, QWidget

from app.base.jobs import JobLane, WhenBusy
from app.widgets.basics import allow, fill_dialog, make_button, make_heading, make_label, make_row
from app.widgets.plain_table import PlainTable
from core.sweeps.cells import CellStore
from core.sweeps.overview import Overseer, Overview, Row, WorkerState

READ, PERIOD_MS = "read cells", 2000
WORKERS = ("Worker", "Device", "At", "Done", "Steps/s", "Memory")
CELLS = ("Cell", "State", "Where", "Attempt", "Reason")
SIZE = (1200, 640)


class CellsDialog(QDialog):
    """Shows one folder after the other."""

    def __init__(self, files: JobLane, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files = files
        self._overseer: Overseer | None = None
        self.resize(*SIZE)
        self.told = make_label("", wraps=True)
        self.workers = PlainTable("Workers", sorts=True, stretches=False)
        self.workers.set_header(WORKERS, right=(3, 4, 5))
        self.workers.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.cells = PlainTable("Cells that run or have failed", sorts=True, stretches=False)
        self.cells.set_header(CELLS, right=(3,))
        self.cells.horizontalHeader().setStretchLastSection(True)
        self.cells.setWordWrap(True)  # a long reason is whole
        self.cells.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.below = make_heading("Running and failed")
        self.retry = make_button(
            "Retry failed cells", do=self._retry, tip="Whoever works on the folder tries them again"
        )
        close = make_button("Close", do=self.close)
        parts = (self.told, make_heading("Workers"), self.workers, self.below, self.cells)
        fill_dialog(self, "Cells", *parts, make_row(self.retry, -1, close), stretch=4)
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(self.read)
        self.finished.connect(self._timer.stop)

    def watch(self, store: CellStore[Any, Any]) -> None:
        """Show a folder, now and then again."""
        self._overseer = Overseer(store, counts_steps=True)
        self._timer.start()
        self.read()

    def read(self) -> None:
        """Look into the folder, where nobody waits."""
        if (overseer := self._overseer) is not None:
            self._files.submit(
                READ,
                lambda _stop: overseer.look(),
                on_done=self.show_overview,
                refuse=self.told.setText,
                when_busy=WhenBusy.LATEST,
            )

    def show_overview(self, seen: Overview) -> None:
        """Fill the tables."""
        self.told.setText(seen.describe())
        self.workers.fill([(f"{one.host} {one.process}", _list_worker(one)) for one in seen.workers])
        cells = [(one["cell"], _list_cell(one)) for one in (*seen.running, *seen.failed)]
        self.cells.fill(cells, tips=[cell[-1] for _, cell in cells])
        for part in (self.below, self.cells):
            part.setVisible(bool(cells))
        allow(self.retry, "" if seen.failed else "No cell has failed")

    def _retry(self) -> None:
        if (overseer := self._overseer) is not None:
            overseer.retry()
            self.read()


def _list_worker(one: WorkerState) -> list[str | tuple[str, float]]:
    speed, gigabytes = one.steps_per_second, one.memory / 1e9
    numbers = [(f"{speed:.1f}" if speed else "", speed), (f"{gigabytes:.1f} GB" if gigabytes else "", gigabytes)]
    return [f"{one.host} {one.process or ''}", one.device, one.cell, (str(one.n_done), float(one.n_done)), *numbers]


def _list_cell(one: Row) -> list[str]:
    if "reason" in one:
        return [one["what"], "failed", one["host"], str(one["attempts"]), one["reason"]]
    return [one["what"], f"running for {one['for']}", f"{one['host']} {one['process'] or ''}", str(one["attempt"]), ""]
