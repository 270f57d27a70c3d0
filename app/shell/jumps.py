"""Everything the command palette can reach: commands, places to go, what the controls can be set to, settings.

Commands come from the actions of the menus as they are now; the others from what is open, so that nothing is listed by
hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from app.base.settings import SETTINGS
from app.explore.explore import Explore
from app.explore.places import KEY
from app.shell.actions import Actions, key_text
from app.shell.commands import COMMANDS
from app.shell.controls import list_controls
from app.shell.palette import Jump, Palette
from app.widgets.desk import Desk, Feature, does
from core.probes.target import list_rois, resolve_roi
from core.words import count


class Jumps(Feature):
    """Opens the palette with what can be reached now.

    Parameters
    ----------
    actions : The actions of the menus.
    open_setting : Opens the settings on one of them.
    """

    def __init__(self, desk: Desk, explore: Explore, actions: Actions, open_setting: Callable[[str], object]) -> None:
        super().__init__(desk)
        self._explore = explore
        self._actions = actions
        self._open_setting = open_setting
        self.palette: Palette | None = None

    @does("palette")
    def show_palette(self) -> None:
        """Open the palette over the window."""
        window = self._desk.parent
        self.palette = Palette(self.everything(), find_voxel=self.find_voxel, parent=window)
        self.palette.place_over(window)
        self.palette.finished.connect(self._forget_palette)
        self.palette.open()

    def everything(self) -> tuple[Jump, ...]:
        """Everything that can be reached now, commands first."""
        controls = list_controls(self._explore.palette_parts(), self._show_explore)
        parts = (self._commands(), self._tabs(), controls, self._rois(), self._encoders(), self._subjects())
        return (*(jump for part in parts for jump in part), *self._settings(), *self._images())

    def find_voxel(self, query: str) -> Jump | None:
        """The voxel somebody typed the number of; None if that is no voxel of the subject."""
        subject = self._session.state.subject
        number = query.casefold().removeprefix("voxel").strip()
        if subject is None or not number.isdecimal() or int(number) >= subject.voxels.n_voxels:
            return None
        voxel = int(number)
        go = partial(self._session.controller.pick_voxel, voxel)
        return Jump("Voxel", f"Voxel {voxel}", subject.voxels.roi[voxel], go)

    def _forget_palette(self) -> None:
        if self.palette is not None:
            self.palette.deleteLater()
            self.palette = None

    def _commands(self) -> Iterator[Jump]:
        """A line for each action as it is now: its text, key, and why it cannot be given."""
        for command in COMMANDS:
            action = self._actions.action(command.id)
            title, reason = action.text().removesuffix("…"), "" if action.isEnabled() else str(action.data())
            yield Jump("Command", title, command.help, action.trigger, reason, key_text(action))

    def _tabs(self) -> Iterator[Jump]:
        for key in self._desk.tabs.keys:
            yield Jump("Tab", key.capitalize(), "", partial(self._desk.tabs.open, key))

    def _show_explore(self) -> None:
        self._desk.tabs.open(KEY)
        self._explore.show_all()

    def _rois(self) -> Iterator[Jump]:
        subject = self._session.state.subject
        if subject is None:
            return
        for roi in list_rois(subject.voxels):
            told = count(len(resolve_roi(subject.voxels, roi)[1]), "voxel")
            yield Jump("ROI", roi, told, partial(self._session.controller.pick_roi, roi))

    def _encoders(self) -> Iterator[Jump]:
        catalogue, subject = self._session.catalogue, self._session.state.subject
        for config in catalogue.encoders_of(subject.id) if subject is not None else ():
            spec = catalogue.spec_of(config.network)
            title = spec.title if spec is not None else config.network
            robust = "robust network" if spec is not None and spec.robust else "standard network"
            go = partial(self._session.controller.open_encoder, config.network, config.layer)
            yield Jump("Network", f"{title} {config.layer}", f"{robust}, layer {config.layer}", go)

    def _subjects(self) -> Iterator[Jump]:
        for info in self._session.catalogue.subjects:
            yield Jump("Subject", info.title, info.kind, partial(self._session.controller.open_subject, info.id))

    def _settings(self) -> Iterator[Jump]:
        for setting in SETTINGS:
            if setting.title:
                yield Jump("Setting", setting.title, setting.help, partial(self._open_setting, setting.key))

    def _images(self) -> Iterator[Jump]:
        for item in self._explore.gallery.everything():
            yield Jump("Image", item.title, item.group, partial(self._session.controller.open_image, item.key))
