"""Made-up but consistent probes, progress records and voxel tables for tests and pictures. Never runs an encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.attacks.config import AttackConfig
from core.probes.against import SecondResponses
from core.probes.probe import UNKNOWN_PAIR, Curve, Preview, Probe, ProbeConfig, ProbeProgress, StepHistory
from core.probes.target import target_roi
from core.types import ByteArray, Direction, FloatArray, NormName, VoxelTable

ROIS = ("V1", "V2", "V3", "hV4", "LO", "FFA", "OFA", "EBA", "PPA", "OPA", "VWFA")
STEPS_A_BUDGET = 8
SATURATION = 0.35
"""How far the made-up response falls short of first order at the full budget."""


def make_table(n_voxels: int = 440) -> VoxelTable:
    """Voxels spread evenly over the ROIs, the first half of each on the left."""
    roi = tuple(ROIS[index * len(ROIS) // n_voxels] for index in range(n_voxels))
    side = (np.arange(n_voxels) % 2).astype(np.int8)
    vertex = np.arange(n_voxels, dtype=np.int32) * 7
    ceiling = np.random.default_rng(1).uniform(0.2, 0.8, n_voxels).astype(np.float32)
    paint = np.stack([side.astype(np.int32), vertex, np.arange(n_voxels, dtype=np.int32)], axis=1)
    return VoxelTable(side, vertex, roi, ceiling, paint)


def make_photo(size: int = 224) -> ByteArray:
    """A photo-like picture, (size, size, 3) uint8: soft colour gradients, a bright disc and fine texture."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    disc = np.exp(-(((rows - 0.45) ** 2 + (columns - 0.55) ** 2) * 14))
    texture = 0.06 * np.sin(columns * 90 + 8 * rows) * np.sin(rows * 70)
    channels = [0.25 + 0.5 * rows + 0.4 * disc, 0.3 + 0.3 * columns + 0.3 * disc, 0.6 - 0.35 * rows + 0.1 * disc]
    return np.round(255 * np.clip(np.stack([c + texture for c in channels], axis=-1), 0, 1)).astype(np.uint8)


def make_probe(
    n_voxels: int = 440,
    size: int = 224,
    *,
    norm: NormName = NormName.L2,
    epsilon: float = 3.0,
    roi: str = "FFA",
    direction: Direction = Direction.RAISE,
    photo: ByteArray | None = None,
    table: VoxelTable | None = None,
    seed: int = 0,
) -> Probe:
    """A probe whose every number agrees with its pixels, responses and budget; see the module's constants."""
    generator = np.random.default_rng(seed)
    voxels = make_table(n_voxels) if table is None else table
    config = ProbeConfig(
        subject="simulated",
        network="mobilenet_v2",
        layer="features.18",
        target=target_roi(voxels, roi),
        direction=direction,
        attack=AttackConfig(norm=norm, epsilon=epsilon, n_steps=STEPS_A_BUDGET),
    )
    clean_pixels = _to_chw(make_photo(size) if photo is None else photo)
    pattern = _make_pattern(clean_pixels.shape, generator)
    noise = generator.standard_normal(clean_pixels.shape)
    clean = generator.normal(0.4, 0.5, voxels.n_voxels).astype(np.float32)
    reference_sd = generator.uniform(0.3, 0.7, voxels.n_voxels).astype(np.float32)
    gain = direction.sign * _make_gain(voxels, roi, generator)
    silence = 0.03 * generator.standard_normal(voxels.n_voxels)
    curve = _make_curve(config, gain, clean)
    return Probe(
        config=config,
        stimulus_id="face_01",
        stimulus_sha256="0" * 64,
        network_sha256="1" * 64,
        encoder_sha256="2" * 64,
        response_unit="% signal change",
        clean_pixels=clean_pixels,
        perturbed_pixels=_step_by(clean_pixels, pattern, config.attack),
        control_pixels=_step_by(clean_pixels, noise, config.attack),
        sign_flip_pixels=_step_by(clean_pixels, -pattern, config.attack),
        clean=clean,
        perturbed=(clean + gain).astype(np.float32),
        control=(clean + silence).astype(np.float32),
        sign_flip=(clean - 0.8 * gain).astype(np.float32),
        reference_sd=reference_sd,
        target_sd=0.42,
        curve=curve,
        history=_make_history(config, clean_pixels, pattern, clean=clean, gain=gain),
        delivered_8bit=False,
        seconds=6.2,
        device="cpu",
        versions={"torch": "2"},
    )


def iter_progress(probe: Probe) -> list[ProbeProgress]:
    """The records a run would have yielded on its way to `probe`, the last one with the result."""
    history = probe.history
    records = [
        ProbeProgress(
            stage="attack",
            step=index + 1,
            n_steps=history.n_steps,
            epsilon=float(history.epsilon[index]),
            shift=float(history.shift[index]),
            pixels=history.pixels[index],
            clean=probe.clean,
            responses=history.responses[index],
            seconds_left=None if index == 0 else 0.1 * (history.n_steps - index),
            shifts_sd=UNKNOWN_PAIR if probe.second is None else _pair_at(history, index, probe.target_sd),
        )
        for index in range(history.n_steps)
    ]
    last = records[-1]
    done = ProbeProgress(
        "done", last.step, last.n_steps, last.epsilon, last.shift, last.pixels, last.clean, last.responses, 0.0, probe
    )
    return [*records, done]


def _pair_at(history: StepHistory, index: int, target_sd: float) -> tuple[float, float]:
    return float(history.shift[index]) / target_sd, float(history.second_shift_sd[index])


def with_second(probe: Probe) -> Probe:
    """The probe with a second encoder that moves twice as far, the other way, or the same way in an agreeing one."""
    config, history = probe.config, probe.history
    assert config.against is not None
    way = 2.0 if config.against.agrees else -2.0
    steps = replace(history, second_shift_sd=way * history.shift / probe.target_sd)
    return replace(probe, history=steps, second=make_second(probe, way))


def make_second(probe: Probe, way: float) -> SecondResponses:
    def moved(one: FloatArray) -> FloatArray:
        return np.asarray(probe.clean + way * (one - probe.clean))

    curves = (way * probe.curve.shift, way * probe.curve.control_shift)
    own = (moved(probe.perturbed), moved(probe.control), moved(probe.sign_flip))
    return SecondResponses(probe.clean, *own, probe.reference_sd, probe.target_sd, *curves)


def make_preview(probe: Probe, epsilon: float) -> Preview:
    """The probe's perturbation rescaled to another budget, its shift read off the made-up saturation."""
    share = epsilon / probe.config.attack.epsilon
    delta = (share * (probe.perturbed_pixels - probe.clean_pixels)).astype(np.float32)
    responses = (probe.clean + share * probe.shift).astype(np.float32)
    return Preview(
        epsilon=epsilon,
        pixels=_to_bytes(probe.clean_pixels + delta),
        delta=delta,
        clean=probe.clean,
        responses=responses,
        shift=probe.of_target(responses) - probe.of_target(probe.clean),
    )


def _to_chw(picture: ByteArray) -> FloatArray:
    return (picture.transpose(2, 0, 1).astype(np.float32) / np.float32(255)).copy()


def _to_bytes(pixels: FloatArray) -> ByteArray:
    return np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8).transpose(1, 2, 0).copy()


def _make_pattern(shape: tuple[int, ...], generator: np.random.Generator) -> FloatArray:
    """Structured like an attack: band-passed noise, strongest in the middle."""
    _, height, width = shape
    noise = np.fft.fft2(generator.standard_normal(shape))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    band = np.exp(-(((radius - 0.07) / 0.04) ** 2))
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width) - 0.5
    return np.fft.ifft2(noise * band).real * np.exp(-6 * (rows**2 + columns**2))


def _step_by(clean: FloatArray, pattern: FloatArray, attack: AttackConfig, share: float = 1.0) -> FloatArray:
    size = np.linalg.norm(pattern) if attack.norm is NormName.L2 else np.abs(pattern).max()
    moved = pattern if attack.norm is NormName.L2 else np.sign(pattern) * size
    return np.clip(clean + share * attack.epsilon / size * moved, 0, 1).astype(np.float32)


def _make_gain(table: VoxelTable, roi: str, generator: np.random.Generator) -> FloatArray:
    strength = {name: 0.12 * generator.standard_normal() for name in table.roi_names}
    strength |= {"OFA": 0.42, "EBA": 0.21, "PPA": -0.31, roi: 0.9}
    mean = np.asarray([strength.get(name, 0.0) for name in table.roi])
    return mean + 0.08 * generator.standard_normal(table.n_voxels)


def _saturate(share: FloatArray) -> FloatArray:
    return share * (1 - SATURATION * share) / (1 - SATURATION)


def _make_curve(config: ProbeConfig, gain: FloatArray, clean: FloatArray) -> Curve:
    epsilon = np.asarray(config.ladder)
    share = epsilon / config.attack.epsilon
    full = float(config.target.vector(len(clean)) @ gain)
    shift, first_order = full * _saturate(share), full * share / (1 - SATURATION)
    is_l2 = config.attack.norm is NormName.L2
    return Curve(
        epsilon=epsilon,
        shift=shift,
        first_order=first_order,
        linearity=shift / first_order,
        control_shift=0.02 * share * full,
        sign_flip_shift=-0.8 * full * _saturate(share) * (1 - 0.1 * share),
        l2=epsilon if is_l2 else epsilon * 388,
        linf=epsilon / 60 if is_l2 else epsilon,
        to_gain=0.01 * share,
        restart_spread=np.full(len(epsilon), np.nan),
        n_gradients=np.full(len(epsilon), float(STEPS_A_BUDGET)),
    )


def _make_history(
    config: ProbeConfig, clean_pixels: FloatArray, pattern: FloatArray, *, clean: FloatArray, gain: FloatArray
) -> StepHistory:
    epsilon = np.repeat(config.ladder, STEPS_A_BUDGET)
    within = np.tile(1 - 0.6 * np.exp(-np.arange(STEPS_A_BUDGET) / 2), len(config.ladder))
    share = epsilon / config.attack.epsilon
    reached = _saturate(share) * within
    responses = (clean + reached[:, None] * gain).astype(np.float32)
    vector = config.target.vector(len(clean))
    pixels = [_to_bytes(_step_by(clean_pixels, pattern, config.attack, float(part))) for part in share]
    return StepHistory(epsilon, responses @ vector - clean @ vector, np.stack(pixels), responses)
