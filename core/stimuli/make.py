"""Makes the probes of a set, those that are missing, then writes it; a cancelled making resumes where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path

from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.errors import BadInputError, ProbeError
from core.files import check_free
from core.images.stimulus import Stimulus
from core.networks.catalog import find_network
from core.probes.probe import Probe, ProbeConfig
from core.probes.source import Source
from core.progress import Progress, ShouldStop, Stopwatch, check_stop, never_stop
from core.stimuli.config import SetConfig
from core.stimuli.controls import ControlKind
from core.stimuli.recipe import Item, Recipe, RecipientEncoder, find_licence
from core.stimuli.store import ProbeStore
from core.stimuli.write import SetProgress, describe_circumstances, iter_write
from core.types import FloatArray

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
    check_set(recipes, config, folder)
    yield from iter_probes(source, recipes, store=store, find=find, should_stop=should_stop)
    yield from iter_made(source, recipes, config, folder, store=store, should_stop=should_stop)


def check_set(recipes: Sequence[Recipe], config: SetConfig, folder: Path) -> None:
    """Raise BadInputError unless the folder is free and the layout suits every recipe, before anything is made."""
    check_free(Path(folder).expanduser())
    for recipe in recipes:
        config.layout.sizes(recipe.config.side)


def iter_made(
    source: Source,
    recipes: Sequence[Recipe],
    config: SetConfig,
    folder: Path,
    *,
    store: ProbeStore,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SetProgress]:
    """Write a set whose probes are all in the store. Raises as `iter_make`."""
    load = partial(load_item, source, recipes, config, store)
    yield from iter_write(recipes, load, config, folder, should_stop=should_stop)


def iter_probes(
    source: Source,
    recipes: Sequence[Recipe],
    *,
    store: ProbeStore,
    find: FindStimulus | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SetProgress]:
    """Make and keep every probe that the store lacks."""
    circumstances = describe_circumstances(source.device)
    lacks = [one for one in dict.fromkeys(recipes) if store.load(one, circumstances=circumstances) is None]
    weights = [len(one.config.ladder) * one.config.attack.n_restarts * one.config.attack.steps_taken for one in lacks]
    watch, weighed, total = Stopwatch(sum(weights)), 0, len(set(recipes))
    for number, (recipe, weight) in enumerate(zip(lacks, weights, strict=True), start=total - len(lacks)):
        for done, probe in _iter_probe(source, recipe, find or find_source, should_stop):
            left = watch.seconds_left(weighed + int(done * weight))
            yield Progress(number + done, total, left, stage="probe", what=recipe.describe())
            if probe is not None:
                store.save(recipe, probe)
        weighed += weight


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
        is_other = other.image_sha256 != mine.image_sha256 and other.origin is None
        return is_other and same_norm and len(sides) == 1

    def rank(index: int) -> tuple[int, int]:
        one, two = mine.config, recipes[index].config
        parts = attrgetter("network", "layer", "target", "direction", "level", "against")
        same = parts(one) == parts(two)
        return int(not same), (index - number) % len(recipes)

    return min((index for index, other in enumerate(recipes) if fits(other)), key=rank, default=None)


def open_item(
    source: Source,
    recipe: Recipe,
    probe: Probe,
    *,
    transfer: Iterable[tuple[str, str]] = (),
    donor: FloatArray | None = None,
) -> Item:
    """A finished probe with the encoders that score its files.

    Recipients are the second encoder of a controversial probe, which sees the files as the attack let it, and those of
    `transfer`, networks and layers, each at its own input size; one that lacks the target's voxels is left out.
    """
    asked, against = recipe.config, recipe.config.against
    own, second = (asked.network, asked.layer), () if against is None else ((against.network, against.layer),)
    cards = [source.open_encoder(asked.subject, *name).card for name in (own, *second)]
    recipients = {}
    for name in dict.fromkeys((*second, *transfer)):
        side = asked.side if name in second else find_network(name[0]).input_size
        if name != own and (found := _open_recipient(source, asked, name, side)) is not None:
            recipients[" ".join(name)] = found
    return Item(
        recipe,
        probe,
        partial(source.rescore, asked.subject, *own, side=asked.side),
        recipients,
        cards[0],
        cards[1] if second else None,
        donor,
        licence="made from scratch" if recipe.origin and recipe.origin.synthesis else find_licence(recipe.image),
        space=load_subject(asked.subject).surface,
    )


def _open_recipient(source: Source, asked: ProbeConfig, name: tuple[str, str], side: int) -> RecipientEncoder | None:
    try:
        encoder = source.open_encoder(asked.subject, *name)
    except ProbeError:
        return None  # encoders of several subjects in one set: this one has none on that network
    if max(asked.target.voxels) >= encoder.n_voxels:
        return None
    direction = asked.target.vector(encoder.n_voxels)
    scale = encoder.target_sd(direction), side, encoder.target_mean(direction)
    return RecipientEncoder(partial(source.rescore, asked.subject, *name, side=side), *scale)


def load_item(source: Source, recipes: Sequence[Recipe], config: SetConfig, store: ProbeStore, number: int) -> Item:
    """An item of a set from the probes kept in a store. Raises BadInputError if its probe was not made."""

    def load(index: int) -> Probe:
        if (probe := store.load(recipes[index])) is None:
            what = recipes[index].describe()
            raise BadInputError(f"The probe {what} was not made yet, or its file was lost. Make it again.")
        return probe

    donor = None
    if ControlKind.OTHER_IMAGE in config.controls and (index := find_donor(recipes, number)) is not None:
        other = load(index)
        donor = other.perturbed_pixels - other.clean_pixels
    return open_item(source, recipes[number], load(number), transfer=config.transfer, donor=donor)


def _iter_probe(
    source: Source, recipe: Recipe, find: FindStimulus, should_stop: ShouldStop
) -> Iterator[tuple[float, Probe | None]]:
    """Run one probe; yields the share done and, last, the probe."""
    from core.probes.levels import iter_wanted
    from core.probes.reproduce import check_same_encoders
    from core.stimuli.as_is import synthesise_again

    asked = recipe.config
    encoder, *others = source.open_probed(asked)
    hashes = (recipe.network_sha256, recipe.encoder_sha256, *recipe.ensemble_sha256)
    check_same_encoders(encoder, others, hashes, config=asked)
    try:
        found = find(recipe, encoder.network.input_size)
    except ProbeError:
        made = yield from synthesise_again(encoder, recipe, should_stop)
        if made is None or made.sha256 != recipe.image_sha256:
            raise
        found = made
    stimulus = Stimulus(recipe.image_id, found.pixels, found.sha256)
    for record in iter_wanted(encoder, stimulus, asked, should_stop=should_stop, others=tuple(others)):
        check_stop(should_stop)
        yield 1.0 if record.result or recipe.origin else record.step / max(record.n_steps, 1), record.result
