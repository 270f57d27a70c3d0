"""The figures of a meaning: places, ROI shifts, spectra, montage, cortical maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.networks.catalog import find_network
from core.reports.figure_parts import amplify, colour_of, make_figure, mark_level, show_picture, strip_axis
from core.surfaces.picture import can_draw, draw_map
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning, TargetMeaning
from core.types import FloatArray, NormName

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TARGETS = 6
"""Targets shown in the figures of meaning; the tables hold all."""
TILE = 120


def draw_meaning_figures(answer: Meaning, sweep: Sweep) -> dict[str, Figure]:
    """Every figure, by name; a second norm has its own."""
    figures = {}
    for number, norm in enumerate(sweep.config.norms):
        ending = "" if number == 0 else f"_{norm}"
        figures[f"meaning{ending}"] = draw_meaning(answer, norm)
        figures[f"montage{ending}"] = draw_montage(answer, sweep, norm)
        if all(can_draw(load_subject(one.subject).surface) for one in sweep.config.encoders):
            figures[f"maps{ending}"] = draw_shift_maps(answer, sweep, norm)
    return figures


def draw_meaning(answer: Meaning, norm: NormName) -> Figure:
    """For each encoder the energy maps of some targets, the ROI shifts, the spectrum."""
    n_targets, chosen = answer.n_targets, answer.under(norm)
    shown = min(n_targets, MOST_TARGETS)
    figure, axes = make_figure(len(answer.labels), shown + 2, width=2.4, height=2.4)
    for encoder, label in enumerate(answer.labels):
        rows, power = chosen[encoder * n_targets : (encoder + 1) * n_targets], axes[encoder][shown + 1]
        for column, row in enumerate(rows[:shown]):
            _energy(axes[encoder][column], row)
            spectrum = row.spectrum
            power.plot(spectrum.cycles[1:], spectrum.share[1:], color=colour_of(column), lw=1, label=row.target)
        _roi_shifts(axes[encoder][shown], rows[:shown], encoder)
        power.set(xscale="log", xlabel="cycles per image", ylabel="share of power")
        axes[encoder][0].set_ylabel(label, fontsize=8)
    axes[0][shown].legend(fontsize=6)
    return figure


def draw_shift_maps(answer: Meaning, sweep: Sweep, norm: NormName) -> Figure:
    """The mean cortical shift by the perturbations of each encoder and target, scored by the encoder itself."""
    n_targets, rows = answer.n_targets, answer.under(norm)
    shown = min(n_targets, MOST_TARGETS)
    limit = float(np.percentile(np.abs(np.concatenate([row.shift_map for row in rows])), 99)) or 1.0
    figure, axes = make_figure(len(answer.labels), shown, width=3.0, height=2.3)
    for encoder, label in enumerate(answer.labels):
        subject = load_subject(sweep.config.encoders[encoder].subject)
        for column, row in enumerate(rows[encoder * n_targets : encoder * n_targets + shown]):
            axis = axes[encoder][column]
            show_picture(axis, draw_map(subject.surface, subject.voxels, row.shift_map, limit=limit, tile=TILE))
            axis.set_title(f"{row.target}\nz of ROI in map {row.map_selectivity:.1f}", fontsize=7)
        axes[encoder][0].set_ylabel(label.replace(" ", "\n"), fontsize=7)
    figure.suptitle(f"mean shift, −{limit:.2g} to {limit:.2g} voxel SDs (blue to red)")
    return figure


def draw_montage(answer: Meaning, sweep: Sweep, norm: NormName) -> Figure:
    """The first target's probes of the first image, and under them the change: encoders down, budgets across."""
    firsts = answer.under(norm)[:: answer.n_targets]
    epsilons = sweep.config.budgets(norm, sweep.config.reference_side)
    figure, axes = make_figure(2 * len(firsts), len(epsilons), width=1.7, height=1.8)
    for line, row in enumerate(firsts):
        clean = _clean_levels(sweep, line)
        for column, epsilon in enumerate(epsilons):
            above, below = axes[2 * line][column], axes[2 * line + 1][column]
            amplified, factor = amplify(row.montage[column].astype(np.float64) - clean)
            show_picture(above, row.montage[column])
            show_picture(below, amplified)
            below.set_title(f"change × {factor:.0f}", fontsize=7)
            if line == 0:
                above.set_title(f"{norm.capitalize()} {epsilon:.3g}", fontsize=8)
        axes[2 * line][0].set_ylabel(row.encoder.replace(" ", "\n"), fontsize=7)
    figure.suptitle(f"{sweep.config.directions[0]} {firsts[0].target} · {sweep.config.images[0]}", fontsize=9)
    return figure


def _clean_levels(sweep: Sweep, encoder: int) -> FloatArray:
    side = find_network(sweep.config.encoders[encoder].network).input_size
    return np.asarray(find_stimulus(sweep.config.images[0], size=side).levels, dtype=np.float64)


def _energy(axis: Axes, row: TargetMeaning) -> None:
    axis.imshow(np.sqrt(row.place.energy), cmap="magma", extent=(-0.5, 0.5, -0.5, 0.5))
    axis.plot(row.place.x, row.place.y, "+", color="white", ms=8)
    strip_axis(axis)
    axis.set_title(f"{row.target}\n{row.spectrum.median:g} cycles", fontsize=7)


def _roi_shifts(axis: Axes, rows: Sequence[TargetMeaning], encoder: int) -> None:
    names = rows[0].roi_names[encoder]
    for index, row in enumerate(rows):
        shifts = row.roi_shift[encoder]
        axis.plot(range(len(names)), shifts, marker="o", ms=3, lw=0.8, color=colour_of(index), label=row.target)
    mark_level(axis, 0, ls="-")
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set_ylabel("shift (SD)", fontsize=8)
