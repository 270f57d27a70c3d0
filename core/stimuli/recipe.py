"""What makes one probe again, bit for bit: its config, its image, the hashes of both and of the encoders. No pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.datasets.photos import list_images
from core.files import is_there
from core.headers import HeaderKind, structure, unstructure
from core.probes.probe import Probe, ProbeConfig

DIGITS = 32
RECIPE = HeaderKind("the recipe of a probe", "Save what it came from again.")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A probe to make, or one that was made.

    Parameters
    ----------
    config : ProbeConfig
        Its budget is the final one, even where a smallest one had been searched for.
    image : str
        What opens the image: its id, SUBJECT:IMAGE, or the absolute path of a file.
    image_id : str
        Its name.
    image_sha256 : str
        Of its pixels at the network's input size.
    ensemble_sha256 : tuple of str
        Encoders attacked together with the first, in the order of `config.ensemble`.
    """

    config: ProbeConfig
    image: str
    image_id: str
    image_sha256: str
    network_sha256: str
    encoder_sha256: str
    ensemble_sha256: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A name by which a finished probe is found again."""
        packed = json.dumps(pack_recipe(self) | {"image": "", "image_id": ""}, sort_keys=True)
        return hashlib.sha256(packed.encode()).hexdigest()[:DIGITS]

    def describe(self) -> str:
        """One line for captions."""
        return f"{self.image_id} · {self.config.describe()}"


@dataclass(frozen=True, slots=True)
class MadeRecipe(Recipe):
    """A recipe as a manifest holds it: with the pair it made, and under which versions and on what device."""

    pair_id: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """The recipe alone."""
        return Recipe(*(getattr(self, one.name) for one in fields(Recipe)))


def recipe_of(probe: Probe, image: str) -> Recipe:
    """The recipe of a finished probe whose image is opened by `image`."""
    return Recipe(
        probe.config,
        name_source(image),
        probe.stimulus_id,
        probe.stimulus_sha256,
        probe.network_sha256,
        probe.encoder_sha256,
        probe.ensemble_sha256,
    )


def name_source(image: str) -> str:
    """The key of an image that holds from any folder: paths of files are made absolute, ids stay."""
    if is_shipped_image(image):
        return image
    file = Path(image).expanduser()
    return str(file.absolute()) if is_there(file) and file.is_file() else image


def is_shipped_image(image: str) -> bool:
    """Whether a key is the id of a shipped image."""
    return any(info.id == image for info in list_images())


def find_licence(image: str) -> str:
    """The licence of a shipped image; "" where it is not known."""
    return next((info.licence for info in list_images() if info.id == image), "")


def pack_recipe(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain JSON."""
    return unstructure(recipe)


def unpack_recipe(values: Mapping[str, Any]) -> Recipe:
    """The reverse of `pack_recipe`. Raises BadInputError if a part is missing, unknown or of another kind."""
    return structure(values, Recipe, RECIPE)
