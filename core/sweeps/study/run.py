"""Computes the cells of a study: features, the truth's probes, every candidate's; reduced spaces and their encoders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np
import torch

from core.containers import Arrays
from core.datasets.image_store import open_image_store
from core.datasets.subject import load_subject
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.encoder import Encoder
from core.encoders.features import Extractor
from core.networks.manage import hash_networks
from core.networks.network import Network
from core.probes.respond import respond
from core.probes.source import Source
from core.progress import ShouldStop, check_stop
from core.seeds import make_stream
from core.sweeps.attack_curve import AttackCurve, run_curve
from core.sweeps.score import make_controls
from core.sweeps.study.config import LayerName, StudyConfig
from core.sweeps.study.plan import FEATURES, TRUTH, StudyCell, StudyStore, weigh_study
from core.sweeps.work import Runner
from core.types import FloatArray

SUBJECT = "simulated"
"""Only its list of photographs is used; the study simulates its own voxels."""
BATCH = 16
ALPHAS = tuple(10.0**power for power in range(-2, 7))


class _Worker:
    """Computes cells; keeps the spaces and the encoders of the truth."""

    def __init__(self, source: Source, store: StudyStore, should_stop: ShouldStop) -> None:
        self._source, self._store, self._config, self._should_stop = source, store, store.config, should_stop
        subject = load_subject(SUBJECT)
        self._images, draw = open_image_store(subject), make_stream(self._config.seed, "study")
        self._ids: dict[str, list[str]] = {}
        for part, rows, count in (
            ("train", np.flatnonzero(~subject.test), self._config.n_train),
            ("test", np.flatnonzero(subject.test), self._config.n_test),
        ):
            self._ids[part] = [subject.image_ids[row] for row in draw.permutation(rows)[:count]]
        self._keys = self._ids["test"][: self._config.n_images]
        self._space = lru_cache(maxsize=None)(self._reduce)
        self._true = lru_cache(maxsize=1)(self._open_truth)
        self._probed = lru_cache(maxsize=1)(lambda: self._load(self._keys))

    def compute(self, cell: StudyCell) -> Arrays:
        if cell.kind == FEATURES:
            return self._extract(self._config.layers[cell.layer])
        return self._attack_truth(cell.teacher) if cell.kind == TRUTH else self._test(cell)

    def _load(self, ids: list[str]) -> FloatArray:
        return np.stack([self._images.load(one, self._config.side).pixels for one in ids])

    def _extract(self, name: LayerName) -> Arrays:
        extractor = Extractor(self._source.open_network(*name), 1, should_stop=self._should_stop)
        found: Arrays = {}
        for part, ids in self._ids.items():
            batches = (self._load(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH))
            found[part] = np.concatenate([extractor.extract(pixels) for pixels in batches])
        return found

    def _reduce(self, name: LayerName) -> Space:
        stored = self._store.load(StudyCell(FEATURES, layer=self._config.layers.index(name)))
        train, test = (stored[part].astype(np.float64) for part in ("train", "test"))
        return reduce_features(train, test, self._config.n_components)

    def _attack_truth(self, teacher: int) -> Arrays:
        config, name = self._config, self._config.teachers[teacher]
        axes = draw_axes(self._space(name), config.n_voxels, name.label, seed=config.seed)
        encoder = self._build(name, axes, np.zeros(config.n_voxels))
        found = [self._attack(encoder, voxel) for voxel in range(config.n_voxels)]
        return {
            "axes": axes,
            "shift": np.stack([one["shift"][:, -1] for one in found]),
            "delta": np.stack([one["delta"] for one in found]).astype(np.float16),
            "to_gain": np.stack([one["to_gain"][:, -1] for one in found]),
        }

    def _open_truth(self, teacher: int) -> tuple[Encoder, Arrays, FloatArray]:
        """The true voxels as an encoder, their stored probes, their clean responses."""
        stored = self._store.load(StudyCell(TRUTH, teacher=teacher))
        encoder = self._build(self._config.teachers[teacher], stored["axes"], np.zeros(self._config.n_voxels))
        return encoder, stored, respond(encoder, self._probed()).astype(np.float64)

    def _build(self, name: LayerName, weights: FloatArray, intercept: FloatArray) -> Encoder:
        return make_encoder(self._source.open_network(*name), self._space(name), weights, intercept)

    def _test(self, cell: StudyCell) -> Arrays:
        config, teacher, noise = self._config, self._config.teachers[cell.teacher], self._config.noise[cell.noise]
        name = config.candidates[cell.candidate]
        true_encoder, stored, clean = self._true(cell.teacher)
        truth, space = self._space(teacher), self._space(name)
        draw = make_stream(config.seed, "noise", teacher.label, str(noise))  # the same recording for every candidate
        signal, held_out = truth.train @ stored["axes"], truth.test @ stored["axes"]
        recorded = signal + noise * draw.standard_normal(signal.shape)
        measured = held_out + noise * draw.standard_normal(held_out.shape)
        weights, intercept = fit_readout(space, recorded)
        candidate = self._build(name, weights, intercept)
        columns: dict[str, list[FloatArray]] = {}
        for voxel in range(config.n_voxels):
            check_stop(self._should_stop)
            found = self._attack(candidate, voxel)
            shown, control = self._show(true_encoder, found["delta"], clean=clean)
            row = {"sensitivity": np.abs(found["shift"][:, -1]) / float(found["sd"]), "shown": shown}
            row |= {"to_gain": found["to_gain"][:, -1], "control": control[:, voxel]}
            row |= {"overlap": measure_overlap(found["delta"], stored["delta"][voxel])}
            for key, values in row.items():
                columns.setdefault(key, []).append(values)
        arrays: Arrays = {key: np.stack(values) for key, values in columns.items()}
        predicted = space.test @ weights + intercept
        return arrays | {"predicted": predicted, "measured": measured, "signal": held_out}

    def _attack(self, encoder: Encoder, voxel: int) -> dict[str, FloatArray]:
        attack = self._config.attack
        curve = AttackCurve(np.eye(encoder.n_voxels, dtype=np.float32)[voxel], 1, attack, (attack.epsilon,))
        return run_curve(encoder, self._probed(), curve, keys=self._keys, should_stop=self._should_stop)

    def _show(self, truth: Encoder, delta: FloatArray, *, clean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts of the true voxels (n_images, n_voxels) by perturbations and by random ones of equal size."""
        pixels, attack = self._probed(), self._config.attack
        tensors = torch.tensor(pixels), torch.tensor(delta)
        controls = make_controls(*tensors, norm=attack.norm, seed=attack.seed, keys=self._keys)
        return respond(truth, pixels + delta) - clean, respond(truth, controls["random"].numpy()) - clean


def measure_overlap(delta: FloatArray, true_delta: FloatArray) -> FloatArray:
    """Cosine of two perturbations (n_images, 3, height, width) of the same image, (n_images,)."""
    first, second = (values.astype(np.float64).reshape(len(values), -1) for values in (delta, true_delta))
    size = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray((first * second).sum(axis=1) / np.maximum(size, np.finfo(np.float64).tiny))


def note_facts(config: StudyConfig) -> dict[str, Any]:
    """What the numbers depend on beside the settings: hashes of weights. Raises WeightsError if some are missing."""
    return {"network_sha256": hash_networks(name.network for name in config.layers)}


STUDY_RUNNER = Runner(note_facts, lambda *given: _Worker(*given).compute, weigh_study, attrgetter("layers"))


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A layer's reduced features: the basis (mean, components) and the scores of train and test images."""

    mean: FloatArray
    components: FloatArray
    train: FloatArray
    test: FloatArray


def reduce_features(train: FloatArray, test: FloatArray, n_components: int) -> Space:
    """Principal components of pooled features (n, n_pooled), scaled to a mean variance of 1 together."""
    mean = train.mean(axis=0)
    _, size, right = np.linalg.svd(train - mean, full_matrices=False)
    scale = float(np.sqrt((size[:n_components] ** 2).mean() / len(train))) or 1.0
    components = right[:n_components].T / scale
    return Space(mean, components, (train - mean) @ components, (test - mean) @ components)


def draw_axes(space: Space, n_voxels: int, *words: str | int, seed: int) -> FloatArray:
    """True axes (n_components, n_voxels): random mixtures, each signal of SD 1 over the training images."""
    axes = make_stream(seed, "axes", *words).standard_normal((space.train.shape[1], n_voxels))
    return np.asarray(axes / (space.train @ axes).std(axis=0))


def fit_readout(space: Space, responses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge with a penalty a voxel by leave-one-out: weights (n_components, n_voxels), intercept (n_voxels,)."""
    from sklearn.linear_model import RidgeCV

    fitted = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(space.train, responses)
    return np.asarray(fitted.coef_.T), np.asarray(fitted.intercept_)


def make_encoder(network: Network, space: Space, weights: FloatArray, intercept: FloatArray) -> Encoder:
    """A runnable encoder of these numbers."""
    unknown: Any = np.full(weights.shape[1], np.nan, dtype=np.float32)
    covariance = np.cov(space.train.T, bias=True)
    sd = np.sqrt(np.einsum("rv,rs,sv->v", weights, covariance, weights)).astype(np.float32)
    config = EncoderConfig("study", network.spec.id, network.layer, pool=1, n_components=weights.shape[0])
    card = EncoderCard(
        config=config,
        sha256="",
        network_sha256=network.sha256,
        response_unit="z (simulated)",
        n_train=len(space.train),
        n_test=len(space.test),
        reference_sd=sd,
        **dict.fromkeys(("alpha", "cv_r", "r", "r2", "r2_ceiling", "noise_ceiling"), unknown),
    )
    numbers = (space.mean, space.components, weights, intercept, covariance)
    mean, components, own, shifted, spread = (np.asarray(values, dtype=np.float32) for values in numbers)
    return Encoder(network, EncoderData(card, mean, components, own, shifted, spread))
