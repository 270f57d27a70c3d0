"""The probes of a set in pieces: each is made by whoever takes it, into the store of finished probes.

They are claimed there, so that several sets never make the same probe twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.containers import Arrays
from core.errors import StorageError
from core.headers import HeaderKind
from core.networks.manage import hash_networks
from core.paths import cache_folder
from core.probes.source import Source
from core.progress import Progress, ShouldStop
from core.stimuli.make import iter_probes
from core.stimuli.recipe import Recipe
from core.stimuli.store import ProbeStore
from core.sweeps.cells import CLAIMS_NAME, CellStore, begin_named
from core.sweeps.plan import SECONDS_PER_STEP
from core.sweeps.work import LoneCell, Made, Runner, Work


@dataclass(frozen=True, slots=True)
class Wanted:
    """The probes of a set, and the folder of the store they go into."""

    recipes: tuple[Recipe, ...]
    store: str


SET = Work(
    name="set of stimuli",
    file="set.json",
    kind=HeaderKind("the probes of a set", "Make the set again.", "probescope-probes", (2,), error=StorageError),
    config=Wanted,
    list_cells=lambda wanted: tuple(
        LoneCell(number, recipe.digest, recipe.describe(), recipe.config.network)
        for number, recipe in enumerate(wanted.recipes)
    ),
    made_by="`main.py stimuli make` makes",
    computed_by=f"{__name__}:SET_RUNNER",
    claim_at=lambda wanted: Path(wanted.store) / CLAIMS_NAME,
)
SetStore = CellStore[Wanted, LoneCell]


def begin_set(recipes: Sequence[Recipe], own: ProbeStore, circumstances: dict[str, str] | None = None) -> SetStore:
    """Begin the probes of a set in the cache, or go on there; what the store holds is done.

    `circumstances`: versions and device that a probe must have been made with; None takes any.
    """
    wanted = Wanted(tuple(dict.fromkeys(recipes)), str(own.folder.absolute()))
    store = begin_named(SET, wanted, cache_folder() / "sets")
    for cell in store.cells():
        recipe, is_done = wanted.recipes[cell.number], store.is_done(cell)
        probe = own.load(recipe, circumstances=None if is_done else circumstances)
        if probe is None and is_done:  # its file was lost
            store.forget(cell.key)
        elif probe is not None and not is_done:
            store.save(cell, {}, Made("", probe.device, dict(probe.versions)))
    return store


def note_facts(wanted: Wanted) -> dict[str, Any]:
    """Hashes of the networks here. Raises WeightsError if one is missing."""
    return {"network_sha256": hash_networks(one.config.network for one in wanted.recipes)}


def _prepare(source: Source, store: SetStore, should_stop: ShouldStop) -> Callable[[LoneCell], Any]:
    own = ProbeStore(Path(store.config.store))

    def compute(cell: LoneCell) -> Generator[Progress[Any], None, Arrays]:
        yield from iter_probes(source, [store.config.recipes[cell.number]], store=own, should_stop=should_stop)
        return {}

    return compute


def _weigh(wanted: Wanted, cell: LoneCell, step_seconds: Any) -> float:
    config = wanted.recipes[cell.number].config
    n_steps = len(config.ladder) * config.attack.n_restarts * config.attack.steps_taken
    return n_steps * float(step_seconds.get((config.network, config.layer), SECONDS_PER_STEP))


SET_RUNNER = Runner(
    note_facts,
    _prepare,
    _weigh,
    lambda wanted: tuple(dict.fromkeys((one.config.network, one.config.layer) for one in wanted.recipes)),
)
