"""Writes a set of stimuli, item by item, as a generator of progress. Never attacks and never leaves half a set.

The folder appears when everything in it is whole: files, table, README, manifest. Stopping leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.datasets.subject import list_subjects
from core.files import hash_file, new_folder
from core.headers import unstructure
from core.progress import Progress, ShouldStop, Stopwatch, check_stop, never_stop, run_to_end
from core.stimuli.config import SetConfig
from core.stimuli.controls import MEANINGS
from core.stimuli.describe import Match, write_item
from core.stimuli.layout import Layout, Matching
from core.stimuli.level_strip import read_set_levels
from core.stimuli.levels import describe_readings
from core.stimuli.manifest import (
    MANIFEST,
    README,
    STIMULI,
    TABLE,
    ManifestRow,
    StimulusSet,
    read_manifest,
    write_csv,
    write_manifest,
)
from core.stimuli.matching import find_match, measure_light
from core.stimuli.names import name_pair, name_pairs
from core.stimuli.probe_warnings import ProbeWarning, WarningCode, find_duplicates, warn
from core.stimuli.recipe import ORIGINAL, Item, Recipe
from core.templates import fill_template
from core.types import FloatArray

SetProgress = Progress[StimulusSet]
"""`stage` is "probe", "write" or "done", of which alone `done`, `total` and `seconds_left` tell."""
Load = Callable[[int], Item]
"""The item of a number, loaded when it is needed: a large set does not fit into memory."""


def iter_write(
    recipes: Sequence[Recipe],
    load: Load,
    config: SetConfig,
    folder: Path,
    *,
    add: Callable[[Path], object] | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SetProgress]:
    """Write a set.

    Parameters
    ----------
    recipes : One an item, in the order in which they stand in the set.
    load : Gives the item of each.
    folder : A new or an empty folder.
    add : Writes further files into the folder before it is complete; they are no part of the set.

    Raises BadInputError if the folder holds something, a layout does not fit, or a picture cannot be matched;
    StorageError if the folder cannot be written, and nothing half-written stays; Cancelled as soon as `should_stop()`
    is true.
    """
    names = name_pairs([one.config for one in recipes], [one.image_id for one in recipes])
    duplicates = {
        number: warn(WarningCode.DUPLICATE, other=names[first])
        for number, first in find_duplicates([recipe.digest for recipe in recipes]).items()
    }
    watch = Stopwatch(len(recipes))
    with new_folder(folder) as partial:
        (partial / STIMULI).mkdir()
        config, matches = _match(len(recipes), load, config)
        rows: list[ManifestRow] = []
        entries: list[dict[str, Any]] = []
        for number, name in enumerate(names):
            yield Progress(number, len(names), watch.seconds_left(number), stage="write", what=name)
            check_stop(should_stop)
            item = load(number)
            warnings: tuple[ProbeWarning, ...] = (duplicates[number],) if number in duplicates else ()
            rows += write_item(item, partial, pair_id=name, config=config, match=matches[number], warnings=warnings)
            circumstances = item.probe.versions | {"device": item.probe.device}
            entries.append({"pair_id": name} | item.recipe.packed | {"made_with": circumstances})
        if add is not None:
            add(partial)
        _finish(partial, tuple(rows), config, entries=entries, device=item.probe.device)
    yield Progress(len(names), len(names), 0.0, read_manifest(folder), stage="done")


def describe_circumstances(device: str) -> dict[str, str]:
    """What the numbers of a probe or a set depend on beside its recipe: versions, threads, device."""
    from core.probes.respond import describe_versions

    return describe_versions() | {"device": device}


def _match(n_items: int, load: Load, config: SetConfig) -> tuple[SetConfig, list[Match]]:
    """Gain and offset of every item, and the config with the goals that were reached."""
    layout = config.layout
    if layout.matching is Matching.NONE:
        return config, [Match()] * n_items
    originals = [load(number).probe.clean_pixels for number in range(n_items)]
    goal = _choose_goals(layout, originals)
    wants_contrast = layout.matching is Matching.CONTRAST
    found: dict[bytes, Match] = {}
    matches = []
    for pixels in originals:
        key = pixels.tobytes()
        if key not in found:
            contrast = goal.contrast if wants_contrast else None
            found[key] = Match(*find_match(pixels, luminance=goal.luminance or 0.0, contrast=contrast))
        matches.append(found[key])
    return replace(config, layout=goal), matches


def _choose_goals(layout: Layout, originals: Sequence[FloatArray]) -> Layout:
    """The layout with its goals as numbers: those stated, else the mean over the originals."""
    mean = np.mean([measure_light(pixels) for pixels in originals], axis=0)
    luminance = layout.luminance if layout.luminance is not None else float(mean[0])
    if layout.matching is Matching.LUMINANCE:
        return replace(layout, luminance=luminance)
    contrast = layout.contrast if layout.contrast is not None else float(mean[1])
    return replace(layout, luminance=luminance, contrast=contrast)


def _finish(
    folder: Path, rows: tuple[ManifestRow, ...], config: SetConfig, *, entries: list[dict[str, Any]], device: str
) -> None:
    """Write table, README and, last, the manifest with the hash of every other file."""
    write_csv(folder / TABLE, rows)
    subjects = {row.subject for row in rows}
    kinds = {info.kind for info in list_subjects() if info.id in subjects}
    levels = describe_readings(read_set_levels(rows))
    made = dict.fromkeys(", ".join(f"{name} {value}" for name, value in one["made_with"].items()) for one in entries)
    text = write_readme(rows, config, kinds=sorted(kinds), made_with="; ".join(made), levels=levels)
    (folder / README).write_text(text, encoding="utf-8")
    facts = {
        "subject_kinds": sorted(kinds),
        "set": unstructure(config),
        "seen_as": sorted({config.layout.describe_view(row.resolution) for row in rows}),
        "recipes": entries,
        "written_with": describe_circumstances(device),
        "files": {name: hash_file(folder / name) for name in (README, TABLE)},
    }
    write_manifest(folder / MANIFEST, rows, name=config.name, facts=facts)


def write_readme(
    rows: Sequence[ManifestRow], config: SetConfig, *, kinds: Sequence[str], made_with: str, levels: Sequence[str] = ()
) -> str:
    """The text of README.md.

    `kinds`: "simulated" or "measured", of the subjects. `made_with`: versions and device, in one line. `levels`: lines
    on the levels of a level set.
    """
    originals, changed = [row for row in rows if row.role == ORIGINAL], [row for row in rows if not row.origin]
    licences: dict[str, set[str]] = {}
    for row in rows:
        name = row.licence or "not known to the program: ask whoever made them"
        licences.setdefault(name, set()).add(row.source_image)
    return fill_template(
        "set_readme.md",
        config=config,
        meanings=MEANINGS,
        rows=rows,
        levels=levels,
        n_originals=len(originals),
        n_images=len({row.source_sha256 for row in originals}),
        as_is=[row for row in rows if row.origin],
        roles=[f"`{role}`" for role in sorted({row.role for row in changed} - {ORIGINAL})],
        simulated="simulated" in kinds,
        encoders=sorted({f"{row.network} {row.layer} (subject {row.subject})" for row in rows}),
        targets=sorted({f"{row.direction} {row.target}" for row in rows}),
        budgets=sorted(
            {f"{row.norm} epsilon {row.epsilon:.4g}, {row.n_steps} steps" for row in changed if row.level is None}
        )
        or ["the smallest found for each level, see below" if levels else "none"],
        layout=config.layout,
        views=sorted({config.layout.describe_view(row.resolution) for row in rows}),
        licences=sorted((licence, sorted(images)) for licence, images in licences.items()),
        made_with=made_with,
    )


def export_item(
    item: Item, folder: Path, *, degrees: float | None = None, add: Callable[[Path], object] | None = None
) -> StimulusSet:
    """Write original, perturbed, random control and sign flip as PNG, read them back, re-score and describe them.

    Parameters
    ----------
    item : `core.stimuli.make.open_item` makes one.
    folder : A new or an empty folder; it appears only when everything is in it.
    degrees : Width the stimuli will be shown at, in degrees of visual angle.
    add : Writes further files (the probe itself) into the folder before it is complete.

    Raises BadInputError if the folder holds something, or `degrees` is not above 0; StorageError if the folder cannot
    be written, and nothing half-written stays.
    """
    config = SetConfig(name_pair(item.probe), layout=Layout(degrees=degrees))
    return run_to_end(iter_write([item.recipe], lambda _number: item, config, folder, add=add))
