"""Movies and figures of the probe: dialogs, lane, cortex."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from app.base.jobs import Make, ShouldStop, WhenBusy
from app.explore.explore import Explore
from app.figures.cortex_renderer import CortexRenderer
from app.figures.dialogs import PAGE, DrawingDialog, FigureDialog, MovieDialog
from app.look.theme import find_theme, theme_in_use
from app.widgets.ask_path import ask_path
from app.widgets.basics import bring
from app.widgets.desk import Desk, Feature, does
from app.widgets.form import attempt, why_not
from app.widgets.job_line import Reading
from core.commands.works import CommandWork, ProbeWork, ask_drawing
from core.errors import BadInputError
from core.figures.colour_key import ColourKey
from core.figures.figure import draw_cortex, preview_figure, shrink, write_figure
from core.figures.figure_config import FigureConfig, FigureKind
from core.figures.movie import MovieEstimate, MovieReport, estimate_movie, iter_movie
from core.figures.movie_config import CortexStyle, MovieConfig, MovieFormat, MovieKind, check_movie
from core.figures.movie_frames import Cortex, open_frames
from core.probes.probe import Probe
from core.progress import Progress
from core.stimuli.names import name_pair
from core.surfaces.colormap import DEFAULT_DIVERGING, DEFAULT_SEQUENTIAL
from core.types import ByteArray, VoxelTable

MakeCortex = Callable[[ShouldStop], Cortex | None]
"""The cortex for a job that may be told to stop; None where none is shown."""

FRAME, ESTIMATE, PREVIEW, SAVE = "movie_preview", "movie_estimate", "figure_preview", "figure"
TITLES = {
    FRAME: "Drawing a frame…",
    ESTIMATE: "Timing a few frames…",
    PREVIEW: "Drawing the figure…",
    SAVE: "Saving the figure…",
}
FILTERS = {MovieFormat.MP4: "MP4 (*.mp4)", MovieFormat.GIF: "GIF (*.gif)"}
USUAL_COLOURS = (DEFAULT_DIVERGING, DEFAULT_SEQUENTIAL)
PREVIEW_WIDTH = 900
"""Pixels across at which a figure is shown before it is saved."""


class Figures(Feature):
    """Holds both dialogs, and the one renderer of the cortex they share."""

    def __init__(self, desk: Desk, explore: Explore) -> None:
        super().__init__(desk)
        self._explore = explore
        self._renderer: CortexRenderer | None = None
        self._shown: tuple[Probe, CortexStyle, str] | None = None
        self.movie_dialog: MovieDialog | None = None
        self.figure_dialog: FigureDialog | None = None
        self._session.state.probe_changed.connect(self._take_probe)
        explore.responses.history.movie_button.clicked.connect(self.show_movie)
        explore.figure_wanted.connect(self.show_figure)

    @does("save_movie")
    def show_movie(self) -> None:
        """Open the dialog of movies, with the cortex as the window shows it."""
        probe = self._session.state.probe
        if probe is None:
            return
        if self.movie_dialog is None:
            self.movie_dialog = MovieDialog(self._desk.parent)
            self.movie_dialog.find_work = self._find_work
            self.movie_dialog.preview_requested.connect(self._preview_movie)
            self.movie_dialog.estimate_requested.connect(self._estimate)
            self.movie_dialog.save_requested.connect(self._make_movie)
        dialog = self.movie_dialog
        if not dialog.work.busy:
            refusal = why_not(partial(check_movie, MovieConfig(kind=MovieKind.EPSILON), probe))
            dialog.form.start_with(self._explore.style(), theme=theme_in_use().name, sweep_refusal=refusal)
            dialog.work.say()
            dialog.look_again()
        bring(dialog)

    @does("save_figure")
    def show_figure(self, what: FigureKind | bool = FigureKind.PROBE, *_: object) -> None:
        """Open the dialog of figures at one of them; Qt may add whether a menu's row is checked."""
        if self._session.state.probe is None:
            return
        if self.figure_dialog is None:
            self.figure_dialog = FigureDialog(self._desk.parent)
            self.figure_dialog.find_work = self._find_work
            self.figure_dialog.preview_requested.connect(self._preview_figure)
            self.figure_dialog.save_requested.connect(self._save_figure)
        self.figure_dialog.show()
        self.figure_dialog.start_with(self._explore.style(), what if isinstance(what, FigureKind) else FigureKind.PROBE)
        self.figure_dialog.raise_()

    @does("save_page")
    def show_page(self) -> None:
        """Open the dialog of figures at the whole probe as a page of HTML."""
        self.show_figure()
        if self.figure_dialog is not None:
            self.figure_dialog.format.set_value("html")
            self.figure_dialog.take_edit()

    def _take_probe(self) -> None:
        """Another probe: a movie being rendered keeps its own, the preview follows."""
        if not self._is_rendering():
            self.close()
        for dialog in (self.movie_dialog, self.figure_dialog):
            if dialog is not None and dialog.isVisible() and self._session.state.probe is not None:
                dialog.look_again()

    def _is_rendering(self) -> bool:
        return self.movie_dialog is not None and self.movie_dialog.work.busy

    def close(self) -> None:
        """Give back the graphics of the renderer; whatever still asks for its pictures is stopped."""
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = self._shown = None

    def _colours(self, config: MovieConfig | FigureConfig) -> ColourKey | None:
        """Those of the window, if it shows the same map."""
        return self._explore.cortex.view.colour_bar.reading if config.style.map == self._explore.value().map else None

    def _open(self, probe: Probe, config: MovieConfig | FigureConfig) -> MakeCortex:
        """The probe's cortex where it is needed; its renderer is opened again where something else is asked for."""
        if not (config.needs_cortex if isinstance(config, MovieConfig) else config.kind.needs_cortex):
            return _no_cortex
        asked = (probe, config.style, config.theme)
        same = self._shown is not None and self._shown[0] is probe and self._shown[1:] == asked[1:]
        if self._renderer is None or not same:
            if self._is_rendering():
                raise BadInputError("A movie is being rendered. Draw another cortex when it is done, or stop it.")
            self.close()
            placed = self._session.state.placed
            if placed is None:
                raise BadInputError("Choose a subject first.")
            renderer = CortexRenderer(probe, config.style, placed, theme=find_theme(config.theme))
            if (key := self._colours(config)) is not None:
                renderer.use_colours(key)
            self._renderer, self._shown = renderer, asked
        return self._renderer.for_job

    def _submit(self, dialog: DrawingDialog, kind: str, work: Make, done: Callable[[Any], None]) -> None:
        order = WhenBusy.QUEUE if kind == SAVE else WhenBusy.REPLACE
        refuse, lane = dialog.show_failure, self._session.lane
        lane.submit(kind, work, on_done=done, refuse=refuse, title=TITLES[kind], when_busy=order)

    def _find_work(self, config: MovieConfig | FigureConfig, ending: str) -> CommandWork:
        state = self._session.state
        if state.probe is None:
            raise BadInputError("Make a probe first.")
        shows = config.needs_cortex if isinstance(config, MovieConfig) else config.kind.needs_cortex
        key = self._colours(config) if shows else None
        if key is not None and (key.chosen or key.threshold or key.colormap.name not in USUAL_COLOURS):
            raise BadInputError("Only the usual colours of the cortex can be copied: reset its map and range.")
        return ask_drawing(ProbeWork(state.choice(), self._session.controller.image_key), state.probe, config, ending)

    def _preview_movie(self, config: MovieConfig, place: float) -> None:
        probe, dialog = self._session.state.probe, self.movie_dialog
        if probe is None or dialog is None:
            return
        cortex = attempt(partial(self._open, probe, config), dialog.work.error)
        if cortex is None:
            return
        index, show = round(place * (config.n_frames - 1)), dialog.show_preview
        self._submit(dialog, FRAME, lambda stop: open_frames(probe, config, cortex(stop)).frame(index), show)

    def _estimate(self, config: MovieConfig, kind: MovieFormat) -> None:
        probe, dialog, renderer = self._session.state.probe, self.movie_dialog, self._renderer
        if probe is None or dialog is None or (config.needs_cortex and renderer is None):
            return

        cortex = renderer.for_job if config.needs_cortex and renderer is not None else _no_cortex
        measure = partial(estimate_movie, probe, config, kind)

        def tell(found: MovieEstimate) -> None:
            dialog.cost.setText(f"{config.describe()}: {found.describe()}")

        self._submit(dialog, ESTIMATE, lambda stop: measure(cortex=cortex(stop), should_stop=stop), tell)

    def _make_movie(self, config: MovieConfig, kind: str) -> None:
        probe, dialog = self._session.state.probe, self.movie_dialog
        if probe is None or dialog is None:
            return

        def prepare() -> MakeCortex:
            check_movie(config, probe)
            return self._open(probe, config)

        cortex = attempt(prepare, dialog.work.error)
        if cortex is None:
            return
        if kind == MovieFormat.PNG:
            path = self._ask("Make a folder for the frames", probe, f"{config.kind}-frames", "New folder (*)")
        else:
            path = self._ask("Save the movie", probe, str(config.kind), FILTERS[MovieFormat(kind)], kind)
        if path is None:
            return
        for waiting in (FRAME, ESTIMATE):
            self._session.lane.drop(waiting)

        def render(stop: ShouldStop) -> Iterator[Progress[MovieReport]]:
            return iter_movie(probe, config, path, cortex=cortex(stop), should_stop=stop)

        def tell(last: Progress[MovieReport]) -> None:
            if last.result is not None:
                dialog.work.say(last.result.describe())
                self._session.controller.noted.emit(last.result.describe())

        title, stopped = "Rendering the movie…", "Stopped; nothing was saved."
        lane = self._session.lane
        dialog.work.run(lane, "movie", render, title=title, on_done=tell, read=read_frames, stopped=stopped)

    def _preview_figure(self, config: FigureConfig, _place: float) -> None:
        probe, dialog = self._session.state.probe, self.figure_dialog
        if probe is None or dialog is None:
            return
        cortex, voxels = self._open_for_figure(probe, config, dialog)

        def draw(stop: ShouldStop) -> ByteArray:
            drawn = draw_cortex(cortex(stop), shrink(config, PREVIEW_WIDTH))
            return self._session.apart.run(
                stop, preview_figure, probe, config, width=PREVIEW_WIDTH, cortex=drawn, voxels=voxels
            )

        self._submit(dialog, PREVIEW, draw, dialog.show_preview)

    def _save_figure(self, config: FigureConfig, ending: str) -> None:
        probe, dialog = self._session.state.probe, self.figure_dialog
        if probe is None or dialog is None:
            return
        path = self._ask("Save the figure", probe, str(config.kind), f"{ending.upper()} (*.{ending})", ending)
        if path is None:
            return
        cortex, voxels = self._open_for_figure(probe, config, dialog)

        def tell(written: Path) -> None:
            dialog.work.note.setText(f"Saved {written}")
            self._session.controller.noted.emit(f"Saved the figure to {written}")

        dialog.work.note.setText(f"Saving {path.name}…")

        def write(stop: ShouldStop) -> Path:
            if ending == PAGE[0]:  # which holds the whole cortex, and no figure
                return write_figure(probe, config, path, cortex=cortex(stop), voxels=voxels)
            drawn = draw_cortex(cortex(stop), config)
            return self._session.apart.run(stop, write_figure, probe, config, path, cortex=drawn, voxels=voxels)

        self._submit(dialog, SAVE, write, tell)

    def _open_for_figure(
        self, probe: Probe, config: FigureConfig, dialog: FigureDialog
    ) -> tuple[MakeCortex, VoxelTable | None]:
        """The cortex, if the figure shows one; a whole page is drawn without it where there is none. And the voxels."""
        subject = self._session.state.subject
        cortex = attempt(partial(self._open, probe, config), dialog.work.error)
        return cortex or _no_cortex, None if subject is None else subject.voxels

    def _ask(self, title: str, probe: Probe, what: str, pattern: str, ending: str = "") -> Path | None:
        name = f"{name_pair(probe)}-{what}{'.' * bool(ending)}{ending}"
        return ask_path(self._desk.parent, title, name, pattern, settings=self._session.settings, ending=ending)


def read_frames(at: Progress[MovieReport]) -> Reading:
    """How far a movie is."""
    return Reading(at.share, f"Frame {at.done} of {at.total}", at.seconds_left)


def _no_cortex(_stop: ShouldStop) -> None:
    """Of what shows none."""
