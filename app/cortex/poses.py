"""Kept views of the cortex: their dialog, and the setting they are kept in."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QWidget

from app.base.settings import Settings
from app.cortex.pose import KeptPose, parse_poses, show_pose, write_poses
from app.cortex.view import CortexView
from app.widgets.basics import allow, bring, fill_dialog, make_button, make_heading, make_label, make_row
from app.widgets.desk import Desk, Feature, does

KEY = "camera_poses"
KEEP_TIP = "Save the current surface, hemispheres and camera"


class Poses(Feature):
    """Keeps views by name."""

    def __init__(self, desk: Desk, view: CortexView) -> None:
        super().__init__(desk)
        self._view = view
        self.dialog: PosesDialog | None = None

    @does("camera_poses")
    def show_dialog(self) -> None:
        """Open the list."""
        if self.dialog is None:
            self.dialog = PosesDialog(self._view, self._session.settings, self._desk.parent)
        self.dialog.show_names()
        bring(self.dialog)


class PosesDialog(QDialog):
    """The kept views: go to one, keep the present one (one of the same name is replaced), remove one."""

    def __init__(self, view: CortexView, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view, self._settings = view, settings
        self.resize(420, 380)
        self.list = QListWidget()
        self.list.setAccessibleName("Saved poses")
        self.empty = make_label("None yet: turn the cortex, name the view and save it.", "muted", wraps=True)
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of this view")
        self.name.setPlaceholderText("Name of this view")
        self.keep = make_button("Save this view", do=self._keep)
        self.go = make_button("Go to view", "primary", self._go)
        self.remove = make_button("Remove", do=self._remove)
        fill_dialog(
            self,
            "Camera poses",
            make_label("Saved views of the cortex", "title"),
            self.empty,
            self.list,
            make_row(self.remove, -1, self.go),
            make_heading("Save"),
            make_row(self.name, self.keep),
            make_row(-1, make_button("Close", do=self.close)),
            gap=10,
            margin=20,
            width=420,
        )
        self.list.itemSelectionChanged.connect(self._refresh)
        self.list.itemDoubleClicked.connect(self._go)
        self.name.textChanged.connect(self._refresh)
        self.name.returnPressed.connect(self._keep)
        self._refresh()

    def show_names(self) -> None:
        """List every kept pose, in the order kept."""
        self.list.clear()
        self.empty.setVisible(not self._poses())
        self.list.addItems([pose.name for pose in self._poses()])
        self._refresh()

    def _poses(self) -> tuple[KeptPose, ...]:
        return parse_poses(self._settings.text(KEY))

    def _others(self, name: str) -> list[KeptPose]:
        return [pose for pose in self._poses() if pose.name != name]

    def _store(self, *poses: KeptPose) -> None:
        self._settings.set(KEY, write_poses(poses))
        self._settings.save()
        self.show_names()

    def _chosen(self) -> str:
        item = self.list.currentItem()
        return item.text() if item is not None and item.isSelected() else ""

    def _refresh(self) -> None:
        for button, tip in ((self.go, "Show the cortex from this view"), (self.remove, "Remove this view")):
            allow(button, "" if self._chosen() else "Choose a view in the list first", tip)
        allow(self.keep, "" if self.name.text().strip() else "Enter a name first", KEEP_TIP)

    def _go(self, *_: object) -> None:
        for pose in self._poses():
            if pose.name == self._chosen():
                show_pose(self._view, pose)

    def _remove(self) -> None:
        self._store(*self._others(self._chosen()))

    def _keep(self) -> None:
        name = self.name.text().strip()
        if name:
            view = self._view
            shown = KeptPose(name, view.geometry_name, view.hemispheres, view.named_view, view.canvas.pose)
            self._store(*self._others(name), shown)
            self.name.clear()
