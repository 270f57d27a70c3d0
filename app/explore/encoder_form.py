"""Chooses the subject, the network and the feature layer among the encoders that exist."""

from __future__ import annotations

from PySide6.QtCore import Signal

from app.base.catalogue import Catalogue
from app.widgets.basics import allow, make_badge, make_button, make_column, make_heading, make_label, make_row, set_look
from app.widgets.form import Choice, Form
from core.encoders.config import EncoderConfig

CARD_TIP = "How well this encoder predicts, voxel by voxel (I)"


class EncoderForm(Form):
    """Subject, network and layer, with badges for what is simulated and what is robust."""

    subject_chosen = Signal(str)
    encoder_chosen = Signal(str, str)

    subject = Choice("Subject", letters=6)
    network = Choice("Network", letters=6)
    layer = Choice("Layer", letters=6, name="Feature layer")

    def __init__(self) -> None:
        super().__init__()
        self._catalogue, self._fitted = Catalogue((), (), (), ()), tuple[EncoderConfig, ...]()
        self.subject_badge = make_badge()
        self.network_badge = make_badge()
        self.note = make_label("", "faint", wraps=True)
        self.card_button = make_button("Encoder card…", "link", tip=CARD_TIP)
        heading = make_row(make_heading("Encoder"), -1, self.subject_badge, self.network_badge)
        foot = make_row(self.note, self.card_button, stretch=0)
        self.setLayout(make_column(heading, self.make_rows("subject", "network", "layer"), foot, gap=6))

    def offer(self, catalogue: Catalogue, subject: str) -> None:
        """List the subjects and show one, whose encoders are offered, as chosen; emits no signal."""
        self._catalogue, self._fitted = catalogue, catalogue.encoders_of(subject)
        self.subject.set_choices([(info.id, info.title, info.note) for info in catalogue.subjects], subject)
        self._show_subject()

    def set_encoder(self, network: str, layer: str) -> None:
        """Show a network and layer as chosen; emits no signal."""
        offered, spec = {config.network for config in self._fitted}, self._catalogue.spec_of(network)
        specs = [one for one in self._catalogue.networks if one.id in offered]
        self.network.set_choices([(one.id, one.title, one.note) for one in specs], network)
        self.layer.set_choices([(name, name) for name in self._layers(network)], layer)
        robust = spec is not None and spec.robust
        self.network_badge.setText("robust network" if robust else "standard network")
        self.network_badge.setToolTip("" if spec is None else spec.note)
        self.network_badge.setVisible(bool(network))
        set_look(self.network_badge, "badge", "accent" if robust else "plain")

    def set_note(self, text: str) -> None:
        """What is known about the open encoder, in one line."""
        self.note.setText(text)
        allow(self.card_button, "" if text else "No encoder is open", CARD_TIP)

    def _layers(self, network: str) -> list[str]:
        spec = self._catalogue.spec_of(network)
        order = list(spec.layers) if spec is not None else []
        fitted = [config.layer for config in self._fitted if config.network == network]
        return sorted(fitted, key=lambda name: order.index(name) if name in order else len(order))

    def _show_subject(self) -> None:
        info = next((one for one in self._catalogue.subjects if one.id == self.subject.value()), None)
        kind = info.kind if info is not None else ""
        self.subject_badge.setText(kind)
        self.subject_badge.setToolTip(info.note if info is not None else "")
        set_look(self.subject_badge, "badge", "warning" if kind == "simulated" else "accent")

    def take_subject(self, *_: object) -> None:
        """Another subject was chosen."""
        self._show_subject()
        self.subject_chosen.emit(self.subject.value())

    def take_network(self, *_: object) -> None:
        """Another network was chosen: the layer stays where it has it, or else is its usual one."""
        network, subject, layers = self.network.value(), self.subject.value(), self._layers(self.network.value())
        usual = [name for name in layers if self._catalogue.is_usual(subject, network, name)]
        layer = self.layer.value() if self.layer.value() in layers else (usual or layers)[-1]
        self.set_encoder(network, layer)
        self.encoder_chosen.emit(network, layer)

    def take_layer(self, *_: object) -> None:
        """Another layer was chosen."""
        self.encoder_chosen.emit(self.network.value(), self.layer.value())
