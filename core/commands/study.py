"""The `study` command: the method tested on simulated voxels whose true axes are known."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from core.checks import refusal
from core.commands.options import Device, Given, Json, NewFolder, Seed, about, explained, takes
from core.commands.output import answer, follow, split, stop_on_interrupt
from core.commands.sweeps import format_progress
from core.engine import Engine
from core.headers import unstructure
from core.sweeps.step_seconds import measure_step_seconds
from core.sweeps.study.config import StudyConfig, make_quick, parse_layers
from core.sweeps.study.plan import describe_cost

EXPLANATION = """\
Teachers and candidates: NET or NET:LAYER, comma-separated. NET alone means, of a teacher, its last layer but one; of a
candidate, all its layers that hold no truth. Every candidate is fitted to every teacher at every noise level and scored
with the teacher's own network offered, held out, and with its whole architecture held out.
The cost is printed first. Ctrl-C stops; the same command with --resume continues where it stopped.
The folder holds report.html, tables/*.csv, figures/ (SVG, PNG, PDF), study.json (settings, versions) and cells/."""

NUMBERS = {
    "voxels": "simulated voxels of each teacher",
    "train": "images fitted on",
    "test": "images held out",
    "images": "held-out images probed",
    "steps": "steps of each attack; 0 are as many as it takes",
    "bootstrap": "resamples behind intervals",
}


@explained(EXPLANATION)
@takes((StudyConfig, "n_voxels n_train n_test n_images n_components n_steps n_bootstrap epsilon", NUMBERS))
def run_study(
    *,
    out: NewFolder,
    quick: Annotated[bool, about("a small study of a minute or two; intervals are wide")] = False,
    teachers: Annotated[str | None, about("networks that hold the truth (default: the four embedded ones)")] = None,
    candidates: Annotated[str | None, about("networks fitted to it (default: their other layers)")] = None,
    noise: Annotated[str | None, about("noise SDs in signal SDs, comma-separated (default: 0.5,1,2)")] = None,
    seed: Seed = 0,
    resume: Annotated[bool, about("go on with the same study in that folder")] = False,
    cost: Annotated[bool, about("print the cost and stop")] = False,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Run the study and write its page; returns 0. Raises ProbeError with one clear sentence otherwise."""
    usual = make_quick(seed) if quick else StudyConfig(seed=seed)
    more: dict[str, Any] = {}
    if noise is not None:
        more["noise"] = tuple(_number(word) for word in split(noise))
    if teachers is not None:
        more["teachers"] = parse_layers(split(teachers))
    if candidates is not None:
        more["candidates"] = parse_layers(split(candidates), teachers=more.get("teachers", usual.teachers))
    config = given.over(usual, **more)
    engine = Engine(device=device)
    with stop_on_interrupt() as should_stop:
        step_seconds = measure_step_seconds(engine, config.layers, should_stop=should_stop)
        print(f"{config.describe()}\n{describe_cost(config, step_seconds)}", file=sys.stderr, flush=True)
        if cost:
            return 0
        records = engine.iter_study(config, out, step_seconds=step_seconds, resume=resume, should_stop=should_stop)
        follow(records, format_progress, always=True)
    from core.reports.study_report import write_study

    report = write_study(out)
    found = {"page": str(report.page), "answer": list(report.sentences), "settings": unstructure(config)}
    found["tables"] = [table.name for table in report.tables]
    return answer(found, "\n".join([*report.sentences, str(report.page)]), as_json=json)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise refusal("noise", allowed="numbers above 0", got=text) from error
