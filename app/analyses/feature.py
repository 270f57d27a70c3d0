"""The tabs of the four analyses: made when first opened, kept with a session, leading to probes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.analyses.page import AnalysisPage
from app.analyses.sweep_form import fill_form
from app.analyses.sweep_job import Finished, read_analysis
from app.explore.explore import Explore
from app.widgets.ask_path import ask_open
from app.widgets.desk import Content, Desk, Drop, Feature, Loaded, Paths, does
from app.widgets.form import why_not
from core.cluster.kinds import Left, list_left
from core.datasets.kinds import is_image
from core.errors import ProbeError
from core.headers import unstructure
from core.networks.catalog import find_network
from core.paths import data_folder
from core.probes.probe import ProbeConfig
from core.session.files import ANALYSES, add_recent
from core.session.record import AnalysisRecord
from core.session.reference import refer_as_opened
from core.sweeps.config import Question, SweepConfig
from core.sweeps.plan import SWEEP


class Analyses(Feature):
    """Adds a tab for each question."""

    collect_wanted = Signal(object)
    """The `Sweep` of an analysis whose probes go into the tray."""

    def __init__(self, desk: Desk, explore: Explore) -> None:
        super().__init__(desk)
        self._explore = explore
        self._opened: dict[str, AnalysisPage] = {}
        for question in Question:
            desk.tabs.add(question, partial(self._make_page, question))
        self._session.files.submit("left", lambda _stop: list_left(), on_done=self._tell_left)

    def _tell_left(self, found: Sequence[Left]) -> None:
        """Say what was left unfinished when the window was closed; whatever runs such work offers to go on."""
        if found:
            self._session.controller.noted.emit(" ".join(one.describe() for one in found))

    def drops(self) -> Sequence[Drop]:
        """Folders of analyses; images, while one of the pages is in front."""
        images = "Use {name} in this analysis"
        return (
            Drop("analyses", "Open the analysis {name}", is_analysis, lambda paths: self.open_folder(paths[0])),
            Drop("images", images, self._takes_images, self._take_images, takes_many=True),
        )

    @does("open_analysis")
    def open_folder(self, folder: Path | None = None) -> None:
        """Show the answer in a folder, or what is done of it, with its settings in the form; None asks for one."""
        folder = folder or ask_open(self._desk.parent, "Open an analysis", data_folder() / "analyses")
        if folder is None:
            return
        folder = folder.parent if folder.name == SWEEP.file else folder
        self._session.lane.submit(
            "open analysis",
            lambda _stop: read_analysis(folder),
            on_done=self._take_opened,
            title=f"Opening {folder.name}…",
        )

    def _take_opened(self, finished: Finished) -> None:
        self._desk.tabs.open(finished.whole.question)
        page = self._opened[finished.whole.question]
        page.form.set_value(finished.whole)
        page.take_answer(finished)
        with self._session.problems.shown():
            add_recent(finished.folder, ANALYSES)

    def _takes_images(self, paths: Paths) -> bool:
        return self._desk.tabs.current in set(Question) and all(map(is_image, paths))

    def _take_images(self, paths: Paths) -> None:
        self._opened[self._desk.tabs.current].form.images.take_words(map(str, paths))

    def capture(self) -> Content:
        """Settings and answers of the pages that were opened."""
        return {"analyses": tuple(capture(page) for page in self._opened.values())}

    def restore(self, loaded: Loaded) -> None:
        """Open the pages of a saved session, with their settings and, from the lane, their answers."""
        refused: list[str] = []
        for record in loaded.record.analyses:
            if record.question not in set(Question):
                continue
            self._desk.tabs.page(record.question)
            page = self._opened[record.question]
            if record.config is not None and (reason := why_not(partial(fill_form, page.form, record.config))):
                refused.append(reason)
            if (header := loaded.places.get(f"analysis {record.question}")) is not None:
                self._session.lane.submit(
                    f"answer {record.question}",
                    partial(lambda folder, _stop: read_analysis(folder), header.parent),
                    on_done=page.take_answer,
                    title=f"Opening the results of {record.question}…",
                )
        if refused:
            raise ProbeError(" ".join(refused))

    def open_probe(self, config: SweepConfig, encoder: int, target: int, image: int) -> None:
        """Show the probe behind a point of an analysis in Explore."""
        name, norm = config.encoders[encoder], config.norms[0]
        with self._session.problems.shown():
            aim = config.targets[target].find_in(self._session.catalogue.load_subject(name.subject).voxels)
            attack = config.attack(norm, find_network(name.network).input_size, config.attacks[0])
            self._explore.open_probe(ProbeConfig(*name, aim, config.directions[0], attack), config.images[image])

    def _make_page(self, question: Question, parent: QWidget) -> AnalysisPage:
        page = self._opened[question] = AnalysisPage(question, self._session, parent)
        page.probe_requested.connect(self.open_probe)
        page.collect_requested.connect(self.collect_wanted)
        page.open_requested.connect(self.open_folder)
        page.follow_subject()
        return page


def is_analysis(paths: Paths) -> bool:
    """The folder of an analysis, or its settings file."""
    return paths[0].name == SWEEP.file or (paths[0] / SWEEP.file).is_file()


def capture(page: AnalysisPage) -> AnalysisRecord:
    """Settings and answer of a page; no file is looked at."""
    wish, finished = page.form.config, page.finished
    return AnalysisRecord(
        question=str(page.question),
        config=None if wish is None else unstructure(wish),
        sweep=None if finished is None else refer_as_opened((finished.folder / SWEEP.file).absolute()),
    )
