"""The options of `fit`: from the command line to frozen configs. Never fits or prints."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.checks import describe_refusal
from core.encoders.config import DEFAULT_ALPHAS, READOUTS, REDUCERS, RoiRegion
from core.encoders.fit_request import DEFAULT_BOOTSTRAP, DEFAULT_OUTER, DEFAULT_PROJECTED, FitOptions
from core.encoders.scoring_config import ScoringConfig
from core.errors import BadInputError

SEARCH = "search"

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
A voxel whose responses never vary has r = 0 and no weights. Ctrl-C cancels; --resume then goes on from the last
finished batch of voxels."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every option of `fit`."""
    add = parser.add_argument
    add("--subject", help="id of the subject (see `list subjects`)")
    add("--network", help="id of the network (see `list networks`)")
    add("--layer", help="feature layer; by default the network's usual one (see `list layers`)")
    add("--layers", help="`search` chooses the best offered layer for each ROI; or the layers to choose from: a,b,c")
    add("--all", action="store_true", help="every offered layer of every network, for every subject")
    add("--pool", type=int, help="side of the grid features are averaged to; 0 for none")
    add("--reducer", choices=REDUCERS, default="pca", help="of the pooled features (default pca)")
    add("--components", type=int, default=100, help="most principal components; 0 for all (default 100)")
    add("--projected", type=int, help=f"features of the sparse random projection (default {DEFAULT_PROJECTED})")
    add(
        "--region",
        action="append",
        type=parse_region,
        default=[],
        metavar="ROI=LEFT,BOTTOM,RIGHT,TOP",
        help="part of the visual field an ROI reads, in half image sides from fixation; may be repeated",
    )
    add("--readout", choices=READOUTS, default="ridge", help="of the reduced features (default ridge)")
    add("--l1-ratio", type=float, default=0.5, help="part of the elastic net's penalty on absolute weights")
    add("--alphas", type=parse_alphas, help="penalties to choose from, e.g. 1,10,100; of sparse readouts parts of 1")
    add("--alpha", type=float, help="one fixed penalty for every voxel instead")
    add("--folds", type=int, default=5, help="folds of the cross-validation (default 5)")
    add(
        "--nested",
        type=int,
        nargs="?",
        const=DEFAULT_OUTER,
        default=0,
        metavar="OUTER",
        help=f"also score by a nested cross-validation of so many outer folds (default {DEFAULT_OUTER})",
    )
    add(
        "--holdout-category",
        action="append",
        default=[],
        metavar="NAME",
        help="fit again without a category and score on it; `all` for each; may be repeated",
    )
    add(
        "--second-set",
        action="append",
        default=[],
        metavar="SUBJECT",
        help="score on the images and responses of another record too; may be repeated",
    )
    add(
        "--bootstrap",
        type=int,
        default=DEFAULT_BOOTSTRAP,
        help=f"resamples behind the intervals of r; 0 for none (default {DEFAULT_BOOTSTRAP})",
    )
    add("--confidence", type=float, default=0.95, help="coverage of the intervals (default 0.95)")
    add("--seed", type=int, default=0, help="of folds, projection and resamples")
    add("--resume", action="store_true", help="go on from the finished voxel batches of an interrupted fit")
    add("--estimate", action="store_true", help="only tell what the fits would cost")
    add("--out", type=Path, help="folder of the encoder; by default the user's encoders")
    add("--device", default="auto", help="auto, cpu, cuda or mps")
    add("--json", action="store_true", help="print one JSON object instead of a table")


def read_options(args: argparse.Namespace) -> FitOptions:
    """The options of a parsed command line. Raises BadInputError for a value that cannot be used."""
    return FitOptions(
        pool=args.pool,
        n_components=args.components,
        alphas=_choose_alphas(args.alpha, args.alphas),
        n_folds=args.folds,
        out=args.out,
        device=args.device,
        reducer=args.reducer,
        n_projected=_choose_projected(args.reducer, args.projected),
        readout=args.readout,
        l1_ratio=args.l1_ratio,
        seed=args.seed,
        regions=tuple(args.region),
        resume=args.resume,
        scoring=ScoringConfig(
            n_bootstrap=args.bootstrap,
            confidence=args.confidence,
            n_outer=args.nested,
            categories=tuple(args.holdout_category),
            second_sets=tuple(args.second_set),
            seed=args.seed,
        ),
    )


def _choose_alphas(fixed: float | None, several: tuple[float, ...] | None) -> tuple[float, ...]:
    if fixed is not None and several is not None:
        advice = "Give one fixed penalty, or several to choose from."
        raise BadInputError(describe_refusal("alpha", allowed="left out with --alphas", got=fixed, advice=advice))
    return (fixed,) if fixed is not None else several or DEFAULT_ALPHAS


def _choose_projected(reducer: str, asked: int | None) -> int:
    return asked if asked is not None else DEFAULT_PROJECTED if reducer == "projection" else 0


def parse_alphas(text: str) -> tuple[float, ...]:
    """Read penalties separated by commas, in any order. Raises argparse's error for anything else."""
    try:
        return tuple(sorted({float(part) for part in text.split(",")}))
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"must be numbers separated by commas, got {text!r}") from problem


def parse_region(text: str) -> RoiRegion:
    """Read "ROI=left,bottom,right,top". Raises argparse's error for anything else."""
    roi, _, edges = text.partition("=")
    try:
        left, bottom, right, top = (float(part) for part in edges.split(","))
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"must be ROI=left,bottom,right,top, got {text!r}") from problem
    return RoiRegion(roi, left, bottom, right, top)
