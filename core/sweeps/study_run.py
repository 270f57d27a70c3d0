"""The stages of a study: read features, attack the truth, fit and attack every candidate. Never judges them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.attacks.config import AttackConfig
from core.datasets.image_store import open_image_store
from core.datasets.subject import load_subject
from core.encoders.pooling import pool_features
from core.encoders.scores import correlate
from core.errors import Cancelled
from core.networks.catalog import find_network
from core.probes.respond import exact_arithmetic, respond
from core.progress import ShouldStop
from core.seeds import make_stream
from core.sweeps.climb import Ascent, climb
from core.sweeps.controls import make_controls
from core.sweeps.study import (
    NetworkSource,
    Space,
    StudyConfig,
    StudyRow,
    draw_axes,
    fit_readout,
    make_encoder,
    reduce_features,
)
from core.types import FloatArray, NormName

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.encoders.encoder import Encoder
    from core.networks.network import Network

SUBJECT = "simulated"
"""Only its list of photographs is used; the study simulates its own voxels."""
BATCH = 16
SIDE = 224


class StudyRun:
    """Keeps what the stages share: images, reduced features, the truth's own probes."""

    def __init__(self, source: NetworkSource, config: StudyConfig, should_stop: ShouldStop) -> None:
        self._source, self._config, self._should_stop = source, config, should_stop
        subject = load_subject(SUBJECT)
        store, draw = open_image_store(subject), make_stream(config.seed, "study")
        self._images = {}
        for name, rows, count in (
            ("train", np.flatnonzero(~subject.test), config.n_train),
            ("test", np.flatnonzero(subject.test), config.n_test),
        ):
            chosen = draw.permutation(rows)[:count]
            self._images[name] = np.stack([store.load(subject.image_ids[row], SIDE).pixels for row in chosen])
        self._spaces: dict[str, Space] = {}
        self._truth: dict[str, tuple[Encoder, FloatArray, FloatArray]] = {}

    def list_stages(self) -> Iterator[tuple[str, Callable[[], Sequence[StudyRow]]]]:
        """Names and work, in order; only candidates give rows."""
        config = self._config
        for name in dict.fromkeys((*config.teachers, *config.networks)):
            yield f"features of {name}", partial(self._read, name)
        for teacher in config.teachers:
            yield f"truth in {teacher}", partial(self._attack_truth, teacher)
            for noise in config.noise:
                for name in config.networks:
                    if name != teacher:
                        work = partial(self._test, teacher, noise, name)
                        yield f"truth in {teacher}, noise {noise:g}: {name}", work

    def _read(self, name: str) -> tuple[StudyRow, ...]:
        network = self._source.open_network(name, find_network(name).default_layer)
        train, test = (self._extract(network, self._images[part]) for part in ("train", "test"))
        self._spaces[name] = reduce_features(network, train, test, self._config.n_components)
        return ()

    def _extract(self, network: Network, pixels: FloatArray) -> FloatArray:
        parts = []
        with network.interruptible(self._should_stop), torch.no_grad(), exact_arithmetic():
            for start in range(0, len(pixels), BATCH):
                batch = torch.tensor(pixels[start : start + BATCH], device=network.device)
                parts.append(pool_features(network(batch), 1).cpu().double().numpy())
        return np.concatenate(parts)

    def _attack_truth(self, teacher: str) -> tuple[StudyRow, ...]:
        space = self._spaces[teacher]
        axes = draw_axes(space, self._config.n_voxels, self._config.seed)
        encoder = make_encoder(space, axes, np.zeros(axes.shape[1]))
        shifts = np.stack([self._climb(encoder, voxel)["shift"][:, -1] for voxel in range(axes.shape[1])])
        self._truth[teacher] = (encoder, axes, shifts)
        return ()

    def _test(self, teacher: str, noise: float, name: str) -> tuple[StudyRow, ...]:
        encoder, axes, own = self._truth[teacher]
        truth, space = self._spaces[teacher], self._spaces[name]
        draw = make_stream(self._config.seed, "noise", teacher, str(noise))  # the same recording for every candidate
        signal, held_out = truth.train @ axes, truth.test @ axes
        recorded = signal + noise * draw.standard_normal(signal.shape)
        measured = held_out + noise * draw.standard_normal(held_out.shape)
        weights, intercept = fit_readout(space, recorded)
        predicted = space.test @ weights + intercept
        candidate = make_encoder(space, weights, intercept)
        sensitivity, moved, control = [], [], []
        for voxel in range(axes.shape[1]):
            if self._should_stop():
                raise Cancelled
            found = self._climb(candidate, voxel)
            sensitivity.append(np.abs(found["shift"][:, -1]).mean() / float(found["sd"]))
            shown = self._show(encoder, found["delta"])
            moved.append(shown[0][:, voxel])
            control.append(shown[1][:, voxel])
        scale = float(own.sum())
        row = StudyRow(
            teacher=teacher,
            noise=noise,
            network=name,
            r=float(correlate(predicted, measured).mean()),
            true_r=float(correlate(predicted, held_out).mean()),
            sensitivity=float(np.mean(sensitivity)),
            truth=float(np.sum(moved)) / scale,
            control=float(np.sum(control)) / scale,
        )
        return (row,)

    def _climb(self, encoder: Encoder, voxel: int) -> dict[str, FloatArray]:
        config, pixels = self._config, self._probed()
        attack = AttackConfig(norm=NormName.L2, epsilon=config.epsilon, n_steps=config.n_steps, seed=config.seed)
        ascent = Ascent(np.eye(encoder.n_voxels, dtype=np.float32)[voxel], 1, attack, (config.epsilon,))
        keys = [str(number) for number in range(len(pixels))]
        return climb(encoder, pixels, ascent, keys=keys, keep_deltas=True, should_stop=self._should_stop)

    def _show(self, truth: Encoder, delta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shifts of the true voxels (n_images, n_voxels) by perturbations and by random ones of equal size."""
        pixels = self._probed()
        clean, change = torch.tensor(pixels), torch.tensor(delta)
        keys = [str(number) for number in range(len(pixels))]
        random = make_controls(clean, change, norm=NormName.L2, seed=self._config.seed, keys=keys)["random"].numpy()
        before = respond(truth, pixels).astype(np.float64)
        return respond(truth, pixels + delta) - before, respond(truth, random) - before

    def _probed(self) -> FloatArray:
        return self._images["test"][: self._config.n_images]
