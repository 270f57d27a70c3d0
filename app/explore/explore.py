"""The work space of one probe: ties its panels together; the only thing of this room others may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import get_args

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from app.base.pictures import save_image
from app.cortex.layout import NamedView
from app.cortex.pose import capture_view, show_view
from app.explore.files import Files
from app.explore.fingerprint import FingerprintWindow
from app.explore.loupe import Loupe
from app.explore.places import KEY, Places, last_images
from app.explore.presenter import SENSITIVITY, Presenter
from app.explore.selection import Selection, capture_selection, fits_state, pin, pin_loaded, selection_of, use_surface
from app.explore.sets import Sets
from app.explore.trade_off import TradeOffWindow
from app.explore.undo import Undo
from app.explore.wiring import Wiring
from app.widgets.desk import Content, Desk, Drop, Feature, Loaded
from app.widgets.image_view import PictureMenu
from core.errors import StorageError
from core.figures.figure_config import FigureKind
from core.figures.movie_config import MAPS, SIDES_SEEN, CortexStyle
from core.probes.probe import Probe, ProbeConfig
from core.session.record import ViewRecord
from core.types import Direction


class Explore(Feature):
    """Controls, gallery, cortex, images and responses; what is chosen in them is one `Selection`."""

    said = Signal(str)
    """What is under the pointer, or a small thing that was done."""

    subject_chosen = Signal(str)
    """The user chose another subject; told before it is opened."""

    figure_wanted = Signal(object)
    """A `FigureKind`."""

    def __init__(self, desk: Desk, places: Places) -> None:
        super().__init__(desk)
        panels, services, state = places.panels, desk.services, desk.services.state
        self._places = places
        self.controls, self.gallery, self.cortex = panels.controls, panels.gallery, panels.cortex
        self.images, self.responses = panels.images, panels.responses
        self._files = Files(desk, self.cortex.view, self.gallery)
        self._sets = Sets(desk)
        self.controls.encoder.subject_chosen.connect(self.subject_chosen)  # first of all: notes of opening it follow
        self._loupe = Loupe(services, self.cortex.view)
        self.presenter = Presenter(state, panels, self)
        self._told_by: object = None
        self._wiring = Wiring(services, panels, self.presenter, say=self._tell, parent=desk.parent)
        self.undo = Undo(state, selection=self.selection, show=self.show, parent=self)
        self._connect()
        self._wiring.follow_settings()

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The commands about the probe, its image and its views."""
        controller, view = self._session.controller, self.cortex.view
        views = {f"view_{name}": partial(view.set_named_view, name) for name in get_args(NamedView)}
        return {
            **views,
            **self._places.commands(),
            "undo": partial(self._step, -1),
            "redo": partial(self._step, 1),
            **self._files.commands(),
            **self._sets.commands(),
            "previous_image": partial(self.gallery.step, -1),
            "next_image": partial(self.gallery.step, 1),
            "probe": controller.probe,
            "cancel": controller.cancel,
            "raise": partial(controller.set_direction, Direction.RAISE),
            "lower": partial(controller.set_direction, Direction.LOWER),
            "toggle_auto": self.controls.run.auto.toggle,
            "trade_off": lambda: self._trade_off.open(),
            "fingerprint": lambda: self._fingerprint.open(),
            "loupe": self._loupe.toggle,
            "jury": self.images.jury.toggle.toggle,
            "pin_probe": self.pin,
            "unpin_probe": partial(setattr, self._session.state, "pinned", None),
            "colour_range": self.cortex.ask_range,
            "lock_range": self.cortex.lock_range,
            "flicker": self.images.tools.flicker.toggle,
        }

    def drops(self) -> Sequence[Drop]:
        """Images."""
        return self._files.drops()

    def start(self) -> None:
        """Open what was open last, and load the engine behind the first paint."""
        catalogue, settings = self._session.catalogue, self._session.settings
        self._session.controller.warm_up()
        subject = catalogue.choose_subject(settings.text("subject"))
        nothing = replace(self.selection(), subject=subject, image="")
        self.show(replace(nothing, network=settings.text("network"), layer=settings.text("layer")))
        self.gallery.set_images(catalogue.images, settings.text("image_group"))
        wanted = settings.text("image")
        known = {info.id for info in catalogue.images}
        self.show(replace(self.selection(), image=wanted if wanted in known else self.gallery.first_key()))
        self.undo.begin()
        self.cortex.view.canvas.input.take_focus()  # else the bar of tabs would have the keys

    def keep(self) -> None:
        """Remember sizes and what is open for the next start."""
        settings, chosen = self._session.settings, self.selection()
        self._places.keep()
        for name in ("gate_r", "subject", "network", "layer", "image"):
            settings.set(name, getattr(chosen, name))
        settings.set("auto_probe", self._session.state.auto_probe)
        settings.set("image_group", self.gallery.group.value() or "")
        with suppress(StorageError):
            save_image(self.images.grab().toImage(), last_images())

    def selection(self) -> Selection:
        """What is chosen now."""
        state = self._session.state
        return Selection(
            **state.choice().parts(),
            image=self._session.controller.image_key,
            gate_r=self.controls.gate.value(),
            map=self.cortex.current_map(),
            stimulus=state.stimulus,
            pinned=state.pinned,
        )

    def pin(self) -> None:
        """Keep the probe on screen to compare others with."""
        state = self._session.state
        if state.probe is not None and state.placed is not None:
            state.pinned = pin(state.probe, state.placed)
            self._say(f"Pinned as A: {state.probe.config.describe()}")

    def show(self, wanted: Selection, probe: Probe | None = None, *, makes: bool = False) -> None:
        """Choose all of it, then show its probe: the one given, or one made before.

        What is not there any more stays out. A probe that is not known is made at once where the window makes one at
        every change, and with `makes`.
        """
        state, controller = self._session.state, self._session.controller
        here = state.subject.id if state.subject is not None else ""
        if wanted.subject and wanted.subject != here:
            state.encoder = (wanted.network, wanted.layer)
            controller.open_subject(wanted.subject)
        fitted = {(one.network, one.layer) for one in self._session.catalogue.encoders_of(wanted.subject)}
        if (wanted.network, wanted.layer) in fitted:
            controller.open_encoder(wanted.network, wanted.layer)
        go_on = partial(self._show_rest, wanted, probe, makes=makes)
        if wanted.stimulus is None and wanted.image and wanted.image != controller.image_key:
            controller.open_image(wanted.image, go_on)
            return
        if wanted.stimulus is not None and wanted.stimulus is not state.stimulus:
            controller.take_stimulus(wanted.image, wanted.stimulus)
        go_on()

    def open(self, wanted: Selection) -> None:
        """Come to the front with a probe that was asked for elsewhere, making it if it is not known."""
        self._desk.tabs.open(KEY)
        services, show = self._session, partial(self.show, wanted, makes=True)

        def read() -> None:
            services.catalogue.place_subject(wanted.subject)
            services.engine.encoder_card(wanted.subject, wanted.network, wanted.layer)

        here, encoder = services.state.subject, (wanted.network, wanted.layer)
        if here is not None and (here.id, *services.state.encoder) == (wanted.subject, *encoder):
            show()
        else:
            self._wiring.read_first(read, show)

    def open_probe(self, config: ProbeConfig, image: str) -> None:
        """The same, of a config and the key of an image; of budget 0 the image alone."""
        if config.attack.epsilon:
            self.open(self.selection().asking(config, image))
        else:
            self.open_image(image)

    def open_image(self, key: str) -> None:
        """Come to the front with an image, by what opens it."""
        self._desk.tabs.open(KEY)
        self._session.controller.open_image(key)

    def value(self) -> ViewRecord:
        """The present view of the cortex."""
        return capture_view(self.cortex)

    def set_value(self, wanted: ViewRecord) -> None:
        """Show this view of the cortex."""
        self.cortex.set_map(wanted.map)
        self.presenter.settle()
        show_view(self.cortex, wanted)

    def style(self) -> CortexStyle:
        """The cortex as it is shown, for figures and movies."""
        seen = self.value()
        return CortexStyle(
            map=seen.map if seen.map in MAPS else "shift",
            geometry=seen.geometry,
            hemispheres=seen.hemispheres,
            view=seen.named_view if seen.named_view in SIDES_SEEN else "visual",
            outlines=seen.outlines,
            labels=seen.labels,
            path=seen.path,
            gate_r=self.controls.gate.value(),
        )

    def parts(self) -> Mapping[str, QWidget]:
        """What a tour may point at, by name."""
        return {
            "cortex": self.cortex,
            "images": self.images,
            "responses": self.responses,
            "epsilon": self.controls.attack.epsilon,
            "network": self.controls.encoder.network,
        }

    def palette_parts(self) -> tuple[QWidget, ...]:
        """What the palette looks for controls in; ROIs and encoders are found there anyway."""
        controls, target = self.controls, self.controls.target
        parts = (self.cortex, self.images, target.kind, target.options, controls.against, controls.attack)
        return (*parts, controls.attack.epsilon, controls.run, self.responses)

    def drag_epsilon(self, share: float) -> None:
        """Drag the budget to a share of what it is, as a user does."""
        control = self.controls.attack.epsilon
        control.slider.set_number(share * control.epsilon)

    def set_tools(self, *actions: QAction) -> None:
        """Give the buttons beside the images, and those over the gallery, their commands."""
        tools = self.images.tools
        for button, action in zip((tools.collect, tools.pin, tools.unpin, *self.gallery.ranking), actions, strict=True):
            button.setDefaultAction(action)

    def offer_in_menus(self, actions: Sequence[QAction]) -> None:
        """Put commands into the context menus of pictures and plots."""
        images, responses = self.images, self.responses
        panes = (images.clean_view, images.made_view, images.difference_view)
        for widget in (*panes, responses.curve, responses.table, responses.history):
            widget.addActions(actions)

    def show_all(self) -> None:
        """Bring every part back that was folded away."""
        self._places.show_all()

    def capture(self) -> Content:
        """What is chosen, the view of the cortex, and the sizes of the panels."""
        shown = {"view": self.value(), "layout": self._places.sizes()}
        return capture_selection(self._session, self.selection()) | shown

    def restore(self, loaded: Loaded) -> None:
        """Show a saved session's probe and view; undo starts again from it."""
        record = loaded.record
        self._session.state.auto_probe = record.auto_probe
        with self._session.problems.shown():
            use_surface(record, self._session)
        pinned = self._session.problems.attempt(partial(pin_loaded, loaded, self._session.catalogue))
        self.show(replace(selection_of(loaded, self._session.catalogue), pinned=pinned), loaded.probe)
        self.set_value(record.view)
        self._places.restore_sizes(record.layout)
        self.undo.begin()

    def _show_rest(self, wanted: Selection, probe: Probe | None, *, makes: bool) -> None:
        """Of a selection, what is chosen once encoder and image are there."""
        state, controller = self._session.state, self._session.controller
        same_subject = state.subject is not None and state.subject.id == wanted.subject
        if same_subject and wanted.target != state.target:
            controller.clear_target()
            state.target = wanted.target
        state.direction, state.attack, state.aim = wanted.direction, wanted.attack, wanted.aim
        controller.fit_image()
        state.pinned = wanted.pinned
        self.controls.gate.setValue(wanted.gate_r)
        self.cortex.set_map(wanted.map)
        known = probe if probe is not None else self.undo.find_known()
        if known is not None and fits_state(state, known):
            if known is not state.probe:
                self._show_known(known)
        elif makes and not state.auto_probe:
            controller.probe()
        controller.probe_if_automatic()

    def _show_known(self, probe: Probe) -> None:
        """Show a finished probe without making it again."""
        state, lane = self._session.state, self._session.lane
        for kind in ("clean", "preview", "probe"):
            lane.drop(kind)
        state.progress = state.preview = state.step = None
        state.is_probing = False
        state.run = probe.config
        state.clean = probe.clean
        state.probe = probe
        self._session.controller.want_atlas(SENSITIVITY in (self.cortex.current_map(), self.cortex.over.value()[0]))

    def _connect(self) -> None:
        view, responses = self.cortex.view, self.responses
        self._session.state.stimulus_changed.connect(self._show_side)
        for chosen in (self.controls.gate.valueChanged, self.cortex.map_changed):
            chosen.connect(self.undo.mark)
        for other in (self.undo.chosen, self.cortex.look_changed, view.layout_changed, view.scale_changed):
            other.connect(self.changed)
        self.gallery.open.clicked.connect(self._files.open_images)
        self.controls.target.keep.clicked.connect(self._sets.keep)
        self.images.said.connect(partial(self._tell, self.images))
        self.controls.entered.connect(view.canvas.input.take_focus)
        view.refused.connect(self._say)
        plots = ((responses.curve, FigureKind.CURVE), (responses.table, FigureKind.ROIS))
        for widget, kind in (*plots, (responses.history, FigureKind.STEPS)):
            menu = PictureMenu(widget, kind.words)
            menu.said.connect(partial(self._tell, menu))
            menu.figure_wanted.connect(partial(self.figure_wanted.emit, kind))
        for pane in (self.images.clean_view, self.images.made_view, self.images.difference_view):
            action = QAction("Save figure…", pane)
            action.triggered.connect(lambda: self.figure_wanted.emit(FigureKind.IMAGES))
            pane.addAction(action)

    @cached_property
    def _trade_off(self) -> TradeOffWindow:
        return TradeOffWindow(self._desk, selection=self.selection, show=self.show)

    @cached_property
    def _fingerprint(self) -> FingerprintWindow:
        return FingerprintWindow(self._desk)

    def _show_side(self) -> None:
        """Tell the budget how large the image is."""
        if (stimulus := self._session.state.stimulus) is not None:
            self.controls.attack.epsilon.set_side(stimulus.pixels.shape[-1])

    def _step(self, step: int) -> None:
        """Undo (-1) or redo (+1), and say what it changed."""
        before, after = self.undo.describe()
        self.undo.step(step)
        self._say(f"Undone: {before}" if step < 0 else f"Redone: {after}")

    def _tell(self, source: object, text: str) -> None:
        """Tell what the pointer is on; only who told it last takes it back."""
        if text or source is self._told_by:
            self._told_by = source
            self.said.emit(text)

    def _say(self, text: str) -> None:
        self._desk.say(text, "info")
