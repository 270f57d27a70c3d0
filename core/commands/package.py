"""The `package` command: a written stimulus set becomes something that runs tomorrow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from core.checks import refusal
from core.commands.options import Given, Json, about, announce, explained, takes
from core.commands.output import answer, finish
from core.experiments.packages.orders import OrderConfig
from core.experiments.packages.package import FORMATS, PackageKind, fit_template, iter_package
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template, read_template, write_template
from core.experiments.packages.timing import Screen, Timing
from core.files import check_new
from core.stimuli.manifest import read_manifest

ORDER = "runs repeats participants stimuli_per_run catch_per_run=catch blanks_per_run=blanks spacing seed catch_kind"
TIMING = (
    "stimulus_seconds=on gap_seconds=off lead_in_seconds=lead-in lead_out_seconds=lead-out trigger_key response_key"
)
SCREEN = "degrees width_cm=screen-cm distance_cm"
EPILOG = """\
Without options it follows the published template: 2 s on, 2 s off, 8.4 degrees, 90 stimuli and 4 catch trials a run. A
template is a TOML file: `--save-timing FILE` writes one to edit, `--timing FILE` uses it; options go before it.
--dry-run prints durations and warnings and writes nothing. --json prints one object: kind, folder (null at a dry run),
stimuli, participants, runs, trials (of each run), run_seconds, seconds (of a participant), degrees, facts, warnings.
Kinds:"""
KINDS = "\n".join(f"  {kind:<11} {made.summary}" for kind, made in FORMATS.items())


@explained(f"{EPILOG}\n{KINDS}")
@takes((OrderConfig, ORDER), (Timing, TIMING), (Screen, SCREEN))
def run_package(
    stimuli: Annotated[Path, about("folder of a written stimulus set", metavar="SET")],
    /,
    *,
    kind: Annotated[PackageKind | None, about("who reads the package")] = None,
    out: Annotated[Path | None, about("a new or an empty folder")] = None,
    timing: Annotated[Path | None, about("timing template (TOML)")] = None,
    save_timing: Annotated[Path | None, about("write the template in use and stop")] = None,
    screen_px: Annotated[tuple[int, int] | None, about("width and height of the screen, in pixels")] = None,
    dry_run: Annotated[bool, about("print durations and warnings, write nothing")] = False,
    json: Json = False,
    given: Given,
) -> int:
    """Write the package; returns 0. Raises ProbeError with one clear sentence otherwise."""
    base = Template() if timing is None else read_template(timing)
    pixels = {} if screen_px is None else {"width_px": screen_px[0], "height_px": screen_px[1]}
    template = Template(given.over(base.timing), given.over(base.order), given.over(base.screen, **pixels))
    announce(template)
    if save_timing is not None:
        check_new("--save-timing", save_timing)
        write_template(template, save_timing)
        print(f"Wrote {save_timing}; edit it and give it with --timing.")
        return 0
    target = None if dry_run else _check_kind(kind, out)
    plan = make_plan(read_manifest(stimuli), template if kind is None else fit_template(template, kind))
    folder = None if target is None else finish(lambda stop: iter_package(plan, *target, should_stop=stop))
    return answer(describe(plan, kind, folder), lambda: _format_plan(plan, kind, folder), as_json=json)


def describe(plan: PackagePlan, kind: PackageKind | None, folder: Path | None) -> dict[str, object]:
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


def _check_kind(kind: PackageKind | None, out: Path | None) -> tuple[PackageKind, Path]:
    """A package needs a kind and a folder; a dry run neither."""
    advice = "Or give --dry-run to see durations first."
    if kind is None:
        raise refusal("--kind", allowed="one of " + ", ".join(PackageKind), got=None, advice=advice)
    if out is None:
        raise refusal("--out", allowed="a new or an empty folder", got=None, advice=advice)
    return kind, out


def _format_plan(plan: PackagePlan, kind: PackageKind | None, folder: Path | None) -> str:
    has_trials = kind is None or FORMATS[kind].has_trials
    facts = plan.describe() if has_trials else (plan.describe_set(),)
    warnings = plan.warnings() if has_trials else ()
    end = "Nothing was written." if folder is None else f"Wrote {folder}; its README.md says how to run it."
    return "\n".join([*facts, *(f"Warning: {warning}" for warning in warnings), end])
