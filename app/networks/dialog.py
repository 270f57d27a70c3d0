"""The networks available: what each is, whether it is here, where it can be cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QAbstractItemView, QDialog, QWidget

from app.base.jobs import WhenBusy
from app.base.services import Services
from app.widgets.basics import (
    allow,
    fill_dialog,
    make_badge,
    make_button,
    make_column,
    make_heading,
    make_label,
    make_panel,
    make_row,
    make_split,
    set_look,
)
from app.widgets.editors import SearchLine
from app.widgets.job_line import JobLine, Reading
from app.widgets.plain_table import PlainTable
from core.networks.manage import CheckReport, check_network, describe_layers, iter_get, remove_network
from core.networks.spec import LayerInfo, NetworkSpec

if TYPE_CHECKING:
    from core.networks.files.download import DownloadProgress

KIND = "network"
MEGABYTE = 2**20
Tell = Callable[[str, str], None]
FIRST_SIZE, DETAILS_WIDTH = (1160, 660), 340
HEADER = ("Network", "Kind", "State", "Size", "Licence")
LICENCE_WIDTH = 110
"""Some licences are sentences; the details show them whole."""


class NetworkDetails(QWidget):
    """The chosen network's facts above its layers."""

    def __init__(self) -> None:
        super().__init__()
        self._layers: tuple[LayerInfo, ...] = ()
        self._spec: NetworkSpec | None = None
        self.title = make_label("", "title", wraps=True)
        self.badge = make_badge()
        self.facts, self.note = make_label(role="muted", wraps=True), make_label(wraps=True)
        self.heading = make_heading("Layers")
        self.search = SearchLine("layers")
        self.table = PlainTable("Layers", ("Layer", "Features", "Use"))
        self.setMinimumWidth(DETAILS_WIDTH)
        parts = (make_row(self.badge, -1), self.facts, self.note, self.heading, self.search, self.table)
        self.setLayout(make_column(self.title, *parts, gap=8, stretch=len(parts)))
        self.search.textChanged.connect(self._fill)

    def show_network(self, spec: NetworkSpec | None) -> None:
        """Show a network with its offered layers; their shapes come with `show_layers`."""
        self.badge.setVisible(spec is not None)
        if spec is None:
            self._spec = None
            self.title.setText("Choose a network")
            self.facts.clear()
            self.note.clear()
            self.show_layers(())
            return
        self.title.setText(spec.title)
        self.badge.setText("robust network" if spec.robust else "standard network")
        set_look(self.badge, "badge", "accent" if spec.robust else "plain")
        tokens = "" if spec.tokens == "all" else f" · tokens: {spec.tokens}"
        self.facts.setText(
            f"{spec.id} · {spec.family} {spec.architecture} · {spec.input_size} px{tokens}\n"
            f"mean {_numbers(spec.mean)}, std {_numbers(spec.std)}\n{spec.source} · {spec.licence}"
        )
        self.note.setText(spec.note)
        if spec != self._spec:
            self._spec = spec
            self.show_layers([LayerInfo(name, ()) for name in spec.layers])

    def show_layers(self, layers: Sequence[LayerInfo]) -> None:
        """Every layer with its shape."""
        self._layers = tuple(layers)
        self._fill()

    def _fill(self) -> None:
        shown = [layer for layer in self._layers if self.search.finds(layer.name)]
        self.table.fill([(layer.name, _layer_cells(layer, self._spec)) for layer in shown])
        count = f"{len(shown)} of {len(self._layers)}" if self.search.text().strip() else str(len(self._layers))
        self.heading.setText(f"LAYERS ({count})" if self._layers else "LAYERS")


class NetworksDialog(QDialog):
    """A table of networks, the chosen one's facts and layers, and what can be done with it.

    `tell(note, network)` is called when the networks are no longer the same.
    """

    def __init__(self, session: Services, tell: Tell, do_import: Callable[[], None], parent: QWidget | None = None):
        super().__init__(parent)
        self._session, self._tell = session, tell
        self._rows: tuple[NetworkSpec, ...] = ()
        self.search = SearchLine("networks")
        self.table = PlainTable("Networks", HEADER)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.limit_last(LICENCE_WIDTH)
        self.details, self.work = NetworkDetails(), JobLine()
        self.download = make_button("Download", "primary", self._download)
        self.bring = make_button("Import…", do=do_import)
        self.layers = make_button("Show layers", do=self._list_layers)
        self.check = make_button("Check", do=self._check)
        self.remove = make_button("Remove", do=self._remove)
        cancel_tip = "Stop; a partial download is kept and can be resumed"
        self.cancel = make_button("Cancel", do=self.work.cancel, tip=cancel_tip)
        self._lay_out()
        self.search.textChanged.connect(lambda: self.show_networks(self._rows))
        self.table.itemSelectionChanged.connect(self._follow_selection)
        self.work.changed.connect(self._refresh_buttons)
        self._refresh_buttons()

    @property
    def chosen(self) -> NetworkSpec | None:
        """The network of the selected row."""
        key = self.table.current_key()
        return next((row for row in self._rows if row.id == key), None)

    def show_networks(self, rows: Sequence[NetworkSpec], select: str = "") -> None:
        """List networks again; keeps the selection, or takes `select`."""
        wanted = select or self.table.current_key()
        self._rows = tuple(rows)
        shown = [row for row in self._rows if self.search.finds(_text_of(row))]
        with QSignalBlocker(self.table):
            self.table.fill([(row.id, _cells(row)) for row in shown], tips=[row.note for row in shown])
            self.table.select_key(wanted)
        self._follow_selection()

    def show_layers(self, network: str, layers: Sequence[LayerInfo]) -> None:
        """The layers of a network, if it is still the chosen one."""
        if self.chosen is not None and self.chosen.id == network:
            self.details.show_layers(layers)

    def show_report(self, report: CheckReport) -> None:
        """What probing a network found."""
        bad = next((problem for _, problem in report.checks if problem), "")
        shape = " × ".join(map(str, report.feature_shape))
        good = f"{report.network} can be probed at {report.layer} ({shape}): {len(report.checks)} checks passed."
        self.work.say("" if bad else good, error=bad)

    def _lay_out(self) -> None:
        parts = (make_column(self.search, self.table, gap=8), make_row(10, self.details))
        split = make_split(*map(make_panel, parts), shares=(3, 2))
        close = make_button("Close", do=self.close)
        acts = (self.download, self.bring, self.layers, self.check, self.remove)
        buttons = make_row(*acts, -1, self.cancel, close)
        fill_dialog(self, "Networks", split, self.work, buttons, gap=10, margin=16, stretch=0)
        self.resize(*FIRST_SIZE)

    def _follow_selection(self) -> None:
        self.details.show_network(self.chosen)
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        row = self.chosen
        self.cancel.setVisible(self.work.busy)
        none = "Choose a network first" if row is None else ""
        busy = "Wait until the current job is done" if self.work.busy else ""
        here = "It is already on this computer" if row is not None and row.installed else ""
        missing = "Download it first" if row is not None and not row.installed else ""
        fixed = "Embedded networks are permanent" if row is not None and not row.url and not row.user else ""
        gone = "It is not on this computer" if row is not None and not row.installed and not row.user else ""
        for button, reason, tip in (
            (self.download, busy or none or here, "Download the weights; an interrupted download resumes"),
            (self.check, busy or none or missing, "Load it and check gradient, finite values and batch effects"),
            (self.layers, busy or none, "List every layer that can be read out, with the shape of its features"),
            (self.remove, busy or none or fixed or gone, "Remove it, or its download, from this computer"),
            (self.bring, busy, "Import a file, a function, or a network of timm or torchvision by name"),
        ):
            allow(button, reason, tip)

    def _run(self, make: Callable[[str], Any], title: str, on_done: Callable[[Any], None]) -> None:
        network = self.table.current_key()
        title, lane = title.format(network), self._session.lane
        self.work.run(lane, KIND, lambda _stop: make(network), title=title, on_done=on_done)

    def _download(self) -> None:
        network = self.table.current_key()

        def take(last: DownloadProgress) -> None:
            first = " No checksum is published for it; this one is recorded and expected from now on."
            kept = first if last.first else ""
            self._tell(f"Downloaded {network}. SHA-256 {last.sha256[:16]}….{kept}", network)

        self.work.run(
            self._session.lane,
            KIND,
            lambda stop: iter_get(network, should_stop=stop),
            title=f"Downloading {network}…",
            on_done=take,
            read=read_download,
            stopped="Cancelled. The partial download is kept; Download resumes it.",
        )

    def _check(self) -> None:
        self._run(check_network, "Checking {}…", self.show_report)

    def _list_layers(self) -> None:
        show = partial(self.show_layers, self.table.current_key())
        self._run(describe_layers, "Listing the layers of {}…", show)

    def _remove(self) -> None:
        network = self.table.current_key()
        note = self.work.attempt(partial(remove_network, network))
        if note is None:
            return
        # On the lane: the engine belongs to it.
        self._session.lane.submit(
            "forget",
            lambda _stop: self._session.engine.forget_network(network),
            on_done=lambda _none: self._tell(note, ""),
            title=f"Closing {network}…",
            when_busy=WhenBusy.QUEUE,
        )


def _text_of(row: NetworkSpec) -> str:
    return f"{row.id} {row.title} {row.architecture} {'robust' if row.robust else 'standard'} {row.state}"


def _cells(row: NetworkSpec) -> tuple[str, ...]:
    size = f"{row.file_mb:,.0f} MB" if row.file_mb else "–"
    return row.title, "robust" if row.robust else "standard", row.state, size, row.licence


def _layer_cells(layer: LayerInfo, spec: NetworkSpec | None) -> tuple[str, str, str]:
    offered = "offered" if spec is not None and layer.name in spec.layers else ""
    offered = "default" if spec is not None and layer.name == spec.default_layer else offered
    call = f"call {layer.call}" if layer.call else ""
    return layer.name, " × ".join(map(str, layer.shape)), ", ".join(filter(None, (offered, call)))


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def read_download(progress: DownloadProgress) -> Reading:
    """How far a download is."""
    share = progress.done / progress.total if progress.total else None
    of = f" of {progress.total / MEGABYTE:.1f}" if progress.total else ""
    return Reading(share, f"Downloaded {progress.done / MEGABYTE:.1f}{of} MB", progress.seconds_left)
