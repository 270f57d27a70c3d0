"""The `package` command: a written stimulus set becomes something that runs tomorrow. Never makes stimuli."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.commands.interrupt import stop_on_interrupt
from core.errors import BadInputError
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.package import FORMATS, PackageKind, fit_template, iter_package
from core.experiments.packages.plan import Plan, make_plan
from core.experiments.packages.template import Template, read_template, write_template
from core.experiments.packages.timing import Timing
from core.stimuli.manifest import read_manifest

ORDER = {
    "--runs": ("runs", "runs of a participant; by default as many as --stimuli-per-run asks for"),
    "--repeats": ("repeats", "how often a participant sees each stimulus, over all runs"),
    "--participants": ("participants", "participants, each with orders of their own"),
    "--stimuli-per-run": ("stimuli_per_run", "stimuli of a run, where --runs does not say"),
    "--catch": ("catch_per_run", "catch trials a run"),
    "--blanks": ("blanks_per_run", "blank trials a run"),
    "--spacing": ("spacing", "stimuli before a stimulus that never show the same source image"),
    "--seed": ("seed", "of the trial orders"),
}
SECONDS = {
    "--on": ("stimulus_seconds", "seconds a stimulus is on"),
    "--off": ("gap_seconds", "seconds of fixation after it"),
    "--lead-in": ("lead_in_seconds", "seconds of fixation before the first trial"),
    "--lead-out": ("lead_out_seconds", "seconds of fixation after the last trial"),
}
KEYS = {
    "--trigger-key": ("trigger_key", "key that starts a run"),
    "--response-key": ("response_key", 'key of the participant, one character or "space"'),
}
SIZES = {
    "--degrees": ("degrees", "width of a stimulus in degrees; by default what the set says, else 8.4"),
    "--screen-cm": ("width_cm", "width of the picture on the screen, in cm"),
    "--distance-cm": ("distance_cm", "from eye to screen, in cm"),
}
EPILOG = """\
Without options it follows the published template: 2 s on, 2 s off, 8.4 degrees, 90 stimuli and 4 catch trials a run. A
template is a TOML file: `--save-timing FILE` writes one to edit, `--timing FILE` uses it; options go before it.
--dry-run tells durations and warnings and writes nothing. --json prints one object: kind, folder (null at a dry run),
stimuli, participants, runs, trials (of each run), run_seconds, seconds (of a participant), degrees, facts, warnings.
Kinds:"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `package` to the program's sub-commands."""
    kinds = "\n".join(f"  {kind:<11} {made.summary}" for kind, made in FORMATS.items())
    parser = subparsers.add_parser(
        "package",
        help="make a package of a stimulus set: BIDS, PsychoPy, jsPsych or Brain-Score, with seeded trial orders",
        epilog=f"{EPILOG}\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("set", type=Path, metavar="SET", help="folder of a written stimulus set")
    parser.add_argument("--kind", choices=[kind.value for kind in PackageKind], help="who reads the package")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="a new or an empty folder")
    parser.add_argument("--timing", type=Path, metavar="FILE", help="timing template (TOML)")
    parser.add_argument("--save-timing", type=Path, metavar="FILE", help="write the template in use and stop")
    for option, (name, text) in ORDER.items():
        parser.add_argument(option, dest=name, type=int, help=f"{text} (default {getattr(OrderConfig(), name)})")
    parser.add_argument(
        "--catch-kind", choices=[kind.value for kind in CatchKind], help="a dot at fixation, or the image before again"
    )
    for option, (name, text) in SECONDS.items():
        parser.add_argument(option, dest=name, type=float, help=f"{text} (default {getattr(Timing(), name):g})")
    for option, (name, text) in KEYS.items():
        parser.add_argument(option, dest=name, help=f"{text} (default {getattr(Timing(), name)})")
    for option, (name, text) in SIZES.items():
        parser.add_argument(option, dest=name, type=float, help=text)
    parser.add_argument("--screen-px", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="resolution of the screen")
    parser.add_argument("--dry-run", action="store_true", help="tell durations and warnings, write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the package; returns 0. Raises ProbeError with one clear sentence otherwise."""
    template = make_template(args)
    if args.save_timing is not None:
        if args.save_timing.exists():
            advice = "Nothing is overwritten; choose another name."
            allowed, got = "a new file", str(args.save_timing)
            raise BadInputError(describe_refusal("--save-timing", allowed=allowed, got=got, advice=advice))
        write_template(template, args.save_timing)
        print(f"Wrote {args.save_timing}; edit it and give it with --timing.")
        return 0
    _check_wishes(args)
    wished = template if args.kind is None else fit_template(template, PackageKind(args.kind))
    plan = make_plan(read_manifest(args.set), wished)
    folder = None if args.dry_run else _write(plan, PackageKind(args.kind), args.out)
    print(json.dumps(describe(plan, args.kind, folder)) if args.json else "\n".join(_word(plan, args.kind, folder)))
    return 0


def make_template(args: argparse.Namespace) -> Template:
    """The template of a file and the options that go before it."""
    base = Template() if args.timing is None else read_template(args.timing)
    kind = None if args.catch_kind is None else CatchKind(args.catch_kind)
    width, height = args.screen_px or (None, None)
    order = _given(args, ORDER) | _present(catch_kind=kind)
    screen = _given(args, SIZES) | _present(width_px=width, height_px=height)
    return Template(
        timing=dataclasses.replace(base.timing, **_given(args, SECONDS | KEYS)),
        order=dataclasses.replace(base.order, **order),
        screen=dataclasses.replace(base.screen, **screen),
    )


def describe(plan: Plan, kind: str | None, folder: Path | None) -> dict[str, object]:
    """What --json prints."""
    return {
        "kind": kind,
        "folder": None if folder is None else str(folder),
        "stimuli": len(plan.stimuli.rows),
        "participants": len(plan.participants),
        "runs": plan.n_runs,
        "trials": [len(run) for run in plan.participants[0]],
        "run_seconds": list(plan.run_seconds()),
        "seconds": plan.seconds(),
        "degrees": plan.degrees,
        "facts": list(plan.describe()),
        "warnings": list(plan.warnings()),
    }


def _given(args: argparse.Namespace, options: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return _present(**{name: getattr(args, name) for name, _text in options.values()})


def _present(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _check_wishes(args: argparse.Namespace) -> None:
    """A package needs a kind and a folder; a dry run neither."""
    for option, value in (("--kind", args.kind), ("--out", args.out)):
        if value is None and not args.dry_run:
            advice = "Or give --dry-run to see durations first."
            allowed = "one of " + ", ".join(PackageKind) if option == "--kind" else "a new or an empty folder"
            raise BadInputError(describe_refusal(option, allowed=allowed, got=value, advice=advice))


def _write(plan: Plan, kind: PackageKind, out: Path) -> Path:
    folder = out
    with stop_on_interrupt() as should_stop:
        for progress in iter_package(plan, kind, out, should_stop=should_stop):
            folder = progress.folder or folder
            if sys.stderr.isatty():
                print(f"\r\x1b[2K{progress.done}/{progress.total} {progress.what}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return folder


def _word(plan: Plan, kind: str | None, folder: Path | None) -> list[str]:
    has_trials = kind is None or FORMATS[PackageKind(kind)].has_trials
    facts = plan.describe() if has_trials else (plan.describe_set(),)
    warnings = plan.warnings() if has_trials else ()
    end = "Nothing was written." if folder is None else f"Wrote {folder}; its README.md says how to run it."
    return [*facts, *(f"Warning: {warning}" for warning in warnings), end]
