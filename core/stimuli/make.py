"""Makes the probes of a set, those that are missing, then writes it; a cancelled making resumes where it stopped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from core.claims import POLL_SECONDS
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.errors import BadInputError, ProbeError
from core.files import check_free
from core.images.stimulus import Stimulus
from core.networks.catalog import find_network
from core.probes.probe import Probe
from core.progress import Progress, ShouldStop, Stopwatch, check_stop, never_stop
from core.stimuli.config import SetConfig
from core.stimuli.controls import ControlKind
from core.stimuli.recipe import Item, Recipe, RecipientEncoder, find_licence
from core.stimuli.store import ProbeStore
from core.stimuli.write import SetProgress, describe_circumstances, iter_write
from core.types import FloatArray

if TYPE_CHECKING:
    from core.encoders.card import EncoderCard
    from core.probes.probe import ProbeConfig
    from core.probes.source import Source

FindStimulus = Callable[[Recipe, int], Stimulus]
"""The image of a recipe at a size."""


def iter_make(
    source: Source,
    recipes: Sequence[Recipe],
    config: SetConfig,
    folder: Path,
    *,
    store: ProbeStore,
    find: FindStimulus | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SetProgress]:
    """Make what is missing and write the set; the last record holds it.

    Parameters
    ----------
    folder : A new or an empty folder.
    store : Where finished probes are kept; nothing of it is lost when the making is cancelled.
    find : Finds the images; by default by their keys.

    Raises BadInputError if the folder is not free, or an image, a network or an encoder is not the one of its recipe;
    StorageError if a probe or the set cannot be written; Cancelled as soon as `should_stop()` is true.
    """
    check_free(Path(folder).expanduser())
    for recipe in recipes:
        config.layout.sizes(recipe.config.side)
    yield from iter_probes(source, recipes, store=store, find=find, should_stop=should_stop)
    loader = Loader(source, recipes, config, store)
    yield from iter_write(recipes, loader.load, config, folder, should_stop=should_stop)


def iter_probes(
    source: Source,
    recipes: Sequence[Recipe],
    *,
    store: ProbeStore,
    find: FindStimulus | None = None,
    should_stop: ShouldStop = never_stop,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[SetProgress]:
    """Make and keep every probe that the store lacks; one that another process is at is left to it, and waited for."""
    circumstances, claims = describe_circumstances(source.device), store.claims()
    lacks = [one for one in dict.fromkeys(recipes) if store.load(one, circumstances=circumstances) is None]
    n_resumed, n_lacking = len(set(recipes)) - len(lacks), len(lacks)
    weights = [len(one.config.ladder) * one.config.attack.n_restarts * one.config.attack.steps_taken for one in lacks]
    watch, weighed, watched = Stopwatch(sum(weights)), 0, claims.watch(should_stop)
    todo, n_busy = deque(zip(lacks, weights, strict=True)), 0
    while todo:
        recipe, weight = todo.popleft()
        total, number = n_lacking + n_resumed, n_resumed + n_lacking - len(todo) - 1
        with claims.hold(recipe.digest) as claim:
            if claim is None:
                todo.append((recipe, weight))
                n_busy += 1
            elif store.load(recipe, circumstances=circumstances) is not None:
                weighed += weight
            else:
                for done, probe in _iter_probe(source, recipe, find or find_source, watched):
                    left = watch.seconds_left(weighed + int(done * weight))
                    yield Progress(
                        number + done, total, left, stage="probe", what=recipe.describe(), n_resumed=n_resumed
                    )
                    if probe is not None:
                        store.save(recipe, probe)
                weighed, n_busy = weighed + weight, 0
        if n_busy > len(todo):
            check_stop(should_stop)
            yield Progress(number, total, stage="probe", what="waiting for another process", n_resumed=n_resumed)
            pause(POLL_SECONDS)
            n_busy = 0
    claims.clear({one.digest for one in recipes})


def find_source(recipe: Recipe, side: int) -> Stimulus:
    """The image of a recipe by its key. Raises BadInputError if it is gone or another one."""
    stimulus = find_stimulus(recipe.image, size=side)
    if stimulus.sha256 != recipe.image_sha256:
        raise BadInputError(
            f"{recipe.image} is another picture now than the one that was probed (its pixels have the hash "
            f"{stimulus.sha256[:12]}, not {recipe.image_sha256[:12]}). Bring the old one back."
        )
    return stimulus


def find_donor(recipes: Sequence[Recipe], number: int) -> int | None:
    """The item whose perturbation is the control "other image": another image, same norm and size, else alike."""
    mine = recipes[number]

    def fits(other: Recipe) -> bool:
        same_norm = other.config.attack.norm is mine.config.attack.norm
        sides = {one.config.side for one in (mine, other)}
        return other.image_sha256 != mine.image_sha256 and same_norm and len(sides) == 1

    def rank(index: int) -> tuple[int, int]:
        one, two = mine.config, recipes[index].config
        parts = attrgetter("network", "layer", "target", "direction", "level", "against")
        same = parts(one) == parts(two)
        return int(not same), (index - number) % len(recipes)

    return min((index for index, other in enumerate(recipes) if fits(other)), key=rank, default=None)


class Loader:
    """Gives the items of a set one by one, from the probes kept in a store."""

    def __init__(self, source: Source, recipes: Sequence[Recipe], config: SetConfig, store: ProbeStore) -> None:
        self._source, self._recipes, self._config, self._store = source, recipes, config, store
        self._scale = lru_cache(maxsize=None)(self._find_scale)

    def load(self, number: int) -> Item:
        """The item of a number. Raises BadInputError if its probe was not made."""
        recipe = self._recipes[number]
        asked = recipe.config
        encoder = self._source.open_encoder(asked.subject, asked.network, asked.layer)
        return Item(
            recipe,
            self._probe(recipe),
            self._rescore(asked.subject, asked.network, asked.layer, asked.side),
            recipients=self._recipients(recipe),
            card=encoder.card,
            second_card=self._second_card(asked),
            donor=self._donor(number),
            licence=find_licence(recipe.image),
            space=load_subject(asked.subject).surface,
        )

    def _probe(self, recipe: Recipe) -> Probe:
        probe = self._store.load(recipe)
        if probe is None:
            raise BadInputError(f"The probe {recipe.describe()} was not made yet, or its file was lost. Make it again.")
        return probe

    def _donor(self, number: int) -> FloatArray | None:
        if ControlKind.OTHER_IMAGE not in self._config.controls:
            return None
        index = find_donor(self._recipes, number)
        if index is None:
            return None
        probe = self._probe(self._recipes[index])
        return probe.perturbed_pixels - probe.clean_pixels

    def _second_card(self, asked: ProbeConfig) -> EncoderCard | None:
        second = asked.against
        return None if second is None else self._source.open_encoder(asked.subject, second.network, second.layer).card

    def _recipients(self, recipe: Recipe) -> dict[str, RecipientEncoder]:
        """Further encoders; the second one of a controversial probe sees the files as the attack let it."""
        asked = recipe.config
        second = None if asked.against is None else (asked.against.network, asked.against.layer)
        found = {}
        for name in dict.fromkeys([*([second] if second else []), *self._config.transfer]):
            scale = self._scale(asked.subject, *name, recipe)
            if name == (asked.network, asked.layer) or scale is None:
                continue
            side = asked.side if name == second else find_network(name[0]).input_size
            rescore = self._rescore(asked.subject, *name, side)
            found[" ".join(name)] = RecipientEncoder(rescore, scale[0], side, scale[1])
        return found

    def _find_scale(self, subject: str, network: str, layer: str, recipe: Recipe) -> tuple[float, float] | None:
        """SD and mean of the target in another encoder; None where that has no such voxel or encoder."""
        try:
            encoder = self._source.open_encoder(subject, network, layer)
        except ProbeError:
            return None  # encoders of several subjects in one set: this one has none on that network
        target = recipe.config.target
        if max(target.voxels) >= encoder.n_voxels:
            return None
        direction = target.vector(encoder.n_voxels)
        return encoder.target_sd(direction), encoder.target_mean(direction)

    def _rescore(self, subject: str, network: str, layer: str, side: int) -> Callable[[FloatArray], FloatArray]:
        from core.probes.respond import respond

        return partial(respond, self._source.open_encoder(subject, network, layer, side=side))


def _iter_probe(
    source: Source, recipe: Recipe, find: FindStimulus, should_stop: ShouldStop
) -> Iterator[tuple[float, Probe | None]]:
    """Run one probe; yields the share done and, last, the probe."""
    from core.probes.levels import iter_wanted
    from core.probes.reproduce import check_same_encoders

    asked = recipe.config
    encoder, *others = source.open_probed(asked)
    hashes = (recipe.network_sha256, recipe.encoder_sha256, *recipe.ensemble_sha256)
    check_same_encoders(encoder, others, hashes, config=asked)
    found = find(recipe, encoder.network.input_size)
    stimulus = Stimulus(recipe.image_id, found.pixels, found.sha256)
    for record in iter_wanted(encoder, stimulus, asked, should_stop=should_stop, others=tuple(others)):
        check_stop(should_stop)
        yield record.step / max(record.n_steps, 1) if record.result is None else 1.0, record.result
