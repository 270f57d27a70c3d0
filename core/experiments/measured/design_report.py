"""A design as sentences, table, plots and JSON; in a folder: design.json, tables/design.csv, figures/power.svg."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.experiments.measured.design import PARTS, WANTED_POWER, Design
from core.files import new_folder
from core.headers import plain, unstructure, write_json
from core.reports.draw_plot import draw_grid, say_whose, write_figures
from core.reports.inks import house_style
from core.reports.plot import Plot, curve
from core.reports.table import Table, make_table, write_tables
from core.statistics import Interval


def describe_design(design: Design) -> Iterator[str]:
    """What was simulated; for each question and slope the smallest design that decides it; how good intervals are."""
    yield f"{design.name}: {design.config.describe()}."
    for question, slope in design.cases:
        best = design.smallest(question, slope)
        start = f"{question.capitalize()}, slope {slope:.3g}: "
        if best is None:
            yield f"{start}no design tried has a power of {WANTED_POWER:g}; try more repeats or more images."
        else:
            yield (
                f"{start}{best.n_repeats} repeats of {best.n_images} images ({best.n_probes} probes, "
                f"{best.n_trials} trials) have a power of {best.power:.2f} ± {best.error:.2f}."
            )
    share, n_intervals = design.coverage
    yield f"{share:.1%} of {n_intervals} {design.config.confidence:.0%} intervals held the simulated truth."


def tabulate_design(design: Design) -> Table:
    """A row a design."""
    rows = [unstructure(one) | {"question": str(one.question)} for one in design.cells]
    return make_table("design", "Power by repeats and images", rows)


def plot_design(design: Design) -> list[Plot]:
    """Power by repeats with standard errors, a line a number of images; a plot for each question and slope."""
    plots, repeats = [], design.config.repeats
    for question, slope in design.cases:
        lines: dict[int, list[Interval]] = {}
        for one in design.cells:
            if (one.question, one.slope) == (question, slope):
                power = Interval(one.power, one.power - one.error, one.power + one.error)
                lines.setdefault(one.n_images, []).append(power)
        plots.append(
            Plot(
                "repeats of each stimulus",
                "power",
                tuple(curve(repeats, line, ink, f"{n} images") for ink, (n, line) in enumerate(lines.items())),
                f"{question}: slope {slope:.3g}",
                x_ticks=[(float(one), str(one)) for one in repeats],
                x_log=True,
                y_range=(0.0, 1.05),
                across=(WANTED_POWER,),
            )
        )
    return plots


def pack_design(design: Design) -> dict[str, Any]:
    """The design as one JSON object."""
    smallest = [design.smallest(*case) for case in design.cases]
    return {
        "set": design.name,
        "settings": unstructure(design.config),
        "wanted_power": WANTED_POWER,
        "noise_sd": design.config.noise,
        "cells": [unstructure(one) for one in design.cells],
        "smallest": [unstructure(one) for one in smallest if one is not None],
        "coverage": design.coverage[0],
        "answer": list(describe_design(design)),
    }


def write_design(design: Design, folder: Path) -> Path:
    """Write everything into a new folder and return it. Raises BadInputError if it holds something."""
    plots = plot_design(design)
    with house_style():
        figure = draw_grid(plots, across=len(PARTS))
        say_whose(figure, f"SIMULATED experiments; set {design.name}; {design.config.describe()}")
    with new_folder(folder) as partial:
        write_tables([tabulate_design(design)], partial / "tables")
        write_figures({"power": figure}, partial / "figures", ("svg", "png"))
        write_json(partial / "design.json", plain(pack_design(design)))
    return Path(folder).expanduser().absolute()
