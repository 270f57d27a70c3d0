"""Ties the panels of Explore to the controller, the settings and the lane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.base.services import Services
from app.base.settings import Settings, find_setting
from app.cortex.colour import CortexStyle
from app.cortex.panel import BESIDE, MAPS
from app.cortex.picking import HoverInfo
from app.explore.image_list import list_own_images
from app.explore.jury import Jury
from app.explore.maps import encoder_of
from app.explore.presenter import SENSITIVITY, Panels, Presenter
from app.widgets.ask_path import ask_open
from core.attacks.config import GREY_LEVELS, AttackConfig, write_epsilon
from core.probes.target import list_rois
from core.types import NormName

PATTERN_FILES = "Numbers (*.npy *.txt *.csv *.tsv)"
NOT_BESIDE = ("sensitivity", "roi")
"""Maps that take minutes, or have no values."""
MAP_KEYS = ("diverging_map", "sequential_map")
STYLE_KEYS = ("frame_data", "fade_zero", "map_opacity", "outline_width", "outline_ink")


class Wiring(QObject):
    """Made once by Explore and kept as long as it; `say` is told by whom, and what, the pointer is on."""

    def __init__(
        self,
        services: Services,
        panels: Panels,
        presenter: Presenter,
        *,
        say: Callable[[object, str], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session = services
        self._panels = panels
        self._presenter = presenter
        self._say = say
        self._window = parent
        self._jury = Jury(services, self)
        self._connect_controls()
        self._connect_views()
        self._connect_session()
        self._connect_jury()

    def _connect_controls(self) -> None:
        controls, controller = self._panels.controls, self._session.controller
        controls.encoder.subject_chosen.connect(self._choose_subject)
        controls.encoder.encoder_chosen.connect(self._choose_encoder)
        controls.against.changed.connect(controller.set_against)
        controls.target.roi_chosen.connect(self._choose_roi)
        target, view = controls.target, self._panels.cortex.view
        target.draw.toggled.connect(view.brush.use)
        target.brush.chosen.connect(lambda name: setattr(view.brush, "erases", name == "erase"))
        target.brush_size.valueChanged.connect(lambda: view.brush.set_radius(target.radius()))
        view.brush.resized.connect(target.show_size)
        controls.target.clear.clicked.connect(controller.clear_target)
        controls.target.options.changed.connect(controller.set_target_options)
        controls.target.options.pattern.clicked.connect(self._load_pattern)
        controls.attack.direction_chosen.connect(controller.set_direction)
        controls.attack.changed.connect(controller.set_attack)
        controls.attack.mask_tool.draw_on(self._panels.images.clean_view)
        controls.attack.mask_tool.refused.connect(controller.noted)
        controls.attack.epsilon.dragged.connect(controller.drag_epsilon)
        controls.run.probe_requested.connect(controller.probe)
        controls.run.cancel_requested.connect(controller.cancel)
        controls.run.auto.toggled.connect(controller.set_auto_probe)
        controls.gate.valueChanged.connect(lambda: self._presenter.mark("encoder"))  # voxels that are dimmed
        self._panels.gallery.chosen.connect(controller.open_image)
        self._panels.gallery.list.lane = self._session.files

    def _choose_subject(self, subject: str) -> None:
        catalogue, controller = self._session.catalogue, self._session.controller
        self.read_first(partial(catalogue.place_subject, subject), partial(controller.open_subject, subject))

    def _choose_roi(self, roi: str) -> None:
        self._session.controller.pick_roi(roi)
        self._presenter.mark("target")  # the form goes back where it was refused

    def _choose_encoder(self, network: str, layer: str) -> None:
        subject, controller, engine = self._session.state.subject, self._session.controller, self._session.engine
        if subject is not None:
            read = partial(engine.encoder_card, subject.id, network, layer)
            self.read_first(read, partial(controller.open_encoder, network, layer))

    def read_first(self, read: Callable[[], object], then: Callable[[], object]) -> None:
        """Read files where nobody waits for them, then open what is now in memory, or have it said why it is not."""

        def done(_read: object) -> None:
            then()

        self._session.files.submit("choice", lambda _stop: read(), on_done=done, refuse=done, title="Reading…")

    def _connect_views(self) -> None:
        cortex, controller = self._panels.cortex, self._session.controller
        cortex.view.voxel_picked.connect(controller.pick_voxel)
        cortex.view.set_drawn.connect(controller.pick_set)
        cortex.view.voxel_hovered.connect(self._tell_voxel)
        cortex.map_changed.connect(self._take_look)
        cortex.look_changed.connect(self._take_look)
        self._panels.images.compared.connect(self._presenter.compare)
        self._panels.responses.history.step_scrubbed.connect(self._scrub)
        self._panels.responses.table.roi_selected.connect(cortex.view.emphasise_roi)
        self._panels.responses.table.roi_wanted.connect(controller.pick_roi)

    def _tell_voxel(self, on: object) -> None:
        self._say(self._panels.cortex, on.describe() if isinstance(on, HoverInfo) else "")

    def _connect_session(self) -> None:
        session, state = self._session, self._session.state
        session.lane.state_changed.connect(self._panels.controls.run.set_run_state)
        session.controller.image_opened.connect(self._panels.gallery.follow)
        session.controller.catalogue_changed.connect(self._refill)
        state.subject_changed.connect(self._follow_subject)
        state.encoder_changed.connect(self._list_options)
        state.probe_changed.connect(self._report)
        state.attack_changed.connect(self._take_look)  # gradients are of one mask

    def _connect_jury(self) -> None:
        jury, strip, state = self._jury, self._panels.images.jury, self._session.state
        for take in (jury.set_sitting, self._show_votes, partial(self._session.settings.set, "jury")):
            strip.toggle.toggled.connect(take)
        strip.chosen.connect(self._choose_encoder)
        jury.refused.connect(self._session.controller.noted)
        for changed in (state.votes_changed, state.encoder_changed, state.is_probing_changed):
            changed.connect(self._show_votes)
        for changed in (state.encoder_changed, self._session.controller.catalogue_changed):
            changed.connect(self._offer_beside)

    def _show_votes(self, *_: object) -> None:
        self._panels.images.jury.show_jurors(self._jury.jurors())
        if encoder_of(self._panels.cortex.beside_box.value()) is not None:
            self._presenter.mark("map")

    def _offer_beside(self) -> None:
        """List the maps, the subject's other encoders, and other subjects' of the same layer, for a second cortex."""
        state, catalogue, cortex = self._session.state, self._session.catalogue, self._panels.cortex
        here = "" if state.subject is None else state.subject.id
        maps = [(f"map:{name}", f"Beside: {title}") for name, title in MAPS if name not in NOT_BESIDE]
        encoders = []
        for info in catalogue.subjects:
            for one in catalogue.encoders_of(info.id):
                key, is_own = (one.network, one.layer), info.id == here
                if key != state.encoder if is_own else key == state.encoder:
                    words = " ".join(key) if is_own else info.title
                    encoders.append((f"encoder:{info.id}/{'/'.join(key)}", f"Beside: {words}"))
        cortex.beside_box.set_choices([*BESIDE, *maps, *encoders], cortex.beside_box.value())
        self._jury.set_beside(cortex.beside_box.value())
        self._presenter.mark("map")

    def follow_settings(self) -> None:
        """Let the panels follow the settings that show in them at once, and keep there what was chosen in them."""
        settings, controls, cortex = self._session.settings, self._panels.controls, self._panels.cortex
        self._appliers: dict[str, Callable[[], object]] = {
            **{key: partial(self._apply_map, key) for key in MAP_KEYS},
            **dict.fromkeys(STYLE_KEYS, self._apply_style),
            "reduced_motion": lambda: cortex.view.canvas.set_gliding(not settings.flag("reduced_motion")),
            "auto_probe": lambda: controls.run.auto.setChecked(settings.flag("auto_probe")),
            "jury": lambda: self._panels.images.jury.toggle.setChecked(settings.flag("jury")),
            "gate_r": lambda: controls.gate.setValue(settings.number("gate_r")),
        }
        settings.changed.connect(self._apply)
        cortex.colormap_button.chosen.connect(self._keep_map)
        controls.gate.valueChanged.connect(partial(settings.set, "gate_r"))
        controls.run.auto.toggled.connect(partial(settings.set, "auto_probe"))
        for apply in dict.fromkeys(self._appliers.values()):
            apply()
        if self._session.state.attack == AttackConfig():
            self._session.state.attack = first_attack(settings)

    def _apply(self, key: str) -> None:
        if key in self._appliers:
            self._appliers[key]()

    def _apply_map(self, key: str) -> None:
        self._panels.cortex.view.set_colormap(self._session.settings.text(key))

    def _apply_style(self) -> None:
        settings = self._session.settings
        self._panels.cortex.set_style(
            CortexStyle(
                line_width=settings.number("outline_width"),
                line_ink=settings.text("outline_ink"),
                opacity=settings.whole("map_opacity") / 100,
                fades=settings.flag("fade_zero"),
                framed=settings.flag("frame_data"),
            )
        )

    def _keep_map(self, name: str) -> None:
        """The user chose a colour map beside the cortex: it is the one for its kind from now on."""
        for key in MAP_KEYS:
            if name in dict(find_setting(key).choices):
                self._session.settings.set(key, name)

    def _follow_subject(self) -> None:
        """The forms offer its encoders, whoever opened it; an imported one brings its own images into the gallery."""
        self._refill()
        subject = self._session.state.subject
        self._panels.gallery.set_own(list_own_images(subject), subject.title if subject is not None else "")

    def _refill(self) -> None:
        """List the catalogue again; what is chosen stays chosen."""
        catalogue, state, form = self._session.catalogue, self._session.state, self._panels.controls.encoder
        subject = state.subject.id if state.subject is not None else ""
        form.offer(catalogue, subject)
        form.set_encoder(*state.encoder)
        self._list_options()

    def _list_options(self) -> None:
        """List the present ROIs and networks for what is asked of a target, and forget those that are gone."""
        state, form = self._session.state, self._panels.controls.target.options
        rois = list_rois(state.subject.voxels) if state.subject is not None else ()
        networks = self._list_networks()
        form.set_rois(rois)
        form.set_networks(networks)
        subject = state.subject.id if state.subject is not None else ""
        fitted = [(one.network, one.layer) for one in self._session.catalogue.encoders_of(subject)]
        others = [key for key in fitted if key != state.encoder]
        second = state.aim.against
        state.aim = state.aim.without_unknown(rois, tuple(name for name, _ in networks), tuple(others))
        self._panels.controls.against.set_encoders(others, state.aim.against)
        if second is not None and state.aim.against is None:
            self._session.controller.noted.emit(f"No second encoder now: {second.label} is the first, or is not fitted")

    def _list_networks(self) -> list[tuple[str, str]]:
        """Networks beside the open one with an encoder at their usual layer and the same image size."""
        state, catalogue = self._session.state, self._session.catalogue
        own = catalogue.spec_of(state.network)
        if state.subject is None or own is None:
            return []
        who = state.subject.id
        encoders = catalogue.encoders_of(who)
        fitted = {one.network for one in encoders if catalogue.is_usual(who, one.network, one.layer)}
        return [
            (spec.id, spec.title)
            for spec in catalogue.networks
            if spec.id in fitted and spec.id != own.id and spec.input_size == own.input_size
        ]

    def _load_pattern(self) -> None:
        """Ask for a file with one wished response a voxel and make it the target."""
        if chosen := ask_open(self._window, "Load a pattern", pattern=PATTERN_FILES):
            self._session.controller.pick_pattern(chosen)

    def _report(self) -> None:
        """Say which budget was the smallest, that none reached the shift, or that a pair is undecided."""
        probe = self._session.state.probe
        if probe is None or not self._session.state.is_probing:  # one that was found again was told of before
            return
        if probe.undecided and not probe.config.attack.is_quick_look:
            text = f"Undecided: {probe.undecided}. Allow a larger budget."
            self._session.problems.message.emit(text, "warning")
        if not probe.config.wanted_shift_sd:
            return
        attack, wanted = probe.config.attack, probe.config.wanted_shift_sd
        budget = f"ε {write_epsilon(attack.epsilon, attack.norm)}"
        if probe.reaches_wanted_shift:
            self._session.controller.noted.emit(f"The smallest budget for {wanted:g} SD is {budget}.")
        else:
            text = f"A shift of {wanted:g} SD is not reached within {budget}. Allow a larger budget."
            self._session.problems.message.emit(text, "warning")

    def _take_look(self, *_: str) -> None:
        """Another map was chosen, or what shows beside or over it."""
        cortex = self._panels.cortex
        self._jury.set_beside(cortex.beside_box.value())
        self._session.controller.want_atlas(SENSITIVITY in (cortex.current_map(), cortex.over.value()[0]))
        self._presenter.mark("map")

    def _scrub(self, step: int | None) -> None:
        if self._session.state.probe is not None:
            self._session.state.step = step


def first_attack(settings: Settings) -> AttackConfig:
    """The attack the program starts with."""
    norm = NormName(settings.text("default_norm"))
    linf = settings.number("default_linf") / GREY_LEVELS
    epsilon = linf if norm is NormName.LINF else settings.number("default_l2")
    return AttackConfig(norm=norm, epsilon=epsilon, n_steps=settings.whole("default_steps"))
