"""One test of the method as a job of the lane, in a folder named by its settings. No widget.

The same settings lead to the same folder, so that a study that was cancelled goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.analyses.sweep_job import copy_results, name_work
from app.base.jobs import ShouldStop
from core.engine import Engine
from core.paths import data_folder
from core.sweeps.step_seconds import Layer, measure_step_seconds
from core.sweeps.study.config import StudyConfig
from core.sweeps.study.plan import note_study_facts

if TYPE_CHECKING:
    from core.sweeps.cells import RunProgress

FILES = ("study.json", "report.html")
FIGURES = {"Findings": "findings", "Criteria": "criteria", "True axes": "axes"}
"""Tab and file stem of each figure."""


@dataclass(frozen=True, slots=True)
class StudyFinished:
    """A finished study: its folder and page, what it says, and a picture of each figure by its tab."""

    folder: Path
    page: Path
    sentences: tuple[str, ...]
    pictures: dict[str, Path]


def measure_study(engine: Engine, config: StudyConfig, should_stop: ShouldStop) -> dict[Layer, float]:
    """How long a step of each layer takes here."""
    return measure_step_seconds(engine, config.layers, should_stop=should_stop)


def iter_whole_study(
    engine: Engine, config: StudyConfig, should_stop: ShouldStop
) -> Iterator[RunProgress | StudyFinished]:
    """Run or resume a study and write its report; the last record is the answer."""
    from core.reports.study_report import write_study

    measure_study(engine, config, should_stop)
    folder = choose_study_folder(config, engine.device)
    yield from engine.iter_study(config, folder, resume=True, should_stop=should_stop)
    report = write_study(folder)
    pictures = {tab: folder / "figures" / f"{stem}.png" for tab, stem in FIGURES.items()}
    yield StudyFinished(folder, report.page, report.sentences, pictures)


def choose_study_folder(config: StudyConfig, device: str) -> Path:
    """The folder of a study under the user's data, named by its settings."""
    return data_folder() / "studies" / f"study-{name_work(config, note_study_facts(config, device))}"


def copy_study(folder: Path, target: Path) -> str:
    """Copy report, tables, figures and settings into a new folder; the cells stay. Returns what to say.

    Raises BadInputError or StorageError if the folder is not free or cannot be written.
    """
    copy_results(folder, target, FILES)
    return f"Saved the report, tables and figures to {target}"
