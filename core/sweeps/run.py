"""Runs a sweep: checks it, notes what its numbers depend on, computes what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.checks import refusal
from core.datasets.image_store import find_stimulus
from core.encoders.files import load_card
from core.networks.catalog import find_network
from core.progress import ShouldStop, never_stop
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.cells import RunProgress, iter_cells, open_store
from core.sweeps.choose import check_comparable, choose_control_encoders
from core.sweeps.config import SweepConfig
from core.sweeps.plan import SWEEP, name_layers, time_cell
from core.sweeps.step_seconds import read_step_seconds
from core.sweeps.work import EncoderSource, Worker


def iter_sweep(
    source: EncoderSource,
    config: SweepConfig,
    folder: Path,
    *,
    resume: bool = False,
    should_stop: ShouldStop = never_stop,
) -> Iterator[RunProgress]:
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
    store = open_store(SWEEP, folder, config, note_facts(config, source.device), resume=resume)
    step_seconds = read_step_seconds(name_layers(config), source.device)
    yield from iter_cells(
        store,
        Worker(source, store, should_stop).compute,
        seconds_of=lambda cell: time_cell(config, cell, step_seconds),
        should_stop=should_stop,
    )


def check_sweep(config: SweepConfig) -> None:
    """Refuse what cannot be run, before anything heavy. Raises BadInputError."""
    check_comparable(config)
    sides = {find_network(encoder.network).input_size for encoder in config.encoders}
    if AttackKind.ENSEMBLE in config.attacks and len(sides) > 1:
        advice = "The members of an ensemble share their pixels: compare networks of one input size, or leave it out."
        allowed = "networks of one input size for an ensemble"
        raise refusal("encoders", allowed=allowed, got=sorted(sides), advice=advice)
    for image in config.images:
        find_stimulus(image, size=min(sides))


def note_facts(config: SweepConfig, device: str) -> dict[str, Any]:
    """What the numbers depend on beside the settings: hashes of the encoders, versions, device."""
    from core.probes.respond import describe_versions

    hashes = {config.label_of(encoder): load_card(*encoder).sha256 for encoder in config.encoders}
    facts: dict[str, Any] = {"encoder_sha256": hashes, "versions": describe_versions(), "device": device}
    if config.refitted or config.untrained:
        facts["no_copy"] = list(choose_control_encoders(config.encoders).reasons)
    return facts
