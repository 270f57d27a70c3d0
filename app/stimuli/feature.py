"""What the window does with the tray: collects probes, has them previewed, plans, writes sets. Never computes.

`tray` is the list; `written` the newest set's folder, and `set_written` tells of it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog

from app.base.aim import Aim
from app.base.jobs import Failed
from app.base.paths import default_export_folder
from app.stimuli.page import StimuliPage
from app.stimuli.plan_dialog import PlanDialog
from app.stimuli.tray import Tray
from app.stimuli.write_set_dialog import WriteSetDialog
from app.widgets.tabs import EXPLORE
from core.attacks.objective_config import ObjectiveKind
from core.datasets.image_store import find_stimulus
from core.errors import ProbeError
from core.networks.catalog import find_network
from core.probes.probe import ProbeConfig
from core.stimuli.config import SetConfig, pack_set, unpack_set
from core.stimuli.plan import list_recipes
from core.stimuli.recipe import Recipe, recipe_of
from core.stimuli.store import open_probe_store
from core.sweeps.config import SweepConfig
from core.sweeps.plan import format_duration

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

LOGGER = logging.getLogger(__name__)
KEY = "stimuli"
KEEP, LOOK, WRITE = "keep probe", "stimuli", "stimulus set"
LOOK_DELAY_MS = 250
"""Changes of the form that follow each other at once are previewed together."""


class TrayTools(QObject):
    """Holds the tray and its page."""

    set_written = Signal(Path)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._session = window, window.session
        self.tray = Tray(self)
        self.written: Path | None = None
        self._store = open_probe_store()
        self._page: StimuliPage | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_DELAY_MS)
        self._timer.timeout.connect(self.preview)
        self.tray.changed.connect(self._timer.start)
        window.workspaces.add(KEY, "Stimuli", self._make_page)
        window.workspaces.collect_requested.connect(self.add_analysis)

    @property
    def page(self) -> StimuliPage:
        """The page behind the tab, made now if it was never opened."""
        page = self._window.workspaces.page(KEY)
        if not isinstance(page, StimuliPage):
            raise TypeError("The tab of stimuli holds another page.")
        return page

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands."""
        return {
            "add_to_tray": self.add_probe,
            "plan_stimuli": self.show_plan,
            "write_stimuli": self.show_write,
        }

    @Slot()
    def show_page(self) -> None:
        """Bring the tab to the front."""
        self._window.workspaces.open(KEY)

    @Slot()
    def add_probe(self) -> None:
        """Put the probe on screen into the tray."""
        probe = self._session.state.probe
        if probe is None:
            return
        recipe = recipe_of(probe, self._session.controller.image_key)
        if not self.tray.add([recipe]):
            self._session.controller.noted.emit("This probe is in the tray already.")
            return
        self._session.lane.submit(
            KEEP,
            lambda _stop: self._store.save(recipe, probe),
            on_done=lambda _done: self._timer.start(),
            on_failed=self._session.problems.show_failed,
            title="Keeping the probe…",
            replace=False,
        )
        self._session.controller.noted.emit(f"Added to the tray, as item {len(self.tray.items)}")

    @Slot(object)
    def add_analysis(self, config: SweepConfig) -> None:
        """Put every probe behind an analysis into the tray, at its highest budget."""
        try:
            recipes = list_analysis_recipes(config)
        except ProbeError as error:
            self._session.problems.show(error)
            return
        count = self.tray.add(recipes)
        self.show_page()
        self._session.controller.noted.emit(f"Added {count} probes of the analysis to the tray")

    @Slot()
    def show_plan(self) -> None:
        """Ask for a plan and put its probes into the tray."""
        state, catalogue = self._session.state, self._session.catalogue
        if state.subject is None:
            return
        encoders = [(one.network, one.layer) for one in catalogue.encoders_of(state.subject.id)]
        dialog = PlanDialog(
            state.subject,
            encoders,
            current=state.encoder,
            image=self._session.controller.image_key,
            parent=self._window,
        )
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.plan is not None:
            try:
                self.tray.add(list_recipes(dialog.plan))
            except ProbeError as error:
                self._session.problems.show(error)
            self.show_page()

    @Slot()
    def show_write(self) -> None:
        """Ask for a folder and write the set."""
        self.show_page()
        config = self.page.config()
        if config is None or not self.tray.items:
            self._session.controller.noted.emit("The tray is empty: add a probe first.")
            return
        kept = self._session.settings.text("export_folder")
        side = find_network(self.tray.items[0].config.network).input_size
        try:
            for recipe in self.tray.items:
                config.layout.sizes(find_network(recipe.config.network).input_size)
        except ProbeError as error:
            self._session.problems.show(error)
            return
        dialog = WriteSetDialog(
            config,
            Path(kept) if kept else default_export_folder(),
            n_items=len(self.tray.items),
            n_warned=sum(bool(self.tray.warnings(row)) for row in range(len(self.tray.items))),
            side=side,
            parent=self._window,
        )
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self._session.settings.set("export_folder", str(dialog.parent_folder()))
            self.write_to(dialog.folder(), config)

    def write_to(self, folder: Path, config: SetConfig) -> None:
        """Make what is missing and write the set on the lane."""
        from core.stimuli.make import iter_make

        engine, items = self._session.engine, self.tray.items
        make = partial(iter_make, engine, items, config, folder, store=self._store)
        self.page.show_progress("Starting…", 0.0)
        self._session.lane.submit(
            WRITE,
            lambda stop: make(should_stop=stop),
            on_progress=self._follow,
            on_done=self._take_set,
            on_failed=self._fail,
            on_stopped=partial(self._end, "Stopped. Nothing was written; finished probes stay."),
            title="Writing stimuli…",
            patient=True,
        )

    @Slot()
    def preview(self) -> None:
        """Have missing probes made and every item previewed, if the tab was ever opened."""
        page = self._page
        config = page.config() if page is not None else None
        if page is None or config is None:
            return
        if not self.tray.items:
            self._session.lane.drop(LOOK)
            page.show_idle()
            return
        from core.stimuli.preview import iter_previews

        engine, items = self._session.engine, self.tray.items
        make = partial(iter_previews, engine, items, config, store=self._store, known=self.tray.previews())
        self._session.lane.submit(
            LOOK,
            lambda stop: make(should_stop=stop),
            on_progress=self._follow,
            on_done=self._take_looks,
            on_failed=self._fail,
            on_stopped=partial(self._end, "Stopped. Finished probes stay."),
            title="Making the tray's probes…",
            patient=True,
        )

    def _make_page(self) -> StimuliPage:
        page = self._page = StimuliPage(self.tray)
        page.plan_requested.connect(self.show_plan)
        page.write_requested.connect(self.show_write)
        page.cancel_requested.connect(self._cancel)
        page.open_requested.connect(self.open_row)
        self._offer_encoders()
        self._recall_form(page)
        page.form.preview_changed.connect(self._timer.start)
        page.form.changed.connect(self._remember_form)
        page.extra.addWidget(self._window.package_tools.make_button())
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

    @Slot()
    def _remember_form(self) -> None:
        config = self._page.config() if self._page is not None else None
        if config is not None:
            self._session.settings.set("stimulus_set", json.dumps(pack_set(config)))

    @Slot()
    def _offer_encoders(self) -> None:
        subject = self._session.state.subject
        if self._page is not None and subject is not None:
            encoders = self._session.catalogue.encoders_of(subject.id)
            self._page.form.set_encoders([(one.network, one.layer) for one in encoders])

    @Slot(int)
    def open_row(self, row: int) -> None:
        """Show the probe of a row in Explore."""
        config, image = self.tray.items[row].config, self.tray.items[row].image
        state, controller = self._session.state, self._session.controller
        if state.subject is None or state.subject.id != config.subject:
            controller.open_subject(config.subject)
        controller.clear_target()
        controller.open_encoder(config.network, config.layer)
        controller.open_image(image)
        controller.set_aim(aim_of(config))
        controller.set_direction(config.direction)
        controller.set_attack(config.attack)
        state.target = config.target
        self._window.workspaces.tabs.setCurrentIndex(EXPLORE)
        if not state.auto_probe:
            controller.probe()

    @Slot()
    def _cancel(self) -> None:
        for kind in (WRITE, LOOK):
            self._session.lane.stop(kind)

    def _follow(self, record: Any) -> None:
        what = {"probe": "Making probes", "preview": "Previewing items", "write": "Writing"}.get(record.stage, "")
        left = "" if record.seconds_left is None else f", {format_duration(record.seconds_left)} left"
        share = record.done / max(record.n_pieces, 1)
        if self._page is not None:
            if getattr(record, "looks", ()):
                self.tray.take_previews(record.previews)
            self._page.show_progress(f"{what}: {record.done:.0f} of {record.n_pieces}{left}", share)

    def _take_looks(self, record: Any) -> None:
        self.tray.take_previews(record.previews)
        self._end("")

    def _take_set(self, record: Any) -> None:
        self.written = record.result.folder
        text = f"Wrote {len(record.result.rows)} files to {self.written}"
        self._end(text, share=1.0)
        self._session.controller.noted.emit(text)
        self.set_written.emit(self.written)

    def _fail(self, failed: Failed) -> None:
        self._end("")
        self._session.problems.show_failed(failed)

    def _end(self, text: str, share: float = 0.0) -> None:
        if self._page is not None:
            self._page.show_idle(text, share)


def aim_of(config: ProbeConfig) -> Aim:
    """The options of the target form that lead to a config; its target holds the contrast already."""
    objective = config.objective
    spares = objective.kind is ObjectiveKind.SELECTIVE
    return Aim(
        spares_others=spares,
        spare_weight=objective.weight if spares else 1.0,
        pattern_mode=objective.kind if objective.kind.is_pattern else ObjectiveKind.DISTANCE,
        ensemble=config.ensemble,
    )


def list_analysis_recipes(config: SweepConfig) -> tuple[Recipe, ...]:
    """The probes behind every point of an analysis, at the highest budget of its ladder and climbed as it did."""
    from core.datasets.subject import load_subject
    from core.encoders.files import load_card

    found = []
    for image in config.images:
        for encoder in config.encoders:
            side, card = find_network(encoder.network).input_size, load_card(*encoder)
            stimulus, table = find_stimulus(image, size=side), load_subject(encoder.subject).voxels
            for target in config.targets:
                for direction in config.directions:
                    for norm in config.norms:
                        asked = ProbeConfig(
                            *encoder,
                            target.find_in(table),
                            direction,
                            config.attack(norm, side, config.attacks[0]),
                            ladder=config.rungs(norm, side),
                        )
                        hashes = (stimulus.sha256, card.network_sha256, card.sha256)
                        found.append(Recipe(asked, image, stimulus.id, *hashes))
    return tuple(found)
