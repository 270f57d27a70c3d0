"""The parts of a running program that are not widgets, made in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.base.catalogue import Catalogue, read_catalogue
from app.base.controller import Controller
from app.base.jobs import JobLane
from app.base.problems import Circumstances, LogStore, Problems, describe_settings
from app.base.settings import Settings
from app.base.state import AppState
from core.engine import Engine


@dataclass(frozen=True, slots=True)
class Services:
    """State, lanes, engine and what watches over them.

    `files` is a second lane, which reads and writes while the first computes; its jobs must not touch the engine.
    """

    settings: Settings
    state: AppState
    lane: JobLane
    engine: Engine
    problems: Problems
    log: LogStore
    controller: Controller
    files: JobLane = field(default_factory=JobLane)

    def __post_init__(self) -> None:
        self.files.failed.connect(self.problems.show_failed)

    @property
    def catalogue(self) -> Catalogue:
        """What is available; the controller reads it again when something was added or removed."""
        return self.controller.catalogue

    def close(self) -> None:
        """Stop the lanes, keep the settings, give the hooks back."""
        self.lane.shutdown()
        self.files.shutdown()
        self.settings.save()
        self.problems.remove()
        self.log.remove()


def open_services(engine: Engine | None = None, catalogue: Catalogue | None = None) -> Services:
    """Make a session; tests and demonstrations bring their own engine or catalogue."""
    settings = Settings()
    state = AppState()
    state.auto_probe = settings.flag("auto_probe")
    lane = JobLane()
    used = engine if engine is not None else Engine()
    offered = catalogue if catalogue is not None else read_catalogue()
    log = LogStore()
    log.install()
    problems = Problems(lambda: Circumstances(state.device, tuple(log.lines), describe_settings(settings)))
    lane.failed.connect(problems.show_failed)
    controller = Controller(state, lane, engine=used, catalogue=offered, problems=problems)
    return Services(settings, state, lane, used, problems, log, controller)
