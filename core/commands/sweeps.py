"""The analysis commands and `study`: options to a sweep, the cost first, progress, the answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from core.attacks.config import parse_epsilon
from core.checks import check_choice, refusal
from core.cluster.kinds import forget_left
from core.cluster.serve import check_where
from core.cluster.where import USUAL, parse_where
from core.commands.engine import At, follow_work, make_engine
from core.commands.options import Device, Given, Json, NewFolder, Run, Seed, about, announce, explained, takes
from core.commands.output import answer, format_table, read_numbers, split, stop_on_interrupt
from core.datasets.subject import load_subject
from core.files import check_file, check_free
from core.headers import unstructure
from core.sweeps.cells import begin_store
from core.sweeps.choose import choose_control_encoders, choose_encoders, choose_images, choose_targets
from core.sweeps.config import DEFAULT_EPSILONS, AttackKind, Question, SweepConfig, rescale_budget
from core.sweeps.plan import REFITTED, SWEEP, UNTRAINED, SweepCost, estimate_cost
from core.sweeps.run import check_sweep
from core.sweeps.step_seconds import StepSeconds, describe_needs, measure_step_seconds, read_step_seconds
from core.sweeps.study.config import StudyConfig, make_quick, parse_layers
from core.sweeps.study.plan import STUDY, estimate_study
from core.sweeps.work import Work
from core.types import Direction, NormName

EXPLANATION = """\
Encoders: NET, NET:LAYER or SUBJECT/NET:LAYER, comma-separated; "all" is every network at its usual layer.
Images: ids, files or folders, comma-separated; "test:8" draws 8 of the held-out images of the first subject.
Voxels: numbers, or ROI:N for N voxels of an ROI that every encoder predicts above the gate.
The cost is printed first. Ctrl-C stops; the same command with --resume continues where it stopped.
The folder holds tables/*.csv (.parquet too with the extra: pip install probescope[parquet]),
figures/ (SVG, PNG, PDF), result.json, sweep.json (settings, versions) and cells/."""
STUDY_WORDS = """\
Teachers and candidates: NET or NET:LAYER, comma-separated. NET alone means, of a teacher, its last layer but one; of a
candidate, all its layers that hold no truth. Every candidate is fitted to every teacher at every noise level and scored
with the teacher's own network offered, with it and its relatives held out, and with its whole architecture held out.
The cost is printed first. Ctrl-C stops; the same command with --resume continues where it stopped.
The folder holds report.html, tables/*.csv, figures/ (SVG, PNG, PDF), study.json (settings, versions) and cells/."""
BOTH = "both"
CONTROLS = "controls: each source's re-fitted copy as a recipient, an untrained network as a source"
Norms = Literal["l2", "linf", "both"]
FIELDS = "n_steps n_queries n_test=test-images n_bootstrap"
LINF_SCALE = (3 * 224 * 224) ** 0.5
"""Brings the default L2 epsilon grid to Linf budgets of equal RMS change at 224 x 224 pixels."""


@dataclass(frozen=True, slots=True)
class ControlEncoderOptions:
    """Which control encoders transfer is compared with."""

    copies: Annotated[Literal["both", "refitted", "untrained", "none"], about(CONTROLS)] = "both"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How the cells of an analysis or study are computed."""

    resume: Annotated[bool, about("go on with the same work in that folder, what failed in it included")] = False
    cost: Annotated[bool, about("print the cost and stop")] = False
    begin: Annotated[bool, about("only make the folder, for `main.py worker DIR`")] = False
    engine: At = USUAL


def _ask(
    question: Question,
    /,
    *,
    encoders: Annotated[str, about("NET[:LAYER],... or all")],
    out: NewFolder,
    subject: Annotated[str, about("ids of subjects, comma-separated")] = "simulated",
    images: Annotated[str, about("ids, files or test:N, comma-separated")] = "test:4",
    rois: Annotated[str, about("ROIs whose mean is a target, comma-separated")] = "",
    voxels: Annotated[str, about("voxel numbers or ROI:N, comma-separated")] = "",
    epsilons: Annotated[str, about("ascending budgets in [0, 1] pixel units, comma-separated; 8/255 allowed")] = "",
    norm: Annotated[Norms, about("l2, linf or both (Linf then at equal RMS); discriminability takes one")] = "l2",
    directions: Annotated[Literal["raise", "lower", "both"], about("raise, lower or both")] = "raise",
    attack: Annotated[str, about(f"one of {', '.join(AttackKind)}; transfer takes several, comma-separated")] = "pgd",
    gate: Annotated[float, about("least cross-validated r of a voxel, from -1 to 1")] = 0.1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Run the sweep, answer and write; returns 0. Raises ProbeError with one clear sentence otherwise."""
    subjects = split(subject)
    names = choose_encoders(subjects, split(encoders))
    norms = tuple(NormName) if norm == BOTH else (NormName(norm),)
    if not split(rois) and not split(voxels):
        known = load_subject(subjects[0]).voxels.roi_names
        advice = f"{subjects[0]} has {', '.join(known)}."
        raise refusal("targets", allowed="given by --rois or --voxels", got="", advice=advice)
    copies = given.make(ControlEncoderOptions).copies if question is Question.TRANSFER else "none"
    controls = choose_control_encoders(names if copies != "none" else ())
    for reason in controls.reasons:
        print(reason, file=sys.stderr)
    config = given.make(
        SweepConfig,
        question=question,
        encoders=names,
        images=choose_images(load_subject(subjects[0]), split(images), seed=seed),
        targets=choose_targets(names, rois=split(rois), voxels=split(voxels), gate=gate, seed=seed),
        directions=tuple(Direction) if directions == BOTH else (Direction(directions),),
        norms=norms,
        ladder=_parse_epsilons(epsilons, norms[0]),
        attacks=tuple(AttackKind(check_choice("attack", word.lower(), [*AttackKind])) for word in split(attack)),
        gate=gate,
        seed=seed,
        refitted=controls.refitted if copies in (BOTH, REFITTED) else (),
        untrained=controls.untrained if copies in (BOTH, UNTRAINED) else (),
    )
    announce(config)
    check_sweep(config)
    is_done = _compute(SWEEP, config, estimate_cost, device=device, out=out, options=given.make(RunOptions))
    return _report(out, as_json=json) if is_done else 0


def _compute(
    work: Work[Any, Any],
    config: Any,
    estimate: Callable[[Any, StepSeconds], SweepCost],
    *,
    device: str,
    out: Path,
    options: RunOptions,
) -> bool:
    """Tell the cost and compute; false if no more was asked for than the cost or the folder."""
    check_where(where := parse_where(options.engine, device))
    if not options.cost:
        check_file(out / work.file) if options.resume else check_free(out)
    engine, layers = make_engine(where, device), work.runner.layers(config)
    with stop_on_interrupt() as should_stop:
        if options.begin:
            known: StepSeconds = read_step_seconds(layers, engine.device)
        else:
            known = measure_step_seconds(engine, layers, should_stop=should_stop)
        cost = estimate(config, known)
        print(f"{config.describe()}\n{cost.describe()}", file=sys.stderr, flush=True)
        if options.cost:
            print(describe_needs(cost.seconds, layers, engine.device, n_workers=where.n_processes))
        elif options.begin:
            begin_store(work, config, out, resume=options.resume)
            print(f"{out} is begun. `main.py worker {out}` computes its {cost.n_cells} cells; start several.")
        else:
            store = begin_store(work, config, out, resume=options.resume)
            follow_work(engine.iter_store(store, where=where, should_stop=should_stop), where, out)
            forget_left(store)
    return not (options.cost or options.begin)


def _report(out: Path, *, as_json: bool) -> int:
    from core.reports.analysis_package import describe_result, write_analysis

    report = write_analysis(out)
    files = {"folder": str(out), "files": [str(path.relative_to(out)) for path in report.files]}
    lines = [format_table(report.tables[0].frame.to_dict("records"))]
    if (share := report.sweep.share_not_converged) > 0:
        lines.append(
            f"{share:.0%} of the attacks would gain over 5 % with more steps, or took too few (under 45) to tell."
        )
    lines.append(f"{len(report.files)} files in {out}; `main.py report {out}` makes one page of them.")
    return answer(describe_result(report.sweep, report.tables) | files, "\n".join(lines), as_json=as_json)


def _parse_epsilons(text: str, norm: NormName) -> tuple[float, ...]:
    if text:
        return tuple(parse_epsilon(word, norm) for word in split(text))
    scale = 1.0 if norm is NormName.L2 else LINF_SCALE
    return tuple(epsilon / scale for epsilon in DEFAULT_EPSILONS)


def _make_command(question: Question) -> Run:
    own: dict[Question, list[tuple[type, str]]] = {
        Question.TRANSFER: [(ControlEncoderOptions, ""), (SweepConfig, "n_refit=copy-images")],
        Question.DISAGREEMENT: [(SweepConfig, "decided_sd=decided sharpness")],
    }
    taking = takes((SweepConfig, FIELDS), *own.get(question, []), (RunOptions, ""))
    return explained(EXPLANATION)(partial(taking(_ask), question))


run_fragility, run_discriminability, run_transfer, run_meaning, run_disagreement = map(_make_command, Question)


@explained(STUDY_WORDS)
@takes((StudyConfig, "n_voxels n_train n_test n_images n_components n_steps n_bootstrap norm"), (RunOptions, ""))
def run_study(
    *,
    out: NewFolder,
    quick: Annotated[bool, about("a small study of a minute or two; intervals are wide")] = False,
    teachers: Annotated[
        str | None, about("networks that hold the truth (default: six networks at a middle layer)")
    ] = None,
    candidates: Annotated[
        str | None, about("networks fitted to it (default: the same six at their last layer)")
    ] = None,
    noise: Annotated[str | None, about("noise SDs in signal SDs, comma-separated (default: 1)")] = None,
    epsilon: Annotated[str | None, about("budget of the probes, in [0, 1] pixel units (default: L2 1)")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Run the study and write its page; returns 0. Raises ProbeError with one clear sentence otherwise."""
    usual = make_quick(seed) if quick else StudyConfig(seed=seed)
    norm: NormName = given.over(usual).norm
    budget = parse_epsilon(epsilon, norm) if epsilon else rescale_budget(usual.epsilon, usual.norm, to=norm)
    more: dict[str, Any] = {"epsilon": budget}
    if noise is not None:
        more["noise"] = read_numbers("noise", split(noise), allowed="numbers above 0")
    if teachers is not None:
        more["teachers"] = parse_layers(split(teachers))
    if candidates is not None:
        more["candidates"] = parse_layers(split(candidates), teachers=more.get("teachers", usual.teachers))
    config = given.over(usual, **more)
    announce(config)
    if not _compute(STUDY, config, estimate_study, device=device, out=out, options=given.make(RunOptions)):
        return 0
    from core.reports.study_report import write_study

    report = write_study(out)
    found = {"page": str(report.page), "answer": list(report.sentences), "settings": unstructure(config)}
    found["tables"] = [table.name for table in report.tables]
    return answer(found, "\n".join([*report.sentences, str(report.page)]), as_json=json)
