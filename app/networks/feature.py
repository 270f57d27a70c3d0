"""Networks in the window: list, download, import, check, remove, robustify."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from app.base.jobs import Make, ShouldStop, WhenBusy
from app.networks.dialog import NetworksDialog
from app.networks.import_dialog import SUFFIXES, ImportNetworkDialog
from app.networks.robustify_dialog import RobustifyDialog
from app.widgets.basics import bring
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from app.widgets.job_line import Reading
from core.errors import ProbeError
from core.networks.import_options import NetworkImportOptions
from core.networks.manage import (
    can_be_trained,
    check_network,
    describe_layers,
    iter_get,
    list_status,
    remove_network,
    take_in,
)
from core.networks.spec import NetworkSpec
from core.robustify.options import RobustifyOptions

if TYPE_CHECKING:
    from core.networks.files.download import DownloadProgress

KIND = "network"
TRAINING = "robustify"
MEGABYTE = 2**20


class Networks(Feature):
    """Holds the dialogs about networks and the work they ask for."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.networks: NetworksDialog | None = None
        self.importing: ImportNetworkDialog | None = None
        self.robustify: RobustifyDialog | None = None

    def drops(self) -> Sequence[Drop]:
        """Files of weights."""
        return (Drop("networks", "Import the network {name}", _is_network, self.import_file),)

    @does("networks")
    def show_networks(self) -> None:
        """Open the list of networks."""
        if self.networks is None:
            self.networks = made = NetworksDialog(self._desk.parent)
            made.download_requested.connect(partial(self._download, made))
            made.remove_requested.connect(partial(self._remove, made))
            made.check_requested.connect(partial(self._check, made))
            made.layers_requested.connect(partial(self._list_layers, made))
            made.import_requested.connect(self.show_import)
        self.networks.show_networks(list_status(), self._session.state.network)
        bring(self.networks)

    def show_import(self) -> None:
        """Open a fresh import form."""
        known = [row.spec.id for row in list_status()]
        self.importing = ImportNetworkDialog(known, self.networks or self._desk.parent)
        self.importing.import_requested.connect(partial(self._import, self.importing))
        self.importing.open()

    def import_file(self, paths: Paths) -> None:
        """Open the import form on a file that was dropped."""
        self.show_import()
        if self.importing is not None:
            self.importing.source.setText(str(paths[0]))

    @does("robustify")
    def show_robustify(self) -> None:
        """Open the form of a robust fine-tuning."""
        if self.robustify is None:
            self.robustify = RobustifyDialog(self._desk.parent)
            self.robustify.start_requested.connect(partial(self._train, self.robustify))
        specs = [row.spec for row in list_status() if can_be_trained(row.spec)]
        self.robustify.set_networks(specs, self._session.state.network)
        bring(self.robustify)

    def _run(self, dialog: NetworksDialog, make: Make, title: str, on_done: Callable[[Any], None], **more: Any) -> None:
        dialog.work.run(self._session.lane, KIND, make, title=title, on_done=on_done, **more)

    def _download(self, dialog: NetworksDialog, network: str) -> None:
        def take(last: DownloadProgress) -> None:
            first = " No checksum is published for it; this one is recorded and expected from now on."
            kept = first if last.first else ""
            self._refresh(f"Downloaded {network}. SHA-256 {last.sha256[:16]}….{kept}", network)

        self._run(
            dialog,
            lambda stop: iter_get(network, should_stop=stop),
            f"Downloading {network}…",
            take,
            read=_read_download,
            stopped="Cancelled. The partial download is kept; Download resumes it.",
        )

    def _check(self, dialog: NetworksDialog, network: str) -> None:
        self._run(dialog, lambda _stop: check_network(network), f"Checking {network}…", dialog.show_report)

    def _list_layers(self, dialog: NetworksDialog, network: str) -> None:
        show = partial(dialog.show_layers, network)
        self._run(dialog, lambda _stop: describe_layers(network), f"Listing the layers of {network}…", show)

    def _remove(self, dialog: NetworksDialog, network: str) -> None:
        try:
            note = remove_network(network)
        except ProbeError as error:
            dialog.work.say(error=str(error))
            return
        # On the lane: the engine belongs to it.
        self._session.lane.submit(
            "forget",
            lambda _stop: self._session.engine.forget_network(network),
            on_done=lambda _none: self._refresh(note),
            title=f"Closing {network}…",
            when_busy=WhenBusy.QUEUE,
        )

    def _import(self, dialog: ImportNetworkDialog, source: str, options: NetworkImportOptions) -> None:
        make, take = partial(take_in, source, options), partial(self._take_import, dialog)
        dialog.work.run(self._session.lane, KIND, lambda _stop: make(), title=f"Importing {source}…", on_done=take)

    def _train(self, dialog: RobustifyDialog, options: RobustifyOptions) -> None:
        def make(stop: ShouldStop) -> Iterator[Any]:
            from core.robustify.run import iter_run

            return iter_run(options, device=self._session.engine.device, should_stop=stop)

        dialog.loss.forget()
        dialog.work.run(
            self._session.lane,
            TRAINING,
            make,
            title=f"Robustifying {options.network}…",
            on_done=self._take_trained,
            read=dialog.read_progress,
            stopped="Cancelled. Start resumes it.",
        )

    def _take_import(self, dialog: ImportNetworkDialog, spec: NetworkSpec) -> None:
        dialog.accept()
        self._refresh(f"Imported {spec.title} ({spec.id}). Fit an encoder on it to probe it.", spec.id)

    def _take_trained(self, done: Any) -> None:
        shifts = "; ".join(
            f"L2 {one.epsilon:g}: {one.tuned:.2f} (before: {one.original:.2f})" for one in done.published.records
        )
        note = f"Kept as {done.network.title} ({done.network.id}). Relative feature shift at {shifts}."
        if self.robustify is not None:
            self.robustify.work.say(note)
        self._refresh(note, done.network.id)

    def _refresh(self, note: str, select: str = "") -> None:
        """List the networks again and say why: in the list, unless it is closed or says how far another job is."""
        self._session.controller.reread_catalogue()
        if self.networks is not None:
            self.networks.show_networks(list_status(), select)
        if self.networks is not None and self.networks.isVisible() and not self.networks.work.busy:
            self.networks.work.say(note)
        else:
            self._session.controller.noted.emit(note)


def _is_network(paths: Paths) -> bool:
    return paths[0].suffix.lower() in SUFFIXES


def _read_download(progress: DownloadProgress) -> Reading:
    share = progress.done / progress.total if progress.total else None
    of = f" of {progress.total / MEGABYTE:.1f}" if progress.total else ""
    return Reading(share, f"Downloaded {progress.done / MEGABYTE:.1f}{of} MB", progress.seconds_left)
