"""Asks what to import as a network and how to read it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCompleter, QDialog, QWidget

from app.base.jobs import JobLane
from app.networks.dialog import KIND, Tell
from app.widgets.basics import allow, fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.form import Choice, Count, Fields, Flag, PathText, Text
from app.widgets.job_line import JobLine
from core.checks import refusal
from core.commands.works import CommandWork
from core.networks.catalog import list_networks
from core.networks.import_options import NetworkImportOptions
from core.networks.manage import take_in
from core.networks.spec import NetworkSpec

SUFFIXES = (".pth", ".pt", ".pt2", ".bin", ".ckpt", ".safetensors", ".tar")
FILE_FILTER = f"Networks ({' '.join(f'*{suffix}' for suffix in SUFFIXES)});;All files (*)"
EXPLANATION = (
    "A weights file or a checkpoint of a training script, of any ending, needs a matching definition. "
    "A torch.export file (.pt2), a TorchScript file and a function "
    "(package.module:function) are complete, but run code. A name such as timm:resnet50 or torchvision:resnet50 takes "
    "everything from the library; its weights are downloaded later."
)
AS_USUAL = "Default for the network"
TOKENS = (
    (None, AS_USUAL),
    ("grid", "Patch tokens as a map"),
    ("class", "Class token"),
    ("mean", "Mean of the patch tokens"),
    ("all", "All tokens, flattened"),
)
WIDTH = 620


class ImportNetworkDialog(QDialog, Fields):
    """A form that stays open until the import has succeeded; `tell(note, network)` is called then."""

    source = PathText(
        "File, function or name",
        ask="Choose a network",
        kinds=FILE_FILTER,
        hint="A file, package.module:function, or timm:NAME",
    )
    architecture = Text("Definition", hint="timm:NAME, torchvision:NAME, or the id of a network here")
    weights = Text("Weights", hint="ema, raw, teacher, …: where a checkpoint holds several sets")
    title = Text("Title", hint="Name of the file")
    layers = Text("Layers", hint="The network's own; separate several by spaces, early to late")
    input_size = Count("Input size", "Side length of its input images", most=2048, unit=" px", zero=AS_USUAL)
    output_stride = Choice("Output stride", choices=((0, AS_USUAL), (32, "32 px"), (16, "16 px"), (8, "8 px")))
    normalisation = Text("Mean and SD", hint="The file's or ImageNet's, or six numbers: means of R, G, B, SDs")
    tokens = Choice("Transformer tokens", choices=TOKENS)
    parent_network = Text("Made from", hint="Id of the network it was fine-tuned from; empty if trained from scratch")
    robust = Flag("Adversarially trained", row=" ")
    trusted = Flag("I trust its author: a .pt2 or TorchScript file or a function runs with my permissions", row=" ")

    def __init__(self, lane: JobLane, tell: Tell, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lane, self._tell = lane, tell
        self.make_fields()
        for field in (self.architecture, self.parent_network):
            completer = QCompleter([row.id for row in list_networks()], field)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            field.setCompleter(completer)
        self.work = JobLine()
        self.bring = make_button("Import", "primary", self._ask)
        self.bring.setDefault(True)
        text, rows = make_label(EXPLANATION, "muted", wraps=True), self.make_rows(*self.fields(), gap=8)
        self.copy = make_copy_button(
            lambda: CommandWork("networks add", {"source": self.source.value(), "options": self.options()}),
            self.work.error,
        )
        buttons = make_row(self.copy, -1, make_button("Cancel", do=self.reject), self.bring)
        fill_dialog(self, "Import a network", text, rows, self.work, buttons, gap=14, width=WIDTH)
        self.work.changed.connect(self.refresh)
        self.refresh()

    def options(self) -> NetworkImportOptions:
        """What the form says. Raises BadInputError for a value that cannot be used."""
        layers = tuple(self.layers.text().replace(",", " ").split())
        parent = self.parent_network.value()
        return self.make_config(NetworkImportOptions, layers=layers, parent=parent, **self._read_normalisation())

    def _read_normalisation(self) -> dict[str, tuple[float, ...]]:
        text = self.normalisation.text()
        try:
            numbers = tuple(float(word) for word in text.replace(",", " ").split())
        except ValueError:
            numbers = (0.0,)
        if len(numbers) not in (0, 6):
            raise refusal("Mean and SD", allowed="six numbers: means of R, G, B, then SDs", got=text)
        return {"mean": numbers[:3], "std": numbers[3:]} if numbers else {}

    def reject(self) -> None:
        """Cancel, by Escape too, stops an import that waits for its turn."""
        self.work.cancel()
        super().reject()

    def refresh(self) -> None:
        """Say what is missing."""
        reason = "" if self.source.value() else "Choose a file or name a network first"
        reason = "It is being imported" if self.work.busy else reason
        allow(self.bring, reason)
        self.bring.setText("Importing…" if self.work.busy else "Import")

    def _ask(self) -> None:
        if (options := self.work.attempt(self.options)) is not None:
            source = self.source.value()
            make, title = partial(take_in, source, options), f"Importing {source}…"
            self.work.run(self._lane, KIND, lambda _stop: make(), title=title, on_done=self._take)

    def _take(self, spec: NetworkSpec) -> None:
        self.accept()
        told = f" {spec.note}" if spec.note else ""
        self._tell(f"Imported {spec.title} ({spec.id}).{told} Fit an encoder on it to probe it.", spec.id)
