"""The `stimuli` and `rebuild` commands: plan, make, check and rebuild sets of stimuli. Never opens a window."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.commands.interrupt import stop_on_interrupt
from core.engine import Engine
from core.errors import BadInputError
from core.files import check_free
from core.headers import write_json
from core.stimuli.manifest import MANIFEST, ORIGINAL, StimulusSet, read_manifest, read_rows
from core.stimuli.plan import WISHES, StimulusPlan, list_recipes, pack_plan, read_plan, resolve_plan
from core.stimuli.store import open_probe_store
from core.stimuli.write import SetProgress
from core.sweeps.plan import format_duration

DIFFERS = 1
REPORT_PERIOD = 0.2
"""Seconds between two lines of progress."""

EXAMPLE = """\
A plan file is TOML or JSON with the same names as the options, underscores for hyphens:

  name = "ffa_and_ppa"
  subject = "simulated"
  networks = ["mobilenet_v2_robust"]
  images = ["test:3"]               # or ids, or files of your own
  rois = ["FFA", "PPA"]
  directions = ["raise", "lower"]
  budgets = ["l2:3"]
  controls = ["random", "sign_flip", "phase_scrambled"]
  transfer = ["alexnet"]
  picture_px = 448
  degrees = 8.4

Options override the file. Finished probes are kept: the same call goes on where it was stopped."""

NUMBERS = {"steps": int, "seed": int, "picture_px": int, "width_px": int, "height_px": int}
FRACTIONS = ("gate", "degrees", "luminance", "contrast")
LISTS = ("networks", "images", "rois", "voxels", "directions", "budgets", "controls", "transfer")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `stimuli` to the program's sub-commands."""
    parser = subparsers.add_parser("stimuli", help="plan, make and check a set of matched stimuli")
    parts = parser.add_subparsers(title="what to do", metavar="WHAT", required=True)
    for name, text, run in (
        ("plan", "resolve a plan and say what it costs; --out writes it with everything named", run_plan),
        ("make", "make the probes and write the set", run_make),
    ):
        part = parts.add_parser(
            name, help=text, description=text, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        part.add_argument("plan", nargs="?", type=Path, help="plan file, .toml or .json")
        _add_wishes(part)
        part.add_argument("--out", type=Path, help="plan: the file to write; make: a new or empty folder for the set")
        if name == "make":
            part.add_argument("--dry-run", action="store_true", help="only say what it would hold and cost")
            part.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
        part.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        part.set_defaults(run=run)
    check = parts.add_parser("check", help="compare every file of a set with its manifest")
    check.add_argument("set", type=Path, help="folder of the set, or its manifest.json")
    check.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    check.set_defaults(run=run_check)
    for part in parts.choices.values():
        part.allow_abbrev = False
    return parser


def add_rebuild_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `rebuild` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "rebuild",
        help="make a written set again from its manifest alone and compare it bit for bit",
        epilog="Exit codes: 0 identical bit for bit, 1 not identical, 2 bad input.",
    )
    parser.add_argument("manifest", type=Path, help="manifest.json of a set; no other file of it is read")
    parser.add_argument("--out", type=Path, help="keep the rebuilt set in this new folder; without it only compare")
    parser.add_argument("--images", type=Path, nargs="+", default=[], help="files or folders with images that moved")
    parser.add_argument("--encoder", type=Path, nargs="+", default=[], help="encoder files outside the library")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=run_rebuild)
    return parser


def run_plan(args: argparse.Namespace) -> int:
    """Resolve a plan, say what it holds; returns 0."""
    plan = resolve_plan(read_wish(args))
    recipes = list_recipes(plan)
    if args.out is not None:
        if args.out.exists():
            advice = "Choose another name; nothing is overwritten."
            raise BadInputError(describe_refusal("out", allowed="a new file", got=str(args.out), advice=advice))
        write_json(args.out, pack_plan(plan), indent=2)
    print(json.dumps(_summarise(plan, len(recipes))) if args.json else _describe(plan, args.out))
    return 0


def run_make(args: argparse.Namespace) -> int:
    """Make the set; returns 0."""
    from core.stimuli.make import iter_make

    plan = resolve_plan(read_wish(args))
    recipes = list_recipes(plan)
    if args.dry_run:
        print(json.dumps(_summarise(plan, len(recipes))) if args.json else _describe(plan, None))
        return 0
    if args.out is None:
        raise BadInputError(describe_refusal("out", allowed="a new or an empty folder", got="none"))
    check_free(args.out.expanduser())
    engine = Engine(device=args.device)
    with stop_on_interrupt() as should_stop:
        records = iter_make(engine, recipes, plan.delivery, args.out, store=open_probe_store(), should_stop=should_stop)
        made = follow(records)
    print(json.dumps(_summarise(plan, len(recipes)) | _tell_set(made)) if args.json else _describe_set(made))
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Check a set; returns 0 if it is whole."""
    found = read_manifest(args.set)
    print(json.dumps(_tell_set(found)) if args.json else f"{_describe_set(found)}\nEvery file is as it was written.")
    return 0


def run_rebuild(args: argparse.Namespace) -> int:
    """Rebuild a set and compare; returns 0 if every bit is the same, else 1."""
    from core.device import set_threads
    from core.stimuli.rebuild import compare_sets, find_threads, iter_rebuild

    old = read_rows(args.manifest)
    engine = Engine(device=args.device)
    for file in args.encoder:
        engine.use_encoder_file(file)
    engine.warm_up()
    threads = find_threads(old)
    if threads is not None:
        set_threads(threads)
    with tempfile.TemporaryDirectory(prefix="probescope-rebuilt-") as work:
        out = args.out if args.out is not None else Path(work) / "set"
        check_free(out.expanduser())
        with stop_on_interrupt() as should_stop:
            made = follow(iter_rebuild(engine, old, out, images=args.images, should_stop=should_stop))
        result = compare_sets(old, made)
    print(result.describe())
    return 0 if result.identical else DIFFERS


def read_wish(args: argparse.Namespace) -> dict[str, Any]:
    """The plan file and the options over it. Raises BadInputError or StorageError if the file cannot be read."""
    wish = read_plan(args.plan) if args.plan is not None else {}
    given = {name: getattr(args, name) for name in WISHES if getattr(args, name) is not None}
    return wish | given


def follow(records: Iterable[SetProgress]) -> StimulusSet:
    """Run a making to its end, with one line of progress on stderr if it is a terminal."""
    result, told = None, 0.0
    for record in records:
        result = record.result
        if sys.stderr.isatty() and (time.monotonic() - told > REPORT_PERIOD or result is not None):
            told = time.monotonic()
            left = "" if record.seconds_left is None else f", {format_duration(record.seconds_left)} left"
            text = f"{record.stage} {record.done:.1f}/{record.n_pieces} {record.label}{left}"
            print(f"\r\x1b[2K{text[:118]}", end="\n" if result is not None else "", file=sys.stderr, flush=True)
    if result is None:
        raise RuntimeError("The set ended without a result.")
    return result


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    for name, (default, text) in WISHES.items():
        option, told = f"--{name.replace('_', '-')}", f"{text} (default: {_tell_default(default)})"
        if name in LISTS:
            parser.add_argument(option, dest=name, nargs="+", help=told)
        elif name == "background":
            parser.add_argument(option, dest=name, nargs=3, type=int, metavar=("R", "G", "B"), help=told)
        elif name == "quantise":
            parser.add_argument(option, dest=name, action="store_true", default=None, help=text)
        else:
            kind = float if name in FRACTIONS else NUMBERS.get(name, str)
            parser.add_argument(option, dest=name, type=kind, help=told)


def _tell_default(default: Any) -> str:
    if default is None or default == []:
        return "none"
    return " ".join(map(str, default)) if isinstance(default, list) else str(default)


def _describe(plan: StimulusPlan, written: Path | None) -> str:
    layouts = [
        plan.delivery.layout.describe(224),
        f"controls {', '.join(kind.words for kind in plan.delivery.controls)}",
    ]
    lines = [plan.describe(), f"  {'; '.join(layouts)}"]
    return "\n".join(lines if written is None else [*lines, f"  written to {written}"])


def _summarise(plan: StimulusPlan, n_items: int) -> dict[str, Any]:
    files = n_items * plan.delivery.n_files
    return {"n_probes": n_items, "n_files": files, "seconds": round(plan.seconds, 1), "plan": pack_plan(plan)}


def _tell_set(found: StimulusSet) -> dict[str, Any]:
    warned = {row.id: list(row.warnings) for row in found.rows if row.warnings}
    return {"folder": str(found.folder), "name": found.name, "n_stimuli": len(found.rows), "warnings": warned}


def _describe_set(found: StimulusSet) -> str:
    lines = [f"{found.name}: {len(found.pairs)} items, {len(found.rows)} stimuli in {found.folder / MANIFEST}"]
    for rows in found.pairs.values():
        perturbed = next((row for row in rows if row.role != ORIGINAL and not row.is_control), rows[0])
        control = max((abs(row.shift) for row in rows if row.is_control), default=0.0)
        sds = "" if perturbed.shift_sd is None else f" = {perturbed.shift_sd:+.2f} SD"
        warned = f"  ! {len(perturbed.warnings)}" if perturbed.warnings else ""
        lines.append(f"  {perturbed.pair_id}: shift {perturbed.shift:+.3f}{sds}, controls up to {control:.3f}{warned}")
    lines += [f"  ! {row.pair_id}: {text}" for row in found.rows for text in row.warnings]
    return "\n".join(lines)
