"""The networks available: what each is, whether it is here, where it can be cut."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QDialog, QLayout, QLineEdit, QSplitter, QWidget

from app.networks.details import NetworkDetails
from app.widgets.basics import make_button, make_column, make_row
from app.widgets.job_line import JobLine
from app.widgets.plain_table import PlainTable
from core.networks.manage import CheckReport, LayerRow, NetworkStatus

FIRST_SIZE = (1160, 660)
HEADER = ("Network", "Kind", "State", "Size", "Licence")
LICENCE_WIDTH = 110
"""Some licences are sentences; the details show them whole."""


class NetworksDialog(QDialog):
    """A table of networks, the chosen one's facts and layers, and what can be done with it.

    Signals
    -------
    download_requested(str), remove_requested(str), check_requested(str), layers_requested(str)
        With the id of the chosen network.
    import_requested
    """

    download_requested = Signal(str)
    remove_requested = Signal(str)
    check_requested = Signal(str)
    layers_requested = Signal(str)
    import_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Networks")
        self.resize(*FIRST_SIZE)
        self._rows: tuple[NetworkStatus, ...] = ()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search networks…")
        self.search.setAccessibleName("Search networks")
        self.search.setClearButtonEnabled(True)
        self.table = PlainTable("Networks", HEADER)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.limit_last(LICENCE_WIDTH)
        self.details = NetworkDetails()
        self.work = JobLine()
        self._make_buttons()
        self._lay_out()
        self._connect()
        self._refresh_buttons()

    @property
    def chosen(self) -> NetworkStatus | None:
        """The network of the selected row."""
        key = self.table.current_key()
        return next((row for row in self._rows if row.spec.id == key), None)

    def show_networks(self, rows: Sequence[NetworkStatus], select: str = "") -> None:
        """List networks again; keeps the selection, or takes `select`."""
        wanted = select or self.table.current_key()
        self._rows = tuple(rows)
        with QSignalBlocker(self.table):
            self._fill()
            self.table.select_key(wanted)
        self._follow_selection()

    def show_layers(self, network: str, layers: Sequence[LayerRow]) -> None:
        """The layers of a network, if it is still the chosen one."""
        if self.chosen is not None and self.chosen.spec.id == network:
            self.details.show_layers(layers)

    def show_report(self, report: CheckReport) -> None:
        """What probing a network found."""
        bad = next((problem for _, problem in report.checks if problem), "")
        shape = " × ".join(map(str, report.feature_shape))
        good = f"{report.network} can be probed at {report.layer} ({shape}): {len(report.checks)} checks passed."
        self.work.say("" if bad else good, error=bad)

    def _make_buttons(self) -> None:
        self.download = make_button("Download", "primary")
        self.bring = make_button(
            "Import…", tip="Import a file, a function, or a network of timm or torchvision by name"
        )
        self.remove = make_button("Remove")
        self.check = make_button("Check")
        self.layers = make_button("Show layers")
        self.cancel = make_button("Cancel", tip="Stop; a partial download is kept and can be resumed")
        self.close_button = make_button("Close")

    def _lay_out(self) -> None:
        left = make_panel(make_column(self.search, self.table, gap=8))
        right = make_panel(make_row(10, self.details))
        split = QSplitter(Qt.Orientation.Horizontal)
        for part, stretch in ((left, 3), (right, 2)):
            split.addWidget(part)
            split.setStretchFactor(split.count() - 1, stretch)
        split.setChildrenCollapsible(False)
        buttons = make_row(
            self.download, self.bring, self.layers, self.check, self.remove, -1, self.cancel, self.close_button
        )
        column = make_column(split, self.work, buttons, gap=10, margin=16)
        column.setStretch(0, 1)
        self.setLayout(column)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.table.itemSelectionChanged.connect(self._follow_selection)
        self.download.clicked.connect(self._ask_download)
        self.remove.clicked.connect(self._ask_remove)
        self.check.clicked.connect(self._ask_check)
        self.layers.clicked.connect(self._ask_layers)
        self.bring.clicked.connect(self.import_requested)
        self.cancel.clicked.connect(self.work.cancel)
        self.work.changed.connect(self._refresh_buttons)
        self.close_button.clicked.connect(self.close)

    def _fill(self) -> None:
        words = self.search.text().casefold().split()
        shown = [row for row in self._rows if all(word in _text_of(row).casefold() for word in words)]
        self.table.fill([(row.spec.id, _cells(row)) for row in shown], tips=[row.spec.note for row in shown])

    @Slot()
    def _filter(self) -> None:
        self.show_networks(self._rows)

    @Slot()
    def _follow_selection(self) -> None:
        self.details.show_network(self.chosen)
        self._refresh_buttons()

    @Slot()
    def _refresh_buttons(self) -> None:
        row = self.chosen
        self.cancel.setVisible(self.work.busy)
        none = "Choose a network first" if row is None else ""
        busy = "Wait until the current job is done" if self.work.busy else ""
        here = "It is already on this computer" if row is not None and row.installed else ""
        missing = "Download it first" if row is not None and not row.installed else ""
        fixed = "Embedded networks are permanent" if row is not None and not row.spec.url and not row.spec.user else ""
        gone = "It is not on this computer" if row is not None and not row.installed and not row.spec.user else ""
        _allow(self.download, busy or none or here, "Download the weights; an interrupted download resumes")
        _allow(self.check, busy or none or missing, "Load it and check gradient, finite values and batch effects")
        _allow(self.layers, busy or none, "List every layer that can be read out, with the shape of its features")
        _allow(self.remove, busy or none or fixed or gone, "Remove it, or its download, from this computer")
        _allow(self.bring, busy, "Import a file, a function, or a network of timm or torchvision by name")

    @Slot()
    def _ask_download(self) -> None:
        self._ask(self.download_requested)

    @Slot()
    def _ask_remove(self) -> None:
        self._ask(self.remove_requested)

    @Slot()
    def _ask_check(self) -> None:
        self._ask(self.check_requested)

    @Slot()
    def _ask_layers(self) -> None:
        self._ask(self.layers_requested)

    def _ask(self, signal: object) -> None:
        row = self.chosen
        if row is not None:
            signal.emit(row.spec.id)  # type: ignore[attr-defined]


def make_panel(column: QLayout) -> QWidget:
    """A part of a splitter in the colour of the dialog."""
    panel = QWidget()
    panel.setProperty("role", "panel")
    panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    panel.setLayout(column)
    return panel


def _allow(button: QWidget, reason: str, tip: str) -> None:
    button.setEnabled(not reason)
    button.setToolTip(reason or tip)


def _text_of(row: NetworkStatus) -> str:
    spec = row.spec
    return f"{spec.id} {spec.title} {spec.architecture} {'robust' if spec.robust else 'standard'} {row.state}"


def _cells(row: NetworkStatus) -> tuple[str, ...]:
    size = f"{row.size_mb:,.0f} MB" if row.size_mb else "–"
    return row.spec.title, "robust" if row.spec.robust else "standard", row.state, size, row.spec.licence
