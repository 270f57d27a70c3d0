"""Computes the cells of a folder here, in processes of this computer, or by a scheduler, as a `Where` says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from core.cluster.client import Needs, iter_cluster
from core.cluster.kinds import note_left, time_cells
from core.cluster.serve import open_cluster
from core.cluster.where import Place, Where
from core.device import list_gpus
from core.encoders.fit import FitProgress
from core.encoders.fit_request import FitRequest, SearchProgress
from core.probes.source import Source
from core.progress import Progress, ShouldStop, never_stop
from core.stimuli.config import SetConfig
from core.stimuli.make import check_set, iter_made
from core.stimuli.recipe import Recipe
from core.stimuli.set_work import begin_set
from core.stimuli.store import ProbeStore
from core.stimuli.write import SetProgress, describe_circumstances
from core.sweeps.cells import CellStore, RunProgress
from core.sweeps.search import begin_search, finish_search
from core.sweeps.step_seconds import estimate_bytes
from core.sweeps.workers import Started, describe_place, iter_cells, iter_processes, start_process


def iter_here(source: Source, store: CellStore[Any, Any], should_stop: ShouldStop) -> Iterator[RunProgress]:
    """Compute what is missing of any work in this process. Raises as `iter_cells`."""
    prepare, place = partial(store.work.runner.prepare, source, store), describe_place(source.device)
    seconds_of = time_cells(store, source.device)
    yield from iter_cells(store, prepare, place=place, seconds_of=seconds_of, should_stop=should_stop)


def iter_store(
    source: Source,
    store: CellStore[Any, Any],
    where: Where,
    *,
    on_folder: Callable[..., None],
    on_scheduler: Callable[[str, str], None],
    n_threads: Callable[[int], int],
    should_stop: ShouldStop,
) -> Iterator[RunProgress]:
    """Compute what is missing of any work. Raises as `iter_cells`, `iter_processes` or `iter_cluster`.

    Parameters
    ----------
    on_folder : Of folder, device, threads, GPU and, last, what tells whether to stop: works until nothing is left.
    on_scheduler : Of folder and device: the same in a worker of a scheduler, see `core.cluster.task.do_task`.
    n_threads : Of torch in each process of this computer, by their number.
    """
    note_left(store, where)
    seconds_of = time_cells(store, source.device)
    if where.is_elsewhere:
        needs = Needs(where.device == "cuda", estimate_bytes(store.work.runner.layers(store.config), source.device))
        yield from iter_cluster(
            store,
            on_scheduler,
            open_cluster(where, needs, should_stop=should_stop),
            device=where.device,
            needs=needs,
            seconds_of=seconds_of,
            should_stop=should_stop,
        )
    elif where.place is Place.HERE:
        yield from iter_here(source, store, should_stop)
    else:
        gpus = list_gpus() if where.place is Place.GPUS else ()
        n_workers = len(gpus) or where.n_processes
        device, threads = "cuda" if gpus else source.device, str(n_threads(n_workers))
        running: dict[str, Started] = {}

        def start() -> Started:
            """Another process; it gets the GPU of one that has ended."""
            gpu = next((one for one in gpus if one not in running or not running[one].process.is_alive()), "")
            running[gpu] = start_process(on_folder, (str(store.folder), device, threads, gpu))
            return running[gpu]

        yield from iter_processes(store, start, n_workers=n_workers, seconds_of=seconds_of, should_stop=should_stop)


def iter_search(
    request: FitRequest, run: Callable[[CellStore[Any, Any]], Iterator[RunProgress]]
) -> Iterator[SearchProgress]:
    """Have each layer of a search fitted by whoever takes it, then keep the best; the last record has the choice."""
    store, n_layers = begin_search(request), len(request.layers)
    for record in run(store):
        number = min(int(record.done) + 1, n_layers)
        fit = record.part
        if not isinstance(fit, FitProgress):
            fit = FitProgress(record.done, record.total, record.seconds_left, stage="layers", what=record.what)
        at = number - 1 if record.cell is None else record.cell.number
        yield SearchProgress(request.layers[at], number, n_layers, fit)
    choice = finish_search(store, request.options.places.encoders)
    done = FitProgress(n_layers, n_layers, 0.0, stage="done")
    yield SearchProgress(request.layers[-1], n_layers, n_layers, done, choice)


def iter_set(
    source: Source,
    recipes: Sequence[Recipe],
    config: SetConfig,
    folder: Path,
    *,
    store: ProbeStore,
    where: Where,
    run: Callable[..., Iterator[RunProgress]],
    should_stop: ShouldStop = never_stop,
) -> Iterator[SetProgress]:
    """As `core.stimuli.make.iter_make`; `run` has the probes made by whoever takes them."""
    check_set(recipes, config, folder)
    begun = begin_set(recipes, store, None if where.is_elsewhere else describe_circumstances(source.device))
    for one in run(begun, where=where, should_stop=should_stop):
        yield Progress(one.share * one.total, one.total, one.seconds_left, stage="probe", what=one.what)
    yield from iter_made(source, recipes, config, folder, store=store, should_stop=should_stop)
    shutil.rmtree(begun.folder, ignore_errors=True)
