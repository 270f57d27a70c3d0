"""What makes one probe again, bit for bit: its config, its image, the hashes of both and of the encoders.

A recipe with its finished probe is an item of a set.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from core.datasets.photos import list_images
from core.encoders.card import EncoderCard
from core.files import is_there
from core.headers import HeaderKind, structure, unstructure
from core.probes.probe import Probe, ProbeConfig
from core.probes.synthesis_config import SynthesisConfig
from core.types import FloatArray

DIGITS = 32
ORIGINAL = "original"
"""Role of the unperturbed stimulus of each pair."""
RECIPE = HeaderKind("the recipe of a probe", "Save what it came from again.")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image comes from that a set shows as it is, beside no perturbed one.

    Parameters
    ----------
    rank, n_ranked : From 1, the highest predicted response first, of the library's images; or best first, of restarts.
    synthesis : What makes an image from scratch again; None for a natural one.
    """

    rank: int
    n_ranked: int
    synthesis: SynthesisConfig | None = None

    @property
    def role(self) -> str:
        """Its role in the manifest."""
        return "natural" if self.synthesis is None else "synthesised"

    def describe(self, config: ProbeConfig) -> str:
        """As in "natural, rank 3 of 73 by predicted response of ROI FFA (119 voxels)"."""
        place = f"{self.rank} of {self.n_ranked}"
        if self.synthesis is None:
            return f"natural, rank {place} by predicted response of {config.target.label}"
        return f"synthesised, restart {place} to {config.describe_wish()}, best first, seed {self.synthesis.seed}"


@dataclass(frozen=True)
class Recipe:
    """A probe to make, or one that was made; or an image that is shown as it is, with a probe of budget 0.

    Parameters
    ----------
    config : Its budget is the final one, even where a smallest one had been searched for.
    image : What opens the image: its id, SUBJECT:IMAGE, or the absolute path of a file.
    image_id : Its name.
    image_sha256 : Of its pixels at the network's input size.
    ensemble_sha256 : Encoders attacked together with the first, in the order of `config.others`.
    analysed_sd : Of a probe behind an analysis: the shift of the target there, in its SDs, to compare with.
    origin : Of an image that is shown as it is; None for a probe.
    """

    config: ProbeConfig
    image: str
    image_id: str
    image_sha256: str
    network_sha256: str
    encoder_sha256: str
    ensemble_sha256: tuple[str, ...] = ()
    analysed_sd: float | None = None
    origin: Origin | None = None

    @cached_property
    def packed(self) -> dict[str, Any]:
        """The same as plain JSON, without a shift that is not known; not to be changed."""
        packed = unstructure(self)
        return {key: value for key, value in packed.items() if value is not None}

    @cached_property
    def digest(self) -> str:
        """A name by which a finished probe is found again."""
        asked = self.packed | {"image": "", "image_id": ""}
        asked.pop("analysed_sd", None)
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:DIGITS]

    def describe(self) -> str:
        """One line for captions."""
        return f"{self.image_id} · {self.origin.describe(self.config) if self.origin else self.config.describe()}"


@dataclass(frozen=True)
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
    if any(info.id == image for info in list_images()):
        return image
    file = Path(image).expanduser()
    return str(file.absolute()) if is_there(file) and file.is_file() else image


def find_licence(image: str) -> str:
    """The licence of a shipped image; "" where it is not known."""
    return next((info.licence for info in list_images() if info.id == image), "")


def unpack_recipe(values: Mapping[str, Any]) -> Recipe:
    """A recipe from plain JSON. Raises BadInputError if a part is missing, unknown or of another kind."""
    return structure(values, Recipe, RECIPE)


Rescore = Callable[[FloatArray], FloatArray]
"""Pixels (n, 3, height, width) in [0, 1] to predicted responses (n, n_voxels)."""


@dataclass(frozen=True, slots=True)
class RecipientEncoder:
    """Another network's encoder of the same subject.

    `rescore` gives its responses; `target_sd` and `target_mean` are SD and mean of the target's value in it over the
    clean reference images; `input_size` is the side of its network's input, 0 where it is the probe's.
    """

    rescore: Rescore
    target_sd: float
    input_size: int = 0
    target_mean: float = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A finished probe on its way into a set.

    Parameters
    ----------
    rescore : The probe's own encoder.
    recipients : Other encoders, "NETWORK LAYER" to recipient.
    card, second_card : Scores of the probe's encoder and of the second one of a controversial probe, for warnings.
    donor : (3, side, side) or None
        Delta of another image, for the control of that kind; without it that control is left out.
    licence : Of the original, where it is known.
    space : Surface whose vertices the voxels lie at.
    """

    recipe: Recipe
    probe: Probe
    rescore: Rescore
    recipients: Mapping[str, RecipientEncoder] = field(default_factory=dict)
    card: EncoderCard | None = None
    second_card: EncoderCard | None = None
    donor: FloatArray | None = None
    licence: str = ""
    space: str = "fsaverage5"

    @property
    def side(self) -> int:
        """Side of the network's input, in pixels."""
        return int(self.probe.clean_pixels.shape[-1])

    @property
    def images(self) -> dict[str, FloatArray]:
        """Pixels (3, side, side) by role: the original and the perturbed one, or the image that is shown as it is."""
        if self.recipe.origin is not None:
            return {self.recipe.origin.role: self.probe.clean_pixels}
        return {ORIGINAL: self.probe.clean_pixels, str(self.probe.config.direction): self.probe.perturbed_pixels}
