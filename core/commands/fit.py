"""The `fit` command: fits encoders, or searches layers, and prints how well they predict, by ROI."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any, cast

import numpy as np

from core.checks import refusal, to_number
from core.cluster.where import HERE, USUAL, Where, parse_where
from core.commands.engine import At, make_engine
from core.commands.options import Device, Given, Json, about, announce, explained, takes
from core.commands.output import (
    answer,
    follow,
    format_cell,
    format_table,
    read_numbers,
    split,
    stop_on_interrupt,
    time_left,
)
from core.datasets.subject import list_subjects, load_subject
from core.encoders.card import EncoderCard, OutsideScore
from core.encoders.config import DEFAULT_ALPHAS, EncoderConfig, RoiRegion, ScoringConfig
from core.encoders.estimate import FitEstimate, add_estimates
from core.encoders.fit_request import (
    DEFAULT_BOOTSTRAP,
    DEFAULT_OUTER,
    DEFAULT_PROJECTED,
    FitOptions,
    FitRequest,
    LayerChoice,
    SearchProgress,
)
from core.encoders.scores import summarise_by_roi
from core.engine import Engine
from core.headers import plain
from core.networks.catalog import find_network, list_networks
from core.progress import ShouldStop, never_stop
from core.types import FloatArray, VoxelTable
from core.words import format_duration

SEARCH = "search"
REGION = "ROI=LEFT,BOTTOM,RIGHT,TOP: what an ROI reads, in half image sides from fixation"
CONFIG = ("subject", "network", "layer", "pool", "reducer", "n_components", "n_projected", "readout")
CARD = ("n_train", "n_test", "n_voxels", "scored_on")
SETTINGS = "reducer n_components n_folds readout l1_ratio seed"
SCORES = "n_outer=nested categories=holdout-category second_sets=second-set n_bootstrap confidence"
HELP = {
    "pool": "side of the grid features are averaged to; 0 for none",
    "projected": f"features of the sparse random projection (default of that reducer: {DEFAULT_PROJECTED})",
    "resume": "resume from the finished voxel batches of an interrupted fit",
    "out": "folder of the encoder (default: the user's encoders)",
    "nested": f"also score by a nested cross-validation of so many outer folds, {DEFAULT_OUTER} if no number is given",
    "holdout-category": "fit again without a category and score on it; `all` for each; repeatable",
    "second-set": "subject whose images are scored too; repeatable",
    "bootstrap": f"resamples behind the intervals of r; 0 for none (default: {DEFAULT_BOOTSTRAP})",
    "confidence": "coverage of the intervals, in (0, 1)",
}
EXPLANATION = """\
examples:
  fit --subject simulated --network mobilenet_v2
  fit --subject simulated --network mobilenet_v2 --layers search
  fit --subject simulated --network alexnet --pool 0 --reducer projection --projected 2048 --readout lasso
  fit --subject simulated --network mobilenet_v2 --nested --holdout-category face --second-set kay2017

--json prints one object: {"seconds": float, "encoders": [{"subject", "network", "layer", "pool", "reducer",
"n_components", "n_projected", "readout", "n_train", "n_test", "n_voxels", "scored_on", "r_median", "cv_r_median",
"nested_r_median", "alpha_median", "alpha_at_edge", "sparsity_median", "n_bootstrap", "confidence", "file", "sha256",
"rois": [{"roi", "n_voxels", "r_median", "r_q25", "r_q75", "r2_ceiling_median", "noise_ceiling_median", "r_low",
"r_high"}, ...], "outside": [{"kind", "name", "n_images", "n_within", "rois": [{"roi", "r", "r_within"}, ...]},
...]}, ...], "layers": {"best": [{"roi", "layer", "cv_r_median", "file"}, ...], "curve": [{"layer", "roi",
"cv_r_median"}, ...], "table"} or null, "estimates": [{"network", "layer", "n_images", "n_cached", "image_seconds",
"features_seconds", "readout_seconds", "cache_bytes", "memory_bytes"}, ...]}.
r is Pearson's r on the held-out images, or where none is held out (scored_on "nested") over the outer folds; r_low and
r_high bound the ROI's median r over bootstrap resamples of the images; r2_ceiling is r2 / noise ceiling (null where the
ceiling is too low to divide by); alpha_at_edge is the part of voxels whose penalty is the smallest or the largest
tried (ridge only); r_within is r on held-out images like the training images, beside r on the left-out category or
second set.
A voxel whose responses never vary has r = 0 and no weights. Ctrl-C cancels; --resume then continues from the last
finished batch of voxels."""


@dataclass(frozen=True, slots=True)
class FitArguments:
    """What is typed of a fit beside the config of its encoders."""

    region: Annotated[tuple[str, ...], about(f"{REGION}; repeatable")] = ()
    alphas: Annotated[str | None, about("penalties to choose from: 1,10,100; of sparse readouts parts of 1")] = None
    alpha: Annotated[float | None, about("one fixed penalty for every voxel instead")] = None


@explained(EXPLANATION, nested=str(DEFAULT_OUTER))
@takes(
    (EncoderConfig, SETTINGS),
    (FitOptions, "pool n_projected", HELP),
    (FitArguments, ""),
    (ScoringConfig, SCORES, HELP),
    (FitOptions, "resume out", HELP),
)
def run_fit(
    *,
    subject: Annotated[str | None, about("id of the subject (see `list subjects`)")] = None,
    network: Annotated[str | None, about("id of the network (see `list networks`)")] = None,
    layer: Annotated[
        str | None, about("layer, or several joined: a+b; see `list layers` (default: the usual one)")
    ] = None,
    layers: Annotated[str | None, about("`search`: the best offered layer for each ROI; or of these: a,b,c")] = None,
    all: Annotated[bool, about("every offered layer of every network, for every subject")] = False,  # noqa: A002
    estimate: Annotated[bool, about("only print what the fits would cost")] = False,
    engine: At = USUAL,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Run the fits; returns 0. Raises ProbeError with one clear sentence otherwise."""
    jobs = plan_fits(subject, network, layer=layer, everything=all, options=resolve_options(given))
    if layers and (all or layer or subject is None or network is None):
        allowed = "given with one --subject and one --network, without --all and --layer"
        raise refusal("layers", allowed=allowed, got=layers)
    if layers:
        jobs = [replace(jobs[0], layers=_choose_layers(jobs[0].network, layers))]
    where = parse_where(engine, device)
    if where != HERE and not layers:
        raise refusal("engine", allowed="left out without --layers, whose fits can be shared", got=engine)
    announce(jobs[0])
    found: dict[str, Any] = {"encoders": [], "layers": None, "estimates": []}
    computer, started = make_engine(where, device), time.monotonic()
    with stop_on_interrupt() as should_stop:
        if estimate:
            found["estimates"] = list(_iter_estimates(computer, jobs, should_stop, json=json))
        else:
            for done in iter_fits(computer, jobs, where=where, should_stop=should_stop):
                for card, path in list_fitted(done):
                    found["encoders"].append(summarise(card, path, load_subject(card.config.subject).voxels))
                    _report(format_fit(found["encoders"][-1]), json=json)
                if done.choice is not None:
                    best, curve = ([asdict(one) for one in rows] for rows in (done.choice.best, done.choice.curve))
                    found["layers"] = {"best": best, "curve": curve, "table": str(done.choice.table)}
                    _report(format_choice(done.choice), json=json)
    if json:
        answer({"seconds": round(time.monotonic() - started, 2), **found}, as_json=True)
    return 0


def _iter_estimates(
    engine: Engine, jobs: Sequence[FitRequest], should_stop: ShouldStop, *, json: bool
) -> Iterator[dict[str, Any]]:
    costs: list[FitEstimate] = []
    for job, name in [(one, name) for one in jobs for name in one.layers]:
        costs.append(engine.estimate_fit(replace(job, layers=(name,)), should_stop=should_stop))
        _report(f"{job.network} {name}: about {format_duration(costs[-1].seconds)}. {costs[-1].describe()}", json=json)
        yield {"network": job.network, "layer": name, **asdict(costs[-1])}
    if len(costs) > 1:
        total = add_estimates(costs)
        _report(f"All {len(costs)}: about {format_duration(total.seconds)}. {total.describe()}", json=json)


def resolve_options(given: Given) -> FitOptions:
    """What was typed of the options of every fit. Raises BadInputError for a bad value or combination."""
    typed, own = given.of(EncoderConfig), given.make(FitArguments)
    usual = DEFAULT_PROJECTED if typed.get("reducer") == "projection" else 0
    scores = {"n_bootstrap": DEFAULT_BOOTSTRAP, "seed": typed.get("seed", 0)} | given.of(ScoringConfig)
    return FitOptions(
        **{"n_projected": usual} | typed | given.of(FitOptions),
        alphas=_choose_alphas(own.alpha, own.alphas),
        regions=tuple(map(_parse_region, own.region)),
        scoring=ScoringConfig(**scores),
    )


def plan_fits(
    subject: str | None, network: str | None, *, layer: str | None, everything: bool, options: FitOptions
) -> list[FitRequest]:
    """The encoders to fit, so ordered that each network is loaded once a layer.

    With `everything`, what is not named means all; otherwise subject and network must be named.
    """
    if not everything and (subject is None or network is None):
        missing = "subject" if subject is None else "network"
        raise refusal(missing, allowed="named", got=None, advice=f"Add --{missing} ID, or --all.")
    installed = [spec for spec in list_networks() if spec.installed]
    specs = installed if network is None else [find_network(network)]
    subjects = [info.id for info in list_subjects()] if subject is None else [subject]
    jobs = []
    for spec in specs:
        offered = spec.layers if everything else (spec.default_layer,)
        layers = [layer] if layer else offered
        jobs += [FitRequest(who, spec.id, (one,), options) for one in layers for who in subjects]
    return jobs


def iter_fits(
    engine: Engine, jobs: Sequence[FitRequest], *, where: Where = HERE, should_stop: ShouldStop = never_stop
) -> Iterator[SearchProgress]:
    """Run planned fits one after another, reporting progress on stderr; yields the last record of each."""
    before = ""
    for job in jobs:
        if before and job.network != before:  # each is needed once; all of them together would fill the memory
            engine.forget_network(before)
        before = job.network
        yield follow(engine.iter_fit(job, where=where, should_stop=should_stop), partial(format_progress, before))


def list_fitted(done: SearchProgress) -> list[tuple[EncoderCard, Path]]:
    """The encoders that a fit, or a search of layers, has kept, each with its file."""
    if done.choice is not None:
        return list(zip(done.choice.cards, done.choice.files, strict=True))
    if done.fit.result is None or done.fit.path is None:
        raise RuntimeError("A fit ended without a result.")
    return [(done.fit.result, done.fit.path)]


def _choose_layers(network: str, layers: str) -> tuple[str, ...]:
    """The layers of a search."""
    chosen = find_network(network).layers if layers == SEARCH else split(layers)
    if len(set(chosen)) < 2:
        raise refusal("layers", allowed="two different layers or more", got=list(chosen))
    return chosen


def _report(text: str, *, json: bool) -> None:
    if not json:
        print(text, flush=True)


def _choose_alphas(fixed: float | None, several: str | None) -> tuple[float, ...]:
    if fixed is not None and several is not None:
        advice = "Give one fixed penalty, or several to choose from."
        raise refusal("alpha", allowed="left out with --alphas", got=fixed, advice=advice)
    if several is None:
        return DEFAULT_ALPHAS if fixed is None else (fixed,)
    return tuple(sorted(set(read_numbers("alphas", several.split(","), allowed="numbers separated by commas"))))


def _parse_region(text: str) -> RoiRegion:
    roi, _, edges = text.partition("=")
    try:
        left, bottom, right, top = (to_number(part) for part in edges.split(","))
    except ValueError as error:
        raise refusal("region", allowed="ROI=left,bottom,right,top", got=text) from error
    return RoiRegion(roi, left, bottom, right, top)


def summarise(card: EncoderCard, path: Path, voxels: VoxelTable) -> dict[str, Any]:
    """The JSON object of one fitted encoder."""
    config = card.config
    edges = np.asarray(config.alphas, dtype=np.float32)[[0, -1]]
    found = {
        **{name: getattr(config, name) for name in CONFIG},
        **{name: getattr(card, name) for name in CARD},
        "r_median": float(np.median(card.r)),
        "cv_r_median": float(np.median(card.cv_r)),
        "nested_r_median": _median(card.nested_r),
        "alpha_median": float(np.median(card.alpha)),
        "alpha_at_edge": None if config.is_sparse else float(np.isin(card.alpha, edges).mean()),
        "sparsity_median": _median(card.sparsity),
        "n_bootstrap": card.n_bootstrap,
        "confidence": card.confidence,
        "file": str(path),
        "sha256": card.sha256,
        "rois": _summarise_rois(card, voxels),
        "outside": [_summarise_outside(one, voxels) for one in card.outside],
    }
    return cast(dict[str, Any], plain(found))


def format_fit(summary: dict[str, Any]) -> str:
    """The scores of one encoder by ROI, and those on unlike images."""
    where = f"{summary['subject']} · {summary['network']} {summary['layer']} · pool {summary['pool']}"
    scored = f"{summary['n_test']} held out" if summary["scored_on"] == "held-out" else "scored by nested folds"
    median = f"r median [{100 * summary['confidence']:.0f} % interval]" if summary["n_bootstrap"] else "r median"
    names = {"roi": "ROI", "n_voxels": "voxels", "r_median": median, "r_q25": "25 %", "r_q75": "75 %"}
    names |= {"r2_ceiling_median": "r2/ceiling"}
    names |= {"r_low": f"{median} low", "r_high": f"{median} high"} if summary["n_bootstrap"] else {}
    table = format_table([{name: roi[key] for key, name in names.items()} for roi in summary["rois"]])
    lines = [f"{where} · {summary['n_train']} images fitted, {scored} · {summary['file']}", indent(table, "  ")]
    if summary["sparsity_median"] is not None:
        lines.append(
            f"  {summary['readout']}: {100 * summary['sparsity_median']:.0f} % of the weights are 0 (median voxel)"
        )
    if summary["nested_r_median"] is not None and summary["scored_on"] == "held-out":
        nested = format_cell(summary["nested_r_median"])
        lines.append(f"  nested cross-validation over the fitted images: r {nested} (median voxel)")
    return "\n".join([*lines, *map(_format_outside, summary["outside"])])


def format_choice(choice: LayerChoice) -> str:
    """The best layer of every ROI."""
    rows = [{"ROI": best.roi, "layer": best.layer, "r median": best.cv_r_median} for best in choice.best]
    return f"Best layer by cross-validated r · {choice.table}\n{indent(format_table(rows), '  ')}"


def format_progress(network: str, search: SearchProgress) -> str:
    """One line on a fit under way."""
    progress, of = search.fit, f" ({search.number}/{search.n_layers})" if search.n_layers > 1 else ""
    unit = {"features": " images", "readout": " voxel batches"}.get(progress.stage, "")
    what = f" ({progress.what})" if progress.what else ""
    left = time_left(progress.seconds_left)
    return f"{network} {search.layer}{of}: {progress.stage}{what} {progress.done}/{progress.total}{unit}{left}"


def _median(values: FloatArray | None) -> float | None:
    return None if values is None else float(np.median(values))


def _summarise_rois(card: EncoderCard, voxels: VoxelTable) -> list[dict[str, Any]]:
    bounds = {one.roi: {"r_low": one.r_low, "r_high": one.r_high} for one in card.roi_intervals}
    unknown = {"r_low": None, "r_high": None}
    return [asdict(score) | bounds.get(score.roi, unknown) for score in summarise_by_roi(card, voxels)]


def _summarise_outside(outside: OutsideScore, voxels: VoxelTable) -> dict[str, Any]:
    names = ("kind", "name", "n_images", "n_within")
    if outside.rois:
        rows = list(zip(outside.rois, outside.r, outside.r_within, strict=True))
    else:
        groups = [("(all)", np.arange(voxels.n_voxels)), *((roi, voxels.voxels_in(roi)) for roi in voxels.roi_names)]
        rows = [(roi, np.median(outside.r[chosen]), np.median(outside.r_within[chosen])) for roi, chosen in groups]
    return {name: getattr(outside, name) for name in names} | {
        "rois": [{"roi": roi, "r": float(r), "r_within": float(within)} for roi, r, within in rows]
    }


def _format_outside(outside: dict[str, Any]) -> str:
    kind = "without category" if outside["kind"] == "category" else "second set"
    title = f"  {kind} {outside['name']}: {outside['n_images']} images, beside {outside['n_within']} held out"
    names = {"roi": "ROI", "r": "r there", "r_within": "r on images like those fitted"}
    rows = [{name: row[key] for key, name in names.items()} for row in outside["rois"]]
    return f"{title}\n{indent(format_table(rows), '    ')}"
