"""Asks how a foreign encoder is imported: file, what was found, network, layer, subject.

File -> what was found -> network, layer, subject -> import. What does not fit is said at the foot, with what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QWidget

from app.base.catalogue import Catalogue
from app.base.jobs import Make, ShouldStop
from app.base.services import Services
from app.widgets.ask_path import ask_files, ask_open
from app.widgets.basics import allow, fill_dialog, make_button, make_heading, make_label, make_line, make_row, show_text
from app.widgets.copy_work import make_copy_button
from app.widgets.desk import Paths
from app.widgets.editors import ChoiceBox, TextLine
from app.widgets.form import Choice, Count, Fields, Flag, Text
from app.widgets.job_line import JobLine, Reading
from core.commands.works import CommandWork
from core.encoders.card import EncoderCard
from core.encoders.importers.bind import ImportProgress, ImportRequest
from core.encoders.importers.readout import Readout
from core.encoders.library import adopt_encoder, is_library_file
from core.errors import BadInputError, ProbeError
from core.networks.spec import NetworkSpec

ENCODER_FILTER = "Encoders (*.npz *.safetensors *.pkl *.pickle *.joblib *.npy *.whl *.json);;All files (*)"
NEW_SUBJECT = ("", "Make one from the encoder")
EXPLANATION = (
    "Weights as .npz or .safetensors, a fitted scikit-learn or himalaya estimator (.pkl, .joblib), BERG's weights with "
    "their metadata (.npy), img2fmri's wheel, or an encoder exported from here. No code in a file is ever run."
)
WIDTH = 620
READ, KIND = "read encoder", "import encoder"
MEMBERS = [(name, name) for name in ("CSI1", "CSI2", "CSI3")]
NEW_SUBJECT_ROWS = ("new_subject", "response_unit", "simulated")
ROWS = ("subject", *NEW_SUBJECT_ROWS, "source", "licence", "n_reference")
"""What every encoder is asked for."""

REFERENCE_TIP = (
    "Shifts are given in SDs of the clean responses to these images: the subject's own training images, or the "
    "shipped photographs. 0 leaves the SDs unknown."
)


class NewEncoderDialog(QDialog, Fields):
    """A form that stays open until an encoder is taken in; `tell` gets its card."""

    subject = Choice("Subject")
    new_subject = Text("Its id", hint="letters, digits, _ and -")
    response_unit = Text("Unit", hint="z, % signal change, …")
    simulated = Flag("Its responses are simulated, not measured", row="Data")
    source = Text("Source")
    licence = Text("Licence")
    n_reference = Count("Reference", REFERENCE_TIP, first=120, most=5000, unit=" images at most")

    def __init__(self, services: Services, tell: Callable[[EncoderCard], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._services, self._tell = services, tell
        self.make_fields()
        self.work = JobLine()
        self.work.changed.connect(self.refresh)

    def ask_for(self, network: str, layer: str, new_subject: str) -> ImportRequest:
        """What the form asks for, of this network and layer. Raises BadInputError if it asks for nothing possible."""
        subject = self.subject.value() or ""
        return self.make_config(
            ImportRequest,
            network=network,
            layer=layer,
            subject=subject,
            new_subject="" if subject else new_subject,
            response_unit=self.response_unit.value() or "not stated",
            kind="simulated" if self.simulated.value() else "measured",
        )

    def refresh(self) -> None:
        """Show the rows that are needed."""
        for key in NEW_SUBJECT_ROWS:
            self.show_row(key, self.subject.value() == "")

    def run(self, make: Make, title: str, on_done: Callable[[Any], None]) -> None:
        """Take an encoder in, on the lane."""
        lane, stopped = self._services.lane, "Stopped; nothing was saved."
        self.work.run(lane, KIND, make, title=title, on_done=on_done, read=read_progress, stopped=stopped)

    def take(self, card: EncoderCard | None) -> None:
        """It was taken in."""
        if card is not None:
            self.accept()
            self._tell(card)

    def done(self, result: int) -> None:
        """Closed: what it was about to take in is not wanted any more."""
        self.work.drop()
        super().done(result)


class ImportEncoderDialog(NewEncoderDialog):
    """Fills itself from what was found in the file."""

    member = Choice("Encoder of", choices=MEMBERS)
    network = Choice("Network")
    layer = Choice("Layer", tip="A module's path; several joined by + are read one after the other")
    replaces = Flag("Replace an encoder of the same subject, network and layer", row="If it exists")

    def __init__(self, services: Services, tell: Callable[[EncoderCard], None], parent: QWidget | None = None) -> None:
        super().__init__(services, tell, parent)
        self._networks = {spec.id: spec for spec in services.catalogue.networks}
        self.files: tuple[Path, ...] = ()
        self.readout: Readout | None = None
        """What was found in the files chosen."""
        self.layer.setEditable(True)
        self.layer.setInsertPolicy(ChoiceBox.InsertPolicy.NoInsert)
        self.layer.currentTextChanged.connect(self.take_edit)
        self._lay_out()
        self.refresh()

    def choose_files(self, files: Paths) -> None:
        """Inspect these files; an encoder exported from here is taken in at once."""
        self.files = chosen = tuple(files)
        self.readout = None
        self.file_field.setText(", ".join(str(path) for path in files))
        self.found.setText("Reading the file…")
        self.show_problem("")
        self.refresh()
        member, catalogue = self.member.value() if self.member.isVisible() else "", self._services.catalogue
        if len(chosen) == 1 and is_library_file(chosen[0]):
            adopt = partial(adopt_encoder, chosen[0], replace=self.replaces.isChecked())
            self.run(lambda _stop: adopt()[0], "Reading the encoder…", self.take)
            return
        self._services.lane.submit(
            READ,
            lambda _stop: _look_into(chosen, member, catalogue),
            on_done=lambda found: self.show_found(*found),
            refuse=self.show_problem,
            title=f"Reading {chosen[0].name}…",
        )

    def show_found(self, readout: Readout, n_voxels: Mapping[str, int], network: NetworkSpec | None = None) -> None:
        """Show what a file holds.

        `n_voxels` of every subject decides which ones can be chosen; `network` is the one the file names, if it does.
        """
        self.readout = readout
        if network is not None:
            self._networks[network.id] = network
        voxels = f"{readout.n_voxels:,} voxels"
        self.found.setText(f"{readout.title}: {readout.n_features:,} features → {voxels}")
        show_text(self.note, readout.note)
        self.show_row("member", readout.kind == "img2fmri")
        self.source.set_value(readout.source)
        self.licence.set_value(readout.licence)
        self.source.setCursorPosition(0)
        self._fill_networks(readout)
        self._fill_subjects(readout, n_voxels)
        self.refresh()

    def show_problem(self, text: str) -> None:
        """Say what is wrong; "" takes it away."""
        self.work.say(error=text)
        if text and self.readout is None:
            self.found.setText("Found nothing to import.")
        self.refresh()

    def request(self) -> ImportRequest:
        """What the form asks for. Raises BadInputError if it asks for nothing possible."""
        return self.ask_for(self.network.value() or "", self.layer.currentText().strip(), self.new_subject.value())

    def _find(self) -> CommandWork:
        if self.readout is None:
            raise BadInputError("Choose a file first.")
        member = self.member.value() if self.readout.kind == "img2fmri" else ""
        values = {"kind": "auto", "files": self.files, "member": member, "request": self.request()}
        return CommandWork("encoders import", values | {"simulated": self.simulated.value()})

    def _lay_out(self) -> None:
        self.file_field = TextLine()
        self.file_field.setReadOnly(True)
        self.file_field.setAccessibleName("File")
        self.file_field.setPlaceholderText("Choose a file, or drop one on the window")
        of_file = "One file; for BERG the weights and the metadata together"
        of_folder = "An exported encoder, or the installed img2fmri package"
        self.choose_button = make_button("Choose file…", do=self._choose_files, tip=of_file)
        self.folder_button = make_button("Choose folder…", do=self._choose_folder, tip=of_folder)
        self.found = make_label("", "strong", wraps=True)
        self.note = make_label("", "muted", wraps=True)
        self.import_button = make_button("Import", "primary", self._import)
        self.cancel_button = make_button("Cancel", do=self.reject)
        self.copy = make_copy_button(self._find, self.work.error)
        rows = self.make_rows("member", "network", "layer", *ROWS, "replaces", gap=8)
        self.show_row("member", False)
        fill_dialog(
            self,
            "Import encoder",
            make_label("Import encoder", "title"),
            make_label(EXPLANATION, "muted", wraps=True),
            make_row(self.file_field, self.choose_button, self.folder_button),
            make_heading("What was found"),
            self.found,
            self.note,
            make_line(),
            rows,
            -1,
            self.work,
            make_row(self.copy, -1, self.cancel_button, self.import_button),
            gap=10,
            width=WIDTH,
        )
        self.found.setText("Nothing yet.")
        self.note.setVisible(False)

    def take_member(self, *_: object) -> None:
        """Another participant's encoder is read from the same files."""
        self.choose_files(self.files)

    def _fill_networks(self, readout: Readout) -> None:
        offered = [(spec.id, spec.title, spec.describe()) for spec in self._networks.values()]
        self.network.set_choices(offered, readout.network)
        self.take_network()
        if readout.network and readout.network not in self._networks:
            self.show_problem(
                f"The weights read {readout.network}, which is not known here. Add it first: `main.py networks add`."
            )

    def take_network(self, *_: object) -> None:
        """List its layers, and the one the file names."""
        spec, readout = self._networks.get(self.network.value() or ""), self.readout
        if spec is None:
            return
        fixed = readout is not None and readout.network == spec.id and readout.layer
        named = [readout.layer] if fixed and readout is not None else []
        layers = dict.fromkeys([*named, *spec.layers])
        self.layer.set_choices([(layer, layer) for layer in layers], (*named, spec.default_layer)[0])
        self.refresh()

    def _fill_subjects(self, readout: Readout, n_voxels: Mapping[str, int]) -> None:
        subjects = self._services.catalogue.subjects
        fitting = [info for info in subjects if n_voxels.get(info.id) == readout.n_voxels]
        makes_one = [NEW_SUBJECT] if readout.voxels is not None else []
        self.subject.set_choices([*makes_one, *((info.id, info.title) for info in fitting)])
        if not self.subject.count():
            self.show_problem(
                f"No subject has {readout.n_voxels:,} voxels, and the file does not say where its voxels lie. Import "
                "the recordings they were fitted to first, or add `vertex` and `hemisphere`, or `roi`, to the arrays."
            )

    def refresh(self) -> None:
        """Show the rows that are needed, and whether it can be imported."""
        super().refresh()
        for button in (self.choose_button, self.folder_button):
            button.setEnabled(not self.work.busy)
        allow(self.import_button, self._reason(), "Check it against its source and import it")

    def _reason(self) -> str:
        if self.work.busy:
            return "Wait until this import is done"
        if self.readout is None:
            return "Choose a file first"
        if not self.subject.count():
            return "No subject has these voxels"
        if self.subject.value() == "" and not self.new_subject.value():
            return "Give the new subject an id"
        return "" if self.layer.currentText().strip() else "Choose a layer"

    def _choose_files(self) -> None:
        if chosen := ask_files(self, "Import an encoder", Path.home(), ENCODER_FILTER):
            self.choose_files(chosen)

    def _choose_folder(self) -> None:
        if chosen := ask_open(self, "Import an encoder", Path.home()):
            self.choose_files([chosen])

    def done(self, result: int) -> None:
        """Closed: what it was about to read or take in is not wanted any more."""
        self._services.lane.drop(READ)
        super().done(result)

    def take_in(self, request: ImportRequest) -> None:
        """Import what was found, on the lane."""
        readout, files, engine = self.readout, self.files, self._services.engine
        if readout is None:
            return

        def make(_stop: ShouldStop) -> Iterator[ImportProgress]:
            from core.encoders.importers.open import hash_files

            return engine.iter_import(readout, request, files=hash_files(files))

        self.run(make, "Importing the encoder…", lambda record: self.take(record.result))

    def _import(self) -> None:
        if (wanted := self.work.attempt(self.request)) is not None:
            self.take_in(wanted)


def read_progress(record: ImportProgress) -> Reading:
    """What is shown of an import under way."""
    agrees = f"Agrees with its source to {record.difference:.0e}. " if record.difference else ""
    return Reading(record.share, f"{agrees}Predicting the reference responses…")


def _look_into(
    files: tuple[Path, ...], member: str, catalogue: Catalogue
) -> tuple[Readout, dict[str, int], NetworkSpec | None]:
    """What the files hold, how many voxels every subject has, and the network the files name, if it is known."""
    from core.encoders.importers.open import read_readout
    from core.networks.catalog import find_network

    readout = read_readout(files, member=member)
    counts = {info.id: catalogue.load_subject(info.id).voxels.n_voxels for info in catalogue.subjects}
    try:
        return readout, counts, find_network(readout.network) if readout.network else None
    except ProbeError:
        return readout, counts, None
