"""What the window does with networks: list, download, import, check, remove, robustify. Never opens one for a probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from app.base.jobs import Failed, ShouldStop
from app.networks.dialog import NetworksDialog
from app.networks.import_dialog import SUFFIXES, ImportNetworkDialog
from app.networks.robustify_dialog import RobustifyDialog
from core.errors import ProbeError
from core.networks.import_options import NetworkImportOptions
from core.networks.manage import (
    CheckReport,
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
    from app.look.theme import Theme
    from app.shell.main_window import MainWindow
    from core.networks.files.download import DownloadProgress

KIND = "network"
TRAINING = "robustify"
MEGABYTE = 2**20


class NetworkTools(QObject):
    """Holds the dialogs about networks and the work they ask for."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self.networks: NetworksDialog | None = None
        self.importing: ImportNetworkDialog | None = None
        self.robustify: RobustifyDialog | None = None

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about networks."""
        return {"networks": self.show_networks, "robustify": self.show_robustify}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        if self.robustify is not None:
            self.robustify.set_theme(theme)

    @Slot()
    def show_networks(self) -> None:
        """Open the list of networks."""
        if self.networks is None:
            self.networks = made = NetworksDialog(self._window)
            made.download_requested.connect(self._download)
            made.remove_requested.connect(self._remove)
            made.check_requested.connect(self._check)
            made.layers_requested.connect(self._list_layers)
            made.import_requested.connect(self.show_import)
            made.cancel_requested.connect(partial(self._session.lane.stop, KIND))
        self.networks.show_networks(list_status(), self._session.state.network)
        self.networks.show()
        self.networks.raise_()

    @Slot()
    def show_import(self) -> None:
        """Open a fresh import form."""
        known = [row.spec.id for row in list_status()]
        self.importing = ImportNetworkDialog(known, self.networks or self._window)
        self.importing.import_requested.connect(self._import)
        self.importing.open()

    def take_drop(self, path: Path) -> bool:
        """Open the import form on a file dropped on the window that is called as networks are; whether it is."""
        if path.suffix.lower() not in SUFFIXES:
            return False
        self.show_import()
        if self.importing is not None:
            self.importing.source.setText(str(path))
        return True

    @Slot()
    def show_robustify(self) -> None:
        """Open the form of a robust fine-tuning."""
        if self.robustify is None:
            self.robustify = RobustifyDialog(self._window)
            self.robustify.set_theme(self._window.theme)
            self.robustify.start_requested.connect(self._train)
            self.robustify.cancel_requested.connect(partial(self._session.lane.stop, TRAINING))
        specs = [row.spec for row in list_status() if can_be_trained(row.spec)]
        self.robustify.set_networks(specs, self._session.state.network)
        self.robustify.show()
        self.robustify.raise_()

    @Slot(str)
    def _download(self, network: str) -> None:
        self._submit(
            lambda stop: iter_get(network, should_stop=stop),
            title=f"Downloading {network}…",
            on_done=partial(self._take_download, network),
            on_progress=self._show_download,
            stopped="Cancelled. What has arrived stays; Download resumes from there.",
        )

    @Slot(str)
    def _check(self, network: str) -> None:
        self._submit(lambda _stop: check_network(network), title=f"Checking {network}…", on_done=self._take_report)

    @Slot(str)
    def _list_layers(self, network: str) -> None:
        self._submit(
            lambda _stop: describe_layers(network),
            title=f"Listing the layers of {network}…",
            on_done=partial(self._take_layers, network),
        )

    @Slot(str)
    def _remove(self, network: str) -> None:
        try:
            note = remove_network(network)
        except ProbeError as error:
            self._end(error=str(error))
            return
        # On the lane: the engine belongs to it.
        self._session.lane.submit(
            "forget",
            lambda _stop: self._session.engine.forget_network(network),
            on_done=partial(self._refresh, note),
            on_failed=self._fail,
            title=f"Closing {network}…",
            replace=False,
        )

    @Slot(str, object)
    def _import(self, source: str, options: NetworkImportOptions) -> None:
        if self.importing is not None:
            self.importing.show_busy()
        self._session.lane.submit(
            KIND,
            lambda _stop: take_in(source, options),
            on_done=self._take_import,
            on_failed=self._fail_import,
            on_stopped=partial(self._refuse_import, "Cancelled."),
            title=f"Importing {source}…",
            replace=False,
        )

    @Slot(object)
    def _train(self, options: RobustifyOptions) -> None:
        if self.robustify is None:
            return
        self.robustify.show_running("Starting…")

        def make(stop: ShouldStop) -> Iterator[Any]:
            from core.robustify.run import iter_run

            return iter_run(options, device=self._session.engine.device, should_stop=stop)

        self._session.lane.submit(
            TRAINING,
            make,
            on_done=self._take_trained,
            on_progress=self._show_training,
            on_failed=self._fail_training,
            on_stopped=self._stop_training,
            title=f"Robustifying {options.network}…",
            replace=False,
            patient=True,
        )

    def _submit(
        self,
        make: Callable[[ShouldStop], Any],
        *,
        title: str,
        on_done: Callable[[Any], None],
        on_progress: Callable[[Any], None] | None = None,
        stopped: str = "Cancelled.",
    ) -> None:
        if self.networks is not None:
            self.networks.show_busy(title)
        self._session.lane.submit(
            KIND,
            make,
            on_done=on_done,
            on_progress=on_progress or _ignore,
            on_failed=self._fail,
            on_stopped=partial(self._end, stopped),
            title=title,
            replace=False,
            patient=True,
        )

    def _show_download(self, progress: DownloadProgress) -> None:
        if self.networks is None:
            return
        share = progress.done / progress.total if progress.total else None
        of = f" of {progress.total / MEGABYTE:.1f}" if progress.total else ""
        left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
        self.networks.show_busy(f"Downloaded {progress.done / MEGABYTE:.1f}{of} MB{left}", share)

    def _take_download(self, network: str, last: DownloadProgress) -> None:
        kept = " No checksum is published for it; this one is kept and expected from now on." if last.first else ""
        self._refresh(f"Downloaded {network}. SHA-256 {last.sha256[:16]}….{kept}", network)

    def _take_report(self, report: CheckReport) -> None:
        if self.networks is not None:
            self.networks.show_report(report)

    def _take_layers(self, network: str, layers: tuple[Any, ...]) -> None:
        if self.networks is not None:
            self.networks.show_idle()
            self.networks.show_layers(network, layers)

    def _take_import(self, spec: NetworkSpec) -> None:
        if self.importing is not None:
            self.importing.accept()
        self._refresh(f"Imported {spec.title} ({spec.id}). Fit an encoder on it to probe it.", spec.id)

    def _fail_import(self, failed: Failed) -> None:
        known = isinstance(failed.error, ProbeError)
        self._refuse_import(str(failed.error) if known else "A defect: see the report.")
        if not known:
            self._session.problems.show_failed(failed)

    def _refuse_import(self, text: str) -> None:
        if self.importing is not None:
            self.importing.show_error(text)

    def _show_training(self, progress: Any) -> None:
        if self.robustify is None or not hasattr(progress, "n_seen"):
            return
        left = progress.seconds_left
        text = (
            f"{progress.n_seen:,} of {progress.n_images:,} photographs at {progress.size} px, "
            f"epsilon {progress.epsilon:.2f}" + (f"; {_tell_time(left)} left" if left is not None else "")
        )
        losses = (progress.loss, progress.clean_loss)
        self.robustify.show_progress(progress.n_seen, progress.n_images, losses=losses, text=text)

    def _take_trained(self, done: Any) -> None:
        shifts = "; ".join(
            f"L2 {one.epsilon:g}: {one.tuned:.2f} (before: {one.original:.2f})" for one in done.published.records
        )
        note = f"Kept as {done.network.title} ({done.network.id}). Relative feature shift at {shifts}."
        if self.robustify is not None:
            self.robustify.show_idle(note)
        self._refresh(note, done.network.id)

    def _fail_training(self, failed: Failed) -> None:
        known = isinstance(failed.error, ProbeError)
        if self.robustify is not None:
            self.robustify.show_idle(error=str(failed.error) if known else "A defect: see the report.")
        if not known:
            self._session.problems.show_failed(failed)

    def _stop_training(self) -> None:
        if self.robustify is not None:
            self.robustify.show_idle("Cancelled. Start goes on from here.")

    def _refresh(self, note: str, select: str | None = "") -> None:
        self._session.controller.reread_catalogue()
        if self.networks is not None:
            self.networks.show_networks(list_status(), select or "")
            self.networks.show_idle(note)
        else:
            self._session.controller.noted.emit(note)

    def _fail(self, failed: Failed) -> None:
        known = isinstance(failed.error, ProbeError)
        self._end(error=str(failed.error) if known else "A defect: see the report.")
        if not known:
            self._session.problems.show_failed(failed)

    def _end(self, note: str = "", error: str = "") -> None:
        if self.networks is not None:
            self.networks.show_idle(note, error)


def _tell_time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _ignore(_record: object) -> None:
    """Progress nobody shows."""
