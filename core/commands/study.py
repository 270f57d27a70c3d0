"""The `study` command: a test of the method itself on simulated voxels with known axes. Never touches a recording."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from core.commands.interrupt import stop_on_interrupt
from core.commands.sweep_options import split
from core.engine import Engine
from core.files import check_free
from core.networks.catalog import find_network
from core.sweeps.plan import format_duration
from core.sweeps.study import StudyConfig, StudyRow, iter_study, judge_study


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `study` to the program's sub-commands."""
    first = StudyConfig()
    parser = subparsers.add_parser("study", help="test the method itself on simulated voxels whose true axes are known")
    parser.add_argument("--teachers", default=",".join(first.teachers), help="networks that hold the truth")
    parser.add_argument("--networks", default=",".join(first.networks), help="candidates (not for their own truth)")
    parser.add_argument("--noise", default="0.5,2", help="noise SDs in signal SDs (default: 0.5,2)")
    parser.add_argument("--voxels", type=int, default=first.n_voxels, help=f"simulated voxels ({first.n_voxels})")
    parser.add_argument("--train", type=int, default=first.n_train, help=f"images fitted on ({first.n_train})")
    parser.add_argument("--images", type=int, default=first.n_images, help=f"images probed ({first.n_images})")
    parser.add_argument("--components", type=int, default=first.n_components, help=f"({first.n_components})")
    parser.add_argument("--epsilon", type=float, default=first.epsilon, help=f"L2 budget ({first.epsilon:g})")
    parser.add_argument("--steps", type=int, default=first.n_steps, help=f"steps of each attack ({first.n_steps})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the study and write its page; returns 0. Raises ProbeError with one clear sentence otherwise."""
    config = StudyConfig(
        teachers=split(args.teachers),
        networks=split(args.networks),
        noise=tuple(float(word) for word in split(args.noise)),
        n_voxels=args.voxels,
        n_train=args.train,
        n_images=args.images,
        n_components=args.components,
        epsilon=args.epsilon,
        n_steps=args.steps,
        seed=args.seed,
    )
    for name in (*config.teachers, *config.networks):
        find_network(name)
    check_free(args.out)
    rows = follow(config, args.device)
    from core.export.study_report import write_study
    from core.probes.respond import describe_versions

    page = write_study(config, rows, describe_versions(), args.out)
    for one in judge_study(rows):
        chosen = f"nearest {one.nearest}, by r {one.by_r}, by low sensitivity {one.by_sensitivity}"
        print(f"truth in {one.teacher}, noise {one.noise:g}: {chosen}")
    print(page)
    return 0


def follow(config: StudyConfig, device: str) -> tuple[StudyRow, ...]:
    """Run the study with progress on stderr."""
    rows: tuple[StudyRow, ...] = ()
    with stop_on_interrupt() as should_stop:
        for progress in iter_study(Engine(device=device), config, should_stop):
            left = "" if progress.seconds_left is None else f", {format_duration(progress.seconds_left)} left"
            print(f"{progress.step}/{progress.n_steps} {progress.stage}{left}", file=sys.stderr, flush=True)
            rows = progress.result or rows
    return rows
