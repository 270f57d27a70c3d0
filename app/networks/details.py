"""What one network is, and where it can be cut: facts, and a searchable list of layers."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLineEdit, QWidget

from app.widgets.basics import make_badge, make_column, make_heading, make_label, make_row, set_look
from app.widgets.plain_table import PlainTable
from core.networks.manage import LayerRow, NetworkStatus

LEAST_WIDTH = 340


class NetworkDetails(QWidget):
    """The chosen network's facts above its layers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers: tuple[LayerRow, ...] = ()
        self._network = ""
        self.title = make_label("", "title", wraps=True)
        self.badge = make_badge()
        self.facts = make_label(role="muted", wraps=True)
        self.note = make_label(wraps=True)
        self.heading = make_heading("Layers")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search layers…")
        self.search.setAccessibleName("Search layers")
        self.search.setClearButtonEnabled(True)
        self.table = PlainTable("Layers", ("Layer", "Features", ""))
        self.setMinimumWidth(LEAST_WIDTH)
        column = make_column(
            self.title, make_row(self.badge, -1), self.facts, self.note, self.heading, self.search, self.table, gap=8
        )
        column.setStretch(column.count() - 1, 1)
        self.setLayout(column)
        self.search.textChanged.connect(self._fill)

    def show_network(self, status: NetworkStatus | None) -> None:
        """Show a network with its offered layers; their shapes come with `show_layers`."""
        self.setVisible(True)
        if status is None:
            self._network = ""
            self.title.setText("Choose a network")
            for label in (self.facts, self.note):
                label.setText("")
            self.badge.hide()
            self._take(())
            return
        spec = status.spec
        self.title.setText(spec.title)
        self.badge.setText("robust network" if spec.robust else "standard network")
        set_look(self.badge, "badge", "accent" if spec.robust else "plain")
        self.badge.show()
        normalised = f"mean {_numbers(spec.mean)}, std {_numbers(spec.std)}"
        tokens = "" if spec.tokens == "all" else f" · tokens: {spec.tokens}"
        self.facts.setText(
            f"{spec.id} · {spec.family} {spec.architecture} · {spec.input_size} px{tokens}\n{normalised}\n"
            f"{spec.source} · {spec.licence}"
        )
        self.note.setText(spec.note)
        if spec.id != self._network:
            self._network = spec.id
            self._take(tuple(LayerRow(name, (), True, name == spec.default_layer) for name in spec.layers))

    def show_layers(self, layers: Sequence[LayerRow]) -> None:
        """Every layer with its shape."""
        self._take(tuple(layers))

    def _take(self, layers: tuple[LayerRow, ...]) -> None:
        self._layers = layers
        self._fill()

    @Slot()
    def _fill(self) -> None:
        words = self.search.text().casefold().split()
        shown = [layer for layer in self._layers if all(word in layer.name.casefold() for word in words)]
        self.table.fill([(layer.name, _cells(layer)) for layer in shown])
        count = f"{len(shown)} of {len(self._layers)}" if words else str(len(self._layers))
        self.heading.setText(f"LAYERS ({count})" if self._layers else "LAYERS")


def _cells(layer: LayerRow) -> tuple[str, str, str]:
    offered = "usual" if layer.usual else "offered" if layer.offered else ""
    return layer.name, " × ".join(map(str, layer.shape)), offered


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3g}" for value in values)
