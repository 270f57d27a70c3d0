"""From a finished sweep to the answer of its question, with what the answer needs to know of subjects. Never draws."""

from __future__ import annotations

from core.datasets.subject import load_subject
from core.sweeps.config import Question, SweepConfig
from core.sweeps.discriminability import Discriminability, analyse_discriminability
from core.sweeps.fragility import Fragility, analyse_fragility
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning, analyse_meaning
from core.sweeps.transfer import Transfer, analyse_transfer

Answer = Fragility | Discriminability | Transfer | Meaning

FORMULAS: dict[Question, tuple[tuple[str, str], ...]] = {
    Question.FRAGILITY: (
        (
            "sensitivity",
            "S_v(ε) = |f_v(x + δ*) − f_v(x)| / σ_v, σ_v the SD of f_v over the clean reference images (SD)",
        ),
        ("area", "∫ S_v d log10 ε over the ladder, trapezoid rule (SD decades)"),
        ("ε at 1 SD", "smallest ε with S ≥ 1, straight between rungs and from (0, 0) to the first"),
        ("linearity", "attack shift / first-order shift; first order is ε ||∇f_v||₂ (L2) or ε ||∇f_v||₁ (Linf)"),
        ("parts", "shift = ||w_v|| ||Δφ|| cos(w_v, Δφ), φ the readout's input; ||Δφ|| / ||φ|| is reported"),
        ("path curvature", "mean angle between consecutive differences of φ(x + aδ), a = 0..1 (Hénaff et al. 2019)"),
        (
            "predictivity",
            "Pearson r on held-out images, 0 where a response never varies; r² / noise ceiling, r² = 0 where r < 0",
        ),
    ),
    Question.DISCRIMINABILITY: (
        ("coefficient of variation", "SD over encoders of the encoder means / their mean"),
        ("normalised variance", "variance over encoders of the encoder means / their mean²"),
        ("Treves-Rolls sparseness", "1 − (mean |s|)² / mean(s²), s the encoder means"),
        ("ICC", "between-encoder variance / (between + within), from one-way mean squares; items are targets"),
        ("pairs that differ", "share of encoder pairs with p < 1 − confidence, paired bootstrap, Holm-corrected"),
    ),
    Question.TRANSFER: (
        ("transfer", "T(A→B) = shift_B(δ_A) / shift_B(δ_B), same image, target and ε; shifts summed before dividing"),
        ("raw transfer", "shift_B(δ_A) / σ_B (SD)"),
        ("diagonal", "a source scored by its own weights: 1 by definition, no evidence of transfer"),
        (
            "re-fitted copy",
            "T(A→A′) of the same network with a readout fitted anew to half of the training images, other folds",
        ),
        (
            "untrained",
            "T of the same architecture with random weights (BatchNorm measured on 32 images) and a readout of its own",
        ),
        (
            "controls",
            "at the realised norm of δ_A: random, sign flip, phase-scrambled, other image's δ, contrast blend",
        ),
        (
            "other input sizes",
            "budgets of equal RMS change; x and x + δ resampled to B's size, controls made there at the realised norm",
        ),
        (
            "attacks",
            "MI momentum 1; DI probability 0.5; TI shifts up to 7 px; T divides by the same attack on B itself",
        ),
        ("ensemble", "one δ for all encoders but B, each in its own SDs; T divides by the first attack on B itself"),
        (
            "subspace alignment",
            "mean cos² of the principal angles between the top-k right singular vectors of the δ, and of the gradients "
            "∇f at the clean images; chance k / D",
        ),
        ("clusters", "average linkage on 1 − (T + Tᵀ) / 2"),
    ),
    Question.MEANING: (
        ("selectivity", "z = (target ROI's mean shift − mean of the other ROIs) / their SD, shifts in voxel SDs"),
        (
            "selectivity of the map",
            "z = (mean shift of the target ROI's voxels − mean of all others) / SD of the others",
        ),
        ("energy", "Σ over channels of δ², as a share of the image's total"),
        ("eccentricity", "distance of the energy's centre of mass from the image's centre (image widths)"),
        ("spectrum", "power of δ summed over rings of 1 cycle per image, as a share"),
        ("class evidence", "softmax of the network's own classifier; a robustified one is read by its original's"),
    ),
}
"""What each number of an answer is, with its formula and unit."""


def answer_sweep(sweep: Sweep) -> Answer:
    """The answer to the sweep's own question."""
    config = sweep.config
    rois = name_rois(config)
    if config.question is Question.FRAGILITY:
        return analyse_fragility(sweep, rois)
    if config.question is Question.DISCRIMINABILITY:
        return analyse_discriminability(sweep)
    if config.question is Question.TRANSFER:
        return analyse_transfer(sweep, rois)
    names = tuple(load_subject(encoder.subject).voxels.roi_names for encoder in config.encoders)
    return analyse_meaning(sweep, rois, names)


def name_rois(config: SweepConfig) -> tuple[str, ...]:
    """The ROI of each target: of a voxel, that of the first subject's table; "" for none."""
    table = load_subject(config.subjects[0]).voxels
    return tuple(target.roi or table.roi[target.voxel] for target in config.targets)
