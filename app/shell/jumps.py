"""Everything the command palette can reach: commands, places to go, settings. Never shows a list, never decides.

Commands come from the one table; the others from what is open now, so that nothing is listed by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.base.settings_table import SETTINGS
from app.shell.actions import key_text
from app.shell.commands import COMMANDS, Situation

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow


@dataclass(frozen=True, slots=True)
class Jump:
    """One line of the palette.

    Parameters
    ----------
    kind : str
        "Command", "ROI", "Image" and so on.
    title, detail : str
        What is searched, and what stands beside it.
    go : function
        Does it.
    reason : str
        Why it cannot be done now; empty if it can.
    key : str
        Its keyboard shortcut.
    """

    kind: str
    title: str
    detail: str
    go: Callable[[], object]
    reason: str = ""
    key: str = ""


def list_jumps(window: MainWindow, open_setting: Callable[[str], object]) -> tuple[Jump, ...]:
    """Everything that can be reached now, commands first."""
    parts = (_commands(window), _spaces(window), _rois(window), _encoders(window), _subjects(window))
    return (*(jump for part in parts for jump in part), *_settings(open_setting), *_images(window))


def jump_to_voxel(window: MainWindow, query: str) -> Jump | None:
    """The voxel somebody typed the number of; None if that is no voxel of the subject."""
    subject = window.session.state.subject
    number = query.casefold().removeprefix("voxel").strip()
    if subject is None or not number.isdecimal() or int(number) >= subject.voxels.n_voxels:
        return None
    roi = subject.voxels.roi[int(number)]
    return Jump("Voxel", f"Voxel {int(number)}", roi, partial(window.session.controller.pick_voxel, int(number)))


def _commands(window: MainWindow) -> Iterator[Jump]:
    situation = Situation(window.session.state, window.session.lane.state)
    for command in COMMANDS:
        action = window.actions_table.action(command.id)
        reason = command.reason(situation)
        title = command.title.removesuffix("…")
        yield Jump("Command", title, command.help, action.trigger, reason, key_text(action))


def _spaces(window: MainWindow) -> Iterator[Jump]:
    tabs = window.workspaces.tabs
    for index in range(tabs.count()):
        yield Jump("Tab", tabs.tabText(index), tabs.tabToolTip(index), partial(tabs.setCurrentIndex, index))


def _rois(window: MainWindow) -> Iterator[Jump]:
    subject = window.session.state.subject
    for roi, count in Counter(subject.voxels.roi if subject is not None else ()).items():
        if roi:
            yield Jump("ROI", roi, f"{count} voxels", partial(window.session.controller.pick_roi, roi))


def _encoders(window: MainWindow) -> Iterator[Jump]:
    catalogue, subject = window.session.catalogue, window.session.state.subject
    for config in catalogue.encoders_of(subject.id) if subject is not None else ():
        spec = catalogue.spec_of(config.network)
        title = spec.title if spec is not None else config.network
        robust = "robust network" if spec is not None and spec.robust else "standard network"
        go = partial(window.session.controller.open_encoder, config.network, config.layer)
        yield Jump("Network", f"{title} {config.layer}", robust, go)


def _subjects(window: MainWindow) -> Iterator[Jump]:
    for info in window.session.catalogue.subjects:
        yield Jump("Subject", info.title, info.kind, partial(_open_subject, window, info.id))


def _open_subject(window: MainWindow, subject: str) -> None:
    """Show the subject as if it had been chosen in the controls."""
    form = window.controls.encoder
    form.set_subjects(window.session.catalogue.subjects, subject)
    form.subject_chosen.emit(subject)


def _settings(open_setting: Callable[[str], object]) -> Iterator[Jump]:
    for setting in SETTINGS:
        if setting.title:
            yield Jump("Setting", setting.title, setting.help, partial(open_setting, setting.key))


def _images(window: MainWindow) -> Iterator[Jump]:
    for item in window.gallery.everything():
        yield Jump("Image", item.title, item.group, partial(window.session.controller.open_image, item.key))
