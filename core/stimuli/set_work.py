"""The probes of a set in pieces: each is made by whoever takes it, and brought into the own store at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.containers import Arrays
from core.errors import StorageError
from core.headers import HeaderKind, hash_table
from core.networks.manage import hash_networks
from core.paths import cache_folder
from core.progress import ShouldStop
from core.stimuli.make import iter_probes
from core.stimuli.recipe import Recipe
from core.stimuli.store import ProbeStore
from core.sweeps.cells import CellStore, LoneCell, LoneFacts, Runner, Work, open_store
from core.sweeps.plan import SECONDS_PER_STEP

if TYPE_CHECKING:
    from core.probes.source import Source

PROBES = "probes"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The probes of a set."""

    recipes: tuple[Recipe, ...]


SET = Work(
    name="set of stimuli",
    file="set.json",
    kind=HeaderKind("the probes of a set", "Make the set again.", "probescope-probes", (1,), error=StorageError),
    config=Wanted,
    facts=LoneFacts,
    list_cells=lambda wanted: tuple(
        LoneCell(number, recipe.digest, recipe.describe(), recipe.config.network)
        for number, recipe in enumerate(wanted.recipes)
    ),
    made_by="`main.py stimuli make` makes",
)
SetStore = CellStore[Wanted, LoneCell]


def begin_set(recipes: Sequence[Recipe], own: ProbeStore) -> SetStore:
    """Begin the probes that the own store lacks in a folder of the cache named by them, or go on there."""
    lacks = tuple(one for one in dict.fromkeys(recipes) if own.load(one) is None)
    wanted = Wanted(lacks)
    name = hash_table({"recipes": sorted(one.digest for one in lacks)}, "")[:12]
    return open_store(SET, cache_folder() / "sets" / name, wanted, note_facts(wanted), resume=True)


def note_facts(wanted: Wanted) -> dict[str, Any]:
    """Hashes of the networks here. Raises WeightsError if one is missing."""
    return {"network_sha256": hash_networks(one.config.network for one in wanted.recipes)}


def finish_set(store: SetStore, own: ProbeStore) -> None:
    """Bring the probes that were made into the own store."""
    made = ProbeStore(store.folder / PROBES)
    for recipe in store.config.recipes:
        if (probe := made.load(recipe)) is not None:
            own.save(recipe, probe)


def _prepare(source: Source, store: SetStore, should_stop: ShouldStop) -> Any:
    probes = ProbeStore(store.folder / PROBES)

    def compute(cell: LoneCell) -> Arrays:
        for _ in iter_probes(source, [store.config.recipes[cell.number]], store=probes, should_stop=should_stop):
            pass
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
