"""The Where row: what it asks for, work elsewhere that is followed, left, stopped, and taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.base.services import Services, open_services
from app.widgets import where_row
from app.widgets.job_line import JobLine
from app.widgets.where_row import COLLECT, WhereRow
from core.cluster.client import SchedulerGoneError
from core.cluster.where import HERE, Place, Where
from core.errors import BadInputError, Cancelled
from core.progress import Progress
from tests.helpers.fake_engine import FakeEngine, make_catalogue
from tests.helpers.simulated_cells import begin

FAR = "tls://lab:8786"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    opened = open_services(engine=FakeEngine(), catalogue=make_catalogue(tmp_path))  # type: ignore[arg-type]
    yield opened
    opened.close()


@pytest.fixture
def row(qtbot: QtBot, session: Services) -> WhereRow:
    made = WhereRow(session)
    qtbot.addWidget(made)
    made.show()
    return made


class Far:
    """An engine whose cells are done elsewhere, until it is told otherwise."""

    ends: Exception | None = None
    waits = False

    def iter_store(self, store: Any, *, where: Where, should_stop: Any) -> Iterator[Any]:
        yield Progress(1, 4, what="1 cell at work")
        while self.waits:
            if should_stop():
                raise Cancelled
        if self.ends is not None:
            raise self.ends
        yield Progress(4, 4, result=store)


def test_files_are_asked_for_where_they_are_needed(row: WhereRow) -> None:
    assert row.value() == HERE
    assert not row.file.isVisible()
    row.place.set_value(Place.SLURM)
    row.place.chosen.emit(Place.SLURM)
    assert row.file.isVisible() and row.file.placeholderText() == "slurm.toml"
    with pytest.raises(BadInputError, match=r"Choose the slurm.toml first"):
        row.value()
    row.set_value("slurm:/lab/slurm.toml")
    assert row.value() == Where(Place.SLURM, target="/lab/slurm.toml")
    row.set_value(FAR)
    assert row.value() == Where(Place.SCHEDULER, target=FAR)
    row.set_value("local:gpus")
    assert row.value() == Where(Place.GPUS) and not row.file.isVisible()


def test_work_here_is_done_as_ever(row: WhereRow, qtbot: QtBot, tmp_path: Path) -> None:
    line, done = JobLine(), list[Where]()
    qtbot.addWidget(line)
    row.run(line, lambda: begin(tmp_path / "work", n_cells=4), done.append)
    assert done == [HERE] and not line.busy


def test_work_elsewhere_is_followed_and_then_brought_together(
    row: WhereRow, qtbot: QtBot, tmp_path: Path, session: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where_row, "Engine", Far)
    line, done = JobLine(), list[Where]()
    qtbot.addWidget(line)
    row.set_value(FAR)
    row.run(line, lambda: begin(tmp_path / "work", n_cells=4), done.append)
    assert session.lane.at_stake() == () == session.files.at_stake(), "closing asks nothing"
    qtbot.waitUntil(lambda: done == [COLLECT])
    assert not line.busy


def test_stopping_is_told_to_all_and_closing_to_nobody(
    row: WhereRow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where_row, "Engine", Far)
    monkeypatch.setattr(Far, "waits", True)
    line, store = JobLine(), begin(tmp_path / "work", n_cells=4)
    qtbot.addWidget(line)
    row.set_value(FAR)
    for is_told in (False, True):
        row.run(line, lambda: store, lambda _: None)
        qtbot.waitUntil(row.cells.isEnabled)
        if is_told:
            line.cancel()
        else:
            row._lane.cancel()
        qtbot.waitUntil(lambda: not line.busy)
        assert store.claims().is_stopped == is_told


def test_a_scheduler_that_is_gone_leaves_two_ways(
    row: WhereRow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where_row, "Engine", Far)
    monkeypatch.setattr(Far, "ends", SchedulerGoneError("The scheduler at tls://lab:8786 is gone."))
    line = JobLine()
    qtbot.addWidget(line)
    line.show()
    row.set_value(FAR)
    row.run(line, lambda: begin(tmp_path / "work", n_cells=4), lambda _: None)
    qtbot.waitUntil(row.here.isVisible)
    assert "is gone" in line.error.text()
    with qtbot.waitSignal(row.again):
        row.there.click()
    assert row.value() == Where(Place.SCHEDULER, target=FAR)
    with qtbot.waitSignal(row.again):
        row.here.click()
    assert row.value() == HERE


def test_tables_show_what_the_folder_says(row: WhereRow, qtbot: QtBot, tmp_path: Path) -> None:
    from app.widgets.cells_dialog import CellsDialog
    from core.sweeps.overview import Overseer
    from core.sweeps.work import Failure

    store, reason = begin(tmp_path / "work", n_cells=4), " ".join(["It is even."] * 40)
    dialog = CellsDialog(row._session.files)
    qtbot.addWidget(dialog)
    dialog.show_overview(Overseer(store).look())
    assert dialog.cells.isHidden() and dialog.below.isHidden(), "nothing runs or has failed"
    assert store.claims().take("cell-000001") is not None
    store.fail("cell-000002", Failure("number 2", reason, "node8", attempt=2))
    dialog.show_overview(Overseer(store).look())
    assert dialog.told.text() == "4 cells, 0 done, 1 running, 1 failed, 3 to do or running."
    texts = [[dialog.cells.item(line, column).text() for column in range(5)] for line in range(2)]
    assert texts[1] == ["number 2", "failed", "node8", "2", reason]
    dialog.show()
    room, metrics = dialog.cells.visualItemRect(dialog.cells.item(1, 4)), dialog.cells.fontMetrics()
    wraps = Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere
    assert metrics.boundingRect(room, int(wraps), reason).height() <= room.height(), "a long reason is whole"
    assert texts[0][0] == "number 1" and texts[0][1].startswith("running for")
    assert dialog.retry.isEnabled()
