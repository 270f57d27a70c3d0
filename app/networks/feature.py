"""Networks in the window: list, download, import, check, remove, robustify."""

from __future__ import annotations

from collections.abc import Sequence

from app.networks.dialog import NetworksDialog
from app.networks.import_dialog import SUFFIXES, ImportNetworkDialog
from app.networks.robustify_dialog import RobustifyDialog
from app.widgets.basics import bring
from app.widgets.desk import Desk, Drop, Feature, does
from core.networks.catalog import list_networks


class Networks(Feature):
    """Holds the dialogs about networks, and tells the list what another of them did."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.networks: NetworksDialog | None = None
        self.importing: ImportNetworkDialog | None = None
        self.robustify: RobustifyDialog | None = None

    def drops(self) -> Sequence[Drop]:
        """Files of weights."""
        return (
            Drop(
                "networks",
                "Import the network {name}",
                lambda paths: paths[0].suffix.lower() in SUFFIXES,
                lambda paths: self.show_import(str(paths[0])),
            ),
        )

    @does("networks")
    def show_networks(self) -> None:
        """Open the list of networks."""
        if self.networks is None:
            self.networks = NetworksDialog(self._session, self._refresh, self.show_import, self._desk.parent)
        self.networks.show_networks(list_networks(), self._session.state.network)
        bring(self.networks)

    def show_import(self, source: str = "") -> None:
        """Open a fresh import form, on a file that was dropped or none."""
        self.importing = ImportNetworkDialog(self._session.lane, self._refresh, self.networks or self._desk.parent)
        self.importing.open()
        if source:
            self.importing.source.setText(source)

    @does("robustify")
    def show_robustify(self) -> None:
        """Open the form of a robust fine-tuning."""
        if self.robustify is None:
            self.robustify = RobustifyDialog(self._session, self._refresh, self._desk.parent)
        specs = [spec for spec in list_networks() if spec.installed and not spec.is_program]
        self.robustify.set_networks(specs, self._session.state.network)
        bring(self.robustify)

    def _refresh(self, note: str, select: str = "") -> None:
        """List the networks again and say why: in the list, unless it is closed or says how far another job is."""
        self._session.controller.reread_catalogue()
        if self.networks is not None:
            self.networks.show_networks(list_networks(), select)
        if self.networks is not None and self.networks.isVisible() and not self.networks.work.busy:
            self.networks.work.say(note)
        else:
            self._session.controller.noted.emit(note)
