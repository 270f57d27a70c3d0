"""The `design` command: how many repeats and images decide an experiment with a set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from core.checks import refusal, to_number
from core.commands.options import Given, Json, about, announce, explained, takes
from core.commands.output import answer, finish, format_table
from core.commands.probe_options import refuse_beside
from core.experiments.measured.design import DesignConfig
from core.files import check_free
from core.headers import plain

EXPLANATION = """\
Experiments are simulated and judged by the functions of `compare`: of ordinary sets the sign test, of level sets the
control score, of controversial probes which model wins. --noise-ceiling 0.3 or 30% is that of the mean of --averaged
repeats; give --ncsnr instead where you have it. Power is told at --slope, a half and a quarter of it.
Of the .json of a saved probe: how many repeats of --images, each shown clean and perturbed, detect its shift at each
epsilon with a power of 0.8, in closed form, all images taken to shift as this one; --json prints {"probe", "budgets"}.
--json prints {"set", "settings", "noise_sd", "wanted_power", "cells": [{"question", "slope", "n_repeats", "n_images",
"n_probes", "n_trials", "power", "error", "n_held", "n_intervals"}], "smallest", "coverage", "answer", "folder"}."""


@explained(EXPLANATION)
@takes((DesignConfig, "ncsnr averaged repeats images probes slope n_simulations confidence seed"))
def run_design(
    stimuli: Annotated[
        Path, about("folder of the set, or its manifest.json; or the .json of a saved probe", metavar="SET")
    ],
    /,
    *,
    noise_ceiling: Annotated[
        str, about("share of the variance of the mean over --averaged repeats that is not noise: 0.3 or 30%")
    ] = "",
    out: Annotated[Path | None, about("new folder for design.json, table and figure")] = None,
    json: Json = False,
    given: Given,
) -> int:
    """Simulate; returns 0."""
    from core.experiments.measured.design import group_plan, iter_design
    from core.experiments.measured.design_report import describe_design, pack_design, tabulate_design, write_design
    from core.experiments.measured.detect import tabulate_needed
    from core.experiments.measured.planned import plan_set
    from core.probes.files import load_probe, name_files
    from core.stimuli.manifest import read_manifest

    if out is not None:
        check_free(out)
    config = given.make(DesignConfig, noise_ceiling=_read_share(noise_ceiling))
    announce(config)
    if stimuli.suffix == ".json" and all(path.is_file() for path in name_files(stimuli)):
        refuse_beside({"out": out}, "a saved probe", ("out",), advice="Its table is printed: redirect it, or --json.")
        rows = tabulate_needed(load_probe(stimuli), config)
        return answer(plain({"probe": str(stimuli), "budgets": rows}), format_table(rows), as_json=json)
    plan = plan_set(read_manifest(stimuli))
    design = finish(
        lambda stop: iter_design(plan.name, group_plan(plan), config, should_stop=stop),
        lambda record: f"{record.done:.0f}/{record.total} designs",
    )
    folder = None if out is None else write_design(design, out)
    table = tabulate_design(design)
    text = "\n".join([*describe_design(design), "", format_table(table.frame.to_dict("records"))])
    packed = pack_design(design) | {"folder": None if folder is None else str(folder)}
    return answer(packed, text if folder is None else f"{text}\n{folder}", as_json=json)


def _read_share(text: str) -> float:
    """A share as 0.3 or 30%; 0 for no text."""
    number = text.strip()
    try:
        return to_number(number.removesuffix("%") or "0") / (100 if number.endswith("%") else 1)
    except ValueError as error:
        raise refusal("noise_ceiling", allowed="a share in (0, 1], as 0.3 or 30%", got=text) from error
