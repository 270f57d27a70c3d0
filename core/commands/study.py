"""The `study` command: the method tested on simulated voxels whose true axes are known. Never touches a recording."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from core.checks import describe_refusal
from core.commands.interrupt import stop_on_interrupt
from core.commands.sweep_options import split
from core.engine import Engine
from core.errors import BadInputError
from core.headers import unstructure
from core.sweeps.plan import format_duration
from core.sweeps.step_seconds import measure_step_seconds
from core.sweeps.study.config import StudyConfig, make_quick, parse_layers
from core.sweeps.study.plan import describe_cost

EXPLANATION = """\
Teachers and candidates: NET or NET:LAYER, comma-separated. NET alone means, of a teacher, its last layer but one; of a
candidate, all its layers that hold no truth. Every candidate is fitted to every teacher at every noise level and judged
with the teacher's own network offered, held out, and with its whole architecture held out.
The cost is told first. Ctrl-C stops; the same command with --resume goes on where it stopped.
The folder holds report.html, tables/*.csv, figures/ (SVG, PNG, PDF), study.json (settings, versions) and cells/."""

NUMBERS = {
    "voxels": ("n_voxels", "simulated voxels"),
    "train": ("n_train", "images fitted on"),
    "test": ("n_test", "images held out"),
    "images": ("n_images", "held-out images probed"),
    "components": ("n_components", "principal components at most"),
    "steps": ("n_steps", "steps of each attack"),
    "bootstrap": ("n_bootstrap", "resamples behind intervals"),
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `study` to the program's sub-commands."""
    usual = StudyConfig()
    parser = subparsers.add_parser(
        "study",
        help="test the method itself on simulated voxels whose true axes are known",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a small study of a minute or two; intervals are wide")
    parser.add_argument("--teachers", help="networks that hold the truth (default: the four embedded ones)")
    parser.add_argument("--candidates", help="networks fitted to it (default: their other layers)")
    parser.add_argument("--noise", help="noise SDs in signal SDs, comma-separated (default: 0.5,1,2)")
    for option, (name, text) in NUMBERS.items():
        parser.add_argument(f"--{option}", type=int, help=f"{text} (default {getattr(usual, name)})")
    parser.add_argument("--epsilon", type=float, help=f"L2 budget (default {usual.epsilon:g})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder")
    parser.add_argument("--resume", action="store_true", help="go on with the same study in that folder")
    parser.add_argument("--cost", action="store_true", help="tell the cost and stop")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the study and write its page; returns 0. Raises ProbeError with one clear sentence otherwise."""
    config = resolve_study(args)
    engine = Engine(device=args.device)
    with stop_on_interrupt() as should_stop:
        step_seconds = measure_step_seconds(engine, config.layers, should_stop=should_stop)
        print(f"{config.describe()}\n{describe_cost(config, step_seconds)}", file=sys.stderr, flush=True)
        if args.cost:
            return 0
        for progress in engine.iter_study(
            config, args.out, step_seconds=step_seconds, resume=args.resume, should_stop=should_stop
        ):
            left = "" if progress.seconds_left is None else f", {format_duration(progress.seconds_left)} left"
            print(f"{progress.done}/{progress.n_cells} {progress.cell}{left}", file=sys.stderr, flush=True)
    from core.reports.study_report import write_study

    report = write_study(args.out)
    if args.json:
        found = {"page": str(report.page), "answer": list(report.sentences), "settings": unstructure(config)}
        print(json.dumps(found | {"tables": [table.name for table in report.tables]}))
        return 0
    print("\n".join(report.sentences))
    print(report.page)
    return 0


def resolve_study(args: argparse.Namespace) -> StudyConfig:
    """Turn the options into a checked configuration, before anything heavy is loaded."""
    config = make_quick(args.seed) if args.quick else StudyConfig(seed=args.seed)
    wishes: dict[str, object] = {name: getattr(args, option) for option, (name, _) in NUMBERS.items()}
    wishes["epsilon"] = args.epsilon
    if args.noise is not None:
        wishes["noise"] = tuple(_number(word) for word in split(args.noise))
    if args.teachers is not None:
        wishes["teachers"] = parse_layers(split(args.teachers))
    if args.candidates is not None:
        teachers = wishes.get("teachers", config.teachers)
        wishes["candidates"] = parse_layers(split(args.candidates), teachers=teachers)  # type: ignore[arg-type]
    return replace(config, **{name: value for name, value in wishes.items() if value is not None})  # type: ignore[arg-type]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadInputError(describe_refusal("noise", allowed="numbers above 0", got=text)) from error
