"""Asks for a whole encoder: a torch module from pixels to responses, its table of voxels, and whether it is trusted."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from app.base.services import Services
from app.encoders.import_dialog import NEW_SUBJECT, ROWS, WIDTH, NewEncoderDialog
from app.widgets.basics import allow, fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.form import Count, Flag, PathText, Text
from core.commands.works import CommandWork
from core.encoders.card import EncoderCard
from core.encoders.importers.bind import ImportRequest
from core.encoders.importers.whole import WholeOptions, suggest_subject
from core.networks.import_options import NetworkImportOptions

EXPLANATION = (
    "A torch module from pixels (n, 3, side, side) in [0, 1] to responses (n, voxels): package.module:function or "
    "entry:NAME that makes it, a TorchScript (.pt) or torch.export file (.pt2). All run code with your permissions."
)
PROGRAM_FILTER = "Programs of torch (*.pt *.pt2 *.ts *.pth);;All files (*)"
Asked = tuple[str, NetworkImportOptions, WholeOptions, ImportRequest]
MODULE = ("module", "key", "input_size", "voxels", "surface")
TABLE_FILTER = "Tables of voxels (*.csv *.tsv *.npz);;All files (*)"


class WholeEncoderDialog(NewEncoderDialog):
    """Asks for the module and its table."""

    module = PathText("Module", ask="Choose a file", kinds=PROGRAM_FILTER, hint="A file, or package.module:function")
    key = Text("Key", hint="Name of the responses, where the module gives a dictionary")
    input_size = Count(
        "Input size", "Side length of its input images", most=2048, unit=" px", zero="224, or the file's"
    )
    voxels = PathText(
        "Voxels",
        "A line for each response in their order: hemisphere and vertex, or x, y, z in mm; roi, r, noise_ceiling",
        ask="Choose the table of voxels",
        kinds=TABLE_FILTER,
        hint="CSV, TSV or npz; none: reached by number, not drawn",
    )
    surface = Text("Surface", hint="Of its vertices: fsaverage5, fsaverage6, fsaverage7 or an imported one")
    new_subject = Text("Its id", hint="letters, digits, _ and -; none: named after the module")
    trusted = Flag("I trust its author: it runs with my permissions", row=" ")

    def __init__(self, services: Services, tell: Callable[[EncoderCard], None], parent: QWidget | None = None) -> None:
        super().__init__(services, tell, parent)
        self.subject.set_choices([NEW_SUBJECT, *((one.id, one.title) for one in services.catalogue.subjects)])
        self.add = make_button("Add", "primary", self._ask)
        self.add.setDefault(True)
        text, rows = make_label(EXPLANATION, "muted", wraps=True), self.make_rows(*MODULE, *ROWS, "trusted", gap=8)
        self.copy = make_copy_button(self._find, self.work.error)
        buttons = make_row(self.copy, -1, make_button("Cancel", do=self.reject), self.add)
        fill_dialog(self, "Add a whole encoder", text, rows, self.work, buttons, gap=14, width=WIDTH)
        self.refresh()

    def asked(self) -> Asked:
        """What the form asks for. Raises BadInputError for a value that cannot be used."""
        module, name = self.module.value(), self.new_subject.value()
        request = self.ask_for("", "", name or suggest_subject(module))
        whole = self.make_config(WholeOptions, voxels=self.voxels.path())
        return module, self.make_config(NetworkImportOptions, licence=""), whole, request  # the request says it

    def _find(self) -> CommandWork:
        module, options, whole, request = self.asked()
        values = {"module": module, "options": options, "whole": whole, "request": request}
        return CommandWork("encoders add", values | {"simulated": self.simulated.value()})

    def refresh(self) -> None:
        """Show the rows that are needed, and whether it can be added."""
        super().refresh()
        reason = "" if self.module.value() else "Choose a file or name a function first"
        allow(self.add, "Wait until this one is added" if self.work.busy else reason)

    def _ask(self) -> None:
        if (asked := self.work.attempt(self.asked)) is not None:
            engine = self._services.engine
            make, title = (lambda _stop: engine.iter_whole(*asked)), f"Adding {asked[0]}…"
            self.run(make, title, lambda record: self.take(record.result))
