"""An analysis, or the test of the method, as a job of the lane: run, answer, files, in a folder named by its settings.

The same settings lead to the same folder, so that what was cancelled goes on where it stopped, and what was finished is
there at once. No widget.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.base.apart import Apart
from app.base.jobs import ShouldStop
from app.widgets.job_line import Reading
from core.checks import refusal
from core.cluster.kinds import forget_left
from core.cluster.where import Where
from core.engine import Engine
from core.files import new_folder
from core.paths import data_folder
from core.progress import Progress
from core.sweeps.cells import begin_named, find_store
from core.sweeps.config import SweepConfig
from core.sweeps.plan import SWEEP, SweepStore
from core.sweeps.step_seconds import measure_step_seconds
from core.sweeps.study.config import StudyConfig
from core.sweeps.study.plan import STUDY, StudyStore
from core.types import FloatArray

if TYPE_CHECKING:
    from core.reports.table import Table
    from core.sweeps.answer import Answer
    from core.sweeps.cells import RunProgress
    from core.sweeps.gather import Sweep

KEPT = ("tables", "figures")
FILES, STUDY_FILES = ("result.json", "sweep.json", "report.html"), ("study.json", "report.html")
FIGURES = {"Findings": "findings", "Criteria": "criteria", "True axes": "axes"}
"""Tab and file stem of each figure of a study."""


PERIOD, SHARE = 1.0, 0.05
"""A preliminary answer is made at most every so many seconds, and takes at most this share of the time."""


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A finished analysis, or the largest part of one that is done.

    Parameters
    ----------
    whole, n_done, n_cells : What the analysis asks for; how many of its cells are done.
    table : The first table.
    target_r : (n_encoders, n_targets). Held-out r, NaN where predictivity is no part of the question.
    """

    folder: Path
    whole: SweepConfig
    n_done: int
    n_cells: int
    sweep: Sweep
    answer: Answer
    table: Table
    target_r: FloatArray

    @property
    def is_whole(self) -> bool:
        """Whether every cell is done."""
        return self.n_done == self.n_cells


@dataclass(frozen=True, slots=True, eq=False)
class Underway:
    """Where an analysis stands, with the answer to its largest part that is done; None while there is none."""

    progress: RunProgress
    so_far: Finished | None
    store: SweepStore


def begin_analysis(config: SweepConfig) -> SweepStore:
    """Begin a sweep in the folder of its settings, or go on there. Raises as `begin_named`."""
    return begin_named(SWEEP, config, data_folder() / "analyses", config.question)


def begin_study(config: StudyConfig) -> StudyStore:
    """The same of a study."""
    return begin_named(STUDY, config, data_folder() / "studies", "study")


def iter_analysis(
    engine: Engine, config: SweepConfig, where: Where, should_stop: ShouldStop
) -> Iterator[Underway | Finished]:
    """Run or resume the sweep, answer it and write its files; the last record is the answer."""
    from core.reports.analysis_package import write_report

    store = begin_analysis(config)
    so_far, due = None, 0.0
    for record in engine.iter_store(store, where=where, should_stop=should_stop):
        began = time.monotonic()
        if record.result is None and began >= due:
            so_far = answer_so_far(store, so_far)
            due = began + max(PERIOD, (time.monotonic() - began) / SHARE)
        yield Underway(record, so_far, store)
    with closing(Apart()) as apart:
        apart.run(should_stop, write_report, [store.folder])
    forget_left(store)
    yield read_analysis(store.folder)


def read_analysis(folder: Path) -> Finished:
    """An analysis by its folder, or what is done of it.

    Raises BadInputError if it is none, or too little of it is done; StorageError if it cannot be read.
    """
    found = answer_so_far(find_store(SWEEP, folder))
    if found is None:
        advice = "Run the same analysis here, or open its report.html."
        raise refusal("folder", allowed="of an analysis with finished cells", got=str(folder), advice=advice)
    return found


def answer_so_far(store: SweepStore, last: Finished | None = None) -> Finished | None:
    """The answer to the part of an analysis that is done; the last one where it still stands, None where too little is.

    Raises StorageError if a cell cannot be read.
    """
    from core.reports.analysis_tables import tabulate
    from core.sweeps.answer import answer_sweep
    from core.sweeps.gather import read_sweep
    from core.sweeps.predictivity import measure_predictivity
    from core.sweeps.so_far import find_part

    missing = store.missing()
    part, n_cells = find_part(store, missing), len(store.cells())
    if part is None or (last is not None and part.config == last.sweep.config):
        return last
    _find_triangles(part.config)
    sweep = read_sweep(part)
    answer = answer_sweep(sweep)
    unknown = np.full((len(sweep.labels), len(sweep.config.targets)), np.nan)
    target_r = unknown if sweep.config.question.needs_deltas else measure_predictivity(sweep).r
    parts = (sweep, answer, tabulate(answer, sweep)[0], target_r)
    return Finished(store.folder, store.config, n_cells - len(missing), n_cells, *parts)


def _find_triangles(config: SweepConfig) -> None:
    """Prepare the cortical maps of the views here, where nobody waits."""
    from core.datasets.subject import load_subject
    from core.surfaces.picture import TILE, find_tiles
    from core.surfaces.store import has_surface

    for surface in {load_subject(one).surface for one in config.subjects}:
        if config.question.needs_deltas and has_surface(surface):
            find_tiles(surface, TILE)


def read_progress(record: Any) -> Reading | None:
    """How far a sweep or a study is, by its cells; its last record is the answer."""
    record = record.progress if isinstance(record, Underway) else record
    if not isinstance(record, Progress):
        return None
    return Reading(record.share, f"{record.done} of {record.total}: {record.what}", record.seconds_left)


@dataclass(frozen=True, slots=True)
class StudyFinished:
    """A finished study: its folder and page, what it says, and a picture of each figure by its tab."""

    folder: Path
    page: Path
    sentences: tuple[str, ...]
    pictures: dict[str, Path]


def iter_study(
    engine: Engine, config: StudyConfig, where: Where, should_stop: ShouldStop
) -> Iterator[RunProgress | StudyFinished]:
    """Run or resume a study and write its report; the last record is the answer."""
    from core.reports.study_report import write_study

    measure_step_seconds(engine, config.layers, should_stop=should_stop)
    store = begin_study(config)
    folder = store.folder
    yield from engine.iter_store(store, where=where, should_stop=should_stop)
    with closing(Apart()) as apart:
        report = apart.run(should_stop, write_study, folder)
    forget_left(store)
    pictures = {tab: folder / "figures" / f"{stem}.png" for tab, stem in FIGURES.items()}
    yield StudyFinished(folder, report.page, report.sentences, pictures)


def copy_results(folder: Path, target: Path, files: Sequence[str] = FILES) -> str:
    """Copy report, tables, figures and settings into a new folder; the cells stay. Returns what to say.

    Raises BadInputError or StorageError if the folder is not free or cannot be written.
    """
    with new_folder(target) as partial:
        for name in KEPT:
            shutil.copytree(folder / name, partial / name)
        for name in files:
            shutil.copy2(folder / name, partial / name)
    return f"Saved the report, tables and figures to {target}"
