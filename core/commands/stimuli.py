"""The `stimuli` commands: plan, make and check sets of stimuli."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from core.checks import check_choice, refusal
from core.cluster.where import USUAL, parse_where
from core.commands.engine import At, make_engine
from core.commands.options import Device, Given, Json, about, announce, explained, takes
from core.commands.output import answer, finish
from core.files import check_file, check_free, check_new
from core.stimuli.layout import Layout
from core.stimuli.level_strip import read_set_levels, read_strips
from core.stimuli.levels import USUAL_LEVELS, describe_readings
from core.stimuli.manifest import MANIFEST, StimulusSet, read_manifest
from core.stimuli.plan import StimulusPlan, list_recipes, pack_plan, read_plan, resolve_plan, write_plan
from core.stimuli.plan_options import PlanOptions
from core.stimuli.recipe import ORIGINAL, Recipe
from core.stimuli.store import open_probe_store
from core.sweeps.choose import check_pair

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

A level set has `levels = "-3:3:11"` and `seeds = 10` in place of directions and images; its budget is the largest one
allowed. `stimuli strip SET --out FILE.png` draws one seed over all levels.

Options override the file. Finished probes are kept: the same call resumes where it was stopped."""

PlanFile = Annotated[Path | None, about("plan file, .toml or .json")]


@explained(EXAMPLE, levels=USUAL_LEVELS)
@takes((PlanOptions, ""), (Layout, ""))
def run_plan(
    plan: PlanFile = None,
    /,
    *,
    out: Annotated[Path | None, about("the file to write, .toml or .json, with everything named")] = None,
    json: Json = False,
    given: Given,
) -> int:
    """Resolve a plan, say what it holds; returns 0."""
    if out is not None:
        check_new("out", out)
    resolved = _resolve(plan, given)
    recipes = _list_recipes(resolved)
    if out is not None:
        write_plan(resolved, out)
    return answer(_summarise(resolved, recipes), _describe(resolved, out), as_json=json)


@explained(EXAMPLE, levels=USUAL_LEVELS)
@takes((PlanOptions, ""), (Layout, ""))
def run_make(
    plan: PlanFile = None,
    /,
    *,
    out: Annotated[Path | None, about("a new or empty folder for the set")] = None,
    dry_run: Annotated[bool, about("only say what it would hold and cost")] = False,
    engine: At = USUAL,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Make the set; returns 0."""
    from core.cluster.run import iter_set

    where, resolved = parse_where(engine, device), _resolve(plan, given)
    announce(resolved)
    recipes = _list_recipes(resolved)
    summary = _summarise(resolved, recipes)
    if dry_run:
        return answer(summary, _describe(resolved, None), as_json=json)
    if out is None:
        raise refusal("out", allowed="a new or an empty folder", got="none")
    check_free(out.expanduser())
    computer = make_engine(where, device)
    make = partial(iter_set, computer, recipes, resolved.delivery, out, store=open_probe_store(), where=where)
    made = finish(lambda stop: make(run=computer.iter_store, should_stop=stop))
    return answer(summary | _format_set(made), _describe_set(made), as_json=json)


def run_check(
    stimuli: Annotated[Path, about("folder of the set, or its manifest.json", metavar="SET")], /, *, json: Json = False
) -> int:
    """Check a set; returns 0 if it is whole."""
    found = read_manifest(stimuli)
    return answer(_format_set(found), f"{_describe_set(found)}\nEvery file is as it was written.", as_json=json)


def run_strip(
    stimuli: Annotated[Path, about("folder of a written level set, or its manifest.json", metavar="SET")],
    /,
    *,
    out: Annotated[Path, about("the picture to write: .png, .svg or .pdf")],
    image: Annotated[str, about("the seed (default: the first)")] = "",
    network: Annotated[str, about("the network that was attacked (default: the first)")] = "",
    target: Annotated[str, about("the target, such as FFA (default: the first)")] = "",
    theme: Annotated[str, about("light (for print) or dark")] = "light",
    json: Json = False,
) -> int:
    """Draw one seed over all its levels; returns 0."""
    from core.figures.level_figure import draw_strip
    from core.reports.draw_plot import FORMATS, write_figure
    from core.reports.inks import find_inks

    check_choice("out", out.suffix.lstrip(".").lower(), FORMATS)
    check_file(out)
    inks, strips = find_inks(theme), read_strips(read_manifest(stimuli), image=image, network=network, target=target)
    first = strips[0][0].reading
    write_figure(draw_strip(strips[0], inks), out, inks)
    others = f", the first of {len(strips)}: name --image, --network or --target for another" if strips[1:] else ""
    found = {"file": str(out), "image": first.image, "series": first.series, "n_strips": len(strips)}
    return answer(found, f"{first.image} · {first.series}{others}\n  written to {out}", as_json=json)


def _resolve(file: Path | None, given: Given) -> StimulusPlan:
    """The plan of a file and the options over it."""
    return resolve_plan((read_plan(file) if file is not None else {}) | given.of(PlanOptions) | given.of(Layout))


def _list_recipes(plan: StimulusPlan) -> tuple[Recipe, ...]:
    """The probes of a plan; encoders of controversial ones that predict a target poorly are named on stderr first."""
    for note in check_pair(plan.encoders, plan.targets, gate=plan.delivery.gate) if plan.pair else ():
        print(f"Warning: {note}", file=sys.stderr)
    return list_recipes(plan)


def _describe(plan: StimulusPlan, written: Path | None) -> str:
    controls = ", ".join(kind.words for kind in plan.delivery.controls)
    lines = [plan.describe(), f"  {plan.delivery.layout.describe(224)}; controls {controls}"]
    return "\n".join(lines if written is None else [*lines, f"  written to {written}"])


def _summarise(plan: StimulusPlan, recipes: Sequence[Recipe]) -> dict[str, Any]:
    n_probes, files = sum(recipe.origin is None for recipe in recipes), plan.delivery.count_files(recipes)
    return {"n_probes": n_probes, "n_files": files, "seconds": round(plan.seconds, 1), "plan": pack_plan(plan)}


def _format_set(found: StimulusSet) -> dict[str, Any]:
    warned = {row.id: list(row.warnings) for row in found.rows if row.warnings}
    return {"folder": str(found.folder), "name": found.name, "n_stimuli": len(found.rows), "warnings": warned}


def _describe_set(found: StimulusSet) -> str:
    lines = [f"{found.name}: {len(found.pairs)} items, {len(found.rows)} stimuli in {found.folder / MANIFEST}"]
    for rows in found.pairs.values():
        if (one := rows[0]).origin:
            lines.append(f"  {one.id}: {one.origin}: predicted response {one.predicted:+.3f} {one.response_unit}")
            continue
        perturbed = next((row for row in rows if row.role != ORIGINAL and not row.is_control), rows[0])
        second = perturbed.transfer.get(perturbed.against)
        control = max((abs(row.shift) for row in rows if row.is_control), default=0.0)
        sds = "" if perturbed.shift_sd is None else f" = {perturbed.shift_sd:+.2f} SD"
        if second is not None and second.shift_sd is not None:
            sds += f", {second.shift_sd:+.2f} SD in {perturbed.against} ({perturbed.against_direction})"
        warned = f"  ! {len(perturbed.warnings)}" if perturbed.warnings else ""
        lines.append(f"  {perturbed.pair_id}: shift {perturbed.shift:+.3f}{sds}, controls up to {control:.3f}{warned}")
    lines += describe_readings(read_set_levels(found.rows))
    lines += [f"  ! {row.pair_id}: {text}" for row in found.rows for text in row.warnings]
    return "\n".join(lines)
