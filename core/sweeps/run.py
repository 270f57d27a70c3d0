"""Runs a sweep cell by cell as a generator of progress; a cancelled one is resumed where it stopped. Never draws.

Every random number comes from the seed and the names of what it is for, and every cell stands alone, so the numbers do
not depend on the order, on stops or on what ran before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.datasets.image_store import find_stimulus
from core.encoders.files import load_card
from core.errors import BadInputError, Cancelled
from core.networks.catalog import find_network
from core.progress import ShouldStop, Stopwatch, never_stop
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.choose import check_comparable
from core.sweeps.config import SweepConfig
from core.sweeps.copies import choose_copies
from core.sweeps.pace import read_paces
from core.sweeps.plan import list_cells, name_layers, time_cell
from core.sweeps.store import SweepStore, open_store
from core.sweeps.work import EncoderSource, Worker


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """Where a running sweep stands.

    `cell` describes the next one; `done` counts finished cells of `n_cells`, `n_resumed` of them found on disk;
    `seconds_left` is None while unknown; `result` is set on the last record only.
    """

    cell: str
    done: int
    n_cells: int
    n_resumed: int
    seconds_left: float | None
    result: SweepStore | None = None


def iter_sweep(
    source: EncoderSource,
    config: SweepConfig,
    folder: Path,
    *,
    resume: bool = False,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SweepProgress]:
    """Run what is missing of a sweep, one record a cell.

    Raises
    ------
    BadInputError
        If the encoders cannot be compared, an image is missing, or the folder is not free.
    StorageError
        If a cell cannot be written.
    Cancelled
        As soon as `should_stop()` is true; finished cells stay.
    """
    check_sweep(config)
    store = open_store(folder, config, note_facts(config, source.device), resume=resume)
    todo, n_cells = store.missing(), len(list_cells(config))
    n_resumed = n_cells - len(todo)
    paces = read_paces(name_layers(config), source.device)
    weights = [max(1, round(1000 * time_cell(config, cell, paces))) for cell in todo]
    watch, weighed = Stopwatch(sum(weights)), 0
    worker = Worker(source, store, should_stop)
    for number, cell in enumerate(todo):
        left = watch.seconds_left(weighed)
        yield SweepProgress(cell.describe(config), n_resumed + number, n_cells, n_resumed, left)
        if should_stop():
            raise Cancelled
        store.save(cell, worker.compute(cell))
        weighed += weights[number]
    yield SweepProgress("done", n_cells, n_cells, n_resumed, 0.0, store)


def check_sweep(config: SweepConfig) -> None:
    """Refuse what cannot be run, before anything heavy. Raises BadInputError."""
    check_comparable(config)
    sides = {find_network(encoder.network).input_size for encoder in config.encoders}
    if AttackKind.ENSEMBLE in config.attacks and len(sides) > 1:
        advice = "The members of an ensemble share their pixels: compare networks of one input size, or leave it out."
        allowed = "networks of one input size for an ensemble"
        raise BadInputError(describe_refusal("encoders", allowed=allowed, got=sorted(sides), advice=advice))
    for image in config.images:
        find_stimulus(image, size=min(sides))


def note_facts(config: SweepConfig, device: str) -> dict[str, Any]:
    """What the numbers depend on beside the settings: hashes of the encoders, versions, device."""
    from core.probes.respond import describe_versions

    hashes = {config.label_of(encoder): load_card(*encoder).sha256 for encoder in config.encoders}
    facts: dict[str, Any] = {"encoder_sha256": hashes, "versions": describe_versions(), "device": device}
    if config.refitted or config.untrained:
        facts["no_copy"] = list(choose_copies(config.encoders).reasons)
    return facts
