"""Asks what to import as a network and how to read it. Never reads a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDialog,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from app.widgets.basics import make_button, make_column, make_label, make_row, pad_spin_box
from core.errors import BadInputError
from core.networks.import_options import NetworkImportOptions
from core.networks.spec import Tokens

SUFFIXES = (".pth", ".pt", ".pt2", ".bin", ".ckpt", ".safetensors")
FILE_FILTER = f"Networks ({' '.join(f'*{suffix}' for suffix in SUFFIXES)});;All files (*)"
EXPLANATION = (
    "A weights file (.pth, .pt, .bin, .safetensors) or a checkpoint of the robustness package (.ckpt) needs the "
    "definition it fits. A torch.export file (.pt2), a TorchScript file and a function "
    "(package.module:function) are complete, and programs. A name such as timm:resnet50 or torchvision:resnet50 takes "
    "everything from the library; its weights are downloaded later."
)
TOKENS: tuple[tuple[str, Tokens | None], ...] = (
    ("As usual for the network", None),
    ("Patch tokens as a map", "grid"),
    ("Class token", "class"),
    ("Mean of the patch tokens", "mean"),
    ("All tokens, flattened", "all"),
)
WIDTH = 620
LARGEST_SIZE = 2048


class ImportNetworkDialog(QDialog):
    """A form that stays open until the import has succeeded.

    Signals
    -------
    import_requested(str, object)
        The file, function or name, and the `NetworkImportOptions`.
    """

    import_requested = Signal(str, object)

    def __init__(self, known: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import a network")
        self.setMinimumWidth(WIDTH)
        self.source = _make_line("File, function or name", "A file, package.module:function, or timm:NAME")
        self.architecture = _make_line("Definition", "timm:NAME, torchvision:NAME, or the id of a network here")
        completer = QCompleter(list(known), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.architecture.setCompleter(completer)
        self.title = _make_line("Title", "As the file is called")
        self.layers = _make_line("Layers", "The network's own; several with spaces between, early to late")
        self.input_size = QSpinBox()
        pad_spin_box(self.input_size)
        self.input_size.setRange(0, LARGEST_SIZE)
        self.input_size.setSuffix(" px")
        self.input_size.setSpecialValueText("As usual for the network")
        self.tokens = QComboBox()
        for text, value in TOKENS:
            self.tokens.addItem(text, value)
        self.robust = QCheckBox("It was trained against perturbations")
        self.trust = QCheckBox("I trust whoever made it: a .pt2 or TorchScript file or a function runs with my rights")
        self.error = make_label(role="field-error", wraps=True)
        self.bring = make_button("Import", "primary")
        self.bring.setDefault(True)
        self._cancel = make_button("Cancel")
        self._browse = make_button("Choose…", tip="Choose a file")
        self._lay_out()
        self._browse.clicked.connect(self._choose)
        self._cancel.clicked.connect(self.reject)
        self.bring.clicked.connect(self._ask)
        self.source.textChanged.connect(self._refresh)
        self._refresh()

    def options(self) -> NetworkImportOptions:
        """What the form says. Raises BadInputError for a value that cannot be used."""
        return NetworkImportOptions(
            title=self.title.text().strip(),
            architecture=self.architecture.text().strip(),
            layers=tuple(self.layers.text().replace(",", " ").split()),
            input_size=self.input_size.value(),
            tokens=self.tokens.currentData(),
            robust=self.robust.isChecked(),
            trusted=self.trust.isChecked(),
        )

    def show_busy(self) -> None:
        """The import runs."""
        self.show_error("")
        self.bring.setEnabled(False)
        self.bring.setText("Importing…")

    def show_error(self, text: str) -> None:
        """Say why it failed; the form can be mended."""
        self.error.setText(text)
        self.error.setVisible(bool(text))
        self.bring.setText("Import")
        self._refresh()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        source = make_row(self.source, self._browse)
        source.setStretch(0, 1)
        form.addRow("File, function or name", source)
        for name, field in (
            ("Definition", self.architecture),
            ("Title", self.title),
            ("Layers", self.layers),
            ("Input size", self.input_size),
            ("Transformer tokens", self.tokens),
        ):
            form.addRow(name, field)
        form.addRow("", self.robust)
        form.addRow("", self.trust)
        text = make_label(EXPLANATION, "muted", wraps=True)
        buttons = make_row(-1, self._cancel, self.bring)
        self.setLayout(make_column(text, form, self.error, buttons, gap=14, margin=24))
        self.error.hide()

    @Slot()
    def _choose(self) -> None:
        start = str(Path(self.source.text()).parent) if self.source.text() else str(Path.home())
        chosen, _ = QFileDialog.getOpenFileName(self, "Choose a network", start, FILE_FILTER)
        if chosen:
            self.source.setText(chosen)

    @Slot()
    def _refresh(self) -> None:
        given = bool(self.source.text().strip())
        self.bring.setEnabled(given)
        self.bring.setToolTip("" if given else "Choose a file or name a network first")

    @Slot()
    def _ask(self) -> None:
        try:
            options = self.options()
        except BadInputError as error:
            self.show_error(str(error))
            return
        self.import_requested.emit(self.source.text().strip(), options)


def _make_line(name: str, hint: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setPlaceholderText(hint)
    return line
