"""Ties the signals of the panels to the controller, and the lane to what shows it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from app.base.services import Services
from app.cortex.hover import HoverInfo
from app.explore.gallery_panel import GalleryPanel
from app.explore.image_list import list_own_images
from app.explore.presenter import SENSITIVITY, Panels, Presenter


class Wiring(QObject):
    """Made once by Explore and kept as long as it; `say` is told what the pointer is on."""

    def __init__(
        self,
        services: Services,
        panels: Panels,
        *,
        gallery: GalleryPanel,
        presenter: Presenter,
        say: Callable[[str], object],
    ) -> None:
        super().__init__()
        self._session = services
        self._panels = panels
        self._gallery = gallery
        self._presenter = presenter
        self._say = say
        self._connect_controls()
        self._connect_views()
        self._connect_session()

    def _connect_controls(self) -> None:
        controls, controller = self._panels.controls, self._session.controller
        controls.encoder.subject_chosen.connect(controller.open_subject)
        controls.encoder.encoder_chosen.connect(controller.open_encoder)
        controls.target.roi_chosen.connect(controller.pick_roi)
        controls.target.drawing_toggled.connect(self._panels.cortex.view.set_drawing)
        controls.target.drawing_cleared.connect(controller.clear_target)
        controls.attack.direction_chosen.connect(controller.set_direction)
        controls.attack.changed.connect(controller.set_attack)
        controls.attack.epsilon_dragged.connect(controller.drag_epsilon)
        controls.run.probe_requested.connect(controller.probe)
        controls.run.cancel_requested.connect(controller.cancel)
        controls.run.auto_toggled.connect(controller.set_auto_probe)
        controls.gate_changed.connect(self._presenter.set_gate)
        self._gallery.chosen.connect(controller.open_image)

    def _connect_views(self) -> None:
        cortex, controller = self._panels.cortex, self._session.controller
        cortex.view.voxel_picked.connect(controller.pick_voxel)
        cortex.view.set_drawn.connect(controller.pick_set)
        cortex.view.voxel_hovered.connect(self._show_hover)
        cortex.map_changed.connect(self._take_map)
        self._panels.responses.step_scrubbed.connect(self._scrub)
        self._panels.responses.roi_selected.connect(cortex.view.emphasise_roi)

    def _connect_session(self) -> None:
        session = self._session
        session.lane.state_changed.connect(self._panels.controls.run.set_run_state)
        session.controller.image_opened.connect(self._gallery.follow)
        session.controller.catalogue_changed.connect(self._refill)
        session.state.subject_changed.connect(self._follow_subject)

    @Slot()
    def _follow_subject(self) -> None:
        """The forms offer its encoders, whoever opened it; an imported one brings its own images into the gallery."""
        self._refill()
        subject = self._session.state.subject
        self._gallery.set_own(list_own_images(subject), subject.title if subject is not None else "")

    @Slot()
    def _refill(self) -> None:
        """List the catalogue again; what is chosen stays chosen."""
        catalogue, state, form = self._session.catalogue, self._session.state, self._panels.controls.encoder
        subject = state.subject.id if state.subject is not None else ""
        form.set_subjects(catalogue.subjects, subject)
        form.set_encoders(catalogue.encoders_of(subject), catalogue.networks)
        form.set_encoder(*state.encoder)

    @Slot(str)
    def _take_map(self, name: str) -> None:
        self._presenter.redraw_map()
        self._session.controller.want_atlas(name == SENSITIVITY)

    @Slot(int)
    def _scrub(self, step: int) -> None:
        if self._session.state.probe is not None:
            self._session.state.step = step

    @Slot(object)
    def _show_hover(self, info: object) -> None:
        self._say(info.describe() if isinstance(info, HoverInfo) else "")
