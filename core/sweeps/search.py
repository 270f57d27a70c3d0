"""A search over layers in pieces: each layer is fitted by whoever takes it, and the best are chosen at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.checks import refusal
from core.containers import Arrays
from core.datasets.subject import load_responses, load_subject
from core.encoders.config import encoder_stem
from core.encoders.files import load_encoder_data
from core.encoders.fit import FitProgress, FitSource
from core.encoders.fit_request import FitRequest, LayerChoice, iter_layer, keep_layers, open_sources
from core.encoders.responses import hash_responses
from core.errors import StorageError
from core.headers import HeaderKind
from core.networks.manage import hash_networks
from core.paths import cache_folder
from core.probes.source import Source
from core.progress import ShouldStop
from core.sweeps.cells import CellStore, begin_named
from core.sweeps.work import LoneCell, Runner, Work

FIT_SECONDS = 60.0
"""Layers are taken for equally long."""
FITTED = "fitted"
"""The encoders of every layer, until the best are kept."""


SEARCH = Work(
    name="search over layers",
    file="search.json",
    kind=HeaderKind("a search over layers", "Search again.", "probescope-search", (1,), error=StorageError),
    config=FitRequest,
    list_cells=lambda request: tuple(
        LoneCell(number, f"layer-{number:03d}", f"fit of {request.network} {layer}", request.network)
        for number, layer in enumerate(request.layers)
    ),
    made_by="`main.py fit --layers search` makes",
    computed_by=f"{__name__}:SEARCH_RUNNER",
)
SearchStore = CellStore[FitRequest, LoneCell]


def begin_search(request: FitRequest) -> SearchStore:
    """Begin in the cache, or go on there. Raises BadInputError for less than two layers, and as `begin_named`."""
    if len(set(request.layers)) < max(2, len(request.layers)):
        raise refusal("layers", allowed="two different layers or more", got=list(request.layers))
    request = replace(request, options=replace(request.options, out=None, resume=True))
    return begin_named(SEARCH, request, cache_folder() / "searches")


def note_facts(request: FitRequest) -> dict[str, Any]:
    """What the fits depend on beside the request. Raises ProbeError if a network or subject is missing here."""
    subjects = (request.subject, *request.options.scoring.second_sets)
    hashes = {one: hash_responses(load_responses(one)) for one in subjects}
    return {"network_sha256": hash_networks([request.network]), "subject_sha256": hashes}


def finish_search(store: SearchStore, folder: Path) -> LayerChoice:
    """Keep the best layers of a finished search in a folder of encoders, and forget the others."""
    request = store.config
    stems = [encoder_stem(request.subject, request.network, layer) for layer in request.layers]
    fitted = [load_encoder_data(store.folder / FITTED / f"{stem}.json") for stem in stems]
    choice = keep_layers(fitted, load_subject(request.subject).voxels, folder)
    shutil.rmtree(store.folder, ignore_errors=True)
    return choice


def _prepare(source: Source, store: SearchStore, should_stop: ShouldStop) -> Callable[[LoneCell], Any]:
    request = store.config
    places = replace(request.options.places, encoders=store.folder / FITTED, hashes={})
    sources: list[FitSource] = []

    def compute(cell: LoneCell) -> Generator[FitProgress, None, Arrays]:
        network = source.open_network(request.network, request.layers[cell.number])
        sources.extend([] if sources else open_sources(request, network.input_size, should_stop=should_stop))
        for progress in iter_layer(request, network, sources, places=places, should_stop=should_stop):
            yield progress
        if progress.result is None:
            raise RuntimeError("A fit ended without a result.")
        return {"cv_r": np.asarray(progress.result.cv_r)}

    return compute


SEARCH_RUNNER = Runner(
    note_facts,
    _prepare,
    lambda *_, **__: FIT_SECONDS,
    lambda request: tuple((request.network, layer) for layer in request.layers),
)
