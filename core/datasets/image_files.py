"""Finds pictures by name, and what names of tables mean, however they are spelled. Never opens a picture."""

from __future__ import annotations

import filecmp
import itertools
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from core.checks import refusal
from core.datasets.subject import ImageSource
from core.words import name_some, natural_order

ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".ppm")
MOST_NAMED = 3
LOOKED_AT = 500
"""Entries of a folder, to tell what it is."""


def list_pictures(folder: Path) -> list[str]:
    """Paths below a folder, as people count (2 before 10); links are followed, also those that lead nowhere.

    Raises BadInputError if there is no such folder or no picture.
    """
    found: list[str] = []
    ways = {folder: {folder.resolve()}}  # where each folder really lies, and those it was reached through
    for parent, below, names in os.walk(folder, followlinks=True):
        here = Path(parent)
        way = ways.pop(here)
        below[:] = [name for name in below if (here / name).resolve() not in way]
        ways |= {here / name: way | {(here / name).resolve()} for name in below}
        shown = (name for name in names if name.lower().endswith(ENDINGS) and not name.startswith("."))
        found += [(here.relative_to(folder) / name).as_posix() for name in shown]
    if not found:
        advice = "Name the folder with the images."
        raise refusal("images", allowed="a folder of pictures", got=str(folder), advice=advice)
    return sorted(found, key=natural_order)


def look_for_pictures(folder: Path) -> tuple[bool, bool]:
    """Whether a folder, or one in it, holds pictures, and whether it holds nothing else; by its first entries."""
    first = _look_into(folder)
    here = [path.suffix.lower() in ENDINGS for path in first]
    inside = (path for folder in first if folder.is_dir() for path in _look_into(folder))
    return any(here) or any(path.suffix.lower() in ENDINGS for path in inside), bool(here) and all(here)


def _look_into(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry) for entry in itertools.islice(entries, LOOKED_AT) if not entry.name.startswith(".")]


def strip_ending(name: str) -> str:
    """The name of a picture without folder and ending; other dots stay.

    Examples
    --------
    >>> strip_ending("faces/anna.PNG"), strip_ending("gabor_c0.25")
    ('anna', 'gabor_c0.25')
    """
    return _without_ending(_base(name))


def _without_ending(path: str) -> str:
    stem, _, ending = path.rpartition(".")
    return stem if f".{ending.lower()}" in ENDINGS else path


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _fold(name: str) -> str:
    """One spelling for names that differ by case, by the slashes of a system, or by how it composes accents."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def find_names(names: Sequence[str], known: Sequence[str]) -> list[list[int]]:
    """For each name the places in `known` that it may mean: by path, by file name, or without ending.

    Where none is spelled so, those that differ in case, slashes or composed accents, or whose path is the name's end.
    """
    tables: list[tuple[Callable[[str], str], dict[str, list[int]]]] = []
    parts: tuple[Callable[[str], str], ...] = (str, _base, strip_ending)
    spellings: tuple[Callable[[str], str], ...] = (str, _fold)
    for spell, part in itertools.product(spellings, parts):
        table: dict[str, list[int]] = {}
        for place, path in enumerate(known):
            table.setdefault(spell(part(path)), []).append(place)
        tables.append((spell, table))
    whole = tables[len(parts)][1]
    found = []
    for name in names:
        folders = _fold(name).split("/")
        ends = ("/".join(folders[start:]) for start in range(1, len(folders)))
        spelled = (table[spell(name)] for spell, table in tables if spell(name) in table)
        found.append(next(itertools.chain(spelled, (whole[end] for end in ends if end in whole)), []))
    return found


def find_ids(names: Sequence[str], ids: Sequence[str]) -> list[list[int]]:
    """For each name the places of the ids it may mean: an id as it is, or the name of a picture."""
    plain = find_names([_without_ending(name) for name in names], ids)
    return [exact or other for exact, other in zip(find_names(names, ids), plain, strict=True)]


def match_pictures(folder: Path, names: Sequence[str]) -> ImageSource:
    """The source of named pictures, found as `find_names` does.

    Raises BadInputError if some are not found, their content is absent, or one name could mean two different files.
    """
    paths = list_pictures(folder)
    matches = [[paths[place] for place in places] for places in find_names(names, paths)]
    missing = [name for name, match in zip(names, matches, strict=True) if not match]
    _check_found(names, missing, f"Not in {folder}")
    absent = [match[0] for match in matches if not all((folder / path).is_file() for path in match)]
    _check_found(names, absent, "Links to files that are not here, as DataLad leaves until `datalad get`")
    for name, several in zip(names, matches, strict=True):
        if not all(filecmp.cmp(folder / several[0], folder / path, shallow=False) for path in several[1:]):
            advice = f"{', '.join(several[:MOST_NAMED])} differ. Give each picture a name of its own."
            raise refusal("images", allowed="one picture a name", got=name, advice=advice)
    return ImageSource("files", folder.absolute(), tuple(match[0] for match in matches))


def _check_found(names: Sequence[str], lacking: Sequence[str], why: str) -> None:
    if lacking:
        allowed = f"a picture for each of {len(names):,} images"
        advice = f"{why}: {name_some(lacking, MOST_NAMED)}."
        raise refusal("images", allowed=allowed, got=f"{len(names) - len(lacking):,} of them", advice=advice)


def name_images(paths: Sequence[str]) -> tuple[str, ...]:
    """An id for each picture: its file name, with its folder, and then its ending, where others have the same.

    Examples
    --------
    >>> name_images(["faces/1.png", "houses/1.png", "houses/2.png"])
    ('faces/1', 'houses/1', '2')
    """
    written = [unicodedata.normalize("NFC", path.replace("\\", "/")) for path in paths]
    ids = [strip_ending(path) for path in written]
    for longer in ([_without_ending(path) for path in written], written):
        counts = Counter(ids)
        ids = [whole if counts[one] > 1 else one for one, whole in zip(ids, longer, strict=True)]
    return tuple(ids)


def find_folder(source: Path, names: Sequence[str]) -> Path | None:
    """The first folder of one of these names in the source or up to two levels above or below it."""
    near = [source, *source.parents[:2]]
    places = [place / name for place in near for name in names]
    places += [inner / name for inner in _inner(source) for name in names]
    return next((place for place in places if place.is_dir()), None)


def _inner(source: Path) -> list[Path]:
    first = [entry for entry in sorted(source.iterdir()) if entry.is_dir()] if source.is_dir() else []
    return first + [entry for parent in first for entry in sorted(parent.iterdir()) if entry.is_dir()]
