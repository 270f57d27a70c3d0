"""Movies and figures of the probe: dialogs, lane, cortex."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Slot

from app.base.desk import Desk, Feature
from app.base.jobs import ShouldStop, WhenBusy
from app.explore.explore import Explore
from app.figures.cortex_renderer import open_renderer
from app.figures.cortex_requests import CortexRequests
from app.figures.figure_dialog import FigureDialog
from app.figures.movie_dialog import MovieDialog
from app.look.theme import find_theme
from app.widgets.ask_path import ask_path
from app.widgets.job_line import Reading
from core.errors import BadInputError, ProbeError
from core.figures.figure import preview_figure, write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.movie import MovieEstimate, MovieProgress, estimate_movie, iter_movie
from core.figures.movie_config import CortexStyle, MovieConfig, MovieFormat, MovieKind, check_movie
from core.figures.movie_frames import Cortex, open_frames
from core.probes.probe import Probe, name_probe
from core.types import ByteArray, VoxelTable

FILTERS = {MovieFormat.MP4: "MP4 (*.mp4)", MovieFormat.GIF: "GIF (*.gif)"}
PREVIEW_WIDTH = 900
"""Pixels across at which a figure is shown before it is saved."""


@dataclass(frozen=True, slots=True, eq=False)
class RendererKey:
    """What a renderer of the cortex was opened for."""

    probe: Probe
    style: CortexStyle
    theme: str

    def fits(self, probe: Probe, style: CortexStyle, theme: str) -> bool:
        """Whether it shows this."""
        return self.probe is probe and (self.style, self.theme) == (style, theme)


class Figures(Feature):
    """Holds both dialogs, and the one renderer of the cortex they share."""

    def __init__(self, desk: Desk, explore: Explore) -> None:
        super().__init__(desk)
        self._explore = explore
        self._feed: CortexRequests | None = None
        self._key: RendererKey | None = None
        self.movie_dialog: MovieDialog | None = None
        self.figure_dialog: FigureDialog | None = None
        self._session.state.probe_changed.connect(self._take_probe)
        explore.movie_wanted.connect(self.show_movie)
        explore.figure_wanted.connect(self.show_figure)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about movies and figures."""
        return {"save_movie": self.show_movie, "save_figure": self.show_figure}

    @Slot()
    def show_movie(self) -> None:
        """Open the dialog of movies, with the cortex as the window shows it."""
        probe = self._session.state.probe
        if probe is None:
            return
        if self.movie_dialog is None:
            self.movie_dialog = dialog = MovieDialog(self._desk.parent)
            dialog.preview_requested.connect(self._preview_movie)
            dialog.estimate_requested.connect(self._estimate)
            dialog.save_requested.connect(self._make_movie)
        dialog = self.movie_dialog
        if not dialog.work.busy:
            refusal = _refuse(MovieConfig(kind=MovieKind.EPSILON), probe)
            dialog.form.start_with(self._explore.style(), theme=self._desk.theme().name, sweep_refusal=refusal)
            dialog.work.say()
            dialog.look_again()
        dialog.show()
        dialog.raise_()

    def show_figure(self, what: FigureKind | bool = FigureKind.PROBE, *_: object) -> None:
        """Open the dialog of figures at one of them; Qt may add whether a menu's row is checked."""
        if self._session.state.probe is None:
            return
        if self.figure_dialog is None:
            self.figure_dialog = FigureDialog(self._desk.parent)
            self.figure_dialog.preview_requested.connect(self._preview_figure)
            self.figure_dialog.save_requested.connect(self._save_figure)
        self.figure_dialog.show()
        self.figure_dialog.start_with(self._explore.style(), what if isinstance(what, FigureKind) else FigureKind.PROBE)
        self.figure_dialog.raise_()

    @Slot()
    def _take_probe(self) -> None:
        """Another probe: a movie being rendered keeps its own, the preview follows."""
        if not self._is_rendering():
            self._forget()
        for dialog in (self.movie_dialog, self.figure_dialog):
            if dialog is not None and dialog.isVisible() and self._session.state.probe is not None:
                dialog.look_again()

    def _is_rendering(self) -> bool:
        return self.movie_dialog is not None and self.movie_dialog.work.busy

    def close(self) -> None:
        """Give back the graphics of the renderer."""
        self._forget()

    def _open(self, probe: Probe, style: CortexStyle, theme: str) -> CortexRequests:
        """The renderer of the probe's cortex, reopened where something else is asked for."""
        if self._feed is None or self._key is None or not self._key.fits(probe, style, theme):
            if self._is_rendering():
                raise BadInputError("A movie is being rendered. Draw another cortex when it is done, or stop it.")
            self._forget()
            placed = self._session.state.placed
            if placed is None:
                raise BadInputError("Choose a subject first.")
            renderer = open_renderer(probe, style, placed, theme=find_theme(theme))
            reading = self._explore.colours()
            if reading is not None and style.map == self._explore.value().map:
                renderer.use_colours(reading.colormap.name, reading.threshold)
            self._feed, self._key = CortexRequests(renderer, self), RendererKey(probe, style, theme)
        return self._feed

    def _need(self, probe: Probe, style: CortexStyle, theme: str, *, needed: bool) -> CortexRequests | None:
        return self._open(probe, style, theme) if needed else None

    @Slot(object, float)
    def _preview_movie(self, config: MovieConfig, place: float) -> None:
        probe, dialog = self._session.state.probe, self.movie_dialog
        if probe is None or dialog is None:
            return
        try:
            feed = self._need(probe, config.style, config.theme, needed=config.needs_cortex)
        except ProbeError as error:
            dialog.show_failure(str(error))
            return
        index = round(place * (config.n_frames - 1))

        def draw(stop: ShouldStop) -> ByteArray:
            return open_frames(probe, config, _for_job(feed, stop)).frame(index)

        done, refuse, title = dialog.show_preview, dialog.show_failure, "Drawing a frame…"
        self._session.lane.submit("movie_preview", draw, on_done=done, refuse=refuse, title=title)

    @Slot(object, object)
    def _estimate(self, config: MovieConfig, kind: MovieFormat) -> None:
        probe, dialog = self._session.state.probe, self.movie_dialog
        if probe is None or dialog is None:
            return
        feed = self._feed if config.needs_cortex else None
        if config.needs_cortex and feed is None:
            return

        def measure(stop: ShouldStop) -> MovieEstimate:
            return estimate_movie(probe, config, kind, cortex=_for_job(feed, stop), should_stop=stop)

        def tell(found: MovieEstimate) -> None:
            dialog.show_estimate(f"{config.describe()}: {found.describe()}")

        refuse, title = dialog.show_failure, "Timing a few frames…"
        self._session.lane.submit("movie_estimate", measure, on_done=tell, refuse=refuse, title=title)

    @Slot(object, object)
    def _make_movie(self, config: MovieConfig, kind: MovieFormat) -> None:
        probe, dialog = self._session.state.probe, self.movie_dialog
        if probe is None or dialog is None:
            return
        try:
            check_movie(config, probe)
            feed = self._need(probe, config.style, config.theme, needed=config.needs_cortex)
        except ProbeError as error:
            dialog.show_failure(str(error))
            return
        path = self._ask_movie(probe, config, kind)
        if path is None:
            return
        for waiting in ("movie_preview", "movie_estimate"):
            self._session.lane.drop(waiting)

        def render(stop: ShouldStop) -> Iterator[MovieProgress]:
            return iter_movie(probe, config, path, cortex=_for_job(feed, stop), should_stop=stop)

        dialog.work.run(
            self._session.lane,
            "movie",
            render,
            title="Rendering the movie…",
            on_done=self._take_movie,
            read=read_frames,
            stopped="Stopped; nothing was saved.",
        )

    def _take_movie(self, last: MovieProgress) -> None:
        if self.movie_dialog is None or last.result is None:
            return
        text = last.result.describe()
        self.movie_dialog.work.say(text)
        self._session.controller.noted.emit(text)

    @Slot(object)
    def _preview_figure(self, config: FigureConfig) -> None:
        probe, dialog = self._session.state.probe, self.figure_dialog
        if probe is None or dialog is None:
            return
        feed = self._feed_for_figure(probe, config)
        voxels = self._voxels()

        def draw(stop: ShouldStop) -> ByteArray:
            cortex = _for_job(feed, stop)
            return preview_figure(probe, config, width=PREVIEW_WIDTH, cortex=cortex, voxels=voxels)

        done, refuse, title = dialog.show_preview, dialog.show_failure, "Drawing the figure…"
        self._session.lane.submit("figure_preview", draw, on_done=done, refuse=refuse, title=title)

    @Slot(object, str)
    def _save_figure(self, config: FigureConfig, ending: str) -> None:
        probe, dialog = self._session.state.probe, self.figure_dialog
        if probe is None or dialog is None:
            return
        stem = name_probe(probe.config, probe.stimulus_id)
        name = f"{stem}-{config.kind}.{ending}"
        path = self._ask_file("Save the figure", name, f"{ending.upper()} (*.{ending})", ending)
        if path is None:
            return
        feed = self._feed_for_figure(probe, config)
        voxels = self._voxels()

        def write(stop: ShouldStop) -> Path:
            return write_figure(probe, config, path, cortex=_for_job(feed, stop), voxels=voxels)

        def tell(written: Path) -> None:
            dialog.show_note(f"Saved {written}")
            self._session.controller.noted.emit(f"Saved the figure to {written}")

        dialog.show_note(f"Saving {path.name}…")
        title, order = "Saving the figure…", WhenBusy.QUEUE
        refuse = dialog.show_failure
        self._session.lane.submit("figure", write, on_done=tell, refuse=refuse, title=title, when_busy=order)

    def _feed_for_figure(self, probe: Probe, config: FigureConfig) -> CortexRequests | None:
        """The cortex, if the figure shows one; a whole page is drawn without it where there is none."""
        try:
            return self._need(probe, config.style, config.theme, needed=config.kind.needs_cortex)
        except ProbeError as error:
            if self.figure_dialog is not None:
                self.figure_dialog.show_failure(str(error))
            return None

    def _voxels(self) -> VoxelTable | None:
        subject = self._session.state.subject
        return None if subject is None else subject.voxels

    def _ask_movie(self, probe: Probe, config: MovieConfig, kind: MovieFormat) -> Path | None:
        stem = f"{name_probe(probe.config, probe.stimulus_id)}-{config.kind}"
        if kind is MovieFormat.PNG:
            return self._ask_file("Make a folder for the frames", f"{stem}-frames", "New folder (*)", "")
        return self._ask_file("Save the movie", f"{stem}.{kind}", FILTERS[kind], str(kind))

    def _ask_file(self, title: str, name: str, pattern: str, ending: str) -> Path | None:
        return ask_path(self._desk.parent, title, name, pattern, settings=self._session.settings, ending=ending)

    @Slot()
    def _forget(self) -> None:
        """Close the renderer; whatever still asks for its pictures is stopped."""
        if self._feed is not None:
            self._feed.close()
            self._feed.deleteLater()
        self._feed = self._key = None


def read_frames(at: MovieProgress) -> Reading:
    """How far a movie is."""
    return Reading(at.frame / at.n_frames, f"Frame {at.frame} of {at.n_frames}", at.seconds_left)


def _for_job(feed: CortexRequests | None, stop: ShouldStop) -> Cortex | None:
    return None if feed is None else feed.for_job(stop)


def _refuse(config: MovieConfig, probe: Probe) -> str:
    """Why no such movie can be made of a probe, "" if it can."""
    try:
        check_movie(config, probe)
    except ProbeError as error:
        return str(error)
    return ""
