"""An encoder or two, one target, many images attacked over the epsilon grid: shifts, their parts and path; their cache.

The shift is taken apart exactly at the readout's input phi: shift = ||w|| ||dphi|| cos(w, dphi). The path's curvature
is the mean angle between consecutive differences of phi(x + a delta), a = 0 to 1 (Henaff, Goris & Simoncelli 2019,
doi:10.1038/s41593-019-0377-4).

Finished curves are kept in the cache, so that two analyses never make the same perturbations twice; the oldest are
dropped where they take more than `MOST_BYTES`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from core.array_cache import ArrayCache
from core.attacks.ball import widen
from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.control import draw_control
from core.attacks.ensemble import EnsembleObjective, SmoothMinimum
from core.attacks.epsilon_grid import iter_epsilon_grid
from core.attacks.norms import NORMS
from core.attacks.objective import LinearObjective
from core.containers import Arrays
from core.device import exact_arithmetic, run_in_chunks
from core.encoders.encoder import Encoder
from core.encoders.pooling import pool_features
from core.errors import BadInputError, NoGradientError
from core.images.stimulus import GREY_LEVELS
from core.paths import cache_folder
from core.probes.objectives import guarded
from core.probes.respond import check_pixels, describe_versions, to_tensor
from core.sweeps.plan import N_PATH
from core.types import FloatArray

IMAGES_AT_ONCE = 8
MOST_INPUTS = 2**20
"""Inputs of a readout at once, over images: the path of each image is kept in float64."""
FORMAT = 3
"""Counted up with every change of what a curve holds or how it is computed."""
MOST_BYTES = 4_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class AttackCurve:
    """What is attacked: target weights c (n_voxels,), sign +1 to raise or -1 to lower, attack, ascending budgets.

    `others` are further encoders that are attacked together with the first, each with its own weights c; what is scored
    is the first one's.
    """

    direction: FloatArray
    sign: int
    attack: AttackConfig
    budgets: tuple[float, ...]
    others: tuple[tuple[Encoder, FloatArray], ...] = ()


def run_curve(
    encoder: Encoder,
    pixels: FloatArray,
    curve: AttackCurve,
    *,
    keys: Sequence[str],
    should_stop: Callable[[], bool],
    at_once: int = IMAGES_AT_ONCE,
) -> Arrays:
    """Attack every image at every budget, from the lowest up, and score what is delivered.

    Parameters
    ----------
    pixels : (n_images, 3, height, width). In [0, 1].
    keys : sequence of n_images str. Names of the images' random streams.
    at_once : Images in one batch; fewer if memory runs out.

    Returns arrays by name, responses in the encoder's unit: sd (); clean, dual_size (NaN without a gradient), curvature
    (n_images,); angles (n_images, N_PATH - 2); shift, control, l2, linf, feature_change, alignment, to_gain (n_images,
    n_budgets); weight_size (); delta of the highest budget (n_images, 3, height, width) float32; gradient at every
    clean image of the same shape, float16, each divided by its largest entry; and montage, the probes of the first
    image, (n_budgets, height, width, 3) uint8.

    Raises BadInputError if the target never varies, or a response is not finite; Cancelled as soon as `should_stop()`
    is true.
    """
    sd = encoder.target_sd(curve.direction)
    if sd <= 0:
        raise BadInputError(f"{encoder.card.config.network} predicts the target as a constant. Choose another target.")
    with exact_arithmetic():
        run = _Curve(encoder, curve)
    members = [encoder, *(other for other, _ in curve.others)]
    at_once = max(1, min(at_once, MOST_INPUTS // len(encoder.mean)))
    parts = run_batches(members, pixels, keys, run.attack, should_stop=should_stop, at_once=at_once)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined["montage"] = joined["montage"][0]
    if not np.isfinite(joined["shift"]).all():
        raise BadInputError(f"{encoder.card.config.network} gives responses that are not finite. Choose another layer.")
    return joined | {"sd": np.asarray(sd), "weight_size": np.asarray(run.weight_size)}


def run_batches(
    encoders: Sequence[Encoder],
    pixels: FloatArray,
    keys: Sequence[str],
    attack: Callable[[torch.Tensor, Sequence[str]], Arrays],
    *,
    should_stop: Callable[[], bool],
    at_once: int = IMAGES_AT_ONCE,
) -> list[Arrays]:
    """What `attack` gives for each batch of images with their keys; all encoders take images of this size."""

    def run(start: int, stop: int) -> Arrays:
        return attack(to_tensor(encoders[0], pixels[start:stop]), keys[start:stop])

    for one in encoders:
        check_pixels(one, pixels)
    with guarded(encoders, should_stop):
        return run_in_chunks(run, len(pixels), chunk=at_once)


def run_pair(
    encoder: Encoder,
    pixels: FloatArray,
    curve: AttackCurve,
    *,
    sharpness: float,
    keys: Sequence[str],
    should_stop: Callable[[], bool],
) -> Arrays:
    """Move the first encoder the curve's way and the second the other way, with the same perturbation of each image.

    Parameters
    ----------
    pixels : (n_images, 3, height, width). In [0, 1]; both encoders take images of this size.
    curve : `others` holds the second encoder with its weights.
    sharpness : t of the smooth minimum.

    Returns shift and control (2, n_images, n_budgets), the target's shifts in each encoder's SDs by the perturbation
    and by a random one of its realised size; to_gain (n_images, n_budgets).

    Raises BadInputError if a target's SD is not known or 0; Cancelled as soon as `should_stop()` is true.
    """
    pair, signs = ((encoder, curve.direction), *curve.others), (curve.sign, -curve.sign)
    members = [LinearObjective(one, weights, sign) for (one, weights), sign in zip(pair, signs, strict=True)]
    config = curve.attack

    def attack(clean: torch.Tensor, keys: Sequence[str]) -> Arrays:
        objective = SmoothMinimum(members, clean, sharpness=sharpness)
        columns: dict[str, list[FloatArray]] = {"shift": [], "control": [], "to_gain": []}
        for step in iter_epsilon_grid(objective, clean, config, epsilons=curve.budgets, keys=keys):
            if (convergence := step.attack.convergence) is None:
                continue
            moved = step.attack.best.pixels
            control = draw_control(clean, moved - clean, config, keys=keys)
            for name, shown in {"shift": moved, "control": control.to(clean)}.items():
                columns[name].append(np.asarray(signs)[:, np.newaxis] * widen(objective.shifts(shown)).numpy())
            columns["to_gain"].append(widen(convergence.to_gain).numpy())
        return {name: np.stack(values, axis=-1) for name, values in columns.items()}

    parts = run_batches([one for one, _ in pair], pixels, keys, attack, should_stop=should_stop)
    return {name: np.concatenate([part[name] for part in parts], axis=-2) for name in parts[0]}


class _Curve:
    """The parts of one curve that all batches share."""

    def __init__(self, encoder: Encoder, curve: AttackCurve) -> None:
        self._encoder, self._curve = encoder, curve
        self._own = LinearObjective(encoder, curve.direction, curve.sign)
        others = [LinearObjective(one, weights, curve.sign) for one, weights in curve.others]
        self._objective = EnsembleObjective([self._own, *others]) if others else self._own
        self._norm = NORMS[curve.attack.norm]
        reduced, _ = encoder.project(curve.direction)
        weights = reduced if encoder.components is None else encoder.components @ reduced
        self._weights = widen(weights)
        self.weight_size = float(self._weights.norm())

    def attack(self, clean: torch.Tensor, keys: Sequence[str]) -> Arrays:
        """Attack one batch under every budget and score what each ends with."""
        config, epsilons = self._curve.attack, self._curve.budgets
        steps = iter_epsilon_grid(self._objective, clean, config, epsilons=epsilons, keys=keys)
        ends = [step.attack for step in steps if step.attack.convergence is not None]
        attacked = [end.best.pixels for end in ends]
        inputs = self._inputs(clean)
        gradient = self._find_gradient(clean)
        columns: dict[str, list[FloatArray]] = {}
        for pixels in attacked:
            for name, values in self._score(clean, pixels, inputs=inputs, keys=keys).items():
                columns.setdefault(name, []).append(values)
        arrays: Arrays = {name: np.stack(values, axis=1) for name, values in columns.items()}
        arrays["to_gain"] = np.stack([_array(end.convergence.to_gain) for end in ends if end.convergence], 1)
        arrays["clean"] = _array(inputs @ self._weights)
        arrays["dual_size"] = _array(self._norm.dual_size(widen(gradient)))
        places = [clean + share * (attacked[-1] - clean) for share in torch.linspace(0, 1, N_PATH).tolist()]
        path = _array(torch.stack([self._inputs(place) for place in places]))
        arrays["curvature"], arrays["angles"] = measure_curvature(path), measure_angles(path).T
        arrays["delta"] = np.asarray((attacked[-1] - clean).float().contiguous().cpu().numpy())
        largest = gradient.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
        arrays["gradient"] = np.asarray((gradient / largest).contiguous().half().cpu().numpy())
        levels = [torch.round(pixels * GREY_LEVELS).to(torch.uint8).permute(0, 2, 3, 1) for pixels in attacked]
        arrays["montage"] = np.stack([level[:1].contiguous().cpu().numpy() for level in levels], axis=1)
        return arrays

    def _find_gradient(self, clean: torch.Tensor) -> torch.Tensor:
        """The gradient at the clean images; NaN where the network has none and the attack needs none."""
        try:
            return self._own.value_and_gradient(clean)[1]
        except NoGradientError:
            if self._curve.attack.method is not AttackMethod.SQUARE:
                raise
            return torch.full_like(clean, torch.nan)

    def _score(
        self, clean: torch.Tensor, pixels: torch.Tensor, *, inputs: torch.Tensor, keys: Sequence[str]
    ) -> dict[str, FloatArray]:
        """Shift and its parts at one budget, each (n,)."""
        delta = widen(pixels - clean)
        change = self._inputs(pixels) - inputs
        shift = change @ self._weights
        moved = change.norm(dim=1)
        scale = (moved * self.weight_size).clamp_min(torch.finfo(torch.float64).tiny)
        control = draw_control(clean, delta, self._curve.attack, keys=keys)
        return {
            "shift": _array(shift),
            "control": _array((self._inputs(control.to(clean)) - inputs) @ self._weights),
            "l2": _array(torch.linalg.vector_norm(delta, dim=(1, 2, 3))),
            "linf": _array(delta.abs().amax(dim=(1, 2, 3))),
            "feature_change": _array(moved / inputs.norm(dim=1)),
            "alignment": _array(shift / scale),
        }

    def _inputs(self, pixels: torch.Tensor) -> torch.Tensor:
        """The readout's inputs phi, (n, n_inputs) float64: pooled, and projected where the encoder does so."""
        with torch.no_grad():
            inputs = pool_features(self._encoder.network(pixels), self._encoder.card.config.pool)
            return widen(inputs if self._encoder.projection is None else self._encoder.projection(inputs))


def measure_curvature(path: FloatArray) -> FloatArray:
    """Mean angle in degrees between consecutive differences of a path (n_points, n, n_features): (n,); 0 if straight.

    Points that do not move have no angle; a path of them has curvature 0.

    Examples
    --------
    >>> path = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])[:, np.newaxis]  # one step right, one step up
    >>> measure_curvature(path).round(6)
    array([90.])
    """
    angles = measure_angles(path)
    known = np.isfinite(angles)
    return np.asarray(np.where(known, angles, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def measure_angles(path: FloatArray) -> FloatArray:
    """Angle in degrees at every inner point of a path (n_points, n, n_features): (n_points - 2, n); NaN where it stops.

    The angle at a point is that between the differences before and after it.
    """
    steps = np.diff(path, axis=0)
    sizes = np.linalg.norm(steps, axis=2, keepdims=True)
    unit = np.divide(steps, sizes, out=np.zeros_like(steps), where=sizes > 0)
    # From the chord, not the arc cosine: that loses half its digits near 0 degrees.
    chord = np.linalg.norm(np.diff(unit, axis=0), axis=2)
    moves = (sizes[1:, :, 0] > 0) & (sizes[:-1, :, 0] > 0)
    return np.where(moves, 2 * np.degrees(np.arcsin(np.clip(chord / 2, 0, 1))), np.nan)


def _array(values: torch.Tensor) -> FloatArray:
    return np.asarray(values.detach().cpu().double().numpy())


def name_curve(encoder: Encoder, curve: AttackCurve, images: Sequence[str]) -> str:
    """The hash of everything a curve's numbers depend on; `images` are hashes of the pixels."""
    members = ((encoder, curve.direction), *curve.others)
    parts = []
    for one, weights in members:
        digest = hashlib.sha256(np.ascontiguousarray(weights, dtype=np.float64).tobytes()).hexdigest()
        parts.append([one.card.sha256, one.network.sha256, one.network.layer, digest])
    device = str(encoder.network.device)
    rest = [FORMAT, curve.sign, asdict(curve.attack), curve.budgets, list(images), describe_versions(), device]
    return hashlib.sha256(json.dumps([parts, rest], sort_keys=True).encode()).hexdigest()


def curve_cache() -> ArrayCache:
    """Where finished curves are kept, by their hash."""
    return ArrayCache(cache_folder() / "climbs", most_bytes=MOST_BYTES)
