"""Where cells are computed: a row for every analysis, fit and set, and what follows work that is elsewhere.

That is watched from a lane of its own, so that this computer stays free, and goes on when the window is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.base.jobs import Failed, Job, Outcome, ShouldStop
from app.base.services import Services
from app.widgets.basics import allow, bring, make_button, make_column, make_label, make_row, show_text
from app.widgets.cells_dialog import CellsDialog
from app.widgets.editors import ChoiceBox, PathLine
from app.widgets.job_line import JobLine, Reading
from core.cluster.client import SchedulerGoneError
from core.cluster.kinds import Left, forget_left, list_left
from core.cluster.where import HERE, Place, Where, parse_where
from core.device import count_cores
from core.engine import Engine
from core.errors import BadInputError
from core.progress import Progress
from core.sweeps.cells import CellStore
from core.sweeps.work import Work

COLLECT = Where(Place.LOCAL)
"""Brings together what others have computed."""
FILES = {
    Place.SSH: ("SSH hosts", "hosts.toml", "Hosts that ssh reaches without a password"),
    Place.SLURM: ("SLURM cluster", "slurm.toml", "Partition, GPUs, memory, time of jobs; docs/cluster.md shows one"),
    Place.SCHEDULER: ("Scheduler file", "scheduler.json", "A scheduler that runs: its file, or tls://HOST:PORT"),
}
CLOSING = "goes on when the window is closed"


class WhereRow(QWidget):
    """Chooses a place; `again` asks for the same work once more, in the place now shown."""

    again = Signal()

    def __init__(self, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._lane: Any = None
        self._store: CellStore[Any, Any] | None = None
        self._dialog: CellsDialog | None = None
        self._then: Callable[[], object] = self.again.emit
        self.place = ChoiceBox("Where the cells are computed")
        self.place.set_choices(list_places())
        self.file = PathLine("Choose the file", "Settings (*.toml *.json);;All files (*)")
        self.cells = make_button("Cells…", do=self.show_cells)
        self.told = make_label("", "warning", wraps=True)
        self.here = make_button("Go on here", do=partial(self._go_on, is_here=True))
        self.there = make_button("", do=partial(self._go_on, is_here=False))
        tip = "What is done is kept, but not offered any more"
        self.forget = make_button("Forget it", do=self._forget, tip=tip)
        first = make_row(make_label("Where", "muted"), self.place, self.cells, stretch=1)
        second = make_row(self.file, self.file.browse)
        self.setLayout(make_column(first, second, self.told, make_row(self.here, self.there, self.forget, -1)))
        self.place.chosen.connect(self._show_file)
        self._show_file()
        self.offer("")
        self.follow(None)

    def value(self) -> Where:
        """The place. Raises BadInputError where its file is missing."""
        place, file = self.place.value(), self.file.value().strip()
        if place not in FILES:
            return parse_where(place)
        if not file:
            raise BadInputError(f"Choose the {FILES[place][1]} first.")
        return parse_where(file if place == Place.SCHEDULER else f"{place}:{file}")

    def set_value(self, text: str) -> None:
        """Show a place as `--engine` says it."""
        where = parse_where(text)
        self.place.set_value(where.place if where.place in FILES else text)
        self.file.set_value(where.target)
        self._show_file()

    def run(self, line: JobLine, begin: Callable[[], CellStore[Any, Any]], then: Callable[[Where], None]) -> None:
        """Have work done in the place chosen, and told by a line.

        Parameters
        ----------
        begin : Begins the folder, or goes on in it; called where nobody waits.
        then : Does all of it on this computer's lane as usual; what others have computed is only brought together.
        """
        self.offer("")
        where = line.attempt(self.value)
        if where is None:
            return
        if not where.is_elsewhere:
            then(where)
            return
        if self._lane is None:
            self._lane = self._session.open_lane()
            self._lane.ended.connect(self._take_end)
            line.cancelled.connect(self._stop)
        line.run(
            self._lane,
            "elsewhere",
            partial(self._iter_elsewhere, begin, where),
            title="Computing elsewhere…",
            on_done=lambda _last: then(COLLECT),
            read=self._read,
            stopped="Stopped. Run again to resume.",
        )

    def _stop(self) -> None:
        if self._lane is not None and self._lane.is_busy("elsewhere") and self._store is not None:
            self._session.problems.attempt(self._store.claims().stop)

    def follow(self, store: CellStore[Any, Any] | None) -> None:
        """Offer to show the cells of a folder."""
        self._store = store
        allow(self.cells, "" if store is not None else "Run it first", "Show workers and cells, running and failed")

    def seek(
        self, work: Work[Any, Any], take: Callable[[Any], object], *, fits: Callable[[Any], bool] = lambda _: True
    ) -> None:
        """Offer to go on with the newest of such work that was left; `take` is given its settings, as `fits` is."""

        def show(found: Sequence[Left]) -> None:
            for left in found:
                if self._store is None and left.store.work is work and fits(left.store.config):
                    self.set_value(left.where.text)
                    self.follow(left.store)
                    there = "Follow it" if left.where.is_elsewhere else ""
                    self.offer(left.describe(), there=there, then=partial(take, left.store.config))

        self._session.files.submit(f"left {id(self)}", lambda _stop: list_left(), on_done=show)

    def offer(self, text: str, *, there: str = "Start again there", then: Callable[[], object] | None = None) -> None:
        """Say what became of work, and offer to go on here or there; "" takes that back.

        `then`: goes on with work that was left, which can be forgotten; None asks for the same once more.
        """
        show_text(self.told, text)
        self.there.setText(there)
        self._then = then or self.again.emit
        for button, is_shown in ((self.here, True), (self.there, there), (self.forget, then)):
            button.setVisible(bool(text and is_shown))

    def _forget(self) -> None:
        if self._store is not None:
            forget_left(self._store)
        self.offer("")

    def show_cells(self) -> None:
        """Open the tables."""
        if self._store is not None:
            self._dialog = self._dialog or CellsDialog(self._session.files, self)
            self._dialog.watch(self._store)
            bring(self._dialog)

    def _iter_elsewhere(
        self, begin: Callable[[], CellStore[Any, Any]], where: Where, should_stop: ShouldStop
    ) -> Iterator[object]:
        store = begin()
        yield store
        yield from Engine().iter_store(store, where=where, should_stop=should_stop)

    def _read(self, record: object) -> Reading | None:
        if isinstance(record, CellStore):
            self.follow(record)
        if not isinstance(record, Progress):
            return None
        return Reading(record.share, f"{record.done} of {record.total}: {record.what} ({CLOSING})", record.seconds_left)

    def _take_end(self, _job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Failed) and isinstance(outcome.error, SchedulerGoneError):
            self.offer("What is done is kept.")

    def _go_on(self, *, is_here: bool) -> None:
        if is_here:
            self.place.set_value(Place.HERE)
            self._show_file()
        self._then()

    def _show_file(self, *_: object) -> None:
        name, tip = FILES.get(self.place.value(), ("", "", ""))[1:]
        for part in (self.file, self.file.browse):
            part.setVisible(bool(name))
        self.file.setPlaceholderText(name)
        self.file.setToolTip(tip)


def list_places() -> list[tuple[str, str, str]]:
    """The places, with their texts and tips."""
    halves = sorted({count_cores(), max(1, count_cores() // 2)} - {1})
    several = [(f"local:{n}", f"{n} processes here", "Each with an equal part of the cores") for n in halves]
    return [
        (str(HERE.place), "This computer", "In the window's own process"),
        *several,
        (Place.GPUS, "Its GPUs", "A process for each NVIDIA GPU"),
        *((place, title, tip) for place, (title, _, tip) in FILES.items()),
    ]
