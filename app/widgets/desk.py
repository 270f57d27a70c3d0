"""What a feature of the window is given, and what the window may ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.base.services import Services
from app.widgets.tabs import Tabs
from core.images.stimulus import Stimulus
from core.probes.probe import Probe
from core.session.record import SessionRecord

Method = TypeVar("Method", bound=Callable[..., object])
Tone = Literal["error", "warning", "info"]
Paths = Sequence[Path]
Content = Mapping[str, Any]
"""Fields of a `SessionRecord`: what one feature keeps in a saved session."""


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a feature is given.

    Parameters
    ----------
    services : State, lane, engine, controller, settings, problems and log.
    parent : For dialogs.
    tabs : Adds or opens a page by its key.
    say : Shows a sentence with its tone over the work area.
    """

    services: Services
    parent: QWidget
    tabs: Tabs
    say: Callable[[str, Tone], None]


@dataclass(frozen=True, slots=True)
class Drop:
    """One thing that can be dropped on the window.

    Parameters
    ----------
    thing : What it is, in the plural, for the sentence about what can be taken.
    promise : What a drop does; `{name}` is what is dropped.
    takes : Whether these paths are such a thing; looks at names and headers only.
    do : Does it.
    takes_many : All paths belong together; else only the first is used, and that is said.
    """

    thing: str
    promise: str
    takes: Callable[[Paths], bool]
    do: Callable[[Paths], object]
    takes_many: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A saved session with what it needs from files.

    Parameters
    ----------
    image : Id or path of the image; "" if it could not be opened.
    places : Where each file it refers to was found, by what it is; None for a missing one.
    problems : One sentence for each thing that could not be opened.
    """

    record: SessionRecord
    image: str = ""
    stimulus: Stimulus | None = None
    probe: Probe | None = None
    pinned: Probe | None = None
    places: Mapping[str, Path | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def does(command: str) -> Callable[[Method], Method]:
    """Mark the method of a feature that does a command, by its id in the table of commands."""

    def mark(method: Method) -> Method:
        vars(method)["command"] = command
        return method

    return mark


class Feature(QObject):
    """One feature as the window sees it; what a feature does not have stays as it is here."""

    changed = Signal()
    """What `capture` gives may differ from now on."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.parent)
        self._desk = desk
        self._session = desk.services

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """What its commands do, by their ids in the table of commands."""
        methods = [method for method in vars(type(self)).values() if callable(method) and hasattr(method, "command")]
        return {method.command: method.__get__(self) for method in methods}

    def drops(self) -> Sequence[Drop]:
        """What can be dropped on the window for it."""
        return ()

    def capture(self) -> Content:
        """Its part of a saved session."""
        return {}

    def restore(self, _loaded: Loaded) -> None:
        """Show its part of a saved session. Raises ProbeError where something of it cannot be shown."""
