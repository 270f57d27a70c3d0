"""A made-up engine, subject and catalogue for tests of the window: fast, without torch, and with delays on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from app.base.catalogue import Catalogue
from core.attacks.mask import Mask
from core.cluster.where import HERE, Where
from core.datasets.photos import ImageInfo
from core.datasets.subject import Subject, SubjectInfo
from core.encoders.card import EncoderCard
from core.encoders.config import EncoderConfig
from core.errors import BadInputError, Cancelled
from core.images.read import read_image
from core.images.stimulus import Stimulus, make_stimulus
from core.networks.catalog import list_networks
from core.probes.gradient_atlas import GradientAtlas
from core.probes.jury import Vote
from core.probes.probe import Preview, Probe, ProbeConfig, ProbeProgress
from core.surfaces.atlas import load_atlas
from core.types import FloatArray, VoxelTable
from tests.helpers.probes import iter_progress, make_photo, make_preview, make_probe, with_second

UNIT = "% signal change"


def never() -> bool:
    return False


def make_cortex_table() -> VoxelTable:
    """One voxel at every vertex of the visual atlas: left before right."""
    atlas = load_atlas()
    sides = [np.flatnonzero(atlas.labels(side)) for side in (0, 1)]
    hemisphere = np.repeat([0, 1], [len(side) for side in sides]).astype(np.int8)
    vertex = np.concatenate(sides).astype(np.int32)
    labels = np.concatenate([atlas.labels(side)[sides[side]] for side in (0, 1)])
    n_voxels = len(vertex)
    paint = np.stack([hemisphere.astype(np.int32), vertex, np.arange(n_voxels, dtype=np.int32)], axis=1)
    ceiling = np.random.default_rng(3).uniform(0.1, 0.9, n_voxels).astype(np.float32)
    return VoxelTable(hemisphere, vertex, tuple(atlas.names[label - 1] for label in labels), ceiling, paint)


def make_subject() -> Subject:
    """A subject with voxels and no responses."""
    return Subject(
        id="simulated",
        title="Simulated subject",
        kind="simulated",
        note="Made up for tests.",
        citation="",
        licence="",
        surface="fsaverage5",
        response_unit=UNIT,
        voxels=make_cortex_table(),
        image_ids=(),
        test=np.zeros(0, dtype=bool),
    )


def make_catalogue(folder: Path, n_images: int = 4) -> Catalogue:
    """One subject, an encoder at the default layer of every network, pictures in `folder`."""
    specs = list_networks()
    images = []
    for number in range(n_images):
        path = folder / f"picture_{number}.png"
        path.write_bytes(_draw_png(number))
        images.append(ImageInfo(f"picture_{number}", "test", "object", path, True, "photos", "CC0"))
    configs = tuple(EncoderConfig("simulated", spec.id, layer) for spec in specs for layer in spec.layers[-2:])
    return Catalogue(
        subjects=(SubjectInfo("simulated", "Simulated subject", "simulated", "Made up for tests."),),
        networks=specs,
        encoders=configs,
        images=tuple(images),
        load_subject=lambda _identity: SUBJECT,
        load_stimulus=lambda key, size: _read(images, key, size),
    )


@lru_cache
def _draw_png(number: int) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.roll(make_photo(), 40 * number, axis=1)).save(file, "PNG")
    return file.getvalue()


def _read(images: list[ImageInfo], key: str, size: int) -> Stimulus:
    known = {info.id: info for info in images}
    info = known.get(key)
    stimulus = read_image(info.path if info is not None else Path(key), size=size)
    return stimulus if info is None else replace(stimulus, id=info.id)


SUBJECT = make_subject()


@dataclass
class FakeEngine:
    """Answers like the real one, from made-up numbers; counts what it was asked."""

    seconds_a_step: float = 0.0
    n_asked: dict[str, int] = field(default_factory=dict)
    device: str = "cpu"
    refusing: tuple[str, ...] = ()
    """Networks whose encoders do not answer."""

    def _count(self, what: str) -> None:
        self.n_asked[what] = self.n_asked.get(what, 0) + 1

    def warm_up(self) -> str:
        self._count("warm_up")
        return "cpu"

    def forget_network(self, network: str) -> None:
        self._count("forget_network")

    def encoder_card(self, subject: str, network: str, layer: str) -> EncoderCard:
        generator = np.random.default_rng(len(network) + len(layer))
        n_voxels = SUBJECT.voxels.n_voxels
        r = generator.uniform(-0.1, 0.8, n_voxels).astype(np.float32)
        sd = generator.uniform(0.3, 0.7, n_voxels).astype(np.float32)
        config = EncoderConfig(subject, network, layer)
        return EncoderCard(
            config, "2" * 64, "1" * 64, UNIT, 800, 200, r, r, r, r**2, r**2, sd, SUBJECT.voxels.noise_ceiling
        )

    def predict(
        self, subject: str, network: str, layer: str, stimulus: Stimulus, *, side: int | None = None
    ) -> FloatArray:
        self._count("predict")
        return self._make(ProbeConfig(subject, network, layer, _any_target()), stimulus).clean

    def iter_probe(
        self, config: ProbeConfig, stimulus: Stimulus, *, should_stop: Callable[[], bool] = never
    ) -> Iterator[ProbeProgress]:
        self._count("probe")
        for record in iter_progress(self._make(config, stimulus)):
            begun = time.monotonic()
            while time.monotonic() < begun + self.seconds_a_step:  # which a test may change meanwhile
                if should_stop():
                    raise Cancelled
                time.sleep(0.002)
            yield record

    def preview(self, probe: Probe, epsilon: float) -> Preview:
        self._count("preview")
        time.sleep(self.seconds_a_step)
        return make_preview(probe, epsilon)

    def rescore(
        self, subject: str, network: str, layer: str, pixels: FloatArray, *, side: int | None = None
    ) -> FloatArray:
        self._count("rescore")
        n_voxels = SUBJECT.voxels.n_voxels
        return np.repeat(pixels.mean(axis=(1, 2, 3))[:, None], n_voxels, axis=1).astype(np.float32)

    def vote(
        self, encoder: tuple[str, str, str], target: FloatArray | None, clean: FloatArray, made: FloatArray
    ) -> Vote:
        self._count("vote")
        if encoder[1] in self.refusing:
            raise BadInputError(f"The weights of {encoder[1]} are not here.")
        change = float(np.abs(made - clean).mean())
        return Vote(
            len(encoder[1]) * change, np.linspace(-1, 1, SUBJECT.voxels.n_voxels).astype(np.float32) * 100 * change
        )

    def iter_gradient_atlas(
        self,
        subject: str,
        network: str,
        layer: str,
        stimulus: Stimulus,
        *,
        mask: Mask | None = None,
        side: int | None = None,
        should_stop: Callable[[], bool] = never,
    ) -> Iterator[SimpleNamespace]:
        self._count("atlas")
        size = np.random.default_rng(5).uniform(0, 0.4, SUBJECT.voxels.n_voxels).astype(np.float32)
        yield SimpleNamespace(result=GradientAtlas(mask, size, 10 * size))

    def first_order_probe(self, config: ProbeConfig, stimulus: Stimulus) -> Any:
        self._count("first_order")
        epsilon = config.direction.sign * config.attack.epsilon
        delta = np.full(stimulus.pixels.shape, epsilon / stimulus.pixels.size**0.5, dtype=np.float32)
        shift = epsilon * (1 + config.target.voxels[0])
        return SimpleNamespace(config=config, delta=delta, shift=shift, shift_sd=shift / 2)

    def open_encoder(self, subject: str, network: str, layer: str, *, side: int | None = None) -> Any:
        card = self.encoder_card(subject, network, layer)
        scale = {"target_sd": lambda _: 0.5, "target_mean": lambda _: 0.0}
        return SimpleNamespace(card=card, n_voxels=len(card.r), **scale)

    def open_network(self, network: str, layer: str, *, weights: Path | None = None) -> Any:
        raise BadInputError(f"{network} cannot be opened: this engine is made up.")

    def open_probed(self, config: ProbeConfig) -> tuple[Any, ...]:
        raise NotImplementedError

    def use_encoder_file(self, path: Path) -> EncoderCard:
        raise NotImplementedError

    def iter_import(self, readout: Any, request: Any, *, files: tuple[tuple[str, str], ...]) -> Iterator[Any]:
        raise NotImplementedError

    def iter_whole(self, source: str, options: Any, whole: Any, request: Any) -> Iterator[Any]:
        raise NotImplementedError

    def iter_fit(self, request: Any, *, where: Where = HERE, should_stop: Callable[[], bool] = never) -> Iterator[Any]:
        raise NotImplementedError

    def estimate_fit(self, request: Any, *, should_stop: Callable[[], bool] = never) -> Any:
        raise NotImplementedError

    def iter_sweep(
        self, config: Any, folder: Path, *, resume: bool = False, should_stop: Callable[[], bool] = never
    ) -> Iterator[Any]:
        raise NotImplementedError

    def iter_folder(self, folder: Path, *, should_stop: Callable[[], bool] = never) -> Iterator[Any]:
        raise NotImplementedError

    def iter_store(self, store: Any, *, where: Where = HERE, should_stop: Callable[[], bool] = never) -> Iterator[Any]:
        raise NotImplementedError

    def _make(self, config: ProbeConfig, stimulus: Stimulus) -> Probe:
        attack = config.attack
        made = make_probe(
            norm=attack.norm,
            epsilon=attack.epsilon,
            roi=_roi_of(config),
            direction=config.direction,
            photo=stimulus.levels,
            table=SUBJECT.voxels,
        )
        probe = replace(made, config=config, stimulus_id=stimulus.id, stimulus_sha256=stimulus.sha256)
        return probe if config.against is None else with_second(probe)


def _any_target() -> object:
    from core.probes.target import target_voxel

    return target_voxel(SUBJECT.voxels, 0)


def _roi_of(config: ProbeConfig) -> str:
    return SUBJECT.voxels.roi[config.target.voxels[0]]


def make_test_stimulus() -> Stimulus:
    return make_stimulus("test", make_photo())
