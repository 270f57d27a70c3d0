"""The `fit` command: fits encoders, or searches layers, and prints how well they predict. Never holds any numerics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from core.checks import describe_refusal
from core.commands.fit_output import (
    format_choice,
    format_fit,
    summarise,
    summarise_choice,
    word_progress,
)
from core.commands.options import Device, Given, Json, about, explained, takes
from core.commands.output import answer, follow, split, stop_on_interrupt
from core.datasets.subject import list_subjects
from core.encoders.config import DEFAULT_ALPHAS, EncoderConfig, RoiRegion
from core.encoders.estimate import estimate_fit, say_seconds
from core.encoders.fit import FitProgress, FitSource, iter_fit, open_source
from core.encoders.fit_request import DEFAULT_BOOTSTRAP, DEFAULT_OUTER, DEFAULT_PROJECTED, FitOptions
from core.encoders.layer_search import LayerChoice, iter_layer_search
from core.encoders.scoring_config import ScoringConfig
from core.errors import BadInputError
from core.networks.catalog import find_network, list_networks
from core.progress import ShouldStop, never_stop

if TYPE_CHECKING:
    from core.networks.network import Network

SEARCH = "search"
SETTINGS = "reducer n_components n_folds readout l1_ratio seed"
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


@explained(EXPLANATION, nested=str(DEFAULT_OUTER))
@takes((EncoderConfig, SETTINGS))
def run_fit(
    *,
    subject: Annotated[str | None, about("id of the subject (see `list subjects`)")] = None,
    network: Annotated[str | None, about("id of the network (see `list networks`)")] = None,
    layer: Annotated[str | None, about("feature layer; see `list layers` (default: the network's usual one)")] = None,
    layers: Annotated[str | None, about("`search`: the best offered layer for each ROI; or of these: a,b,c")] = None,
    all: Annotated[bool, about("every offered layer of every network, for every subject")] = False,  # noqa: A002
    pool: Annotated[int | None, about("side of the grid features are averaged to; 0 for none")] = None,
    projected: Annotated[
        int | None, about(f"features of the sparse random projection (default of the reducer: {DEFAULT_PROJECTED})")
    ] = None,
    region: Annotated[
        tuple[str, ...],
        about("ROI=LEFT,BOTTOM,RIGHT,TOP: what an ROI reads, in half image sides from fixation; may be repeated"),
    ] = (),
    alphas: Annotated[
        str | None, about("penalties to choose from, e.g. 1,10,100; of sparse readouts parts of 1")
    ] = None,
    alpha: Annotated[float | None, about("one fixed penalty for every voxel instead")] = None,
    nested: Annotated[
        int, about(f"also score by a nested cross-validation of so many outer folds, {DEFAULT_OUTER} if not said")
    ] = 0,
    holdout_category: Annotated[
        tuple[str, ...], about("fit again without a category and score on it; `all` for each; may be repeated")
    ] = (),
    second_set: Annotated[
        tuple[str, ...], about("subject whose images and responses are scored too; may be repeated")
    ] = (),
    bootstrap: Annotated[int, about("resamples behind the intervals of r; 0 for none")] = DEFAULT_BOOTSTRAP,
    confidence: Annotated[float, about("coverage of the intervals, in (0, 1)")] = 0.95,
    resume: Annotated[bool, about("go on from the finished voxel batches of an interrupted fit")] = False,
    estimate: Annotated[bool, about("only tell what the fits would cost")] = False,
    out: Annotated[Path | None, about("folder of the encoder (default: the user's encoders)")] = None,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Fit what was asked; returns 0. Raises ProbeError with one clear sentence otherwise."""
    typed = given.of(EncoderConfig)
    usual = DEFAULT_PROJECTED if typed.get("reducer") == "projection" else 0
    options = FitOptions(
        **typed,
        pool=pool,
        alphas=_choose_alphas(alpha, alphas),
        out=out,
        device=device,
        n_projected=usual if projected is None else projected,
        regions=tuple(map(_parse_region, region)),
        resume=resume,
        scoring=ScoringConfig(bootstrap, confidence, nested, holdout_category, second_set, typed.get("seed", 0)),
    )
    jobs = plan_fits(subject, network, layer=layer, everything=all)
    found: dict[str, Any] = {"encoders": [], "layers": None, "estimates": []}
    started = time.monotonic()
    with stop_on_interrupt() as should_stop:
        if estimate:
            _estimate(jobs, options, found["estimates"], wants_text=not json)
        elif layers:
            if all or layer or subject is None or network is None:
                allowed = "given with one --subject and one --network, without --all and --layer"
                raise BadInputError(describe_refusal("layers", allowed=allowed, got=layers))
            chosen = find_network(network).layers if layers == SEARCH else split(layers)
            choice, source = search_layers(subject, network, chosen, options, should_stop=should_stop)
            pairs = zip(choice.cards, choice.files, strict=True)
            found["encoders"] = [summarise(card, path, source.subject.voxels) for card, path in pairs]
            found["layers"] = summarise_choice(choice)
            if not json:
                print("\n".join([*map(format_fit, found["encoders"]), format_choice(choice)]))
        else:
            for fitted in iter_fits(jobs, options, should_stop=should_stop):
                found["encoders"].append(fitted.summary)
                if not json:
                    print(format_fit(fitted.summary), flush=True)
    if json:
        answer({"seconds": round(time.monotonic() - started, 2), **found}, "", as_json=True)
    return 0


def plan_fits(subject: str | None, network: str | None, *, layer: str | None, everything: bool) -> list[FitJob]:
    """The encoders to fit, so ordered that each network is loaded once a layer.

    With `everything`, what is not named means all; otherwise subject and network must be named.
    """
    if not everything and (subject is None or network is None):
        missing = "subject" if subject is None else "network"
        advice = f"Add --{missing} ID, or --all."
        raise BadInputError(describe_refusal(missing, allowed="named", got=None, advice=advice))
    installed = [spec for spec in list_networks() if spec.installed]
    specs = installed if network is None else [find_network(network)]
    subjects = [info.id for info in list_subjects()] if subject is None else [subject]
    jobs = []
    for spec in specs:
        offered = spec.layers if everything else (spec.default_layer,)
        jobs += [FitJob(spec.id, one, who) for one in ([layer] if layer else offered) for who in subjects]
    return jobs


def iter_fits(
    jobs: list[FitJob], options: FitOptions, *, should_stop: ShouldStop = never_stop
) -> Iterator[FittedEncoder]:
    """Run planned fits one after another, telling on stderr how far each is."""
    opener = _Opener(options)
    for network_id, layer, subject in jobs:
        network = opener.network(network_id, layer)
        source, second = opener.sources(subject, network.input_size)
        records = iter_fit(
            options.configure(subject, network_id, layer, network.feature_shape),
            network=network,
            source=source,
            second=second,
            scoring=options.scoring,
            places=options.places,
            should_stop=should_stop,
        )
        last = follow(records, partial(word_progress, f"{network_id} {layer}"))
        if last.result is None or last.path is None:
            raise RuntimeError("A fit ended without a result.")
        yield FittedEncoder(last, summarise(last.result, last.path, source.subject.voxels))


def search_layers(
    subject: str, network: str, layers: tuple[str, ...], options: FitOptions, *, should_stop: ShouldStop = never_stop
) -> tuple[LayerChoice, FitSource]:
    """Search layers, telling on stderr how far it is; what was chosen, and for whom."""
    opener = _Opener(options)
    source, second = opener.sources(subject, opener.network(network, layers[0]).input_size)
    shapes = {layer: opener.network(network, layer).feature_shape for layer in layers}
    records = iter_layer_search(
        [options.configure(subject, network, layer, shapes[layer]) for layer in layers],
        lambda layer: opener.network(network, layer),
        source=source,
        second=second,
        scoring=options.scoring,
        places=options.places,
        should_stop=should_stop,
    )
    last = follow(records, lambda one: word_progress(f"{network} {one.layer} ({one.number}/{one.n_layers})", one.fit))
    if last.choice is None:
        raise RuntimeError("A search ended without a choice.")
    return last.choice, source


class _Opener:
    """Opens the network in use and each subject once; the device is chosen on the first network."""

    def __init__(self, options: FitOptions) -> None:
        self._options = options
        self._device: str | None = None
        self._network: Network | None = None
        self._sources: dict[tuple[str, int], FitSource] = {}

    def network(self, network: str, layer: str) -> Network:
        from core.device import choose_device, set_threads
        from core.networks.load import load_network

        if self._device is None:
            set_threads()
            self._device = choose_device(self._options.device)
        if self._network is None or (self._network.spec.id, self._network.layer) != (network, layer):
            self._network = load_network(network, layer, device=self._device)
        return self._network

    def sources(self, subject: str, size: int) -> tuple[FitSource, list[FitSource]]:
        """The subject's, and those of the second sets."""
        source, *second = [self._source(name, size) for name in (subject, *self._options.scoring.second_sets)]
        return source, second

    def _source(self, subject: str, size: int) -> FitSource:
        if (subject, size) not in self._sources:
            self._sources[subject, size] = open_source(subject, size=size)
        return self._sources[subject, size]


def _estimate(jobs: list[FitJob], options: FitOptions, found: list[dict[str, Any]], *, wants_text: bool) -> None:
    opener = _Opener(options)
    for network_id, layer, subject in jobs:
        network = opener.network(network_id, layer)
        record = opener.sources(subject, network.input_size)[0].subject
        config = options.configure(subject, network_id, layer, network.feature_shape)
        estimate = estimate_fit(
            config,
            network,
            n_images=len(record.image_ids),
            n_voxels=record.voxels.n_voxels,
            scoring=options.scoring,
            cache=options.places.cache_root / "features",
        )
        found.append({"network": network_id, "layer": layer, **asdict(estimate)})
        if wants_text:
            print(f"{network_id} {layer}: about {say_seconds(estimate.seconds)}. {estimate.describe()}")


def _choose_alphas(fixed: float | None, several: str | None) -> tuple[float, ...]:
    if fixed is not None and several is not None:
        advice = "Give one fixed penalty, or several to choose from."
        raise BadInputError(describe_refusal("alpha", allowed="left out with --alphas", got=fixed, advice=advice))
    if several is None:
        return DEFAULT_ALPHAS if fixed is None else (fixed,)
    try:
        return tuple(sorted({float(part) for part in several.split(",")}))
    except ValueError as error:
        raise BadInputError(describe_refusal("alphas", allowed="numbers separated by commas", got=several)) from error


def _parse_region(text: str) -> RoiRegion:
    roi, _, edges = text.partition("=")
    try:
        left, bottom, right, top = (float(part) for part in edges.split(","))
    except ValueError as error:
        raise BadInputError(describe_refusal("region", allowed="ROI=left,bottom,right,top", got=text)) from error
    return RoiRegion(roi, left, bottom, right, top)
