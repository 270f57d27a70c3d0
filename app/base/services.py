"""The parts of a running program that are not widgets, made in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.base.apart import Apart
from app.base.catalogue import Catalogue
from app.base.controller import Controller
from app.base.jobs import JobLane
from app.base.problems import LogStore, Problems, describe_circumstances
from app.base.settings import Settings
from app.base.state import AppState
from core.engine import Engine


@dataclass(frozen=True, slots=True)
class Services:
    """State, lanes, engine and what watches over them.

    `files` is a second lane, which reads and writes while the first computes; its jobs must not touch the engine. Those
    `elsewhere` watch what other computers do, which goes on when the window is closed. `apart` draws with matplotlib.
    """

    settings: Settings
    state: AppState
    lane: JobLane
    engine: Engine
    problems: Problems
    log: LogStore
    controller: Controller
    files: JobLane = field(default_factory=JobLane)
    elsewhere: list[JobLane] = field(default_factory=list)
    apart: Apart = field(default_factory=Apart)

    def __post_init__(self) -> None:
        self.files.failed.connect(self.problems.show_failed)

    @property
    def catalogue(self) -> Catalogue:
        """What is available; the controller reads it again when something was added or removed."""
        return self.controller.catalogue

    def open_lane(self) -> JobLane:
        """Another lane, for jobs that watch other computers and that closing may leave."""
        lane = JobLane()
        lane.failed.connect(self.problems.show_failed)
        self.elsewhere.append(lane)
        return lane

    def close(self) -> None:
        """Stop the lanes, keep the settings, give the hooks back, let go of who follows the state."""
        for lane in (self.lane, self.files, *self.elsewhere):
            lane.shutdown()
        self.apart.close()
        self.settings.save()
        self.problems.remove()
        self.log.remove()
        self.state.deleteLater()


def open_services(
    engine: Engine | None = None,
    catalogue: Catalogue | None = None,
    *,
    settings: Settings | None = None,
    device: str = "auto",
) -> Services:
    """Make a session; tests and demonstrations bring their own engine or catalogue. "auto": as the settings say."""
    kept = settings if settings is not None else Settings()
    state = AppState()
    state.auto_probe = kept.flag("auto_probe")
    lane = JobLane()
    wanted = kept.text("device") if device == "auto" else device
    used = engine if engine is not None else Engine(device=wanted, spare_cores=kept.whole("spare_cores"))
    offered = catalogue if catalogue is not None else Catalogue.read()
    log = LogStore()
    log.install()
    problems = Problems(lambda: describe_circumstances(state.device, tuple(log.lines), kept))
    lane.failed.connect(problems.show_failed)
    controller = Controller(state, lane, engine=used, catalogue=offered, problems=problems)
    return Services(kept, state, lane, used, problems, log, controller)
