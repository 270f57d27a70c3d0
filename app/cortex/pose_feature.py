"""What the window does with kept views of the cortex: the dialog and the settings. Never moves the camera itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from app.cortex.pose import KeptPose, parse_poses, read_pose, show_pose, write_poses
from app.cortex.poses_dialog import PosesDialog

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

KEY = "camera_poses"


class PoseTools(QObject):
    """Keeps poses by name; one of the same name is replaced."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._settings = window.session.settings
        self.dialog: PosesDialog | None = None

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command about poses."""
        return {"camera_poses": self.show_dialog}

    def poses(self) -> tuple[KeptPose, ...]:
        """Every kept pose, in the order kept."""
        return parse_poses(self._settings.text(KEY))

    @Slot()
    def show_dialog(self) -> None:
        """Open the list."""
        if self.dialog is None:
            self.dialog = PosesDialog(self._window)
            self.dialog.keep_requested.connect(self._keep)
            self.dialog.go_requested.connect(self._go)
            self.dialog.remove_requested.connect(self._remove)
        self.dialog.show_names(tuple(pose.name for pose in self.poses()))
        self.dialog.show()
        self.dialog.raise_()

    @Slot(str)
    def _keep(self, name: str) -> None:
        fresh = read_pose(self._window.cortex.view, name)
        self._store((*(pose for pose in self.poses() if pose.name != name), fresh))

    @Slot(str)
    def _remove(self, name: str) -> None:
        self._store(tuple(pose for pose in self.poses() if pose.name != name))

    @Slot(str)
    def _go(self, name: str) -> None:
        for pose in self.poses():
            if pose.name == name:
                show_pose(self._window.cortex.view, pose)

    def _store(self, poses: tuple[KeptPose, ...]) -> None:
        self._settings.set(KEY, write_poses(poses))
        self._settings.save()
        if self.dialog is not None:
            self.dialog.show_names(tuple(pose.name for pose in poses))
