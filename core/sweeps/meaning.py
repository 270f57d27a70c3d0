"""Meaning: which ROIs a perturbation moves, where in the image it lies, at which frequencies, what classifiers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.errors import StorageError, WeightsError
from core.networks.catalog import find_network
from core.networks.spec import NetworkSpec
from core.probes.spill_over import LEAST_OTHER_ROIS, stand_out
from core.probes.target import resolve_roi
from core.sweeps.gather import Sweep
from core.sweeps.plan import CURVE, SCORE, Cell
from core.sweeps.statistics import UNKNOWN, Interval, interval_of_mean
from core.types import ByteArray, FloatArray, NormName

BATCH = 8
"""Images classified at once."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One image: its likeliest class and that class's probability, before and after."""

    clean_class: str
    clean_probability: float
    perturbed_class: str
    perturbed_probability: float
    clean_class_after: float
    """Probability of the clean image's class after the perturbation."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one network's classifier says of every image; without rows `reason` says why there is none.

    `head` is "own", or the network whose classifier read a robustified network's features.
    """

    rows: tuple[Evidence, ...] = ()
    head: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a change lies: `energy` (height, width) sums to 1; the rest in image widths, x to the right and y up.

    `x`, `y` are its centre of mass from the image's centre, `eccentricity` their distance from it, `spread` the RMS
    distance from the centre of mass.
    """

    energy: FloatArray
    x: float
    y: float
    eccentricity: float
    spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Share of a change's power at each whole number of cycles per image (n_frequencies,), and the median frequency."""

    cycles: FloatArray
    share: FloatArray
    median: float


@dataclass(frozen=True, slots=True)
class Selectivity:
    """How far a perturbation moves its own ROI beside the others, over images and these other ROIs.

    `z` has no unit: a shift that stands out by .3 SD may score as one of 8 SD. `shift` (SD) is the ROI's own, `excess`
    (SD) how far it lies above the mean of the others. `p` is the share of ROIs, itself among them, that move as far:
    the null of ROI labels permuted, never below 1 / n_rois.
    """

    z: Interval = UNKNOWN
    shift: Interval = UNKNOWN
    excess: Interval = UNKNOWN
    p: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class TargetMeaning:
    """One encoder's perturbations of one target under one norm, over images and directions.

    `roi_shift` (n_encoders, n_rois): mean shift of each ROI in voxel SDs, scored by every encoder; `roi_control`
    (n_rois,): that of a random control by the encoder itself, NaN in older folders; `selectivity` (n_encoders,): z of
    the target's ROI against the others, NaN without one; `own` the same with intervals and sizes, scored by the encoder
    itself; `shift_map` (n_voxels,): every voxel's mean shift in its SDs, scored by the encoder itself;
    `map_selectivity` z of the target's ROI against all other voxels; `montage` (n_budgets, height, width, 3) the first
    image's probes in the first direction.
    """

    norm: NormName
    encoder: str
    target: str
    roi: str
    roi_names: tuple[tuple[str, ...], ...]
    roi_shift: tuple[FloatArray, ...]
    roi_control: FloatArray
    selectivity: FloatArray
    own: Selectivity
    shift_map: FloatArray
    map_selectivity: float
    place: Place
    spectrum: Spectrum
    montage: ByteArray


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """Every norm, encoder and target; norms outermost, then encoders.

    `evidence` holds, for each encoder, what its network's classifier says of every image before and after the first
    target's perturbation under the first norm.
    """

    labels: tuple[str, ...]
    rows: tuple[TargetMeaning, ...]
    evidence: tuple[Reading, ...]

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return len(self.rows) // (len(self.labels) * len({row.norm for row in self.rows}))

    def under(self, norm: NormName) -> tuple[TargetMeaning, ...]:
        """The rows of one norm, encoders outermost."""
        return tuple(row for row in self.rows if row.norm is norm)


def analyse_meaning(sweep: Sweep, roi_of: tuple[str, ...]) -> Meaning:
    """Answer the question from a finished sweep; `roi_of` is the ROI of each target, "" for none."""
    roi_names = tuple(load_subject(encoder.subject).voxels.roi_names for encoder in sweep.config.encoders)
    rows = [
        _describe(sweep, encoder, target, norm=norm, roi=roi_of[target], roi_names=roi_names)
        for norm in range(len(sweep.config.norms))
        for encoder in range(len(sweep.labels))
        for target in range(len(roi_of))
    ]
    return Meaning(sweep.labels, tuple(rows), tuple(_classify(sweep, one) for one in range(len(sweep.labels))))


def _classify(sweep: Sweep, encoder: int) -> Reading:
    spec = find_network(sweep.config.encoders[encoder].network)
    clean = np.stack([find_stimulus(image, size=spec.input_size).pixels for image in sweep.config.images])
    return read_evidence(spec, clean, clean + sweep.store.load(Cell(CURVE, encoder, 0, 0, 0))["delta"])


def locate(delta: FloatArray) -> Place:
    """Where perturbations (n, 3, height, width) lie, each with the same weight."""
    energy = (delta.astype(np.float64) ** 2).sum(axis=1)
    total = energy.sum(axis=(1, 2), keepdims=True)
    shares = np.divide(energy, total, out=np.zeros_like(energy), where=total > 0).mean(axis=0)
    height, width = shares.shape
    across = (np.arange(width) + 0.5) / width - 0.5
    up = 0.5 - (np.arange(height) + 0.5) / height
    weight = float(shares.sum()) or 1.0
    x, y = float((shares.sum(axis=0) * across).sum() / weight), float((shares.sum(axis=1) * up).sum() / weight)
    distance = (across[np.newaxis] - x) ** 2 + (up[:, np.newaxis] - y) ** 2
    return Place(shares / weight, x, y, float(np.hypot(x, y)), float(np.sqrt((shares * distance).sum() / weight)))


def measure_spectrum(delta: FloatArray) -> Spectrum:
    """Power of perturbations (n, 3, height, width) by cycles per image, summed over rings of width 1."""
    height, width = delta.shape[2:]
    power = (np.abs(np.fft.fft2(delta.astype(np.float64), axes=(2, 3))) ** 2).sum(axis=1)
    total = power.sum(axis=(1, 2), keepdims=True)
    shares = np.divide(power, total, out=np.zeros_like(power), where=total > 0).mean(axis=0)
    vertical, horizontal = np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * width
    ring = np.rint(np.hypot(vertical[:, np.newaxis], horizontal[np.newaxis])).astype(int)
    summed = np.asarray(np.bincount(ring.ravel(), weights=shares.ravel()), dtype=np.float64)
    half = summed.sum() / 2
    median = float(np.searchsorted(np.cumsum(summed), half)) if half > 0 else float("nan")
    cycles: FloatArray = np.arange(len(summed), dtype=np.float64)
    return Spectrum(cycles, summed, median)


def rate_selectivity(shift: FloatArray, names: tuple[str, ...], roi: str, confidence: float) -> Selectivity:
    """The selectivity of shifts (n_images, n_rois) in SDs; unknown without the ROI or two others that differ.

    The others are drawn from many, so sqrt(m) z of m others is noncentral t with m - 1 degrees of freedom; what images
    add to its interval is their jackknife's, the two joined as independent errors.
    """
    if roi not in names or len(names) <= LEAST_OTHER_ROIS:
        return Selectivity()
    own, others = shift[:, names.index(roi)], shift[:, [number for number, name in enumerate(names) if name != roi]]
    n_images, m = others.shape
    z = stand_out(float(own.mean()), others.mean(axis=0))
    tails = np.asarray([1 + confidence, 1 - confidence]) / 2
    low, high = special.nctdtrinc(m - 1, tails, m**0.5 * z) / m**0.5
    left_out = [stand_out(float(own[kept].mean()), others[kept].mean(axis=0)) for kept in ~np.eye(n_images, dtype=bool)]
    by_images = np.std(left_out) * (n_images - 1) ** 0.5 * special.stdtrit(n_images - 1, tails[0])
    return Selectivity(
        Interval(z, float(z - np.hypot(z - low, by_images)), float(z + np.hypot(high - z, by_images))),
        interval_of_mean(own[np.newaxis], confidence),
        interval_of_mean(own - others.T, confidence),
        float((1 + (others.mean(axis=0) >= own.mean()).sum()) / (1 + m)),
    )


def _describe(
    sweep: Sweep, encoder: int, target: int, *, norm: int, roi: str, roi_names: tuple[tuple[str, ...], ...]
) -> TargetMeaning:
    config = sweep.config
    places = [(encoder, target, direction, norm) for direction in range(len(config.directions))]
    curves, scores = ([sweep.store.load(Cell(kind, *place)) for place in places] for kind in (CURVE, SCORE))
    signs = [direction.sign for direction in config.directions]
    delta = np.concatenate([stored["delta"] for stored in curves])

    def signed(name: str) -> FloatArray:
        """Mean over directions, by image."""
        parts = [sign * stored[name].astype(np.float64) for sign, stored in zip(signs, scores, strict=True)]
        return np.asarray(np.mean(parts, axis=0))

    by_image = [signed(f"roi_{one}") for one in range(len(config.encoders))]
    control = f"control_roi_{encoder}"
    random = signed(control) if control in scores[0] else np.full_like(by_image[encoder], np.nan)
    rated = [
        rate_selectivity(one, names, roi, config.confidence) for one, names in zip(by_image, roi_names, strict=True)
    ]
    shift_map = signed(f"map_{encoder}").mean(axis=0)
    inside = np.zeros(len(shift_map), dtype=bool)
    if roi:
        inside[resolve_roi(load_subject(config.encoders[encoder].subject).voxels, roi)[1]] = True
    return TargetMeaning(
        norm=config.norms[norm],
        encoder=sweep.labels[encoder],
        target=config.targets[target].label,
        roi=roi,
        roi_names=roi_names,
        roi_shift=tuple(one.mean(axis=0) for one in by_image),
        roi_control=random.mean(axis=0),
        selectivity=np.asarray([one.z.value for one in rated]),
        own=rated[encoder],
        shift_map=shift_map,
        map_selectivity=stand_out(float(shift_map[inside].mean()), shift_map[~inside]) if inside.any() else np.nan,
        place=locate(delta),
        spectrum=measure_spectrum(delta),
        montage=curves[0]["montage"],
    )


def read_evidence(spec: NetworkSpec, clean: FloatArray, perturbed: FloatArray) -> Reading:
    """Class evidence of images (n, 3, height, width), before and after."""
    import torch
    from torchvision.models import MobileNet_V2_Weights

    from core.device import exact_arithmetic, run_in_chunks
    from core.networks.classifier import open_classifier

    try:
        network = open_classifier(spec)
    except (WeightsError, StorageError) as error:
        return Reading(reason=str(error))

    def classify(pixels: FloatArray) -> FloatArray:
        values = torch.tensor(pixels, dtype=torch.float32)
        with exact_arithmetic():
            parts = run_in_chunks(lambda at, end: network.classify(values[at:end]).numpy(), len(values), chunk=BATCH)
        return np.concatenate(parts)

    names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]  # of ImageNet's 1,000 classes
    return Reading(compare_evidence(classify(clean), classify(perturbed), names), network.head)


def compare_evidence(before: FloatArray, after: FloatArray, names: Sequence[str]) -> tuple[Evidence, ...]:
    """Wrap class probabilities (n, n_classes) before and after; classes without a name are numbered."""
    rows = []
    for first, second in zip(before, after, strict=True):
        old, new = int(first.argmax()), int(second.argmax())
        label = [names[index] if first.size == len(names) else f"class {index}" for index in (old, new)]
        rows.append(Evidence(label[0], float(first[old]), label[1], float(second[new]), float(second[old])))
    return tuple(rows)
