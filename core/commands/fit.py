"""The `fit` command: fits encoders and prints how well they predict. Never holds any of the numerics."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.checks import describe_refusal
from core.datasets.subject import list_subjects
from core.encoders.config import DEFAULT_ALPHAS, LARGEST_POOLED, EncoderConfig, suggest_pool
from core.encoders.fit import FitPlaces, FitProgress, FitSource, iter_fit, open_source
from core.encoders.scores import summarise_by_roi
from core.errors import BadInputError
from core.networks.catalog import find_network, list_networks

EXPLANATION = """\
--json prints one object: {"seconds": float, "encoders": [{"subject", "network", "layer", "pool", "n_components",
"n_train", "n_test", "n_voxels", "r_median", "cv_r_median", "alpha_median", "alpha_at_edge", "file", "sha256",
"rois": [{"roi", "n_voxels", "r_median", "r_q25", "r_q75", "r2_ceiling_median", "noise_ceiling_median"}, ...]}, ...]}.
r is Pearson's r on the held-out images; r2_ceiling is r2 / noise ceiling (null where the ceiling is too low to divide
by); alpha_at_edge is the part of voxels whose penalty is the smallest or the largest tried."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What applies to every encoder of one command; `pool` None means the finest grid of `largest_pooled` features."""

    pool: int | None = None
    largest_pooled: int = LARGEST_POOLED
    n_components: int = 100
    alphas: tuple[float, ...] = DEFAULT_ALPHAS
    n_folds: int = 5
    out: Path | None = None
    device: str = "auto"


class FitJob(NamedTuple):
    """One encoder to fit, by catalogue ids."""

    network: str
    layer: str
    subject: str


@dataclass(frozen=True, slots=True, eq=False)
class FittedEncoder:
    """One finished fit: its last progress record and its JSON object."""

    progress: FitProgress
    summary: dict[str, Any]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `fit` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "fit",
        help="fit an encoder of a subject's responses on a network's layer",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--subject", help="id of the subject (see `list subjects`)")
    parser.add_argument("--network", help="id of the network (see `list networks`)")
    parser.add_argument("--layer", help="feature layer; by default the network's usual one (see `list layers`)")
    parser.add_argument("--all", action="store_true", help="every offered layer of every network, for every subject")
    parser.add_argument("--pool", type=int, help="side of the grid features are averaged to; 0 for none")
    parser.add_argument(
        "--components", type=int, default=100, help="most principal components; 0 for all (default 100)"
    )
    parser.add_argument("--alphas", type=parse_alphas, default=DEFAULT_ALPHAS, help="ridge penalties, e.g. 1,10,100")
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation (default 5)")
    parser.add_argument("--out", type=Path, help="folder of the encoder; by default the user's encoders")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Fit what was asked; returns 0. Raises ProbeError with one clear sentence otherwise."""
    options = FitOptions(
        pool=args.pool,
        n_components=args.components,
        alphas=args.alphas,
        n_folds=args.folds,
        out=args.out,
        device=args.device,
    )
    started, summaries = time.monotonic(), []
    for fitted in iter_fits(plan_fits(args.subject, args.network, layer=args.layer, everything=args.all), options):
        summaries.append(fitted.summary)
        if not args.json:
            print_table(fitted.summary)
    if args.json:
        print(json.dumps({"seconds": round(time.monotonic() - started, 2), "encoders": summaries}))
    return 0


def plan_fits(subject: str | None, network: str | None, *, layer: str | None, everything: bool) -> list[FitJob]:
    """The encoders to fit, so ordered that each network is loaded once a layer.

    With `everything`, what is not named means all; otherwise subject and network must be named.
    """
    if not everything and (subject is None or network is None):
        missing = "subject" if subject is None else "network"
        advice = f"Add --{missing} ID, or --all."
        raise BadInputError(describe_refusal(missing, allowed="named", got=None, advice=advice))
    specs = list_networks() if network is None else (find_network(network),)
    subjects = [info.id for info in list_subjects()] if subject is None else [subject]
    jobs = []
    for spec in specs:
        offered = spec.layers if everything else (spec.default_layer,)
        jobs += [FitJob(spec.id, one, who) for one in ([layer] if layer else offered) for who in subjects]
    return jobs


def iter_fits(jobs: list[FitJob], options: FitOptions) -> Iterator[FittedEncoder]:
    """Run planned fits one after another, telling on stderr how far each is."""
    from core.device import choose_device, set_threads
    from core.networks.load import load_network

    set_threads()
    device = choose_device(options.device)
    sources: dict[tuple[str, int], FitSource] = {}
    network = None
    for network_id, layer, subject in jobs:
        if network is None or (network.spec.id, network.layer) != (network_id, layer):
            network = load_network(network_id, layer, device=device)
        key = (subject, network.input_size)
        if key not in sources:
            sources[key] = open_source(subject, size=network.input_size)
        config = EncoderConfig(
            subject=subject,
            network=network_id,
            layer=layer,
            pool=_resolve_pool(network.feature_shape, options),
            n_components=options.n_components,
            alphas=options.alphas,
            n_folds=options.n_folds,
        )
        for progress in iter_fit(config, network=network, source=sources[key], places=FitPlaces(encoders=options.out)):
            show_progress(config, progress)
        yield FittedEncoder(progress, summarise(progress, sources[key]))


def summarise(progress: FitProgress, source: FitSource) -> dict[str, Any]:
    """The JSON object of one fitted encoder, from its last progress record."""
    card, path = progress.result, progress.path
    if card is None or path is None:
        raise RuntimeError("A fit ended without a result.")
    config = card.config
    edges = (np.float32(config.alphas[0]), np.float32(config.alphas[-1]))
    rois = [
        {name: None if value != value else value for name, value in asdict(score).items()}
        for score in summarise_by_roi(card, source.subject.voxels)
    ]
    return {
        "subject": config.subject,
        "network": config.network,
        "layer": config.layer,
        "pool": config.pool,
        "n_components": config.n_components,
        "n_train": card.n_train,
        "n_test": card.n_test,
        "n_voxels": card.n_voxels,
        "r_median": float(np.median(card.r)),
        "cv_r_median": float(np.median(card.cv_r)),
        "alpha_median": float(np.median(card.alpha)),
        "alpha_at_edge": float(np.isin(card.alpha, edges).mean()),
        "file": str(path),
        "sha256": card.sha256,
        "rois": rois,
    }


def print_table(summary: dict[str, Any]) -> None:
    """Print the held-out scores of one encoder by ROI."""
    where = f"{summary['subject']} · {summary['network']} {summary['layer']} · pool {summary['pool']}"
    print(f"{where} · {summary['n_train']} images fitted, {summary['n_test']} held out · {summary['file']}")
    print(f"  {'ROI':<12}{'voxels':>7}{'r median':>10}{'quartiles':>16}{'r2/ceiling':>12}")
    for roi in summary["rois"]:
        relative = "-" if roi["r2_ceiling_median"] is None else f"{roi['r2_ceiling_median']:.2f}"
        quartiles = f"{roi['r_q25']:.2f} to {roi['r_q75']:.2f}"
        print(f"  {roi['roi']:<12}{roi['n_voxels']:>7}{roi['r_median']:>10.2f}{quartiles:>16}{relative:>12}")


def show_progress(config: EncoderConfig, progress: FitProgress) -> None:
    """Keep one line of progress on stderr, if it is a terminal."""
    if sys.stderr.isatty():
        left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
        end = "\n" if progress.stage == "done" else ""
        text = f"{config.network} {config.layer}: {progress.stage} {progress.done}/{progress.total}{left}"
        print(f"\r\x1b[2K{text}", end=end, file=sys.stderr, flush=True)


def parse_alphas(text: str) -> tuple[float, ...]:
    """Read penalties separated by commas, in any order. Raises argparse's error for anything else."""
    try:
        return tuple(sorted({float(part) for part in text.split(",")}))
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"must be numbers separated by commas, got {text!r}") from problem


def _resolve_pool(feature_shape: tuple[int, ...], options: FitOptions) -> int:
    return suggest_pool(feature_shape, largest=options.largest_pooled) if options.pool is None else options.pool
