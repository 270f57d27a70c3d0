"""Kept views of the cortex: their dialog, and the setting they are kept in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Slot

from app.base.desk import Desk, Feature
from app.cortex.pose import KeptPose, parse_poses, read_pose, show_pose, write_poses
from app.cortex.poses_dialog import PosesDialog
from app.cortex.view import CortexView

KEY = "camera_poses"


class Poses(Feature):
    """Keeps poses by name; one of the same name is replaced."""

    def __init__(self, desk: Desk, view: CortexView) -> None:
        super().__init__(desk)
        self._view = view
        self._settings = desk.services.settings
        self.dialog: PosesDialog | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command about poses."""
        return {"camera_poses": self.show_dialog}

    def poses(self) -> tuple[KeptPose, ...]:
        """Every kept pose, in the order kept."""
        return parse_poses(self._settings.text(KEY))

    @Slot()
    def show_dialog(self) -> None:
        """Open the list."""
        if self.dialog is None:
            self.dialog = PosesDialog(self._desk.parent)
            self.dialog.keep_requested.connect(self._keep)
            self.dialog.go_requested.connect(self._go)
            self.dialog.remove_requested.connect(self._remove)
        self.dialog.show_names(tuple(pose.name for pose in self.poses()))
        self.dialog.show()
        self.dialog.raise_()

    @Slot(str)
    def _keep(self, name: str) -> None:
        fresh = read_pose(self._view, name)
        self._store((*(pose for pose in self.poses() if pose.name != name), fresh))

    @Slot(str)
    def _remove(self, name: str) -> None:
        self._store(tuple(pose for pose in self.poses() if pose.name != name))

    @Slot(str)
    def _go(self, name: str) -> None:
        for pose in self.poses():
            if pose.name == name:
                show_pose(self._view, pose)

    def _store(self, poses: tuple[KeptPose, ...]) -> None:
        self._settings.set(KEY, write_poses(poses))
        self._settings.save()
        if self.dialog is not None:
            self.dialog.show_names(tuple(pose.name for pose in poses))
