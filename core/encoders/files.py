"""Writes, finds and reads encoders: a .safetensors of float32 arrays and a .json header beside it.

Light: reading a card or listing encoders needs no torch. A user's own encoder goes before an embedded one of the same
subject, network and layer.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from dataclasses import MISSING, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save

from core.checks import refusal, show_name, suggest
from core.containers import reading
from core.encoders.card import ALL_VOXELS, ARRAYS, EncoderCard, EncoderData, LayerTable
from core.encoders.config import EncoderConfig, encoder_stem
from core.errors import ProbeError, WeightsError
from core.files import replace_file
from core.headers import (
    HeaderKind,
    join_arrays,
    read_bytes,
    read_header,
    read_record,
    split_arrays,
    structure,
    unstructure,
    without_marks,
    write_json,
)
from core.kept import Kept
from core.networks.spec import NetworkSpec
from core.paths import data_folder, demo_folder

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.networks.network import Network

LOGGER = logging.getLogger(__name__)
REPAIR = "Fit it again with `python main.py fit`, or fetch the file again."
HEADER = HeaderKind(
    "the header of an encoder", REPAIR, format="probescope-encoder", versions=(1, 2), error=WeightsError
)
"""Version 2 is written where a file needs it: a reducer, readout or score the first version did not know."""
LAYERS = HeaderKind("a table of layers", "Search the layers again.", format="probescope-layers", versions=(1,))
FIRST_FIELDS = ("subject", "network", "layer", "pool", "n_components", "alphas", "n_folds", "seed")
"""Fields of the config in version 1; later ones are written only where they differ from their defaults."""
SCORES = ("alpha", "cv_r", "r", "r2", "r2_ceiling", "reference_sd", "noise_ceiling")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What a header says of its arrays beside the card."""

    n_pooled: int
    rank: int
    n_voxels: int
    has_components: bool = True
    is_whole: bool = False


def user_encoders_folder() -> Path:
    """Where the user's own encoders lie."""
    return data_folder() / "encoders"


def encoder_folders() -> tuple[Path, ...]:
    """Where encoders are searched, in order: the user's own, then the embedded ones."""
    return user_encoders_folder(), demo_folder() / "encoders"


def seal(data: EncoderData) -> EncoderData:
    """The same encoder with the hash of its file in its card."""
    digest = hashlib.sha256(_pack(data)).hexdigest()
    return dataclasses.replace(data, card=dataclasses.replace(data.card, sha256=digest))


def save_encoder(data: EncoderData, folder: Path) -> Path:
    """Write a sealed encoder and its header into a folder; returns the path of the .safetensors.

    Raises StorageError if the folder cannot be written or the disk is full; nothing half-written stays.
    """
    path = folder / f"{data.card.config.name}.safetensors"
    packed = _pack(data)
    replace_file(path, lambda partial: partial.write_bytes(packed))
    write_json(path.with_suffix(".json"), _header(data))
    return path


def check_free(config: EncoderConfig, folder: Path) -> None:
    """Raise BadInputError if the folder holds an encoder of that subject, network and layer: imports replace none."""
    if (folder / f"{config.name}.json").is_file():
        advice = "It would be lost. Remove it first, or let it be replaced: `--replace`, or the box in the dialog."
        raise refusal("encoder", allowed="a new one", got=config.name, advice=advice)


def list_encoders(*, folders: tuple[Path, ...] | None = None) -> tuple[EncoderConfig, ...]:
    """The encoders that are there, by subject, network and layer; a header that cannot be read is left out."""
    found: dict[str, EncoderConfig] = {}
    for folder in encoder_folders() if folders is None else folders:
        for path in sorted(folder.glob("*.json")):
            try:
                found.setdefault(path.stem, _read_config(path, _stamp(path)))
            except (ProbeError, OSError):
                continue
    return tuple(found[stem] for stem in sorted(found))


@lru_cache(maxsize=4096)
def _read_config(path: Path, _stamp: tuple[int, int]) -> EncoderConfig:
    config = read_header(path, HEADER).get("config")
    return structure(config, EncoderConfig, HEADER, where=path, part="config")


def _stamp(path: Path) -> tuple[int, int]:
    """Another one whenever a file is written."""
    file = path.stat()
    return file.st_mtime_ns, file.st_size


def find_encoder(subject: str, network: str, layer: str, *, folders: tuple[Path, ...] | None = None) -> Path:
    """The header of an encoder. Raises BadInputError if none is fitted, naming the nearest that is."""
    searched = encoder_folders() if folders is None else folders
    stem = encoder_stem(subject, network, layer)
    for folder in searched:
        if (folder / f"{stem}.json").is_file():
            return folder / f"{stem}.json"
    known = [config.name for config in list_encoders(folders=searched)]
    named = f"--subject {show_name(subject)} --network {show_name(network)} --layer {show_name(layer)}"
    advice = f"{suggest(stem, known)} Fit it with `python main.py fit {named}`.".strip()
    raise refusal("encoder", allowed="fitted before it is used", got=stem, advice=advice)


def save_layer_table(table: LayerTable, folder: Path) -> Path:
    """Write what a search over layers found beside the encoders of a folder; returns its path."""
    path = _layer_table(folder, table.subject, table.network)
    write_json(path, LAYERS.marks() | unstructure(table))
    return path


def usual_layer(subject: str, network: NetworkSpec, *, roi: str = "") -> str:
    """The layer of a network whose encoder of a subject is meant where none is named.

    After a search over layers it is the one that the search chose for the ROI, or for all voxels; else, or where that
    encoder is gone, the network's usual one.
    """
    folder = user_encoders_folder()
    path = _layer_table(folder, subject, network.id)
    if not path.is_file():
        return network.default_layer
    try:
        best = {one.roi: one for one in read_record(path, LayerTable, LAYERS).best}
    except ProbeError as problem:
        LOGGER.warning("%s", problem)
        return network.default_layer
    chosen = best.get(roi, best.get(ALL_VOXELS))
    return chosen.layer if chosen is not None and (folder / chosen.file).is_file() else network.default_layer


def _layer_table(folder: Path, subject: str, network: str) -> Path:
    return folder / "layers" / f"{encoder_stem(subject, network)}.json"


def load_card(subject: str, network: str, layer: str, *, folders: tuple[Path, ...] | None = None) -> EncoderCard:
    """Identity and scores of an encoder, without torch. Raises as `load_encoder_data` does."""
    header = find_encoder(subject, network, layer, folders=folders)
    stamp = [_stamp(path) for path in (header, header.with_suffix(".safetensors")) if path.is_file()]
    return _CARDS.find((header, *stamp), lambda: load_encoder_data(header).card)


def _measure(card: EncoderCard) -> int:
    return sum(array.nbytes for array in split_arrays(card)[1].values())


CARD_BYTES = 256 * 2**20
"""Of the cards kept in memory: forms and lists read the same ones again and again."""

_CARDS: Kept[tuple[Any, ...], EncoderCard] = Kept(CARD_BYTES, measure=_measure)


def load_encoder(
    subject: str,
    network: str,
    layer: str,
    *,
    network_module: Network,
    n_voxels: int | None = None,
    folders: tuple[Path, ...] | None = None,
) -> Encoder:
    """Load an encoder onto the device of its network.

    Parameters
    ----------
    network_module : Cut at `layer`.
    n_voxels : The subject's number of voxels, if it is to be checked.
    folders : Where to look; by default `encoder_folders()`.

    Raises BadInputError if none is fitted; WeightsError if the file is damaged, or fitted on another network or for
    another number of voxels.
    """
    from core.encoders.encoder import Encoder

    data = load_encoder_data(find_encoder(subject, network, layer, folders=folders))
    if n_voxels is not None and data.card.n_voxels != n_voxels:
        raise WeightsError(
            f"The encoder predicts {data.card.n_voxels} voxels, subject {subject!r} has {n_voxels}. Fit it again."
        )
    return Encoder(network_module, data)


def load_encoder_data(header_path: Path) -> EncoderData:
    """Read and verify an encoder from its .json header and the .safetensors beside it.

    Raises StorageError if a file cannot be read; WeightsError if it is truncated, altered, of another version, or its
    arrays do not fit each other.
    """
    header = without_marks(read_header(header_path, HEADER), HEADER)
    sizes = {one.name: header.pop(one.name) for one in dataclasses.fields(_Sizes) if one.name in header}
    known = structure(sizes, _Sizes, HEADER, where=header_path)
    path = header_path.with_suffix(".safetensors")
    packed = read_bytes(path, HEADER)
    if hashlib.sha256(packed).hexdigest() != header.get("sha256"):
        raise HEADER.refuse(path, "is truncated or was altered: its hash differs")
    with reading(path, "encoder", error=HEADER.error, advice=HEADER.remedy):
        arrays: dict[str, Any] = load(packed)
    numbers = {name: arrays.pop(name) for name in ARRAYS if name in arrays}
    if not known.has_components:
        numbers.setdefault("components", None)
    if known.is_whole:
        numbers.setdefault("weights", None)
    card = structure(join_arrays(header, arrays), EncoderCard, HEADER, where=header_path)
    data = structure(numbers | {"card": card}, EncoderData, HEADER, where=path)
    _check_shapes(data, known, path)
    return data


def _check_shapes(data: EncoderData, sizes: _Sizes, path: Path) -> None:
    n_pooled, rank, n_voxels = sizes.n_pooled, sizes.rank, sizes.n_voxels
    expected = {
        "mean": (n_pooled,),
        "components": (n_pooled, rank),
        "weights": (rank, n_voxels),
        "intercept": (n_voxels,),
        "covariance": (len(data.covariance), n_voxels) if sizes.is_whole else (rank, rank),
    }
    held = {name: getattr(data, name) for name in ARRAYS}
    held |= {name: getattr(data.card, name) for name in (one.name for one in dataclasses.fields(EncoderCard))}
    for key, values in held.items():
        wanted = expected.get(key, (n_voxels,))
        if isinstance(values, np.ndarray) and values.shape != wanted:
            raise HEADER.refuse(path, f"holds {key} of shape {values.shape}, its header says {wanted}")


def _pack(data: EncoderData) -> bytes:
    arrays = split_arrays(data)[1]
    return save({name.removeprefix("card."): values for name, values in arrays.items()})


def _header(data: EncoderData) -> dict[str, Any]:
    defaults = {one.name: one.default for one in dataclasses.fields(EncoderConfig)}
    config = dataclasses.asdict(data.card.config)
    first = {name: value for name, value in config.items() if name in FIRST_FIELDS}
    later = {name: value for name, value in config.items() if name not in FIRST_FIELDS and value != defaults[name]}
    table, arrays = split_arrays(data.card)
    optional = {one.name: one.default for one in dataclasses.fields(EncoderCard) if one.default is not MISSING}
    extra = {name: table.pop(name) for name in optional if name in table}
    recorded = {"confidence"} if data.card.n_bootstrap else set()
    extra = {name: value for name, value in extra.items() if value not in (optional[name], []) or name in recorded}
    if data.components is None:
        extra["has_components"] = False
    if data.weights is None:
        extra["is_whole"] = True
    is_first = not later and set(arrays) == set(SCORES) and not extra.keys() - {"provenance"}
    sizes = {"n_voxels": data.card.n_voxels, "n_pooled": len(data.mean), "rank": data.rank}
    marks = HEADER.marks() | ({"version": 1} if is_first else {})
    return marks | table | {"config": first | later} | sizes | extra
