"""Work that was left by closing the window is offered when it is opened again, and gone on with to the same numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.analyses import study_dialog, sweep_job
from app.analyses.page import AnalysisPage
from app.analyses.study_dialog import Study
from app.base.services import Services, open_services
from app.encoders.fit_dialog import FitDialog, Fits
from app.stimuli import feature
from app.stimuli.feature import Stimuli
from app.widgets.where_row import WhereRow
from core.claims import ClaimFolder
from core.cluster import run as cluster_run
from core.cluster.kinds import list_left
from core.containers import Arrays
from core.encoders.fit_request import FitRequest
from core.engine import Engine
from core.errors import Cancelled
from core.progress import Progress
from core.seeds import make_stream
from core.stimuli import preview, set_work
from core.stimuli.config import SetConfig
from core.stimuli.recipe import recipe_of
from core.stimuli.store import ProbeStore
from core.sweeps import search
from core.sweeps.cells import CellStore
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.study import run as study_run
from core.sweeps.study.config import make_quick
from tests.helpers.desks import make_desk
from tests.helpers.probes import make_probe

LONG = 100_000
"""Milliseconds: torch may be loading on a busy machine."""
Patch = pytest.MonkeyPatch


@dataclass
class Watched:
    """The cells that were kept, by key; while `holds`, the second waits until the work is told to stop."""

    holds: bool = False
    kept: list[tuple[str, Arrays]] = field(default_factory=list)
    reached: Event = field(default_factory=Event)
    asks: list[Callable[[], bool]] = field(default_factory=list)


@pytest.fixture
def watched(monkeypatch: Patch) -> Watched:
    found, save, watch = Watched(), CellStore.save, ClaimFolder.watch

    def keep(store: Any, cell: Any, arrays: Arrays, made: Any) -> None:
        if found.holds and found.kept:
            found.reached.set()
            while not any(ask() for ask in found.asks):
                Event().wait(0.005)
            raise Cancelled
        save(store, cell, arrays, made)
        found.kept.append((cell.key, arrays))

    def note(claims: Any, should_stop: Callable[[], bool]) -> Callable[[], bool]:
        found.asks.append(should_stop)
        return watch(claims, should_stop)

    monkeypatch.setattr(CellStore, "save", keep)
    monkeypatch.setattr(ClaimFolder, "watch", note)
    return found


@dataclass
class Opened:
    """What runs a kind of work: its row, what starts it, whether it is done; `feature` is kept alive."""

    row: WhereRow
    start: Callable[[], object]
    is_done: Callable[[], bool]
    feature: object = None


def make_up(_source: Any, _store: Any, _stop: Any) -> Callable[[Any], Arrays]:
    """Computes nothing: the numbers of a cell come from its name."""
    return lambda cell: {"value": make_stream(0, cell.key).standard_normal(5)}


def open_analysis(qtbot: QtBot, session: Services, _patch: Patch, _tmp: Path) -> Opened:
    encoder = EncoderName("simulated", "alexnet", "features.4")
    short: dict[str, Any] = {"ladder": (1.0,), "n_steps": 1, "n_test": 8, "n_bootstrap": 20}
    config = SweepConfig(
        Question.FRAGILITY, (encoder,), ("cat_chelsea", "face_054"), (TargetName(-1, "FFA"), TargetName(5, "")), **short
    )
    page = AnalysisPage(Question.FRAGILITY, session)
    qtbot.addWidget(page)
    session.state.subject = session.catalogue.load_subject("simulated")
    page.follow_subject()
    run = lambda: page.where.run(page.work, lambda: pytest.fail("here"), lambda where: page._run(config, where))  # noqa: E731
    return Opened(page.where, run, lambda: page.finished is not None)


def open_study(qtbot: QtBot, session: Services, patch: Patch, tmp: Path) -> Opened:
    patch.setattr(study_run, "STUDY_RUNNER", replace(study_run.STUDY_RUNNER, prepare=make_up))
    patch.setattr(sweep_job, "measure_step_seconds", lambda *_, **__: {})
    report = SimpleNamespace(page=tmp / "report.html", sentences=("It holds.",))
    patch.setattr(sweep_job.Apart, "run", lambda *_: report)
    patch.setattr(study_dialog, "measure_step_seconds", lambda *_, **__: {})
    study = Study(make_desk(qtbot, session))
    study.show_study()
    dialog = study.dialog
    assert dialog is not None
    return Opened(
        dialog.where, lambda: dialog.run_study(make_quick()), lambda: dialog.finished_study is not None, study
    )


def open_fit(qtbot: QtBot, session: Services, patch: Patch, _tmp: Path) -> Opened:
    facts: dict[str, Any] = {"network_sha256": {}}
    patch.setattr(search, "SEARCH_RUNNER", replace(search.SEARCH_RUNNER, prepare=make_up, note_facts=lambda _: facts))

    def choose(store: Any, _folder: Path) -> str:
        shutil.rmtree(store.folder)
        return "the best"

    patch.setattr(cluster_run, "finish_search", choose)
    done: list[Any] = []
    patch.setattr(FitDialog, "_take_result", lambda _dialog, _request, last: done.append(last.choice))
    fits = Fits(make_desk(qtbot, session))
    fits.show_dialog()
    dialog = fits.dialog
    assert dialog is not None
    request = FitRequest("simulated", "alexnet", ("features.4", "features.7", "features.11"))
    return Opened(dialog.where, lambda: dialog.start(request), lambda: done == ["the best"], fits)


def make_probes(_source: Any, store: Any, _stop: Any) -> Callable[[Any], Arrays]:
    """The same, in a file for each probe."""
    own = Path(store.config.store)
    own.mkdir(parents=True, exist_ok=True)

    def compute(cell: Any) -> Arrays:
        (own / cell.key).write_bytes(make_stream(0, cell.key).standard_normal(5).tobytes())
        return {}

    return compute


def open_set(qtbot: QtBot, session: Services, patch: Patch, tmp: Path) -> Opened:
    facts: dict[str, Any] = {"network_sha256": {}}
    patch.setattr(set_work, "SET_RUNNER", replace(set_work.SET_RUNNER, prepare=make_probes, note_facts=lambda _: facts))
    probe = make_probe(44, 16)
    patch.setattr(ProbeStore, "load", lambda store, one, **__: probe if (store.folder / one.digest).exists() else None)
    patch.setattr(preview, "iter_previews", lambda *_, **__: iter(()))
    patch.setattr(feature, "ask_new_folder", lambda *_, **__: tmp / "set")
    written: list[int] = []

    def write(_source: Any, recipes: Any, *_: Any, **__: Any) -> Iterator[Progress[Any]]:
        written.append(len(recipes))
        yield Progress(1, 1, result=SimpleNamespace(folder=tmp, rows=()))

    patch.setattr(cluster_run, "iter_made", write)
    patch.setattr(Stimuli, "_take_set", lambda *_: None)
    desk = make_desk(qtbot, session)
    desk.tabs.put("explore", QWidget())
    stimuli = Stimuli(desk)
    recipes = [replace(recipe_of(probe, "cat"), image_sha256=f"{number}" * 64) for number in range(3)]

    def start() -> None:
        stimuli.tray.add(recipes)
        stimuli.write_to(tmp / "set", SetConfig())

    return Opened(stimuli._where, start, lambda: written == [3])


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.is_file()}


@pytest.mark.parametrize("open_kind", [open_analysis, open_study, open_fit, open_set])
def test_work_left_by_closing_the_window_is_gone_on_with(
    open_kind: Callable[..., Opened], qtbot: QtBot, tmp_path: Path, watched: Watched, monkeypatch: Patch
) -> None:
    def open_window(home: str) -> tuple[Services, Opened]:
        monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / home))
        session = open_services(engine=Engine(device="cpu"))
        return session, open_kind(qtbot, session, monkeypatch, tmp_path)

    session, opened = open_window("home")
    assert opened.row.here.isHidden(), "nothing was left"
    watched.holds = True
    opened.start()
    qtbot.waitUntil(watched.reached.is_set, timeout=LONG)
    session.close()
    assert [key for key, _ in watched.kept] == [watched.kept[0][0]]
    (left,) = list_left()
    assert left.store.claims().holders() == {}, "the cell at work was given back"

    watched.holds = False
    session, opened = open_window("home")
    qtbot.waitUntil(lambda: not opened.row.here.isHidden(), timeout=LONG)
    assert opened.row.told.text() == left.describe()
    assert f"left unfinished: 1 of {len(left.store.cells())} cells are done." in left.describe()
    opened.row.here.click()
    qtbot.waitUntil(opened.is_done, timeout=LONG)
    session.close()
    assert list_left() == []
    resumed = dict(watched.kept)
    assert len(resumed) == len(watched.kept) == len(left.store.cells()), "no cell twice"

    watched.kept.clear()
    session, opened = open_window("whole")
    opened.start()
    qtbot.waitUntil(opened.is_done, timeout=LONG)
    session.close()
    assert dict(watched.kept).keys() == resumed.keys()
    probes = [read_files(tmp_path / home / "data" / "stimuli" / "probes") for home in ("home", "whole")]
    assert probes[0] == probes[1]
    for key, arrays in watched.kept:
        assert arrays.keys() == resumed[key].keys()
        for name, values in arrays.items():
            assert np.array_equal(values, resumed[key][name], equal_nan=True), (key, name)


def test_what_is_forgotten_is_not_offered_again(
    qtbot: QtBot, tmp_path: Path, watched: Watched, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path))
    session = open_services(engine=Engine(device="cpu"))
    opened = open_fit(qtbot, session, monkeypatch, tmp_path)
    watched.holds = True
    opened.start()
    qtbot.waitUntil(watched.reached.is_set, timeout=LONG)
    session.close()
    session = open_services(engine=Engine(device="cpu"))
    opened = open_fit(qtbot, session, monkeypatch, tmp_path)
    qtbot.waitUntil(lambda: not opened.row.forget.isHidden(), timeout=LONG)
    opened.row.forget.click()
    assert opened.row.here.isHidden() and list_left() == []
    assert len(list((tmp_path / "cache" / "searches").glob("*/cells/*.npz"))) == 1, "what is done is kept"
    session.close()
