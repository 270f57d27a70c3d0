"""What the four analysis commands share: their options, the cost first, progress, the answer. Never computes one."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.attacks.config import parse_epsilon
from core.checks import check_choice, describe_refusal
from core.commands.interrupt import stop_on_interrupt
from core.datasets.subject import load_subject
from core.engine import Engine
from core.errors import BadInputError
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.choose import Copies, choose_copies, choose_encoders, choose_images, choose_targets
from core.sweeps.config import DEFAULT_LADDER, EncoderName, Question, SweepConfig
from core.sweeps.plan import COPY_KINDS, REFITTED, UNTRAINED, estimate_cost, format_duration, name_layers
from core.sweeps.run import check_sweep
from core.sweeps.step_seconds import measure_step_seconds
from core.types import Direction, NormName

EXPLANATION = """\
Encoders: NET, NET:LAYER or SUBJECT/NET:LAYER, comma-separated; "all" is every network at its usual layer.
Images: ids or files, comma-separated; "test:8" draws 8 of the held-out images of the first subject.
Voxels: numbers, or ROI:N for N voxels of an ROI that every encoder predicts above the gate.
The cost is told first. Ctrl-C stops; the same command with --resume goes on where it stopped.
The folder holds tables/*.csv (.parquet too with the extra: pip install probescope[parquet]),
figures/ (SVG, PNG, PDF), result.json, sweep.json (settings, versions) and cells/."""

BOTH = "both"
COPIES = (BOTH, *COPY_KINDS, "none")
COPIES_HELP = "controls: each source's re-fitted copy as a recipient, an untrained network as a source"


def add_sweep_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], question: Question, help_text: str
) -> argparse.ArgumentParser:
    """Add the command of one question to the program's sub-commands."""
    parser = subparsers.add_parser(
        str(question), help=help_text, epilog=EXPLANATION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", default="simulated", help="ids of subjects, comma-separated (default: simulated)")
    parser.add_argument("--encoders", required=True, help="NET[:LAYER],... or all")
    parser.add_argument("--images", default="test:4", help="ids, files or test:N (default: test:4)")
    parser.add_argument("--rois", default="", help="ROIs whose mean is a target, comma-separated")
    parser.add_argument("--voxels", default="", help="voxel numbers or ROI:N, comma-separated")
    parser.add_argument("--epsilons", default="", help="ascending budgets, comma-separated; 8/255 allowed")
    norms = "l2 or linf" if question is Question.DISCRIMINABILITY else "l2, linf or both (Linf then at equal RMS)"
    parser.add_argument("--norm", default="l2", help=f"{norms} (default: l2)")
    parser.add_argument("--directions", default="raise", help="raise, lower or both (default: raise)")
    parser.add_argument("--steps", type=int, default=10, help="steps of each budget (default 10)")
    parser.add_argument("--attack", default="pgd", help=_attack_help(question))
    parser.add_argument("--queries", type=int, default=1000, help="passes of square at each budget (default 1000)")
    if question is Question.TRANSFER:
        parser.add_argument("--copies", default=BOTH, choices=COPIES, help=f"{COPIES_HELP} (default: both)")
        parser.add_argument("--copy-images", type=int, default=1000, help="images a copy is fitted to (default 1000)")
    parser.add_argument("--gate", type=float, default=0.1, help="least cross-validated r of a voxel (default 0.1)")
    parser.add_argument("--test-images", type=int, default=200, help="held-out images for predictivity (default 200)")
    parser.add_argument("--bootstrap", type=int, default=2000, help="resamples behind intervals (default 2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder")
    parser.add_argument("--resume", action="store_true", help="go on with the same sweep in that folder")
    parser.add_argument("--cost", action="store_true", help="tell the cost and stop")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(run=run, question=question)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the sweep, answer and write; returns 0. Raises ProbeError with one clear sentence otherwise."""
    config = resolve_sweep(args)
    check_sweep(config)
    engine = Engine(device=args.device)
    with stop_on_interrupt() as should_stop:
        step_seconds = measure_step_seconds(engine, name_layers(config), should_stop=should_stop)
    print(f"{config.describe()}\n{estimate_cost(config, step_seconds).describe()}", file=sys.stderr, flush=True)
    if args.cost:
        return 0
    run_sweep(engine, config, args.out, resume=args.resume)
    from core.reports.analysis_package import describe_result, write_analysis

    report = write_analysis(args.out)
    if args.json:
        files = [str(path.relative_to(args.out)) for path in report.files]
        print(json.dumps(describe_result(report.sweep, report.tables) | {"folder": str(args.out), "files": files}))
        return 0
    first = report.tables[0]
    print_table(first.columns, first.rows)
    print(f"{len(report.files)} files in {args.out}; `main.py report {args.out}` makes one page of them.")
    return 0


def resolve_sweep(args: argparse.Namespace) -> SweepConfig:
    """Turn the options into a checked configuration, before anything heavy is loaded."""
    subjects = split(args.subject)
    encoders = choose_encoders(subjects, split(args.encoders))
    norms = (NormName.L2, NormName.LINF) if args.norm.lower() == BOTH else (_norm(args.norm),)
    rois, voxels = split(args.rois), split(args.voxels)
    if not rois and not voxels:
        known = load_subject(subjects[0]).voxels.roi_names
        advice = f"{subjects[0]} has {', '.join(known)}."
        raise BadInputError(describe_refusal("targets", allowed="given by --rois or --voxels", got="", advice=advice))
    copies = _choose_copies(args, encoders)
    return SweepConfig(
        question=args.question,
        encoders=encoders,
        images=choose_images(load_subject(subjects[0]), split(args.images), seed=args.seed),
        targets=choose_targets(encoders, rois=rois, voxels=voxels, gate=args.gate, seed=args.seed),
        directions=tuple(Direction) if args.directions == BOTH else (_direction(args.directions),),
        norms=norms,
        ladder=_ladder(args.epsilons, norms[0]),
        n_steps=args.steps,
        n_queries=args.queries,
        gate=args.gate,
        n_test=args.test_images,
        n_bootstrap=args.bootstrap,
        seed=args.seed,
        attacks=tuple(AttackKind(check_choice("attack", word.lower(), [*AttackKind])) for word in split(args.attack)),
        refitted=copies.refitted,
        untrained=copies.untrained,
        n_refit=getattr(args, "copy_images", 1000),
    )


def _choose_copies(args: argparse.Namespace, encoders: tuple[EncoderName, ...]) -> Copies:
    """The copies that are wished and can be made; what cannot is told on stderr."""
    wished = getattr(args, "copies", "none")
    if wished == "none":
        return Copies((), (), ())
    found = choose_copies(encoders)
    for reason in found.reasons:
        print(reason, file=sys.stderr)
    return replace(
        found,
        refitted=found.refitted if wished in (BOTH, REFITTED) else (),
        untrained=found.untrained if wished in (BOTH, UNTRAINED) else (),
    )


def _attack_help(question: Question) -> str:
    if question is not Question.TRANSFER:
        return f"one of {', '.join(kind for kind in AttackKind if kind is not AttackKind.ENSEMBLE)} (default: pgd)"
    return f"one or more of {', '.join(AttackKind)}, comma-separated: a matrix each (default: pgd)"


def run_sweep(engine: Engine, config: SweepConfig, folder: Path, *, resume: bool) -> None:
    """Run what is missing, with progress on stderr."""
    with stop_on_interrupt() as should_stop:
        for progress in engine.iter_sweep(config, folder, resume=resume, should_stop=should_stop):
            left = "" if progress.seconds_left is None else f", {format_duration(progress.seconds_left)} left"
            text = f"{progress.done}/{progress.n_cells} {progress.cell}{left}"
            if sys.stderr.isatty():
                text = f"\r\x1b[2K{text}"
            end = "\n" if progress.result is not None or not sys.stderr.isatty() else ""
            print(text, end=end, file=sys.stderr, flush=True)


def split(text: str) -> tuple[str, ...]:
    """The words of a comma-separated list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def print_table(columns: tuple[str, ...], rows: tuple[tuple[object, ...], ...]) -> None:
    """A table with aligned columns, numbers to three digits."""
    narrow = [index for index, name in enumerate(columns) if not name.endswith((" low", " high"))]
    shown = [tuple(columns[index] for index in narrow)]
    shown += [tuple(_with_interval(columns, row, index) for index in narrow) for row in rows]
    widths = [max(len(row[index]) for row in shown) for index in range(len(narrow))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _with_interval(columns: tuple[str, ...], row: tuple[object, ...], index: int) -> str:
    """A cell, with the bounds that stand in the two columns behind it: "0.41 [0.38, 0.44]"."""
    text = _format(row[index])
    if index + 2 < len(columns) and columns[index + 1] == f"{columns[index]} low":
        text += f" [{_format(row[index + 1])}, {_format(row[index + 2])}]"
    return text


def _format(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


def _norm(text: str) -> NormName:
    return NormName(check_choice("norm", text.lower(), [*NormName, BOTH]))


def _direction(text: str) -> Direction:
    return Direction(check_choice("directions", text.lower(), [*Direction, BOTH]))


def _ladder(text: str, norm: NormName) -> tuple[float, ...]:
    if text:
        return tuple(parse_epsilon(word, norm) for word in split(text))
    scale = 1.0 if norm is NormName.L2 else LINF_SCALE
    return tuple(epsilon / scale for epsilon in DEFAULT_LADDER)


LINF_SCALE = (3 * 224 * 224) ** 0.5
"""Brings the default L2 ladder to Linf budgets of equal RMS change at 224 x 224 pixels."""
