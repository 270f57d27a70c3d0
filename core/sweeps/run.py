"""What a sweep needs to be run: it is checked, what its numbers depend on is noted, its cells are computed.

The images of each size and the copies of encoders in use are kept.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.checks import refusal
from core.containers import Arrays
from core.datasets.image_store import find_stimulus, open_image_store
from core.datasets.subject import load_responses, load_subject
from core.encoders.files import load_card
from core.encoders.responses import estimate_noise_ceiling, has_repeats
from core.images.stimulus import Stimulus
from core.kept import Kept, measure_module
from core.networks.catalog import find_network
from core.networks.manage import hash_networks
from core.probes.source import Source
from core.progress import ShouldStop
from core.seeds import make_stream
from core.sweeps.cells import check_facts
from core.sweeps.choose import check_comparable, choose_control_encoders
from core.sweeps.config import AttackKind, SweepConfig, TargetName
from core.sweeps.plan import CURVE, FIT, PAIR, PREDICT, REFITTED, UNTRAINED, Cell, SweepStore, name_layers, time_cell
from core.sweeps.work import Runner
from core.types import FloatArray

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.networks.network import Network

PIXELS_KEPT = 4
"""Sets of images kept in memory: one for every input size in use."""
CONTROL_ENCODER_BYTES = 2**30
"""Of copies of encoders kept open; others are read from the cache again."""
DELTAS = ("delta", "gradient", "montage")


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


def note_facts(config: SweepConfig) -> dict[str, Any]:
    """What the numbers depend on beside the settings: hashes of encoders, networks and images.

    Raises BadInputError, WeightsError or StorageError if one of them is missing or damaged, or as `check_sweep`.
    """
    check_sweep(config)
    facts: dict[str, Any] = {
        "encoder_sha256": {config.label_of(encoder): load_card(*encoder).sha256 for encoder in config.encoders},
        "network_sha256": hash_networks(encoder.network for encoder in config.encoders),
        "image_sha256": _hash_images(config),
    }
    if config.refitted or config.untrained:
        facts["no_copy"] = list(choose_control_encoders(config.encoders).reasons)
    return facts


def _hash_images(config: SweepConfig) -> dict[str, str]:
    side = min(find_network(encoder.network).input_size for encoder in config.encoders)
    return {image: find_stimulus(image, size=side).sha256 for image in config.images}


class _Worker:
    """Computes cells; whatever it opens is compared with what the sweep was begun with, as it may be replaced."""

    def __init__(self, source: Source, store: SweepStore, should_stop: ShouldStop) -> None:
        self._source, self._store, self._should_stop = source, store, should_stop
        self._config = store.config
        self._load_images = lru_cache(maxsize=PIXELS_KEPT)(self._read_images)
        self._control_encoders: Kept[tuple[int, str], Encoder] = Kept(CONTROL_ENCODER_BYTES, measure=measure_module)

    def compute(self, cell: Cell) -> Arrays:
        if cell.kind in (CURVE, PAIR):
            return self._attack(cell)
        if cell.kind == FIT:
            return self._fit(cell)
        return self._predict(cell) if cell.kind == PREDICT else self._score(cell)

    def _attack(self, cell: Cell) -> Arrays:
        from core.sweeps.attack_curve import AttackCurve, curve_cache, name_curve, run_curve, run_pair

        config, kind = self._config, self._config.attacks[cell.attack]
        target, sign = config.targets[cell.target], config.directions[cell.direction].sign
        norm = config.norms[cell.norm]
        numbers = [cell.encoder] if cell.other is None else [cell.encoder, cell.other]
        if kind is AttackKind.ENSEMBLE:  # all but the one it is shown to
            numbers = [number for number in range(len(config.encoders)) if number != cell.encoder]
        side = max(find_network(config.encoders[number].network).input_size for number in numbers)
        members = [
            (self._open(number, cell.copy, side), self._direction(target, number, cell.copy)) for number in numbers
        ]
        (encoder, weights), stimuli = members[0], self._load_images(side)
        keys, pixels = [stimulus.sha256 for stimulus in stimuli], _stack(stimuli)
        curve = AttackCurve(
            weights, sign, config.attack(norm, side, kind), config.budgets(norm, side), tuple(members[1:])
        )
        if cell.kind == PAIR:
            sharpness, stop = config.sharpness, self._should_stop
            return run_pair(encoder, pixels, curve, sharpness=sharpness, keys=keys, should_stop=stop)
        name, cache = name_curve(encoder, curve, keys), curve_cache()
        found = cache.get(name)
        if found is None:
            found = run_curve(encoder, pixels, curve, keys=keys, should_stop=self._should_stop)
            cache.put(name, found)
        if config.question.needs_deltas:
            return found
        return {key: values for key, values in found.items() if key not in DELTAS}

    def _score(self, cell: Cell) -> Arrays:
        from core.sweeps.score import ScoreSettings, scale_delta, score

        target, norm = self._config.targets[cell.target], self._config.norms[cell.norm]
        delta = self._store.load(replace(cell, kind=CURVE))["delta"]
        recipients = [self._recipient(target, number) for number in range(len(self._config.encoders))]
        if cell.encoder in self._config.refitted and not (cell.copy or cell.attack):
            recipients.append(self._recipient(target, cell.encoder, REFITTED))
        stimuli = self._load_images(delta.shape[-1])
        pixels = _stack(stimuli)
        if cell.copy == UNTRAINED:  # its attacks may end far inside the ball; a control is of full size
            delta = scale_delta(pixels, delta, norm=norm, epsilon=self._config.budgets(norm, delta.shape[-1])[-1])
        settings = ScoreSettings(norm, self._config.seed, tuple(stimulus.sha256 for stimulus in stimuli))
        return score(recipients, pixels, delta, settings=settings, should_stop=self._should_stop)

    def _recipient(self, target: TargetName, number: int, copy: str = "") -> Any:
        from core.probes.spill_over import RoiPool
        from core.sweeps.score import ScoringEncoder

        encoder, weights = self._open(number, copy), self._direction(target, number, copy)
        pool = None if copy else RoiPool(load_subject(self._config.encoders[number].subject).voxels)
        return ScoringEncoder(encoder, weights, encoder.target_sd(weights), pool)

    def _direction(self, target: TargetName, number: int, copy: str = "") -> FloatArray:
        """A target's weights c in an encoder, (n_voxels,)."""
        table = load_subject(self._config.encoders[number].subject).voxels
        return target.find_in(table).vector(self._open(number, copy).n_voxels)

    def _predict(self, cell: Cell) -> Arrays:
        from core.probes.respond import respond

        name = self._config.encoders[cell.encoder]
        encoder, subject = self._open(cell.encoder, ""), load_subject(name.subject)
        targets = [target.find_in(subject.voxels) for target in self._config.targets]
        directions = [target.vector(encoder.n_voxels) for target in targets]
        rows = np.flatnonzero(subject.test).tolist()
        if len(rows) > self._config.n_test:
            draw = make_stream(self._config.seed, "predictivity")
            rows = sorted(draw.permutation(rows)[: self._config.n_test].tolist())
        images, predicted = open_image_store(subject), []
        for start in range(0, len(rows), 16):
            chosen = [subject.image_ids[row] for row in rows[start : start + 16]]
            pixels = np.stack([images.load(image, encoder.network.input_size).pixels for image in chosen])
            with encoder.network.interruptible(self._should_stop):
                responses = respond(encoder, pixels).astype(np.float64)
            predicted.append(np.stack([responses @ direction for direction in directions], axis=1))
        voxels = [list(target.voxels) for target in targets]
        empty = np.zeros((0, len(targets)))  # a subject made with an encoder has no recordings
        repeats = average_voxels(load_responses(name.subject), voxels) if rows else empty
        measured = np.nanmean(repeats[rows], axis=1) if rows else empty
        return {
            "predicted": np.concatenate(predicted) if predicted else empty,
            "measured": measured,
            "noise_ceiling": find_ceilings(repeats, rows, subject.voxels.noise_ceiling, voxels),
        }

    def _fit(self, cell: Cell) -> Arrays:
        """How well a copy predicts: r and cv_r (n_targets,), means over each target's voxels; the images fitted to."""
        card = self._open(cell.encoder, cell.copy).card
        table = load_subject(card.config.subject).voxels
        voxels = [list(target.find_in(table).voxels) for target in self._config.targets]
        means = {name: [float(getattr(card, name)[chosen].mean()) for chosen in voxels] for name in ("r", "cv_r")}
        return {name: np.asarray(values) for name, values in means.items()} | {"n_train": np.asarray(card.n_train)}

    def _open(self, number: int, copy: str, side: int | None = None) -> Encoder:
        if copy:
            return self._control_encoders.find((number, copy), lambda: self._make_control_encoder(number, copy))
        name = self._config.encoders[number]
        encoder = self._source.open_encoder(*name, side=side)
        known = self._store.facts["encoder_sha256"]
        check_facts(self._store, {"encoder_sha256": known | {self._config.label_of(name): encoder.card.sha256}})
        return encoder

    def _make_control_encoder(self, number: int, copy: str) -> Encoder:
        from core.encoders.encoder import Encoder
        from core.sweeps.refit import fit_control_encoder

        original, config = self._open(number, ""), self._config
        network = self._open_untrained(number) if copy == UNTRAINED else original.network
        sizes = {"n_images": config.n_refit, "n_test": config.n_test}
        data = fit_control_encoder(original.card, network, seed=config.seed, **sizes, should_stop=self._should_stop)
        return Encoder(network, data)

    def _open_untrained(self, number: int) -> Network:
        from core.networks.untrained import open_untrained
        from core.sweeps.refit import calibration_pixels

        name = self._config.encoders[number]
        spec = find_network(name.network)
        pixels = calibration_pixels(name.subject, spec.input_size)
        return open_untrained(spec, name.layer, seed=self._config.seed, pixels=pixels, device=self._source.device)

    def _read_images(self, side: int) -> tuple[Stimulus, ...]:
        stimuli = tuple(find_stimulus(image, size=side) for image in self._config.images)
        check_facts(self._store, {"image_sha256": _hash_images(self._config)})
        return stimuli


SWEEP_RUNNER = Runner(note_facts, lambda *given: _Worker(*given).compute, time_cell, name_layers)


def average_voxels(responses: FloatArray, voxels: list[list[int]]) -> FloatArray:
    """The mean over each target's voxels, (n_images, n_repeats, n_targets), of (n_images, n_repeats, n_voxels)."""
    columns = [np.asarray(responses[:, :, chosen], dtype=np.float64).mean(axis=2) for chosen in voxels]
    return np.stack(columns, axis=2)


def find_ceilings(repeats: FloatArray, rows: list[int], of_voxels: FloatArray, voxels: list[list[int]]) -> FloatArray:
    """The noise ceiling of each target, (n_targets,), NaN where it is unknown.

    The noise of a mean over voxels is less than that of its voxels, so its ceiling comes from its own repeats; where
    only means over repeats are kept, that of a single voxel is its own and that of several is unknown.

    Parameters
    ----------
    repeats : (n_images, n_repeats, n_targets)
    rows : The images predictions are compared on.
    of_voxels : (n_voxels,)
    voxels : list of voxel numbers, one list a target
    """
    if rows and has_repeats(repeats):
        scored = np.zeros(len(repeats), dtype=bool)
        scored[rows] = True
        return estimate_noise_ceiling(repeats, scored=scored)
    return np.asarray([of_voxels[chosen[0]] if len(chosen) == 1 else np.nan for chosen in voxels], dtype=np.float64)


def _stack(stimuli: tuple[Stimulus, ...]) -> FloatArray:
    return np.stack([stimulus.pixels for stimulus in stimuli])
