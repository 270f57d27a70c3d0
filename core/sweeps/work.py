"""What long work in pieces is made of: kinds of work, their cells, where each was computed and why one failed."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from core.containers import Arrays
from core.errors import StorageError
from core.headers import Content, HeaderKind, structure
from core.progress import Progress, ShouldStop

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class AnyCell(Protocol):
    """One piece of work, the unit of resuming."""

    @property
    def key(self) -> str:
        """Its file's stem."""

    def describe(self, config: Any) -> str:
        """One line for a progress display."""

    def inputs(self, config: Any) -> tuple[Any, ...]:
        """The cells that must be done before it."""

    def group(self, config: Any) -> str:
        """What cells that follow each other share: a process that opens a network once does all of them."""


@dataclass(frozen=True, slots=True)
class LoneCell:
    """A cell that needs no other: its number among what the settings list, its file's stem, its line, its network."""

    number: int
    key: str
    what: str
    network: str

    def describe(self, _config: Any) -> str:
        """One line for a progress display."""
        return self.what

    def inputs(self, _config: Any) -> tuple[LoneCell, ...]:
        """None."""
        return ()

    def group(self, _config: Any) -> str:
        """Its network."""
        return self.network


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What numbers may depend on beside the settings; each kind of work notes some of it.

    Hashes are by encoder, network, subject (of its responses) and image (of its pixels at the smallest input size);
    `no_copy` says why an encoder has no control encoder. Folders of version 0.3 hold versions and device of all cells.
    """

    network_sha256: dict[str, str]
    encoder_sha256: dict[str, str] = field(default_factory=dict)
    subject_sha256: dict[str, str] = field(default_factory=dict)
    image_sha256: dict[str, str] = field(default_factory=dict)
    no_copy: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""


ConfigT = TypeVar("ConfigT", bound="DataclassInstance")
CellT = TypeVar("CellT", bound=AnyCell)
Compute = Callable[[Any], Arrays | Generator[Progress[Any], None, Arrays]]
"""Gives the arrays of a cell; one that takes long may yield how far it is, and returns them."""


@dataclass(frozen=True, slots=True)
class Runner:
    """How a kind of work is computed.

    Parameters
    ----------
    note_facts : The hashes that this computer has of what the settings name.
    prepare : Of what opens networks, a store and what tells to stop: gives what computes the arrays of a cell.
    weigh : The seconds that a cell of settings is expected to take, from those of one step of each layer.
    layers : Networks and layers that the settings name.
    """

    note_facts: Callable[[Any], Content]
    prepare: Callable[[Any, Any, ShouldStop], Compute]
    weigh: Callable[[Any, Any, Mapping[tuple[str, str], float]], float]
    layers: Callable[[Any], tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Work(Generic[ConfigT, CellT]):
    """A kind of work: its name, the header's file and format, settings, the cells they make, who makes it.

    `computed_by` names its `Runner`, "module:NAME", which is imported only where it computes, as it needs torch.
    `claim_at` says where cells are claimed that other folders have too; None: beside them.
    """

    name: str
    file: str
    kind: HeaderKind
    config: type[ConfigT]
    list_cells: Callable[[ConfigT], tuple[CellT, ...]]
    made_by: str
    computed_by: str
    facts: type[Facts] = Facts
    claim_at: Callable[[ConfigT], Path | None] = lambda _: None

    @property
    def runner(self) -> Runner:
        """How it is computed."""
        return cast("Runner", pkgutil.resolve_name(self.computed_by))

    def unpack(self, values: object, *, where: Path | str = "", part: str = "") -> ConfigT:
        """Settings from plain values; what was added since has its default. Raises StorageError if they are wrong."""
        return structure(values, self.config, self.kind, where=where, part=part)


@dataclass(frozen=True, slots=True)
class Made:
    """Where a cell was computed, on what, by which versions, in how many seconds, at which attempt.

    `process` is its number; `memory` what it had taken at most so far, bytes. Older cells know neither.
    """

    host: str
    device: str
    versions: dict[str, str]
    seconds: float = 0.0
    attempt: int = 1
    process: int = 0
    memory: int = 0

    @property
    def circumstances(self) -> tuple[str, str]:
        """Device and versions, on which the last digits depend."""
        return self.device, ", ".join(f"{name} {value}" for name, value in self.versions.items())


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cell has no numbers: a sentence, the traceback, where, at which attempt."""

    what: str
    reason: str
    host: str
    device: str = ""
    attempt: int = 1
    traceback: str = ""


FAILURE = HeaderKind("what was noted of a cell that failed", "Delete it and resume.", error=StorageError)
