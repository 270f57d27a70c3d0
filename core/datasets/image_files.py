"""Finds the image files of a recording by name. Never opens one."""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from core.checks import refusal
from core.datasets.subject import ImageSource
from core.words import name_some

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
MOST_NAMED = 3


def list_pictures(folder: Path) -> dict[str, str]:
    """Paths below a folder by file name. Raises BadInputError if there is no such folder or no picture.

    Of files with the same name the first counts; `match_pictures` refuses those that are not copies.
    """
    return {_base(path): path for path in reversed(_find_pictures(folder))}


def strip_ending(name: str) -> str:
    """The name of a picture without folder and ending; other dots stay.

    Examples
    --------
    >>> strip_ending("faces/anna.PNG"), strip_ending("gabor_c0.25")
    ('anna', 'gabor_c0.25')
    """
    stem, _, ending = _base(name).rpartition(".")
    return stem if f".{ending.lower()}" in ENDINGS else _base(name)


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _fold(name: str) -> str:
    """One spelling for names that differ by case, by the slashes of a system, or by how it composes accents."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).casefold()


def _find_pictures(folder: Path) -> list[str]:
    found: list[str] = []
    for parent, below, names in os.walk(folder):
        below.sort()
        place = Path(parent).relative_to(folder)
        shown = (name for name in sorted(names) if name.lower().endswith(ENDINGS) and not name.startswith("."))
        found += [(place / name).as_posix() for name in shown]
    if not found:
        advice = "Name the folder with the images."
        raise refusal("images", allowed="a folder of pictures", got=str(folder), advice=advice)
    return found


def match_pictures(folder: Path, names: Sequence[str]) -> ImageSource:
    """The source of named pictures: by path below the folder, by file name, or without its ending.

    Where none is spelled so, one that differs in case, slashes or composed accents is taken.

    Raises
    ------
    BadInputError
        Naming those not found, or two files of different size that one name could mean.
    """
    found = _find_pictures(folder)
    tables: list[tuple[Callable[[str], str], dict[str, list[str]]]] = []
    parts: tuple[Callable[[str], str], ...] = (str, _base, strip_ending)
    spellings: tuple[Callable[[str], str], ...] = (str, _fold)
    for spell, part in itertools.product(spellings, parts):
        table: dict[str, list[str]] = {}
        for path in found:
            table.setdefault(spell(part(path)), []).append(path)
        tables.append((spell, table))
    matches = [next((table[spell(name)] for spell, table in tables if spell(name) in table), [""]) for name in names]
    _check_same(folder, names, matches)
    members = [match[0] for match in matches]
    missing = [name for name, member in zip(names, members, strict=True) if not member]
    if missing:
        advice = f"Not in {folder}: {name_some(missing, MOST_NAMED)}."
        allowed = f"a picture for each of {len(names):,} images"
        raise refusal("images", allowed=allowed, got=f"{len(names) - len(missing):,} of them", advice=advice)
    return ImageSource("files", folder.absolute(), tuple(members))


def _check_same(folder: Path, names: Sequence[str], matches: Sequence[list[str]]) -> None:
    """Raise BadInputError if a name stands for several files that are not copies of each other, by their size."""
    for name, several in zip(names, matches, strict=True):
        if len(several) > 1 and len({(folder / path).stat().st_size for path in several}) > 1:
            advice = f"{', '.join(several[:MOST_NAMED])} differ. Give each picture a name of its own."
            raise refusal("images", allowed="one picture a name", got=name, advice=advice)


def find_folder(source: Path, names: Sequence[str]) -> Path | None:
    """The first folder of one of these names in the source or up to two levels above or below it."""
    near = [source, *source.parents[:2]]
    places = [place / name for place in near for name in names]
    places += [inner / name for inner in _inner(source) for name in names]
    return next((place for place in places if place.is_dir()), None)


def _inner(source: Path) -> list[Path]:
    first = [entry for entry in sorted(source.iterdir()) if entry.is_dir()] if source.is_dir() else []
    return first + [entry for parent in first for entry in sorted(parent.iterdir()) if entry.is_dir()]
