"""The figures of a study, drawn with matplotlib without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.reports.figure_parts import COLOURS, draw_key, figure_style, make_figure, mark_level
from core.sweeps.study.config import CandidateSet, LayerName, StudyConfig
from core.sweeps.study.evaluate import CRITERIA, NEARNESS, StudyAnswer
from core.sweeps.study.hypotheses import HYPOTHESES, Outcome, Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {
    Status.HOLDS: ("#3c9d6b", "white"),
    Status.FAILS: ("#d1642e", "white"),
    Status.UNDECIDED: ("#e3e3e3", "#222222"),
    Status.UNKNOWN: ("#ffffff", "#999999"),
}
NEARNESS_TITLES = {"axes": "order of T(candidate → true voxel)", "responses": "order of r with the noiseless truth"}
CRITERION_COLOURS = dict(zip(CRITERIA, (COLOURS[0], COLOURS[1]), strict=True))


def draw_study(answer: StudyAnswer, outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """Every figure by name."""
    with figure_style():
        return {
            "axes": draw_axes(answer),
            "criteria": draw_criteria(answer),
            "findings": draw_outcomes(answer.config, outcomes),
        }


def draw_axes(answer: StudyAnswer) -> Figure:
    """T to the true voxel against predictivity and against sensitivity; a column a teacher."""
    config = answer.config
    figure, axes = make_figure(2, len(config.teachers), width=2.9, height=2.5)
    networks = list(dict.fromkeys(name.network for name in config.candidates))
    for condition in answer.conditions:
        column = config.teachers.index(condition.teacher)
        size = 26 + 26 * config.noise.index(condition.noise)
        for number, candidate in enumerate(config.candidates):
            colour = COLOURS[networks.index(candidate.network)]
            transfer = answer.interval(condition, "transfer", number)
            for line, measure in enumerate(("r", "sensitivity")):
                axis, x = axes[line][column], answer.interval(condition, measure, number).value
                axis.plot([x, x], [transfer.low, transfer.high], color=colour, lw=0.7, alpha=0.6)
                shape = _marker(config, candidate)
                axis.scatter(x, transfer.value, s=size, color=colour, marker=shape, alpha=0.85, lw=0)
        axes[0][column].set_title(f"truth in {condition.teacher.label}")
        axes[0][column].set_xlabel("held-out r", fontsize=8)
        axes[1][column].set_xlabel("sensitivity (SD)", fontsize=8)
        axes[1][column].axvline(condition.measures.true_sensitivity[0, 0], color="#888888", lw=0.9, ls="--")
    for one in axes.ravel():
        one.axhline(0, color="#bbbbbb", lw=0.7)
    for line in axes:
        line[0].set_ylabel("T to the true voxel", fontsize=8)
    entries = [(name, COLOURS[index], "o") for index, name in enumerate(networks)]
    entries += [("its early layer", "#666666", "^"), ("its late layer", "#666666", "o")]
    draw_key(figure, axes[0][0], entries, columns=2 * len(config.teachers), size=7)
    noise = ", ".join(f"{level:g}" for level in config.noise)
    figure.suptitle(f"noise {noise} signal SD: larger dots, more noise · dashed: the true voxels' own")
    return figure


def _marker(config: StudyConfig, candidate: LayerName) -> str:
    own = [name for name in config.candidates if name.network == candidate.network]
    return "o" if candidate == own[-1] else "^"


def draw_criteria(answer: StudyAnswer, candidate_set: CandidateSet = CandidateSet.HELD_OUT) -> Figure:
    """Rank correlation of each criterion with nearness to the truth, by teacher and noise, and over all."""
    config = answer.config
    figure, axes = make_figure(1, len(NEARNESS), width=1.0 + 0.95 * (len(config.teachers) + 1), height=2.9)
    results = [one for one in answer.results if one.candidate_set is candidate_set]
    overall = [one for one in answer.overall if one.candidate_set is candidate_set]
    for axis, nearness in zip(axes[0], NEARNESS, strict=True):
        for shift, criterion in zip((-0.16, 0.16), CRITERIA, strict=True):
            key, colour = f"{criterion} / {nearness}", CRITERION_COLOURS[criterion]
            for result in results:
                level = config.noise.index(result.noise)
                step = (level - (len(config.noise) - 1) / 2) * 0.26 / len(config.noise)
                place, rank = config.teachers.index(result.teacher) + shift + step, result.ranks[key]
                axis.plot([place, place], [rank.low, rank.high], color=colour, lw=0.8, alpha=0.6)
                axis.plot(place, rank.value, "o", color=colour, ms=3 + level)
            for one in overall:
                mean, place = one.ranks[key], len(config.teachers) + shift
                axis.plot([place, place], [mean.low, mean.high], color=colour, lw=2.2)
                axis.plot(place, mean.value, "D", color=colour, ms=6)
        mark_level(axis, 0, ls="-")
        names = [teacher.label.replace(" ", "\n") for teacher in config.teachers]
        axis.set_xticks(range(len(names) + 1), [*names, "mean"], fontsize=5.5)
        axis.set(ylim=(-1.08, 1.08))
        axis.set_title(NEARNESS_TITLES[nearness], fontsize=9)
    axes[0][0].set_ylabel("Spearman's correlation over candidates", fontsize=8)
    entries = [(criterion, CRITERION_COLOURS[criterion], "o") for criterion in CRITERIA]
    draw_key(figure, axes[0][0], entries, columns=len(entries), size=8)
    figure.suptitle(f"{candidate_set} · larger dots: more noise · bars: {config.confidence:.0%} intervals")
    return figure


def draw_outcomes(
    config: StudyConfig, outcomes: Sequence[Outcome], candidate_set: CandidateSet = CandidateSet.HELD_OUT
) -> Figure:
    """Each hypothesis by teacher and noise: holds, does not, undecided; with its number."""
    from matplotlib.patches import Rectangle

    places = [(teacher, noise) for teacher in config.teachers for noise in config.noise]
    figure, axes = make_figure(1, 1, width=2.6 + 0.72 * len(places), height=0.9 + 0.62 * len(HYPOTHESES))
    axis = axes[0][0]
    for one in (found for found in outcomes if found.candidate_set is candidate_set):
        column, line = places.index((one.teacher, one.noise)), len(HYPOTHESES) - one.hypothesis.number
        fill, ink = LOOKS[one.status]
        edges: dict[str, Any] = {"facecolor": fill, "edgecolor": "#dddddd", "lw": 0.6}
        axis.add_patch(Rectangle((column - 0.48, line - 0.46), 0.96, 0.92, **edges))
        text = one.value.describe(".2g").replace(" ", "\n", 1) if np.isfinite(one.value.value) else "–"
        axis.text(column, line, text, ha="center", va="center", fontsize=5.5, color=ink)
    axis.set(xlim=(-0.5, len(places) - 0.5), ylim=(-0.5, len(HYPOTHESES) - 0.5))
    axis.set_xticks(range(len(places)), [f"{noise:g}" for _, noise in places], fontsize=7)
    axis.set_xlabel("noise (signal SD)", fontsize=8)
    titles = [f"{one.number} {one.title.split(':')[0]}" for one in HYPOTHESES]
    axis.set_yticks(range(len(HYPOTHESES)), titles[::-1], fontsize=8)
    for number, teacher in enumerate(config.teachers):
        centre = (number + 0.5) * len(config.noise) - 0.5
        axis.text(
            centre, len(HYPOTHESES) - 0.42, teacher.label.replace(" ", "\n"), ha="center", va="bottom", fontsize=6.5
        )
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    entries = [(str(status), LOOKS[status][0], "s") for status in (Status.HOLDS, Status.FAILS, Status.UNDECIDED)]
    draw_key(figure, axis, entries, columns=len(entries), size=8)
    return figure
