"""Any of a long list, found by a few letters, chosen in place of typing their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QDialog, QPushButton, QWidget

from app.widgets.ask_path import ask_files, ask_open
from app.widgets.basics import fill_dialog, make_button, make_row
from app.widgets.editors import CheckList, TextLine
from core.datasets.image_files import ENDINGS

Choices = Sequence[tuple[str, str]]
SIZE = (460, 560)
IMAGES = f"Images ({' '.join('*' + ending for ending in ENDINGS)})"


class PickDialog(QDialog):
    """A list with a search field, of which any are ticked; images of one's own can be added to those offered."""

    def __init__(
        self, title: str, choices: Choices, ticked: Sequence[str], parent: QWidget | None, *, takes_files: bool = False
    ) -> None:
        super().__init__(parent)
        self.list = CheckList()
        self._choices = list(choices)
        self.add(ticked)
        self.list.set_value(ticked)
        own = [
            make_button("Add files…", do=self._add_files, tip="Images of your own"),
            make_button("Add a folder…", do=self._add_folder, tip="Every image of a folder"),
        ]
        self.ok = make_button("Use these", "primary", self.accept)
        buttons = make_row(*own * takes_files, -1, make_button("Cancel", do=self.reject), self.ok)
        holder = QWidget()
        holder.setLayout(self.list.under(title))
        fill_dialog(self, title, holder, buttons, margin=16, stretch=0)
        self.resize(*SIZE)

    def add(self, values: Sequence[str]) -> None:
        """List values that were not offered above the others, and tick them."""
        known = {value for value, _ in self._choices}
        self._choices = [(one, one) for one in values if one not in known] + self._choices
        self.list.set_choices(self._choices, {*self.list.value(), *values})

    def _add_files(self) -> None:
        self.add([str(path) for path in ask_files(self, "Choose images", Path.home(), IMAGES)])

    def _add_folder(self) -> None:
        if folder := ask_open(self, "Choose a folder of images"):
            self.add([str(folder)])


IMAGE_EXAMPLES = (
    "test:4 – four held-out images\ncat_chelsea, test:2 – one by its id, two held-out ones\n~/photos – all of a folder"
)
"""How images are named in a field."""

VOXEL_EXAMPLES = "812 – voxel 812\n812, 813, FFA:3 – two voxels, and three of FFA above the minimum r"
"""How voxels are."""


def make_picker(line: TextLine, title: str, offer: Callable[[], Choices], *, takes_files: bool = False) -> QPushButton:
    """A button that has the words of a line chosen from a list."""

    def pick() -> None:
        dialog = PickDialog(title, offer(), line.words(), line, takes_files=takes_files)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            line.take_words(dialog.list.value())

    return make_button("Choose…", do=pick, tip=f"{title} from a list")
