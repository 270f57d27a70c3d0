"""The kept views of the cortex: go to one, keep the present one, remove one."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QWidget

from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row

LEAST_SIZE = (420, 380)


class PosesDialog(QDialog):
    """A list of names and a field for a new one.

    Signals
    -------
    go_requested(str), remove_requested(str), keep_requested(str)
        With a name.
    """

    go_requested = Signal(str)
    remove_requested = Signal(str)
    keep_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Camera poses")
        self.setMinimumSize(*LEAST_SIZE)
        self.list = QListWidget()
        self.list.setAccessibleName("Saved poses")
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of this view")
        self.name.setPlaceholderText("Name of this view")
        self.keep = make_button("Save this view", tip="Save the current surface, hemispheres and camera")
        self.go = make_button("Go to view", "primary")
        self.remove = make_button("Remove")
        close = make_button("Close")
        self.setLayout(
            make_column(
                make_label("Saved views of the cortex", "title"),
                self.list,
                make_row(self.remove, -1, self.go),
                make_heading("Save"),
                make_row(self.name, self.keep),
                make_row(-1, close),
                gap=10,
                margin=20,
            )
        )
        self.list.itemSelectionChanged.connect(self._refresh)
        self.list.itemDoubleClicked.connect(self._go)
        self.name.textChanged.connect(self._refresh)
        self.name.returnPressed.connect(self._keep)
        self.keep.clicked.connect(self._keep)
        self.go.clicked.connect(self._go)
        self.remove.clicked.connect(self._remove)
        close.clicked.connect(self.close)
        self._refresh()

    def show_names(self, names: tuple[str, ...]) -> None:
        """List these."""
        self.list.clear()
        self.list.addItems(names)
        self._refresh()

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return item.text() if item is not None and item.isSelected() else ""

    @Slot()
    def _refresh(self) -> None:
        for button, does in ((self.go, "Show the cortex from this view"), (self.remove, "Remove this view")):
            button.setEnabled(bool(self._chosen()))
            button.setToolTip(does if self._chosen() else "Choose a view in the list first")
        named = bool(self.name.text().strip())
        self.keep.setEnabled(named)
        self.keep.setToolTip("Save the current surface, hemispheres and camera" if named else "Enter a name first")

    @Slot()
    def _go(self, *_: object) -> None:
        if self._chosen():
            self.go_requested.emit(self._chosen())

    @Slot()
    def _remove(self) -> None:
        self.remove_requested.emit(self._chosen())

    @Slot()
    def _keep(self) -> None:
        if self.name.text().strip():
            self.keep_requested.emit(self.name.text().strip())
            self.name.clear()
