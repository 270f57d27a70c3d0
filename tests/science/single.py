"""A fit and a probe, checked."""

from __future__ import annotations

import numpy as np
import torch

from core.attacks.config import AttackConfig
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.engine import Engine
from core.probes.probe import ProbeConfig
from core.sweeps.config import TargetName
from core.types import NormName
from tests.science.recomputed import REFERENCE_STEPS, Recomputed, reference_attack
from tests.science.report import Array, Report

LEAST_OF_REFERENCE = 0.95


def check_fit(report: Report, encoder: Recomputed) -> None:
    """Reduction, ridge, SDs and held-out scores, from the recording."""
    config = encoder.card.config
    report.section(f"Fit: {config.describe()}")
    features, responses, test = encoder.recording
    train = features[~test]
    centred = train - train.mean(axis=0)
    axes = np.eye(centred.shape[1])
    if config.reducer == "pca":
        _, _, right = np.linalg.svd(centred, full_matrices=False)
        axes = right[: encoder.arrays["weights"].shape[0]].T
        held = encoder.arrays["components"]
        shared = np.linalg.svd(axes.T @ np.linalg.qr(held)[0], compute_uv=False)
        report.compare("principal components: least cosine of the subspaces", float(shared.min()), 1.0, tolerance=1e-3)
    reduced = centred @ axes
    unit = reduced.var(axis=0).mean()
    weights = np.stack(
        [_ridge(reduced, responses[~test][:, one], alpha * unit) for one, alpha in enumerate(encoder.card.alpha)],
        axis=1,
    )
    offset = responses[~test].mean(axis=0)
    predicted = (features[test] - train.mean(axis=0)) @ axes @ weights + offset
    right_r = _correlate(predicted, responses[test])
    report.compare("held-out r of every voxel, ridge from scratch", encoder.card.r, right_r, tolerance=5e-3)
    report.compare(
        "held-out r, median over voxels",
        float(np.nanmedian(encoder.card.r)),
        float(np.nanmedian(right_r)),
        tolerance=1e-3,
    )
    stored = features @ encoder._weights.numpy() + encoder._offset.numpy()
    report.compare(
        "SD over the reference images, every voxel",
        encoder.card.reference_sd,
        stored[~test].std(axis=0),
        tolerance=1e-3,
    )


def _ridge(inputs: Array, response: Array, penalty: float) -> Array:
    normal = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(normal, inputs.T @ (response - response.mean())))


def _correlate(first: Array, second: Array) -> Array:
    one, other = first - first.mean(axis=0), second - second.mean(axis=0)
    return np.asarray((one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0)))


def check_probe(
    report: Report, encoder: Recomputed, image: str, target: TargetName, norm: NormName, epsilon: float
) -> None:
    """One probe of the default attack: responses, sizes, first order, controls, and the reference attack."""
    subject = load_subject(encoder.name.subject)
    found = target.find_in(subject.voxels)
    config = ProbeConfig(*encoder.name, target=found, attack=AttackConfig(norm=norm, epsilon=epsilon))
    stimulus = find_stimulus(image, size=encoder.spec.input_size)
    report.section(f"Probe: {config.describe()} · {image}")
    *_, last = Engine(device="cpu").iter_probe(config, stimulus)
    probe, direction = last.result, found.vector(subject.voxels.n_voxels).astype(np.float64)
    assert probe is not None
    clean, moved, control, flip = encoder.responses(
        np.stack([probe.clean_pixels, probe.perturbed_pixels, probe.control_pixels, probe.sign_flip_pixels])
    )
    delta = probe.perturbed_pixels.astype(np.float64) - stimulus.pixels
    told = probe.of_target(probe.shift)
    report.compare("clean responses of every voxel", probe.clean, clean, tolerance=1e-4)
    report.compare("shift of every voxel", probe.shift, moved - clean, tolerance=1e-3)
    report.compare("shift of the target", told, float((moved - clean) @ direction), tolerance=1e-3)
    report.compare(
        "shift of the random control, every voxel", probe.control - probe.clean, control - clean, tolerance=1e-2
    )
    report.compare("shift of the sign flip, every voxel", probe.sign_flip - probe.clean, flip - clean, tolerance=1e-3)
    report.compare("L2 of the delivered pixels", probe.l2, float(np.sqrt((delta**2).sum())), tolerance=1e-6)
    report.compare("Linf of the delivered pixels", probe.linf, float(np.abs(delta).max()), tolerance=1e-6)
    report.at_most("size within the budget", probe.l2 if norm is NormName.L2 else probe.linf, epsilon)
    report.at_most("pixels within [0, 1]", float(np.abs(probe.perturbed_pixels - 0.5).max()), 0.5)
    start = torch.tensor(stimulus.pixels[np.newaxis], dtype=torch.float64)
    value, gradient = encoder.value_and_gradient(start, direction)
    dual = gradient.norm() if norm is NormName.L2 else gradient.abs().sum()
    report.compare("first-order shift", float(probe.curve.first_order[-1]), epsilon * float(dual), tolerance=1e-3)
    features, _, test = encoder.recording
    sd = float(((features[~test] @ encoder._weights.numpy() + encoder._offset.numpy()) @ direction).std())
    report.compare("SD of the target over the reference images", probe.target_sd, sd, tolerance=1e-3)
    best = reference_attack(encoder, stimulus.pixels, direction, norm, epsilon) - value
    report.at_least(
        f"shift against the reference attack ({REFERENCE_STEPS} gradients)", told, best, share=LEAST_OF_REFERENCE
    )
    steps = probe.curve.shift
    report.at_least(
        "larger budgets deliver no less", float(np.diff(steps, prepend=0.0).min()) + 1.0, 1.0, share=1 - 1e-6
    )
