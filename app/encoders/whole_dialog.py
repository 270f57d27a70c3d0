"""Asks for a whole encoder: a torch module from pixels to responses, its table of voxels, and whether it is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

from app.base.services import Services
from app.encoders.import_dialog import KIND, NEW_SUBJECT, NEW_SUBJECT_ROWS, REFERENCE_TIP, WIDTH, read_progress
from app.widgets.basics import allow, fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.form import Choice, Count, Fields, Flag, PathText, Text
from app.widgets.job_line import JobLine
from core.commands.works import CommandWork
from core.encoders.importers.bind import ImportRequest
from core.encoders.importers.whole import WholeOptions, suggest_subject
from core.networks.import_options import NetworkImportOptions

if TYPE_CHECKING:
    from core.encoders.card import EncoderCard
    from core.encoders.importers.bind import ImportProgress

EXPLANATION = (
    "A torch module from pixels (n, 3, side, side) in [0, 1] to responses (n, voxels): package.module:function or "
    "entry:NAME that makes it, a TorchScript (.pt) or torch.export file (.pt2). All run code with your permissions."
)
PROGRAM_FILTER = "Programs of torch (*.pt *.pt2 *.ts *.pth);;All files (*)"
Asked = tuple[str, NetworkImportOptions, WholeOptions, ImportRequest]
TABLE_FILTER = "Tables of voxels (*.csv *.tsv *.npz);;All files (*)"


class WholeEncoderDialog(QDialog, Fields):
    """A form that stays open until the encoder is taken in; `tell` gets its card."""

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
    subject = Choice("Subject")
    new_subject = Text("Its id", hint="letters, digits, _ and -; none: named after the module")
    response_unit = Text("Unit", hint="z, % signal change, …")
    simulated = Flag("Its responses are simulated, not measured", row="Data")
    source = Text("Source")
    licence = Text("Licence")
    n_reference = Count("Reference", REFERENCE_TIP, first=120, most=5000, unit=" images at most")
    trusted = Flag("I trust its author: it runs with my permissions", row=" ")

    def __init__(self, services: Services, tell: Callable[[EncoderCard], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._services, self._tell = services, tell
        self.make_fields()
        self.subject.set_choices([NEW_SUBJECT, *((one.id, one.title) for one in services.catalogue.subjects)])
        self.work = JobLine()
        self.add = make_button("Add", "primary", self._ask)
        self.add.setDefault(True)
        text, rows = make_label(EXPLANATION, "muted", wraps=True), self.make_rows(*self.fields(), gap=8)
        self.copy = make_copy_button(self._find, self.work.error)
        buttons = make_row(self.copy, -1, make_button("Cancel", do=self.reject), self.add)
        fill_dialog(self, "Add a whole encoder", text, rows, self.work, buttons, gap=14, width=WIDTH)
        self.work.changed.connect(self.refresh)
        self.refresh()

    def asked(self) -> Asked:
        """What the form asks for. Raises BadInputError for a value that cannot be used."""
        module, subject, table = self.module.value().strip(), self.subject.value() or "", self.voxels.value()
        request = self.make_config(
            ImportRequest,
            network="",
            layer="",
            subject=subject,
            new_subject="" if subject else self.new_subject.value() or suggest_subject(module),
            response_unit=self.response_unit.value() or "not stated",
            kind="simulated" if self.simulated.value() else "measured",
        )
        whole = self.make_config(WholeOptions, voxels=Path(table).expanduser() if table else None)
        return module, self.make_config(NetworkImportOptions, licence=""), whole, request  # the request says it

    def _find(self) -> CommandWork:
        module, options, whole, request = self.asked()
        values = {"module": module, "options": options, "whole": whole, "request": request}
        return CommandWork("encoders add", values | {"simulated": self.simulated.value()})

    def refresh(self, *_: object) -> None:
        """Show the rows that are needed, and whether it can be added."""
        for key in NEW_SUBJECT_ROWS:
            self.show_row(key, self.subject.value() == "")
        reason = "" if self.module.value() else "Choose a file or name a function first"
        allow(self.add, "Wait until this one is added" if self.work.busy else reason)

    def done(self, result: int) -> None:
        """Closed: what it was about to take in is not wanted any more."""
        self.work.drop()
        super().done(result)

    def _ask(self) -> None:
        if (asked := self.work.attempt(self.asked)) is None:
            return
        lane, make = self._services.lane, partial(_add, self._services, asked)
        title, stopped = f"Adding {asked[0]}…", "Stopped; nothing was saved."
        self.work.run(lane, KIND, make, title=title, on_done=self._take, read=read_progress, stopped=stopped)

    def _take(self, record: ImportProgress) -> None:
        if record.result is not None:
            self.accept()
            self._tell(record.result)


def _add(services: Services, asked: Asked, _stop: object) -> Iterator[ImportProgress]:
    return services.engine.iter_whole(*asked)
