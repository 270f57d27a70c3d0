"""The tray in the window: collects probes, has them previewed, plans, writes sets.

`tray` is the list; `written` the newest set's folder.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDialog, QWidget

from app.base.jobs import WhenBusy
from app.stimuli.design_dialog import DesignDialog, group_tray
from app.stimuli.package_dialog import PackageDialog
from app.stimuli.page import StimuliPage
from app.stimuli.plan_dialog import PlanDialog
from app.stimuli.strip_dialog import StripDialog
from app.stimuli.tray import Tray
from app.widgets.basics import bring
from app.widgets.desk import Content, Desk, Drop, Feature, Loaded, Paths, does
from app.widgets.job_line import Reading
from app.widgets.large_view import LargeView
from app.widgets.new_folder_dialog import ask_new_folder
from app.widgets.where_row import WhereRow
from core.cluster.run import iter_set
from core.cluster.where import Where
from core.datasets.kinds import is_image
from core.headers import unstructure
from core.images.difference import amplify, choose_factor
from core.images.stimulus import to_uint8
from core.probes.probe import Probe
from core.session.files import SETS, add_recent
from core.stimuli.analysed import list_analysis_recipes
from core.stimuli.config import SetConfig, unpack_set
from core.stimuli.level_strip import LevelCell
from core.stimuli.levels import LevelReading
from core.stimuli.names import safe_name
from core.stimuli.plan import list_recipes
from core.stimuli.recipe import Recipe, recipe_of
from core.stimuli.set_work import SET, begin_set
from core.stimuli.store import open_probe_store
from core.sweeps.gather import Sweep

LOGGER = logging.getLogger(__name__)
KEY = "stimuli"
CONTENTS = (
    "Every file is saved as 8-bit PNG, read back from disk and scored again. manifest.json, manifest.csv and README.md "
    "describe how each was made; `main.py rebuild` makes the set again, bit for bit."
)
KEEP, LIST, LOOK, READ, WRITE = "keep probe", "list probes", "stimuli", "read probes", "stimulus set"
LOOK_DELAY_MS = 250
"""Changes of the form that follow each other at once are previewed together."""


class Stimuli(Feature):
    """Holds the tray and its page."""

    package_wanted = Signal()
    probe_wanted = Signal(object, str)
    """Show the probe of a `ProbeConfig` and the key of its image."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.tray = Tray(self)
        self.written: Path | None = None
        self._store = open_probe_store()
        self._where = WhereRow(self._session, desk.parent)
        self._where.hide()  # until there is the page it stands on
        self._where.again.connect(self.show_write)
        self._where.seek(SET, lambda wanted: self.show_write(wanted.recipes))
        self._page: StimuliPage | None = None
        self._timer = QTimer(self, singleShot=True, interval=LOOK_DELAY_MS)
        self._timer.timeout.connect(self.preview)
        self.tray.changed.connect(self._timer.start)
        self.tray.changed.connect(self.changed)
        desk.tabs.add(KEY, self._make_page)

    @property
    def page(self) -> StimuliPage:
        """The page behind the tab, made now if it was never opened."""
        page = self._desk.tabs.page(KEY)
        if not isinstance(page, StimuliPage):
            raise TypeError("The tab of stimuli holds another page.")
        return page

    def capture(self) -> Content:
        """The recipes."""
        return {"tray": tuple(self.tray.recipes())}

    def restore(self, loaded: Loaded) -> None:
        """Hold the recipes of a saved session."""
        self.tray.restore([dict(recipe) for recipe in loaded.record.tray])

    def show_page(self) -> None:
        """Bring the tab to the front."""
        self._desk.tabs.open(KEY)

    @does("add_to_tray")
    def add_probe(self) -> None:
        """Put the probe on screen into the tray."""
        probe = self._session.state.probe
        if probe is None:
            return
        if probe.config.attack.is_quick_look and not self._session.state.attack.n_steps:
            self._session.controller.noted.emit("This is a quick look: wait for the whole probe, then add it.")
            return
        recipe = recipe_of(probe, self._session.controller.image_key)
        if not self.tray.add([recipe]):
            self._session.controller.noted.emit("This probe is already in the tray.")
            return
        self._session.lane.submit(
            KEEP,
            lambda _stop: self._store.save(recipe, probe),
            on_done=lambda _done: self._timer.start(),
            title="Saving the probe…",
            when_busy=WhenBusy.QUEUE,
        )
        self._session.controller.noted.emit(f"Added to the tray, as item {len(self.tray.items)}")

    def add_analysis(self, sweep: Sweep) -> None:
        """Put every probe behind an analysis into the tray, at its highest budget."""
        told = "Added {count} probes of the analysis to the tray; they are made again, and their shifts compared"
        self._list(partial(list_analysis_recipes, sweep), told)

    def add_as_is(self, recipes: Sequence[Recipe]) -> None:
        """Put images that are shown as they are into the tray."""
        self._list(lambda: recipes, "Added {count} images to the tray")

    def _list(self, make: Callable[[], Sequence[Recipe]], told: str) -> None:
        """Have recipes made, which reads their images, and put them into the tray."""

        def take(recipes: Sequence[Recipe]) -> None:
            count = self.tray.add(recipes)
            self.show_page()
            self._session.controller.noted.emit(told.format(count=count))

        title, order = "Listing the probes…", WhenBusy.QUEUE
        self._session.files.submit(LIST, lambda _stop: _name_all(make()), on_done=take, title=title, when_busy=order)

    def drops(self) -> Sequence[Drop]:
        """Images, while the page is in front."""
        return (Drop("images", "Plan stimuli of {name}", self._takes_images, self.show_plan_of, takes_many=True),)

    def _takes_images(self, paths: Paths) -> bool:
        return self._desk.tabs.current == KEY and all(map(is_image, paths))

    @does("plan_stimuli")
    def show_plan(self) -> None:
        """Ask for a plan and put its probes into the tray."""
        self.show_plan_of(())

    def show_plan_of(self, images: Paths) -> None:
        """The same, with images or folders of images in place of those offered first."""
        state, catalogue = self._session.state, self._session.catalogue
        if state.subject is None:
            return
        encoders = [(one.network, one.layer) for one in catalogue.encoders_of(state.subject.id)]
        dialog = PlanDialog(
            state.subject,
            encoders,
            current=state.encoder,
            image=self._session.controller.image_key,
            mask=state.attack.mask,
            parent=self._desk.parent,
        )
        if images:
            dialog.images.take_words(map(str, images))
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.plan is not None:
            self._list(partial(list_recipes, dialog.plan), "Added {count} probes of the plan to the tray")

    @does("write_stimuli")
    def show_write(self, recipes: Sequence[Recipe] = ()) -> None:
        """Ask for a folder and write the tray, with these recipes in it, as a set."""
        self.tray.add(recipes)
        self.show_page()
        config = self.page.config()
        if config is None or not self.tray.items:
            self._session.controller.noted.emit("The tray is empty: add a probe first.")
            return
        sides = [recipe.config.side for recipe in self.tray.items]
        if self._session.problems.attempt(lambda: [config.layout.sizes(side) for side in sides]) is None:
            return
        controls, n_items = ", ".join(kind.words for kind in config.controls), len(sides)
        what = f"{n_items} items, {config.count_files(self.tray.items)} files; controls: {controls}"
        about = (config.name, f"{what}\n{config.layout.describe(sides[0])}", CONTENTS, "\n".join(self.tray.notes()))
        name, settings = safe_name(config.name), self._session.settings
        folder = ask_new_folder(self._desk.parent, settings, "Write stimulus set", name, about=about, verb="Write")
        if folder is not None:
            self.write_to(folder, config)

    def show_design(self) -> None:
        """Ask how many repeats and images decide an experiment with the tray, or with the set written last."""
        config = self.page.config() or SetConfig()
        source = partial(group_tray, self.tray, n_files=config.n_files)
        dialog = DesignDialog(self._session.lane, source, self._desk.parent)
        if self.written is not None and not self.tray.items:
            dialog.open_set(self.written)
        dialog.open()

    def write_to(self, folder: Path, config: SetConfig) -> None:
        """Make what is missing and write the set on the lane."""
        items, store, engine = self.tray.items, self._store, self._session.engine
        make = partial(iter_set, engine, items, config, folder, store=store, run=engine.iter_store)
        self._where.run(self.page.work, partial(begin_set, items, store), partial(self._write, make))

    def _write(self, make: Callable[..., object], where: Where) -> None:
        self.page.work.run(
            self._session.lane,
            WRITE,
            lambda stop: make(where=where, should_stop=stop),
            title="Writing stimuli…",
            on_done=self._take_set,
            read=self._read,
            stopped="Stopped. Nothing was written; finished probes are kept.",
        )

    def preview(self) -> None:
        """Have missing probes made and every item previewed, if the tab was ever opened."""
        if (page := self._page) is None or (config := page.config()) is None:
            return
        page.looking.drop()
        if not self.tray.items:
            return
        from core.stimuli.preview import iter_previews

        engine, items = self._session.engine, self.tray.items
        make = partial(iter_previews, engine, items, config, store=self._store, known=self.tray.previews())
        page.looking.run(
            self._session.lane,
            LOOK,
            lambda stop: make(should_stop=stop),
            title="Previewing the tray…",
            on_done=lambda record: self.tray.take_previews(record.previews),
            read=self._read,
            stopped="Stopped. Finished probes are kept.",
            when_busy=WhenBusy.REPLACE,
        )

    def _make_page(self, parent: QWidget) -> StimuliPage:
        page = self._page = StimuliPage(self.tray, [self._where], parent)
        self._where.show()
        page.plan_requested.connect(self.show_plan)
        page.write_requested.connect(self.show_write)
        page.package_requested.connect(self.package_wanted)
        page.design_requested.connect(self.show_design)
        page.open_requested.connect(self.open_row)
        page.large_requested.connect(self.show_large)
        page.strip_requested.connect(self.show_strip)
        self._offer_encoders()
        self._recall_form(page)
        page.form.preview_changed.connect(self._timer.start)
        page.form.changed.connect(self._remember_form)
        self._session.state.subject_changed.connect(self._offer_encoders)
        self._session.controller.catalogue_changed.connect(self._offer_encoders)
        self._timer.start()
        return page

    def _recall_form(self, page: StimuliPage) -> None:
        """Show how the last set was delivered."""
        text = self._session.settings.text("stimulus_set")
        if text:
            try:
                page.form.set_value(unpack_set(json.loads(text)))
            except (ValueError, AttributeError) as problem:  # of an older program: the form starts anew
                LOGGER.info("settings of the stimulus set not used: %s", problem)

    def _remember_form(self) -> None:
        if self._page is not None and (config := self._page.config()) is not None:
            self._session.settings.set("stimulus_set", json.dumps(unstructure(config)))

    def _offer_encoders(self) -> None:
        subject = self._session.state.subject
        if self._page is not None and subject is not None:
            encoders = self._session.catalogue.encoders_of(subject.id)
            self._page.form.set_encoders([(one.network, one.layer) for one in encoders])

    def show_large(self, row: int) -> None:
        """Show original, perturbed image and difference of a row large."""
        self._read_probes([self.tray.items[row]], self._show_large)

    def _show_large(self, found: Sequence[Probe | None]) -> None:
        probe = found[0]
        if probe is None:
            self._session.controller.noted.emit("The pictures of this item are not made yet.")
            return
        if not probe.config.attack.epsilon:
            LargeView([("Image", to_uint8(probe.clean_pixels))], 0, self._desk.parent).open()
            return
        change = 255.0 * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0)
        factor = choose_factor(change)
        pictures = [("Original", to_uint8(probe.clean_pixels)), ("Perturbed", to_uint8(probe.perturbed_pixels))]
        LargeView([*pictures, (f"Difference × {factor}", amplify(change, factor))], 1, self._desk.parent).open()

    def show_strip(self, row: int) -> None:
        """Show the seed of a row over all its levels."""
        rows = self.tray.rows_of_seed(row)
        readings = [self.tray.reading(one) for one in rows]
        self._read_probes([self.tray.items[one] for one in rows], partial(self._show_strip, readings))

    def _read_probes(self, recipes: Sequence[Recipe], take: Callable[[list[Probe | None]], None]) -> None:
        read = partial(map, self._store.load, recipes)
        self._session.files.submit(READ, lambda _stop: list(read()), on_done=take, title="Reading probes…")

    def _show_strip(self, readings: Sequence[LevelReading | None], found: Sequence[Probe | None]) -> None:
        strip = [
            LevelCell(reading, to_uint8(probe.clean_pixels), to_uint8(probe.perturbed_pixels))
            for probe, reading in zip(found, readings, strict=True)
            if probe is not None and reading is not None
        ]
        if not strip:
            self._session.controller.noted.emit("The probes of these levels were removed: wait until they are made.")
            return
        strip.sort(key=lambda cell: cell.reading.wanted)
        shown = [one for one in self.tray.readings() if one.series == strip[0].reading.series]
        StripDialog(tuple(strip), shown, write=self._session.controller.write, parent=self._desk.parent).exec()

    def open_row(self, row: int) -> None:
        """Show the probe of a row in Explore; that of a level as an ordinary one with the budget found for it."""
        recipe = self.tray.items[row]
        if recipe.config.level is None:
            self.probe_wanted.emit(recipe.config, recipe.image)
        else:
            self._read_probes([recipe], partial(self._open_level, recipe.image))

    def _open_level(self, image: str, found: Sequence[Probe | None]) -> None:
        probe = found[0]
        if probe is None or not probe.config.attack.epsilon:
            why = "is not made yet" if probe is None else "is the original itself: nothing was changed"
            self._session.controller.noted.emit(f"The image at this level {why}.")
        else:
            self.probe_wanted.emit(replace(probe.config, level=None, level_within=0.0), image)

    def _read(self, record: Any) -> Reading:
        what = {"probe": "Making probes", "preview": "Previewing items", "write": "Writing"}.get(record.stage, "")
        if getattr(record, "previews", ()):
            self.tray.take_previews(record.previews)
        return Reading(record.share, f"{what}: {record.done:.0f} of {record.total}", record.seconds_left)

    def _take_set(self, record: Any) -> None:
        self.written = record.result.folder
        with self._session.problems.shown():
            add_recent(record.result.folder, SETS)
        text = f"Wrote {len(record.result.rows)} files to {self.written}"
        self.page.work.say(text, share=1.0)
        self._session.controller.noted.emit(text)


def _name_all(recipes: Sequence[Recipe]) -> Sequence[Recipe]:
    """The same, each with the name it is asked for again and again."""
    for recipe in recipes:
        _ = recipe.digest
    return recipes


class Packages(Feature):
    """Holds the dialog; `find_newest` gives the folder of the set that was written last."""

    def __init__(self, desk: Desk, find_newest: Callable[[], Path | None]) -> None:
        super().__init__(desk)
        self._find_newest = find_newest
        self.dialog: PackageDialog | None = None

    @does("make_package")
    def show_newest(self) -> None:
        """Open the dialog with the set that was written last, or with what it held."""
        newest = self._find_newest()
        self.show_dialog("" if newest is None else str(newest))

    def show_dialog(self, folder: str = "") -> None:
        """Open the dialog with a set, or with what it held; a running job is shown as it is."""
        if self.dialog is None:
            self.dialog = PackageDialog(self._session.lane, self._desk.parent)
            self.dialog.written.connect(self._note)
        self.dialog.start(folder)
        bring(self.dialog)

    def _note(self, folder: Path) -> None:
        self._session.controller.noted.emit(f"Wrote the package {folder}")
