"""The four questions on a few images and targets, checked."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.engine import Engine
from core.sweeps.answer import answer_sweep
from core.sweeps.config import Question, SweepConfig, TargetName
from core.sweeps.gather import load_sweep
from core.sweeps.plan import CURVE, Cell
from tests.science.recomputed import Recomputed
from tests.science.report import Array, Report


def check_analyses(
    report: Report, encoders: Sequence[Recomputed], images: Sequence[str], targets: Sequence[TargetName]
) -> None:
    """The four questions on the same few images and targets."""
    names = tuple(encoder.name for encoder in encoders)
    base = SweepConfig(
        Question.TRANSFER, names, tuple(images), tuple(targets), ladder=(0.5, 1.0), gate=-1.0, n_bootstrap=200
    )
    with tempfile.TemporaryDirectory() as folder:
        for question in Question:
            config = replace(base, question=question)
            for _ in Engine(device="cpu").iter_sweep(config, Path(folder) / question):
                pass
        sweeps = {question: load_sweep(Path(folder) / question) for question in Question}
        deltas = _read_deltas(sweeps[Question.TRANSFER], len(targets))
        moved = _shift_all(encoders, images, targets, deltas)
        check_sensitivity(report, sweeps, moved)
        check_transfer(report, sweeps[Question.TRANSFER], moved, deltas)
        check_meaning(report, sweeps[Question.MEANING], encoders, images, deltas)


def _read_deltas(sweep: Any, n_targets: int) -> Array:
    """(n_encoders, n_targets, n_images, 3, height, width) of the highest budget."""
    n_encoders = len(sweep.labels)
    return np.stack(
        [
            np.stack([sweep.store.load(Cell(CURVE, one, target, 0, 0))["delta"] for target in range(n_targets)])
            for one in range(n_encoders)
        ]
    )


def _shift_all(
    encoders: Sequence[Recomputed], images: Sequence[str], targets: Sequence[TargetName], deltas: Array
) -> Array:
    """Shift in SDs of source x recipient x target x image."""
    moved = np.zeros((len(encoders), len(encoders), len(targets), len(images)))
    for column, recipient in enumerate(encoders):
        table = load_subject(recipient.name.subject).voxels
        clean = np.stack([find_stimulus(image, size=recipient.spec.input_size).pixels for image in images])
        features, _, test = recipient.recording
        reference = features[~test] @ recipient._weights.numpy()
        before = recipient.responses(clean)
        for row in range(len(encoders)):
            for number, target in enumerate(targets):
                direction = target.find_in(table).vector(table.n_voxels).astype(np.float64)
                after = recipient.responses(clean + deltas[row, number])
                moved[row, column, number] = (after - before) @ direction / (reference @ direction).std()
    return moved


def check_sensitivity(report: Report, sweeps: dict[Question, Any], moved: Array) -> None:
    """Fragility and discriminability: S, area, epsilon at 1 SD, and the statistics over encoders."""
    report.section("Fragility and discriminability")
    sweep = sweeps[Question.FRAGILITY]
    right = np.abs(np.stack([moved[one, one] for one in range(len(moved))]))
    report.compare("sensitivity of every target and image", sweep.sensitivity()[..., -1], right, tolerance=1e-3)
    answer, epsilons = answer_sweep(sweep), np.asarray(sweep.config.ladder)
    curves = np.abs(sweep.shift[:, :, 0, 0]) / sweep.sd[:, :, 0, 0, None, None]
    for row, curve in zip(answer.overall, curves, strict=True):
        mean = curve.mean(axis=(0, 1))
        report.compare(
            f"{row.label}: area under S", row.area.value, float(np.trapezoid(mean, np.log10(epsilons))), tolerance=1e-6
        )
        report.compare(
            f"{row.label}: epsilon at 1 SD, median", row.epsilon_1sd, _median_epsilon(curve, epsilons), tolerance=1e-6
        )
    found = answer_sweep(sweeps[Question.DISCRIMINABILITY]).sensitivity.statistics
    values = right.mean(axis=2)
    means = values.mean(axis=1)
    variation = means.std(ddof=1) / means.mean()
    away = right - right.mean(axis=0)
    own = away - away.mean(axis=2)[:, :, None] - away.mean(axis=1)[:, None] + away.mean(axis=(1, 2))[:, None, None]
    n_targets, n_images = right.shape[1:]
    by_target = away.mean(axis=2).var(axis=1, ddof=1).sum() / n_targets / (len(means) - 1)
    by_image = away.mean(axis=1).var(axis=1, ddof=1).sum() / n_images / (len(means) - 1)
    both = (own**2).sum() / ((n_targets - 1) * (n_images - 1) * n_targets * n_images * (len(means) - 1))
    error = max(by_target + by_image - both, by_target, by_image)
    between, within = means.var(ddof=1) - error, values.var(axis=1, ddof=1).mean()
    rights = {
        "coefficient of variation": variation,
        "normalised variance": variation**2,
        "Treves-Rolls sparseness": 1 - np.abs(means).mean() ** 2 / (means**2).mean(),
        "ICC": between / (between + within),
    }
    for name, value in rights.items():
        report.compare(name, found[name].value, float(value), tolerance=2e-3)


def _median_epsilon(curves: Array, epsilons: Array) -> float:
    """The median over targets and images of where S, straight from (0, 0) through the budgets, first reaches 1 SD."""
    reached = []
    for curve in curves.reshape(-1, len(epsilons)):
        xs, ys = np.concatenate([[0.0], epsilons]), np.concatenate([[0.0], curve])
        above = np.flatnonzero(ys >= 1)
        if len(above) == 0:
            reached.append(np.inf)
            continue
        last = above[0]
        reached.append(xs[last - 1] + (1 - ys[last - 1]) / (ys[last] - ys[last - 1]) * (xs[last] - xs[last - 1]))
    return float(np.median(reached))


def check_transfer(report: Report, sweep: Any, moved: Array, deltas: Array) -> None:
    """T, raw transfer, and the alignment of the perturbations' subspaces."""
    report.section("Transfer")
    table = answer_sweep(sweep).cases[0].tables[0]
    total = moved.mean(axis=(2, 3))
    report.compare("raw transfer, SD", table.raw[0], total, tolerance=1e-3)
    report.compare("T(A -> B)", table.square, total / np.diagonal(total)[np.newaxis], tolerance=2e-3)
    told = answer_sweep(sweep).alignments[0]
    bases = []
    for one in deltas:
        rows = one.reshape(-1, one[0, 0].size).astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        bases.append(np.linalg.svd(rows, full_matrices=False)[2][: told.n_axes])
    right = [[float((np.linalg.svd(a @ b.T, compute_uv=False) ** 2).mean()) for b in bases] for a in bases]
    report.compare("alignment of the perturbations", told.matrix, np.asarray(right), tolerance=1e-3)
    report.compare("its chance level k / D", told.chance, told.n_axes / deltas[0, 0, 0].size, tolerance=1e-9)


def check_meaning(
    report: Report, sweep: Any, encoders: Sequence[Recomputed], images: Sequence[str], deltas: Array
) -> None:
    """Mean shift of every ROI in voxel SDs, selectivity, and where and at which frequency the perturbations lie."""
    report.section("Meaning")
    answer = answer_sweep(sweep)
    for number, row in enumerate(answer.rows):
        source, target = divmod(number, answer.n_targets)
        encoder = encoders[source]
        table = load_subject(encoder.name.subject).voxels
        clean = np.stack([find_stimulus(image, size=encoder.spec.input_size).pixels for image in images])
        shift = (encoder.responses(clean + deltas[source, target]) - encoder.responses(clean)).mean(axis=0)
        sd = encoder.card.reference_sd.astype(np.float64)
        shift = np.where(sd > 0, shift / np.where(sd > 0, sd, 1), 0)
        means = {roi: float(shift[[name == roi for name in table.roi]].mean()) for roi in table.roi_names}
        title = f"{row.encoder}, {row.target}"
        report.compare(
            f"{title}: mean shift of every ROI", row.roi_shift[source], np.asarray(list(means.values())), tolerance=2e-3
        )
        if row.roi:
            others = np.asarray([value for name, value in means.items() if name != row.roi])
            z = (means[row.roi] - others.mean()) / others.std(ddof=1)
            report.compare(f"{title}: selectivity z", float(row.selectivity[source]), float(z), tolerance=5e-3)
        energy = (deltas[source, target].astype(np.float64) ** 2).sum(axis=1)
        shares = (energy / energy.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
        across = (np.arange(shares.shape[1]) + 0.5) / shares.shape[1] - 0.5
        distance = np.hypot((shares.sum(axis=0) * across).sum(), (shares.sum(axis=1) * across[::-1]).sum())
        report.compare(f"{title}: eccentricity of the energy", row.place.eccentricity, float(distance), tolerance=1e-5)
    report.skip("class evidence (the classifier's own softmax), path curvature, intervals (see tests/core/sweeps)")
