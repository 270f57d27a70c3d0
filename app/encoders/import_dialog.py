"""Asks how a foreign encoder is taken in: file, what was found, network, layer, subject. Never reads a file itself.

File -> what was found -> network, layer, subject -> import. What does not fit is said at the foot, with what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QWidget,
)

from app.widgets.basics import (
    make_button,
    make_column,
    make_heading,
    make_label,
    make_line,
    make_row,
    pad_spin_box,
    set_look,
)
from core.datasets.subject import SubjectInfo
from core.encoders.importers.bind import ImportRequest
from core.errors import ProbeError
from core.networks.spec import NetworkSpec

if TYPE_CHECKING:
    from core.encoders.importers.readout import Readout

ENCODER_FILTER = "Encoders (*.npz *.safetensors *.pkl *.pickle *.joblib *.npy *.whl *.json);;All files (*)"
NEW_SUBJECT = "Make one from the encoder"
EXPLANATION = (
    "Weights as .npz or .safetensors, a fitted scikit-learn or himalaya estimator (.pkl, .joblib), BERG's weights with "
    "their metadata (.npy), img2fmri's wheel, or an encoder exported from here. No code in a file is ever run."
)
WIDTH = 620
MEMBERS = ("CSI1", "CSI2", "CSI3")


class ImportEncoderDialog(QDialog):
    """A form that fills itself from what was found in the file.

    Signals
    -------
    read_requested(tuple, str)
        Files and member to look into.
    import_requested(ImportRequest)
        Take it in.
    """

    read_requested = Signal(tuple, str)
    import_requested = Signal(object)

    def __init__(
        self, subjects: Sequence[SubjectInfo], networks: Sequence[NetworkSpec], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import encoder")
        self.setMinimumWidth(WIDTH)
        self._subjects = tuple(subjects)
        self._networks = {spec.id: spec for spec in networks}
        self._files: tuple[Path, ...] = ()
        self._readout: Readout | None = None
        self._make_fields()
        self._lay_out()
        self._connect()
        self._show_ready()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files chosen."""
        return self._files

    @property
    def readout(self) -> Readout | None:
        """What was found in them."""
        return self._readout

    def choose_files(self, files: Sequence[Path]) -> None:
        """Look into these files."""
        self._files = tuple(files)
        self._readout = None
        self.file_field.setText(", ".join(str(path) for path in files))
        self.found.setText("Looking into the file…")
        self.show_problem("")
        self._show_ready()
        self.read_requested.emit(self._files, self.member.currentText() if self.member.isVisible() else "")

    def show_found(self, readout: Readout, n_voxels: Mapping[str, int], network: NetworkSpec | None = None) -> None:
        """Show what a file holds.

        `n_voxels` of every subject decides which ones can be chosen; `network` is the one the file names, if it does.
        """
        self._readout = readout
        if network is not None:
            self._networks[network.id] = network
        voxels = f"{readout.n_voxels:,} voxels"
        self.found.setText(f"{readout.title}: {readout.n_features:,} features → {voxels}")
        self.note.setText(readout.note)
        self.note.setVisible(bool(readout.note))
        self.member.setVisible(readout.kind == "img2fmri")
        self.source.setText(readout.source)
        self.licence.setText(readout.licence)
        self.source.setCursorPosition(0)
        self._fill_networks(readout)
        self._fill_subjects(readout, n_voxels)
        self._show_ready()

    def show_problem(self, text: str) -> None:
        """Say what is wrong; "" takes it away."""
        self.problem.setText(text)
        set_look(self.problem, "role", "field-error")
        self.problem.setVisible(bool(text))
        if text and self._readout is None:
            self.found.setText("Nothing that can be imported was found.")
        self.bar.setVisible(False)
        self._show_ready()

    def show_progress(self, text: str, done: int, total: int) -> None:
        """Show how far the import is."""
        self.problem.setText(text)
        set_look(self.problem, "role", "muted")
        self.problem.setVisible(True)
        self.bar.setVisible(True)
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.import_button.setEnabled(False)

    def request(self) -> ImportRequest:
        """What the form asks for. Raises BadInputError if it asks for nothing possible."""
        subject = str(self.subject.currentData() or "")
        return ImportRequest(
            network=str(self.network.currentData() or ""),
            layer=self.layer.currentText().strip(),
            subject=subject,
            new_subject="" if subject else self.new_subject.text().strip(),
            response_unit=self.unit.text().strip() or "not stated",
            kind="simulated" if self.simulated.isChecked() else "measured",
            source=self.source.text().strip(),
            licence=self.licence.text().strip(),
            n_reference=self.reference.value(),
            replaces=self.replaces.isChecked(),
        )

    def _make_fields(self) -> None:
        self.file_field = QLineEdit()
        self.file_field.setReadOnly(True)
        self.file_field.setAccessibleName("File")
        self.file_field.setPlaceholderText("Choose a file, or drop one on the window")
        self.choose_button = make_button("Choose file…", tip="One file; for BERG the weights and the metadata together")
        self.folder_button = make_button("Choose folder…", tip="An exported encoder, or the installed img2fmri package")
        self.found = make_label("", "strong", wraps=True)
        self.note = make_label("", "muted", wraps=True)
        self.member, self.network, self.layer, self.subject = QComboBox(), QComboBox(), QComboBox(), QComboBox()
        self.member.addItems(list(MEMBERS))
        self.layer.setEditable(True)
        self.new_subject, self.unit = QLineEdit(), QLineEdit()
        self.source, self.licence = QLineEdit(), QLineEdit()
        self.simulated = QCheckBox("Its responses were made up, not measured")
        self.replaces = QCheckBox("Replace an encoder of the same subject, network and layer")
        self.reference = QSpinBox()
        pad_spin_box(self.reference)
        self.reference.setRange(0, 5000)
        self.reference.setValue(120)
        self.reference.setSuffix(" images at most")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.problem = make_label("", "field-error", wraps=True)
        self.import_button, self.cancel_button = make_button("Import", "primary"), make_button("Cancel")
        self.new_subject.setPlaceholderText("letters, digits, _ and -")
        self.unit.setPlaceholderText("z, % signal change, …")
        self.layer.setToolTip("A module's path; several joined by + are read one after the other")
        self.reference.setToolTip(
            "Shifts are given in SDs of the clean responses to these images: the subject's own training images, or the "
            "shipped photographs. 0 leaves the SDs unknown."
        )

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        fields = {
            "Encoder of": self.member,
            "Network": self.network,
            "Layer": self.layer,
            "Subject": self.subject,
            "Its id": self.new_subject,
            "Unit": self.unit,
            "Data": self.simulated,
            "Source": self.source,
            "Licence": self.licence,
            "Reference": self.reference,
            "If it is there": self.replaces,
        }
        for row, (name, field) in enumerate(fields.items()):
            label = make_label(name, "muted")
            field.setAccessibleName(name)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            self._rows[name] = (label, field)
        self.member.setVisible(False)
        self.setLayout(
            make_column(
                make_label("Import encoder", "title"),
                make_label(EXPLANATION, "muted", wraps=True),
                make_row(self.file_field, self.choose_button, self.folder_button),
                make_heading("What was found"),
                self.found,
                self.note,
                make_line(),
                grid,
                -1,
                self.bar,
                self.problem,
                make_row(-1, self.cancel_button, self.import_button),
                gap=10,
                margin=24,
            )
        )
        self.found.setText("Nothing yet.")
        for widget in (self.note, self.bar, self.problem):
            widget.setVisible(False)

    def _connect(self) -> None:
        self.choose_button.clicked.connect(self._choose_files)
        self.folder_button.clicked.connect(self._choose_folder)
        self.member.activated.connect(self._read_again)
        self.network.currentIndexChanged.connect(self._fill_layers)
        self.subject.currentIndexChanged.connect(self._show_ready)
        self.new_subject.textChanged.connect(self._show_ready)
        self.layer.currentTextChanged.connect(self._show_ready)
        self.import_button.clicked.connect(self._import)
        self.cancel_button.clicked.connect(self.reject)

    def _fill_networks(self, readout: Readout) -> None:
        with QSignalBlocker(self.network):
            self.network.clear()
            for spec in self._networks.values():
                self.network.addItem(spec.title, spec.id)
                self.network.setItemData(self.network.count() - 1, spec.describe(), Qt.ItemDataRole.ToolTipRole)
            self.network.setCurrentIndex(max(0, self.network.findData(readout.network)))
        self._fill_layers()
        if readout.network and readout.network not in self._networks:
            self.show_problem(
                f"The weights read {readout.network}, which is not known here. Add it first: `main.py networks add`."
            )

    @Slot()
    def _fill_layers(self) -> None:
        spec, readout = self._networks.get(str(self.network.currentData() or "")), self._readout
        if spec is None:
            return
        fixed = readout is not None and readout.network == spec.id and readout.layer
        with QSignalBlocker(self.layer):
            self.layer.clear()
            self.layer.addItems(list(dict.fromkeys([*([readout.layer] if fixed and readout else []), *spec.layers])))
            self.layer.setCurrentText(readout.layer if fixed and readout is not None else spec.default_layer)
        self._show_ready()

    def _fill_subjects(self, readout: Readout, n_voxels: Mapping[str, int]) -> None:
        with QSignalBlocker(self.subject):
            self.subject.clear()
            if readout.voxels is not None:
                self.subject.addItem(NEW_SUBJECT, "")
            for info in self._subjects:
                if n_voxels.get(info.id) == readout.n_voxels:
                    self.subject.addItem(info.title, info.id)
            self.subject.setCurrentIndex(0)
        if not self.subject.count():
            self.show_problem(
                f"No subject has {readout.n_voxels:,} voxels, and the file does not say where its voxels lie. Import "
                "the recordings they were fitted to first, or add `vertex` and `hemisphere`, or `roi`, to the arrays."
            )

    @Slot()
    def _show_ready(self) -> None:
        makes_one = self.subject.count() > 0 and not self.subject.currentData()
        for name in ("Its id", "Unit", "Data"):
            for widget in self._rows[name]:
                widget.setVisible(makes_one)
        self._rows["Encoder of"][0].setVisible(self.member.isVisibleTo(self))
        reason = self._reason(makes_one=makes_one)
        self.import_button.setEnabled(not reason)
        self.import_button.setToolTip(reason or "Check it against its source, and take it in")

    def _reason(self, *, makes_one: bool) -> str:
        if self._readout is None:
            return "Choose a file first"
        if not self.subject.count():
            return "No subject has these voxels"
        if makes_one and not self.new_subject.text().strip():
            return "Give the new subject an id"
        return "" if self.layer.currentText().strip() else "Choose a layer"

    @Slot()
    def _choose_files(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Import an encoder", str(Path.home()), ENCODER_FILTER)
        if chosen:
            self.choose_files([Path(path) for path in chosen])

    @Slot()
    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Import an encoder", str(Path.home()))
        if chosen:
            self.choose_files([Path(chosen)])

    @Slot()
    def _read_again(self) -> None:
        self.choose_files(self._files)

    @Slot()
    def _import(self) -> None:
        try:
            wanted = self.request()
        except ProbeError as error:
            self.show_problem(str(error))
            return
        self.import_requested.emit(wanted)
