"""Ties the aim form to the session: what is available, patterns from files, how a request ended."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from app.base.services import Services
from app.explore.target_options_form import TargetOptionsForm
from app.look.numbers import write_epsilon
from app.widgets.ask_path import ask_open
from core.probes.target_options import TargetOptions

PATTERN_FILES = "Numbers (*.npy *.txt *.csv *.tsv)"


class TargetOptionsTools(QObject):
    """Made once by Explore and kept as long as it."""

    def __init__(self, services: Services, form: TargetOptionsForm, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._session = services
        self._form = form
        state = self._session.state
        self._form.changed.connect(self._take)
        self._form.pattern_requested.connect(self.load_pattern)
        state.subject_changed.connect(self.offer)
        state.encoder_changed.connect(self.offer)
        state.probe_changed.connect(self._report)

    @Slot()
    def offer(self) -> None:
        """List the present ROIs and networks, and forget those that are gone."""
        state = self._session.state
        rois = state.subject.voxels.roi_names if state.subject is not None else ()
        networks = self._list_networks()
        self._form.set_rois(rois)
        self._form.set_networks(networks)
        state.aim = state.aim.without_unknown(rois, tuple(name for name, _ in networks))

    @Slot()
    def load_pattern(self) -> None:
        """Ask for a file with one wished response a voxel and make it the target."""
        chosen = ask_open(self._window, "Load a pattern", pattern=PATTERN_FILES)
        if chosen is not None:
            self._session.controller.pick_pattern(chosen)

    def _list_networks(self) -> list[tuple[str, str]]:
        """Networks beside the open one with an encoder at their usual layer and the same image size."""
        state, catalogue = self._session.state, self._session.catalogue
        own = catalogue.spec_of(state.network)
        if state.subject is None or own is None:
            return []
        fitted = {(config.network, config.layer) for config in catalogue.encoders_of(state.subject.id)}
        return [
            (spec.id, spec.title)
            for spec in catalogue.networks
            if (spec.id, spec.default_layer) in fitted and spec.id != own.id and spec.input_size == own.input_size
        ]

    @Slot(object)
    def _take(self, options: TargetOptions) -> None:
        self._session.controller.set_target_options(options)

    @Slot()
    def _report(self) -> None:
        """Say which budget was the smallest, or that none reached the shift."""
        probe = self._session.state.probe
        if probe is None or not probe.config.wanted_shift_sd:
            return
        attack, wanted = probe.config.attack, probe.config.wanted_shift_sd
        budget = f"ε {write_epsilon(attack.epsilon, attack.norm)}"
        if probe.reaches_wanted_shift:
            self._session.controller.noted.emit(f"The smallest budget for {wanted:g} SD is {budget}.")
        else:
            text = f"A shift of {wanted:g} SD is not reached within {budget}. Allow a larger budget."
            self._session.problems.message.emit(text, "warning")
