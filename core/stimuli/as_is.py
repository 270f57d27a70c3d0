"""Items of a set that are shown as they are: a target's best and worst natural images, and images from scratch."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.attacks.config import AttackConfig, AttackMethod
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.encoders.card import EncoderCard
from core.files import is_there, new_folder, replace_file
from core.headers import HeaderKind, plain, read_header, structure, unstructure, write_json
from core.images.stimulus import Stimulus, hash_levels, make_stimulus
from core.networks.catalog import find_network
from core.paths import data_folder
from core.probes.choice import TargetOptions
from core.probes.probe import ProbeConfig
from core.probes.synthesis_config import ImagesConfig
from core.probes.target import Target
from core.progress import ShouldStop
from core.stimuli.images import write_levels
from core.stimuli.recipe import Origin, Recipe, name_source
from core.sweeps.choose import choose_images
from core.types import Direction

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.probes.natural import NaturalImages
    from core.probes.synthesis import Synthesis

UNCHANGED = AttackConfig(epsilon=0.0, method=AttackMethod.SQUARE, n_queries=1)
"""A probe of budget 0, which needs no gradient."""
ITEMS = HeaderKind("a file of items", "`main.py rank --items FILE` writes one, `synthesise` its synthesis.json.")


def list_library(config: ImagesConfig) -> tuple[str, ...]:
    """The images that are ranked. Raises BadInputError if there are none."""
    from core.probes.natural import list_seen

    subject = load_subject(config.subject)
    return choose_images(subject, config.images, seed=config.seed) if config.images else list_seen(subject)


def list_natural(
    card: EncoderCard, target: Target, found: NaturalImages, rows: Iterable[int]
) -> Iterator[tuple[Recipe, Stimulus]]:
    """Items of ranked images, by their rows in `found`, and what they show. Raises ProbeError if an image has gone."""
    ranks = {row: rank for rank, row in enumerate(found.order(), start=1)}
    for row in rows:
        stimulus = find_stimulus(found.images[row], find_network(card.config.network).input_size)
        origin = Origin(ranks[row], len(ranks))
        yield _make(card, target, Direction.RAISE, found.images[row], stimulus, origin), stimulus


def list_synthesised(card: EncoderCard, made: Synthesis, files: Sequence[Path]) -> Iterator[Recipe]:
    """The items of images from scratch, which `files` hold."""
    for rank, (file, levels) in enumerate(zip(files, made.levels, strict=True), start=1):
        origin = Origin(rank, len(files), synthesis=made.config)
        yield _make(card, made.target, made.direction, str(file), make_stimulus(file.stem, levels), origin)


def keep_synthesised(made: Synthesis) -> list[Path]:
    """Write the images where the program keeps its own data, named by their pixels; returns their files, best first."""
    names = [f"synthesised-{hash_levels(levels)[:8]}.png" for levels in made.levels]
    files = [data_folder() / "stimuli" / "synthesised" / name for name in names]
    for file, levels in zip(files, made.levels, strict=True):
        replace_file(file, partial(write_levels, levels=levels))
    return files


def synthesise_again(
    encoder: Encoder, recipe: Recipe, should_stop: ShouldStop
) -> Generator[tuple[float, None], None, Stimulus | None]:
    """Make the image from scratch of a recipe anew, telling the share done; returns None for any other image."""
    from core.probes.synthesis import iter_synthesis

    asked, origin = recipe.config, recipe.origin
    if origin is None or origin.synthesis is None:
        return None
    made = None
    for step in iter_synthesis(encoder, asked.target, asked.direction, origin.synthesis, should_stop=should_stop):
        made = step.result
        yield step.share, None
    return None if made is None else make_stimulus(recipe.image_id, made.levels[origin.rank - 1])


def read_items(path: Path) -> tuple[Recipe, ...]:
    """The items of a file; an image whose file has gone is looked for beside it, as in a folder that was moved.

    Raises BadInputError if it is none, StorageError if it cannot be read.
    """
    items = structure(read_header(path, ITEMS).get("items"), tuple[Recipe, ...], ITEMS, where=path, part="items")
    beside = [path.absolute().parent / Path(one.image).name for one in items]
    return tuple(
        replace(one, image=str(near)) if near.is_file() and not is_there(Path(one.image)) else one
        for one, near in zip(items, beside, strict=True)
    )


def name_target(card: EncoderCard, target: Target, unit: str) -> dict[str, Any]:
    """Target, encoder and unit, as plain values."""
    fitted = card.config
    return {"target": target.label, "encoder": f"{fitted.subject}/{fitted.network}:{fitted.layer}", "unit": unit}


def sum_up(card: EncoderCard, made: Synthesis, natural: NaturalImages) -> dict[str, Any]:
    """What was made, and how it compares with the best natural image, as plain values."""
    best, beats = int(np.argmax(made.direction.sign * natural.predicted)), made.beats(natural.predicted)
    return name_target(card, made.target, made.unit) | {
        "direction": str(made.direction),
        "config": unstructure(made.config),
        "images": [
            {"file": f"synthesised_{number}.png", "response": one, "response_sd": in_sds, "super_stimulus": passes}
            for number, one, in_sds, passes in zip(
                count(1), made.responses.tolist(), made.responses_sd.tolist(), beats, strict=False
            )
        ],
        "spread": float(np.ptp(made.responses)),
        "spread_sd": float(np.ptp(made.responses) / made.sd),
        "natural": {
            "n_images": len(natural.images),
            "best": natural.images[best],
            "response": float(natural.predicted[best]),
            "response_sd": float(natural.predicted_sd[best]),
        },
    }


def write_synthesis(folder: Path, card: EncoderCard, made: Synthesis, natural: NaturalImages) -> str:
    """Write the images and synthesis.json, which `read_items` reads, into a new folder; returns a line that says so."""
    from core.probes.respond import describe_versions

    summary = sum_up(card, made, natural)
    files = [folder.expanduser().absolute() / image["file"] for image in summary["images"]]
    summary |= {"encoder_sha256": made.sha256, "network_sha256": card.network_sha256, "versions": describe_versions()}
    summary |= {"trace": made.trace.tolist(), "items": [one.packed for one in list_synthesised(card, made, files)]}
    with new_folder(folder) as place:
        for file, levels in zip(files, made.levels, strict=True):
            write_levels(place / file.name, levels)
        write_json(place / "synthesis.json", plain(summary))
    return f"Saved {len(files)} images to {folder}"


def _make(card: EncoderCard, target: Target, way: Direction, image: str, stimulus: Stimulus, origin: Origin) -> Recipe:
    names, objective = attrgetter("subject", "network", "layer")(card.config), TargetOptions().objective(target)
    config = ProbeConfig(*names, target, way, UNCHANGED, objective=objective)
    hashes = stimulus.sha256, card.network_sha256, card.sha256
    return Recipe(config, name_source(image), stimulus.id, *hashes, origin=origin)
