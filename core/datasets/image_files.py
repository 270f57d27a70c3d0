"""Finds the image files of a recording by name. Never opens one."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
    return {name: paths[0] for name, paths in _find_pictures(folder).items()}


def _find_pictures(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for parent, below, names in os.walk(folder):
        below.sort()
        place = Path(parent).relative_to(folder)
        for name in sorted(names):
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                found.setdefault(name, []).append((place / name).as_posix())
    if not found:
        advice = "Name the folder with the images."
        raise refusal("images", allowed="a folder of pictures", got=str(folder), advice=advice)
    return found


def match_pictures(folder: Path, names: Sequence[str]) -> ImageSource:
    """The source of named pictures: by path below the folder, by file name, or by its stem.

    Raises
    ------
    BadInputError
        Naming those not found, or two files of different size that one name could mean.
    """
    found = _find_pictures(folder)
    paths = {path: [path] for several in found.values() for path in several}
    stems: dict[str, list[str]] = {}
    for name, several in found.items():
        stems.setdefault(Path(name).stem, []).extend(several)
    matches = [paths.get(name) or found.get(name) or stems.get(name) or [""] for name in names]
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
