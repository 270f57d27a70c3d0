"""The figures of a study, drawn with matplotlib without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.reports.draw_plot import draw_grid, draw_key, make_axes
from core.reports.inks import LIGHT, house_style
from core.reports.plot import Plot, Series, names_at, point
from core.statistics import Interval
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
SHOWN = CandidateSet.HELD_OUT
NEARNESS_TITLES = {"axes": "order of T(candidate → true voxel)", "responses": "order of r with the noiseless truth"}


def draw_study(answer: StudyAnswer, outcomes: Sequence[Outcome]) -> dict[str, Figure]:
    """Every figure by name."""
    with house_style():
        return {
            "axes": draw_axes(answer),
            "criteria": draw_criteria(answer),
            "findings": draw_outcomes(answer.config, outcomes),
        }


def draw_axes(answer: StudyAnswer) -> Figure:
    """T to the true voxel against predictivity and against sensitivity; a column a teacher."""
    config = answer.config
    measures = {"r": "held-out r", "sensitivity": "sensitivity (SD)"}
    plots = [_plot_axes(answer, one, *named) for named in measures.items() for one in config.teachers]
    figure = draw_grid(plots, across=len(config.teachers), width=2.9, height=2.5)
    networks = dict.fromkeys(name.network for name in config.candidates)
    entries = [(name, LIGHT.encoder(index), "o") for index, name in enumerate(networks)]
    if len(config.candidates) > len(networks):
        entries += [("its early layer", "#666666", "^"), ("its late layer", "#666666", "o")]
    draw_key(figure, entries, columns=2 * len(config.teachers), size=7)
    noise = ", ".join(f"{level:g}" for level in config.noise)
    figure.suptitle(f"noise {noise} signal SD: larger dots, more noise · dashed: the true voxels' own")
    return figure


def _plot_axes(answer: StudyAnswer, teacher: LayerName, measure: str, title: str) -> Plot:
    config, series, own = answer.config, [], tuple[float, ...]()
    networks = list(dict.fromkeys(name.network for name in config.candidates))
    last = {name.network: name for name in config.candidates}
    for condition in (one for one in answer.conditions if one.teacher == teacher):
        size = 5 * (1 + config.noise.index(condition.noise)) ** 0.5
        for number, name in enumerate(config.candidates):
            ends = answer.interval(condition, measure, number), answer.interval(condition, "transfer", number)
            shown = point(*ends, networks.index(name.network), "")
            marker = "o" if name == last[name.network] else "^"
            series.append(replace(shown, size=size, marker=marker, left=None, alpha=0.8))
        if measure == "sensitivity":
            own = (float(condition.measures.true_sensitivity[0, 0]),)
    heading = f"truth in {teacher.label}" if measure == "r" else ""
    return Plot(title, "T to the true voxel", tuple(series), heading, across=(0,), upright=own)


def draw_criteria(answer: StudyAnswer) -> Figure:
    """Rank correlation of each criterion with nearness to the truth, by teacher and noise, and over all."""
    config = answer.config
    plots = [_plot_criteria(answer, nearness) for nearness in NEARNESS]
    figure = draw_grid(plots, width=1.0 + 0.95 * (len(config.teachers) + 1), height=2.9)
    entries = [(criterion, LIGHT.encoder(index), "o") for index, criterion in enumerate(CRITERIA)]
    draw_key(figure, entries, columns=len(entries), size=8)
    figure.suptitle(f"{SHOWN} · larger dots: more noise · bars: {config.confidence:.0%} intervals")
    return figure


def _plot_criteria(answer: StudyAnswer, nearness: str) -> Plot:
    config, series = answer.config, []
    for ink, (shift, criterion) in enumerate(zip((-0.16, 0.16), CRITERIA, strict=True)):
        key = f"{criterion} / {nearness}"
        for result in (one for one in answer.results if one.candidate_set is SHOWN):
            level = config.noise.index(result.noise)
            step = (level - (len(config.noise) - 1) / 2) * 0.26 / len(config.noise)
            place = config.teachers.index(result.teacher) + shift + step
            series.append(replace(_mark(result.ranks[key], ink, place), size=3 + level))
        for one in (one for one in answer.overall if one.candidate_set is SHOWN):
            mean = _mark(one.ranks[key], ink, len(config.teachers) + shift)
            series.append(replace(mean, size=6, marker="D", width=3))
    names = [_stack(teacher) for teacher in config.teachers]
    ticks, title = names_at([*names, "mean"]), NEARNESS_TITLES[nearness]
    y = "Spearman's correlation\nover candidates" if nearness == NEARNESS[0] else ""
    return Plot("", y, tuple(series), title, across=(0,), x_ticks=ticks, y_range=(-1.08, 1.08))


def _stack(name: LayerName) -> str:
    """The name in lines short enough for a column."""
    return name.label.replace("_robust ", "\nrobust\n").replace(" ", "\n")


def _mark(rank: Interval, ink: int, place: float) -> Series:
    return Series([place], [rank.value], ink, low=[rank.low], high=[rank.high], marker="o")


def draw_outcomes(config: StudyConfig, outcomes: Sequence[Outcome]) -> Figure:
    """Each hypothesis by teacher and noise: holds, does not, undecided; with its number."""
    from matplotlib.patches import Rectangle

    places = [(teacher, noise) for teacher in config.teachers for noise in config.noise]
    figure, axes = make_axes(1, 1, width=2.6 + 0.72 * len(places), height=0.9 + 0.62 * len(HYPOTHESES))
    axis = axes[0][0]
    for one in (found for found in outcomes if found.candidate_set is SHOWN):
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
        axis.text(centre, len(HYPOTHESES) - 0.42, _stack(teacher), ha="center", va="bottom", fontsize=6.5)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    entries = [(str(status), LOOKS[status][0], "s") for status in (Status.HOLDS, Status.FAILS, Status.UNDECIDED)]
    draw_key(figure, entries, columns=len(entries), size=8)
    return figure
