"""Chooses the subject, the network and the feature layer among the encoders that exist. Never loads one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.widgets.basics import make_badge, make_button, make_column, make_heading, make_label, make_row, set_look
from app.widgets.captions import ElidedLabel
from core.datasets.subject import SubjectInfo
from core.encoders.config import EncoderConfig
from core.networks.spec import NetworkSpec

LABEL_WIDTH = 58


class EncoderForm(QWidget):
    """Subject, network and layer, with badges for what is simulated and what is robust."""

    subject_chosen = Signal(str)
    encoder_chosen = Signal(str, str)
    card_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._configs: tuple[EncoderConfig, ...] = ()
        self._networks: dict[str, NetworkSpec] = {}
        self._subjects: dict[str, SubjectInfo] = {}
        self.subject = _make_combo("Subject")
        self.network = _make_combo("Network")
        self.layer = _make_combo("Feature layer")
        self.subject_badge = make_badge()
        self.network_badge = make_badge()
        self.note = ElidedLabel("faint")
        self.card_button = make_button(
            "Encoder card…", "link", tip="How well this encoder predicts, voxel by voxel (I)"
        )
        self._lay_out()
        self.subject.activated.connect(self._take_subject)
        self.network.activated.connect(self._take_network)
        self.layer.activated.connect(self._take_layer)
        self.card_button.clicked.connect(self.card_requested)

    def set_subjects(self, subjects: Sequence[SubjectInfo], current: str) -> None:
        """Offer the subjects and show one as chosen; tells nobody."""
        self._subjects = {info.id: info for info in subjects}
        _fill(self.subject, [(info.id, info.title, info.note) for info in subjects], current)
        self._show_subject()

    def set_encoders(self, configs: Sequence[EncoderConfig], networks: Sequence[NetworkSpec]) -> None:
        """Offer the fitted encoders of one subject, by network."""
        self._configs = tuple(configs)
        self._networks = {spec.id: spec for spec in networks}

    def set_encoder(self, network: str, layer: str) -> None:
        """Show a network and layer as chosen; tells nobody."""
        offered = dict.fromkeys(config.network for config in self._configs)
        _fill(self.network, [(name, self._title(name), self._note(name)) for name in offered], network)
        _fill(self.layer, [(name, name, "") for name in self._layers(network)], layer)
        spec = self._networks.get(network)
        robust = spec is not None and spec.robust
        self.network_badge.setText("robust network" if robust else "standard network")
        self.network_badge.setToolTip(self._note(network))
        self.network_badge.setVisible(bool(network))
        set_look(self.network_badge, "badge", "accent" if robust else "plain")

    def set_note(self, text: str) -> None:
        """What is known about the open encoder, in one line."""
        self.note.show_text(text)
        self.card_button.setEnabled(bool(text))
        tip = "How well this encoder predicts, voxel by voxel (I)" if text else "No encoder is open"
        self.card_button.setToolTip(tip)

    def _lay_out(self) -> None:
        column = make_column(make_row(make_heading("Encoder"), -1, self.subject_badge, self.network_badge), gap=6)
        for name, combo in (("Subject", self.subject), ("Network", self.network), ("Layer", self.layer)):
            column.addLayout(_make_field_row(name, combo))
        row = make_row(self.note, self.card_button)
        row.setStretch(0, 1)
        column.addLayout(row)
        self.setLayout(column)

    def _layers(self, network: str) -> list[str]:
        spec = self._networks.get(network)
        order = list(spec.layers) if spec is not None else []
        fitted = [config.layer for config in self._configs if config.network == network]
        return sorted(fitted, key=lambda name: order.index(name) if name in order else len(order))

    def _title(self, network: str) -> str:
        spec = self._networks.get(network)
        return spec.title if spec is not None else network

    def _note(self, network: str) -> str:
        spec = self._networks.get(network)
        return spec.note if spec is not None else ""

    def _show_subject(self) -> None:
        info = self._subjects.get(self.subject.currentData())
        kind = info.kind if info is not None else ""
        self.subject_badge.setText(kind)
        self.subject_badge.setToolTip(info.note if info is not None else "")
        set_look(self.subject_badge, "badge", "warning" if kind == "simulated" else "accent")

    @Slot(int)
    def _take_subject(self, _index: int) -> None:
        self._show_subject()
        self.subject_chosen.emit(self.subject.currentData())

    @Slot(int)
    def _take_network(self, _index: int) -> None:
        network = self.network.currentData()
        layers = self._layers(network)
        spec = self._networks.get(network)
        wanted = self.layer.currentData()
        usual = spec.default_layer if spec is not None else ""
        layer = next((name for name in (wanted, usual) if name in layers), layers[-1])
        self.set_encoder(network, layer)
        self.encoder_chosen.emit(network, layer)

    @Slot(int)
    def _take_layer(self, _index: int) -> None:
        self.encoder_chosen.emit(self.network.currentData(), self.layer.currentData())


def _make_combo(name: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setMinimumContentsLength(6)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


def _make_field_row(name: str, combo: QComboBox) -> QHBoxLayout:
    label = make_label(name, "muted")
    label.setFixedWidth(LABEL_WIDTH)
    row = make_row(label, combo)
    row.setStretch(1, 1)
    return row


def _fill(combo: QComboBox, items: Sequence[tuple[str, str, str]], current: str) -> None:
    with QSignalBlocker(combo):
        combo.clear()
        for value, text, tip in items:
            combo.addItem(text, value)
            combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        combo.setCurrentIndex(max(0, combo.findData(current)))
