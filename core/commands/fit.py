"""The `fit` command: fits encoders, or searches layers, and prints how well they predict. Never holds any numerics."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from core.checks import describe_refusal
from core.commands.fit_options import EXPLANATION, SEARCH, add_options, read_options
from core.commands.fit_output import (
    print_choice,
    print_estimate,
    print_table,
    show_progress,
    summarise,
    summarise_choice,
)
from core.commands.interrupt import stop_on_interrupt
from core.datasets.subject import list_subjects
from core.encoders.estimate import FitEstimate, estimate_fit
from core.encoders.fit import FitProgress, FitSource, iter_fit, open_source
from core.encoders.fit_request import FitOptions
from core.encoders.layer_search import LayerChoice, iter_layer_search
from core.errors import BadInputError
from core.networks.catalog import find_network, list_networks
from core.progress import ShouldStop, never_stop

if TYPE_CHECKING:
    from core.networks.network import Network

__all__ = ["FitJob", "FitOptions", "FittedEncoder", "add_parser", "iter_fits", "plan_fits", "print_table", "run"]


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
    add_options(parser)
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Fit what was asked; returns 0. Raises ProbeError with one clear sentence otherwise."""
    options = read_options(args)
    jobs = plan_fits(args.subject, args.network, layer=args.layer, everything=args.all)
    answer: dict[str, Any] = {"encoders": [], "layers": None, "estimates": []}
    started = time.monotonic()
    with stop_on_interrupt() as should_stop:
        if args.estimate:
            _estimate(jobs, options, answer, wants_text=not args.json)
        elif args.layers:
            _search(args, options, answer, should_stop)
        else:
            for fitted in iter_fits(jobs, options, should_stop=should_stop):
                answer["encoders"].append(fitted.summary)
                if not args.json:
                    print_table(fitted.summary)
    if args.json:
        print(json.dumps({"seconds": round(time.monotonic() - started, 2), **answer}))
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
        source = opener.source(subject, network.input_size)
        second = [opener.source(name, network.input_size) for name in options.scoring.second_sets]
        config = options.configure(subject, network_id, layer, network.feature_shape)
        for progress in iter_fit(
            config,
            network=network,
            source=source,
            second=second,
            scoring=options.scoring,
            places=options.places,
            should_stop=should_stop,
        ):
            show_progress(f"{network_id} {layer}", progress)
        if progress.result is None or progress.path is None:
            raise RuntimeError("A fit ended without a result.")
        yield FittedEncoder(progress, summarise(progress.result, progress.path, source.subject.voxels))


def search_layers(
    subject: str, network: str, layers: tuple[str, ...], options: FitOptions, *, should_stop: ShouldStop = never_stop
) -> tuple[LayerChoice, FitSource]:
    """Search layers, telling on stderr how far it is; what was chosen, and for whom."""
    opener = _Opener(options)
    first = opener.network(network, layers[0])
    source = opener.source(subject, first.input_size)
    second = [opener.source(name, first.input_size) for name in options.scoring.second_sets]
    shapes = {layer: opener.network(network, layer).feature_shape for layer in layers}
    configs = [options.configure(subject, network, layer, shapes[layer]) for layer in layers]
    for progress in iter_layer_search(
        configs,
        lambda layer: opener.network(network, layer),
        source=source,
        second=second,
        scoring=options.scoring,
        places=options.places,
        should_stop=should_stop,
    ):
        show_progress(f"{network} {progress.layer} ({progress.number}/{progress.n_layers})", progress.fit)
    if progress.choice is None:
        raise RuntimeError("A search ended without a choice.")
    return progress.choice, source


class _Opener:
    """Opens the network in use and each subject once; the device is chosen on the first network."""

    def __init__(self, options: FitOptions) -> None:
        self._wish = options.device
        self._device: str | None = None
        self._network: Network | None = None
        self._sources: dict[tuple[str, int], FitSource] = {}

    def network(self, network: str, layer: str) -> Network:
        from core.device import choose_device, set_threads
        from core.networks.load import load_network

        if self._device is None:
            set_threads()
            self._device = choose_device(self._wish)
        if self._network is None or (self._network.spec.id, self._network.layer) != (network, layer):
            self._network = load_network(network, layer, device=self._device)
        return self._network

    def source(self, subject: str, size: int) -> FitSource:
        if (subject, size) not in self._sources:
            self._sources[subject, size] = open_source(subject, size=size)
        return self._sources[subject, size]


def _search(args: argparse.Namespace, options: FitOptions, answer: dict[str, Any], should_stop: ShouldStop) -> None:
    if args.all or args.layer or args.subject is None or args.network is None:
        allowed = "given with one --subject and one --network, without --all and --layer"
        raise BadInputError(describe_refusal("layers", allowed=allowed, got=args.layers))
    offered = find_network(args.network).layers
    layers = offered if args.layers == SEARCH else tuple(part.strip() for part in args.layers.split(","))
    choice, source = search_layers(args.subject, args.network, layers, options, should_stop=should_stop)
    pairs = zip(choice.cards, choice.files, strict=True)
    answer["encoders"] = [summarise(card, path, source.subject.voxels) for card, path in pairs]
    answer["layers"] = summarise_choice(choice)
    if not args.json:
        for summary in answer["encoders"]:
            print_table(summary)
        print_choice(choice)


def _estimate(jobs: list[FitJob], options: FitOptions, answer: dict[str, Any], *, wants_text: bool) -> None:
    opener = _Opener(options)
    for network_id, layer, subject in jobs:
        network = opener.network(network_id, layer)
        record = opener.source(subject, network.input_size).subject
        config = options.configure(subject, network_id, layer, network.feature_shape)
        estimate: FitEstimate = estimate_fit(
            config,
            network,
            n_images=len(record.image_ids),
            n_voxels=record.voxels.n_voxels,
            scoring=options.scoring,
            cache=options.places.cache_root / "features",
        )
        answer["estimates"].append({"network": network_id, "layer": layer, **asdict(estimate)})
        if wants_text:
            print_estimate(network_id, layer, estimate)
