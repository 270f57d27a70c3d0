"""What a preview shows of the items of a set: thumbnails, budget, shifts, warnings.

Responses are those of the pixels rounded to 8 bits at the network's input size; the written files are scored again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.images.stimulus import from_uint8, hash_levels, to_uint8
from core.probes.budget import BudgetReading, read_probe_budget
from core.probes.source import Source
from core.progress import Progress, ShouldStop, check_stop, never_stop
from core.stimuli.config import SetConfig
from core.stimuli.controls import ControlKind, make_control
from core.stimuli.describe import evaluate_item, list_controls, score, score_recipients
from core.stimuli.layout import Layout
from core.stimuli.levels import LevelReading, in_levels, read_level
from core.stimuli.make import find_donor, iter_probes, load_item
from core.stimuli.manifest import StimulusSet
from core.stimuli.probe_warnings import ProbeWarning, evaluate_level
from core.stimuli.recipe import Item, Recipe
from core.stimuli.store import ProbeStore
from core.types import ByteArray

THUMBNAIL = 96
"""Side of a thumbnail in pixels; hundreds of items are held in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemPreview:
    """One item, as a preview shows it.

    `pictures` maps roles to thumbnails (THUMBNAIL, THUMBNAIL, 3) uint8, the original first; `shift` is in `unit`,
    `shift_sd` in SDs (NaN where not known); of an image that is shown as it is (`is_response`) the response itself, in
    SDs from its mean over the clean reference images; `control_shift` is the largest of its controls; `transfer` maps
    "NETWORK LAYER" to the target's shift there in that encoder's SDs; `fingerprint` is equal for equal pixels; `key`
    is what the preview depends on; `level` is what became of the level of a level set.
    """

    key: str
    digest: str
    pictures: Mapping[str, ByteArray]
    budget: BudgetReading
    unit: str
    shift: float
    shift_sd: float
    control_shift: float
    transfer: Mapping[str, float]
    warnings: tuple[ProbeWarning, ...]
    fingerprint: str
    level: LevelReading | None = None
    is_response: bool = False


@dataclass(frozen=True, eq=False)
class PreviewProgress(Progress[StimulusSet]):
    """How far the previews are, with all that are finished; `stage` is "probe" or "preview"."""

    previews: tuple[ItemPreview, ...] = ()


def iter_previews(
    source: Source,
    recipes: Sequence[Recipe],
    config: SetConfig,
    *,
    store: ProbeStore,
    known: Mapping[str, ItemPreview] | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[PreviewProgress]:
    """Make the probes that are missing, then a preview of every item; the last record holds all previews.

    What is in `known`, earlier previews by their keys, is not made again.

    Raises BadInputError if an image, a network or an encoder is not the one of its recipe; Cancelled as soon as
    `should_stop()` is true, and finished probes stay in the store.
    """
    keys = [preview_key(recipes, number, config) for number in range(len(recipes))]
    earlier = {key: known[key] for key in keys if key in known} if known else {}
    todo = [recipe for key, recipe in zip(keys, recipes, strict=True) if key not in earlier]
    for record in iter_probes(source, todo, store=store, should_stop=should_stop):
        yield PreviewProgress(record.done, record.total, record.seconds_left, stage="probe", what=record.what)
    previews = list(earlier.values())
    for number, recipe in enumerate(recipes):
        check_stop(should_stop)
        if keys[number] not in earlier:
            item = load_item(source, recipes, config, store, number)
            previews.append(preview_item(item, config, key=keys[number]))
        yield PreviewProgress(
            number + 1, len(recipes), stage="preview", what=recipe.describe(), previews=tuple(previews)
        )
    if not recipes:
        yield PreviewProgress(0, 0, 0.0, stage="preview")


def preview_key(recipes: Sequence[Recipe], number: int, config: SetConfig) -> str:
    """What the preview of an item depends on, as one text."""
    wants_donor = ControlKind.OTHER_IMAGE in config.controls
    index = find_donor(recipes, number) if wants_donor else None
    donor = recipes[index].digest if index is not None else ""
    return json.dumps([recipes[number].digest, donor, config.controls, config.transfer, config.gate])


def preview_item(item: Item, config: SetConfig, *, key: str = "") -> ItemPreview:
    """Everything a preview shows of one item."""
    probe = item.probe
    kinds = list_controls(item, config)
    controls = {kind.role: make_control(kind, probe, donor=item.donor) for kind in kinds}
    levels = {role: to_uint8(one) for role, one in (item.images | controls).items()}
    values = score(probe, [from_uint8(one) for one in levels.values()], item.rescore)
    is_response, at, sd = item.recipe.origin is not None, len(item.images) - 1, probe.target_sd
    saved = in_levels(float(values[at]), mean=probe.target_mean, sd=sd)
    shifts = values if is_response else values - values[0]
    made = {name: rows[at] for name, rows in score_recipients(item, list(levels.values()), Layout()).items()}
    elsewhere = {name: one.level if is_response else one.shift_sd for name, one in made.items()}
    in_sds = saved if is_response or not sd > 0 else float(shifts[at] / sd)
    return ItemPreview(
        key,
        item.recipe.digest,
        {role: shrink(one) for role, one in levels.items()},
        read_probe_budget(probe),
        probe.response_unit,
        float(shifts[at]),
        float("nan") if in_sds is None else in_sds,
        float(np.abs(shifts[at + 1 :]).max(initial=0.0)),
        {name: np.nan if shift is None else shift for name, shift in elsewhere.items()},
        (*evaluate_item(item, config), *evaluate_level(probe, saved)),
        hash_levels(list(levels.values())[at]),
        read_level(probe, saved=saved),
        is_response,
    )


def shrink(levels: ByteArray) -> ByteArray:
    """A thumbnail of grey levels (height, width, 3) uint8."""
    small = Image.fromarray(levels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.uint8)
