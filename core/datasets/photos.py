"""The catalogue of images that ship with the program, and the way to any image by name or path. Never imports torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.checks import check_choice, refusal, suggest
from core.errors import BadInputError, StorageError
from core.headers import HeaderKind, read_record, structure
from core.images.read import read_image
from core.images.stimulus import Stimulus
from core.paths import demo_folder

CATALOGUE_NAME = "photos.json"
GROUPS = ("face", "body", "place", "food", "animal", "object", "word", "other")
NETWORK_SIZE = 224
HEADER = HeaderKind("the catalogue of photographs", "Install the program again.", error=StorageError)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image of the catalogue.

    Parameters
    ----------
    id : Its readable name: "cat_chelsea".
    category : What it shows, as its source named it: "panda".
    group : The coarse kind: one of `GROUPS`.
    path : Its file, 224 x 224 pixels.
    curated : Whether it is one of the dozen to start from.
    set : "photos" or "kay2017".
    licence : Short name of its licence: "CC BY 4.0".
    original : Its name in the source it was taken from.
    split : "train" or "test": whether encoders of the simulated subject are fitted on it.
    """

    id: str
    category: str
    group: str
    path: Path
    curated: bool
    set: str
    licence: str
    original: str = ""
    split: str = "train"


@lru_cache(maxsize=1)
def list_images() -> tuple[ImageInfo, ...]:
    """Every shipped image, the curated ones first, then by group and id.

    Raises StorageError if the catalogue is missing or damaged.

    Examples
    --------
    >>> list_images()[0].id
    'astronaut_eileen'
    """
    infos = [info for file in sorted((demo_folder() / "photos").glob(f"*/{CATALOGUE_NAME}")) for info in _read(file)]
    if not infos:
        raise StorageError(f"No photographs were found in {demo_folder() / 'photos'}. Install the program again.")
    rank = {group: place for place, group in enumerate(GROUPS)}
    ordered = sorted(infos, key=lambda info: (rank.get(info.group, len(rank)), info.id))
    return tuple(sorted(ordered, key=lambda info: (not info.curated, info.set != "photos")))


def find_image(identity: str) -> ImageInfo:
    """The image of that id. Raises BadInputError with the nearest id if there is none."""
    known = {info.id: info for info in list_images()}
    check_choice("image", identity, known)
    return known[identity]


def load_stimulus(id_or_path: str | Path, size: int = NETWORK_SIZE) -> Stimulus:
    """A stimulus of size x size pixels by the id of a shipped image, or by the path of any image file.

    Raises BadInputError if it is neither an id nor a file, or the file is no usable image.

    Examples
    --------
    >>> stimulus = load_stimulus("cat_chelsea")
    >>> stimulus.pixels.shape, stimulus.pixels.dtype
    ((3, 224, 224), dtype('float32'))
    """
    known = {info.id: info for info in list_images()}
    info = known.get(str(id_or_path))
    if info is not None:
        stimulus = read_image(info.path, size=size)
        return replace(stimulus, id=info.id, source=f"{info.set}: {info.original}")
    file = Path(id_or_path).expanduser()
    try:
        str(file.absolute()).encode()
        found = file.exists()
    except UnicodeEncodeError as error:  # no manifest could name it
        advice = "Rename it, or the folder it lies in."
        raise refusal("image", allowed="a file whose name is UTF-8 text", got=str(file), advice=advice) from error
    except ValueError:  # no name of a file holds a 0 character
        found = False
    except OSError as error:
        raise BadInputError(f"{file} cannot be used ({error.strerror}). Choose another image.") from error
    if not found:
        advice = suggest(str(id_or_path), list(known)) or "`list images` shows the ids."
        allowed = "the id of a shipped image or the path of an image file"
        raise refusal("image", allowed=allowed, got=str(id_or_path), advice=advice)
    return read_image(file, size=size)


def _read(file: Path) -> tuple[ImageInfo, ...]:
    rows = read_record(file, _Catalogue, HEADER).images
    infos = [{"path": file.parent / str(row.pop("file", "")), **row, "set": file.parent.name} for row in rows]
    return structure(infos, tuple[ImageInfo, ...], HEADER, where=file, part="images")


@dataclass(frozen=True, slots=True)
class _Catalogue:
    images: tuple[dict[str, Any], ...]
