"""Runs a sweep cell by cell as a generator of progress; a cancelled one is resumed where it stopped. Never draws.

Every random number comes from the seed and the names of what it is for, and every cell stands alone, so the numbers do
not depend on the order, on stops or on what ran before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from core.checks import describe_refusal
from core.datasets.image_store import find_stimulus, open_image_store
from core.datasets.subject import load_responses, load_subject
from core.encoders.files import load_card
from core.errors import BadInputError, Cancelled
from core.networks.catalog import find_network
from core.progress import ShouldStop, Stopwatch, never_stop
from core.seeds import make_stream
from core.sweeps.choose import check_comparable
from core.sweeps.config import EncoderName, SweepConfig
from core.sweeps.measured import average_voxels, find_ceilings
from core.sweeps.plan import CLIMB, PREDICT, Cell, list_cells, name_parts, weigh_cell
from core.sweeps.store import Arrays, SweepStore, open_store
from core.types import FloatArray

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.images.stimulus import Stimulus

PIXELS_KEPT = 4
"""Sets of images kept in memory: one for every input size in use."""


class EncoderSource(Protocol):
    """What opens encoders and keeps them open: `core.engine.Engine`."""

    @property
    def device(self) -> str:
        """The device in use."""

    def open_encoder(self, subject: str, network: str, layer: str) -> Encoder:
        """An encoder, ready to run."""


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
    weights = [weigh_cell(config, cell) for cell in todo]
    watch, weighed = Stopwatch(sum(weights)), 0
    worker = _Worker(source, store, should_stop)
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
    if config.question.needs_deltas and len(sides) > 1:
        advice = "A perturbation fits one size only: compare networks of the same input size."
        allowed = "networks of one input size"
        raise BadInputError(describe_refusal("encoders", allowed=allowed, got=sorted(sides), advice=advice))
    for image in config.images:
        find_stimulus(image, size=min(sides))


def note_facts(config: SweepConfig, device: str) -> dict[str, Any]:
    """What the numbers depend on beside the settings: hashes of the encoders, versions, device."""
    from core.probes.respond import describe_versions

    hashes = {config.label_of(encoder): load_card(*encoder).sha256 for encoder in config.encoders}
    return {"encoder_sha256": hashes, "versions": describe_versions(), "device": device}


class _Worker:
    """Computes cells; keeps the images of each size and the encoders' targets."""

    def __init__(self, source: EncoderSource, store: SweepStore, should_stop: ShouldStop) -> None:
        self._source, self._store, self._should_stop = source, store, should_stop
        self._config = store.config
        self._load_images = lru_cache(maxsize=PIXELS_KEPT)(self._read_images)

    def compute(self, cell: Cell) -> Arrays:
        """The arrays of one cell."""
        if cell.kind == CLIMB:
            return self._climb(cell)
        return self._predict(cell) if cell.kind == PREDICT else self._score(cell)

    def _climb(self, cell: Cell) -> Arrays:
        from core.sweeps.climb import Ascent, climb

        name, target, direction, norm = name_parts(self._config, cell)
        encoder = self._open(name)
        stimuli = self._load_images(encoder.network.input_size)
        side = encoder.network.input_size
        aim = target.find_in(load_subject(name.subject).voxels).vector(encoder.n_voxels)
        ascent = Ascent(aim, direction.sign, self._config.attack(norm, side), self._config.rungs(norm, side))
        return climb(
            encoder,
            _stack(stimuli),
            ascent,
            keys=[stimulus.sha256 for stimulus in stimuli],
            keep_deltas=self._config.question.needs_deltas,
            should_stop=self._should_stop,
        )

    def _score(self, cell: Cell) -> Arrays:
        from core.probes.spill_over import RoiPool
        from core.sweeps.score import Recipient, ScoreSettings, score

        name, target, _, norm = name_parts(self._config, cell)
        source = Cell(CLIMB, cell.encoder, cell.target, cell.direction, cell.norm)
        delta = self._store.load(source)["delta"]
        recipients = []
        for one in self._config.encoders:
            encoder, table = self._open(one), load_subject(one.subject).voxels
            aim = target.find_in(table).vector(encoder.n_voxels)
            recipients.append(Recipient(encoder, aim, encoder.target_sd(aim), RoiPool(table)))
        stimuli = self._load_images(find_network(name.network).input_size)
        settings = ScoreSettings(norm, self._config.seed, tuple(stimulus.sha256 for stimulus in stimuli))
        return score(recipients, _stack(stimuli), delta, settings=settings, should_stop=self._should_stop)

    def _predict(self, cell: Cell) -> Arrays:
        from core.sweeps.score import predict_targets

        name = self._config.encoders[cell.encoder]
        encoder, subject = self._open(name), load_subject(name.subject)
        targets = [target.find_in(subject.voxels) for target in self._config.targets]
        aims = {number: target.vector(encoder.n_voxels) for number, target in enumerate(targets)}
        rows = choose_test_rows(np.asarray(subject.test), self._config.n_test, self._config.seed)
        images, predicted = open_image_store(subject), []
        for start in range(0, len(rows), 16):
            chosen = [subject.image_ids[row] for row in rows[start : start + 16]]
            pixels = np.stack([images.load(image, encoder.network.input_size).pixels for image in chosen])
            predicted.append(predict_targets(encoder, pixels, aims, should_stop=self._should_stop))
        voxels = [list(target.voxels) for target in targets]
        repeats = average_voxels(load_responses(name.subject), voxels)
        measured = np.nanmean(repeats[rows], axis=1) if rows else np.zeros((0, len(targets)))
        empty = np.zeros((0, len(targets)))
        return {
            "predicted": np.concatenate(predicted) if predicted else empty,
            "measured": measured,
            "noise_ceiling": find_ceilings(repeats, rows, subject.voxels.noise_ceiling, voxels),
        }

    def _open(self, name: EncoderName) -> Encoder:
        return self._source.open_encoder(*name)

    def _read_images(self, side: int) -> tuple[Stimulus, ...]:
        return tuple(find_stimulus(image, size=side) for image in self._config.images)


def choose_test_rows(test: np.ndarray[Any, Any], most: int, seed: int) -> list[int]:
    """At most `most` rows of held-out images, ascending."""
    rows = np.flatnonzero(test)
    if len(rows) > most:
        rows = np.sort(make_stream(seed, "predictivity").permutation(rows)[:most])
    return [int(row) for row in rows]


def _stack(stimuli: tuple[Stimulus, ...]) -> FloatArray:
    return np.stack([stimulus.pixels for stimulus in stimuli])
