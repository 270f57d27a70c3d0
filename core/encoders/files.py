"""Writes, finds and reads encoders: a .safetensors of float32 arrays and a .json header beside it. Never runs them.

Light: reading a card or listing encoders needs no torch. A user's own encoder goes before an embedded one of the same
subject, network and layer.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from core.checks import describe_refusal, suggest
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig, encoder_stem
from core.encoders.extra_scores import OPTIONAL_VECTORS, describe_extra, pack_extra_arrays, read_extra
from core.encoders.provenance import pack_provenance, unpack_provenance
from core.errors import BadInputError, ProbeError, StorageError, WeightsError
from core.files import replace_file
from core.paths import data_folder, demo_folder

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.networks.network import Network

FORMAT = "probescope-encoder"
FORMAT_VERSION = 2
"""What is written where a file needs it: a reducer, readout or score the first version did not know."""
READ_VERSIONS = (1, FORMAT_VERSION)
FIRST_FIELDS = ("subject", "network", "layer", "pool", "n_components", "alphas", "n_folds", "seed")
"""Fields of the config in version 1; later ones are written only where they differ from their defaults."""
SCORES = ("alpha", "cv_r", "r", "r2", "r2_ceiling", "reference_sd", "noise_ceiling")
IDENTITY = ("sha256", "network_sha256", "response_unit", "n_train", "n_test")
SIZES = ("n_pooled", "rank", "n_voxels")
ARRAYS = ("mean", "components", "weights", "intercept", "covariance")
REPAIR = "Fit it again with `python main.py fit`, or fetch the file again."


def user_encoders_folder() -> Path:
    """Where the user's own encoders lie."""
    return data_folder() / "encoders"


def encoder_folders() -> tuple[Path, ...]:
    """Where encoders are looked for, in order: the user's own, then the embedded ones."""
    return user_encoders_folder(), demo_folder() / "encoders"


def seal(data: EncoderData) -> EncoderData:
    """The same encoder with the hash of its file in its card."""
    digest = hashlib.sha256(_pack(data)).hexdigest()
    return dataclasses.replace(data, card=dataclasses.replace(data.card, sha256=digest))


def save_encoder(data: EncoderData, folder: Path) -> Path:
    """Write a sealed encoder and its header into a folder; returns the path of the .safetensors.

    Raises
    ------
    StorageError
        If the folder cannot be written or the disk is full; nothing half-written stays.
    """
    config = data.card.config
    path = folder / f"{encoder_stem(config.subject, config.network, config.layer)}.safetensors"
    packed, header = _pack(data), json.dumps(_header(data), indent=1).encode() + b"\n"
    replace_file(path, lambda partial: partial.write_bytes(packed))
    replace_file(path.with_suffix(".json"), lambda partial: partial.write_bytes(header))
    return path


def check_free(config: EncoderConfig, folder: Path) -> None:
    """Raise BadInputError if the folder holds an encoder of that subject, network and layer: imports replace none."""
    stem = encoder_stem(config.subject, config.network, config.layer)
    if (folder / f"{stem}.json").is_file():
        advice = "It would be lost. Remove it first, or let it be replaced: `--replace`, or the box in the dialog."
        raise BadInputError(describe_refusal("encoder", allowed="a new one", got=stem, advice=advice))


def list_encoders(*, folders: tuple[Path, ...] | None = None) -> tuple[EncoderConfig, ...]:
    """The encoders that are there, by subject, network and layer; a header that cannot be read is left out."""
    found: dict[str, EncoderConfig] = {}
    for folder in encoder_folders() if folders is None else folders:
        for path in sorted(folder.glob("*.json")):
            try:
                found.setdefault(path.stem, _config_of(_read_header(path)))
            except ProbeError:
                continue
    return tuple(found[stem] for stem in sorted(found))


def find_encoder(subject: str, network: str, layer: str, *, folders: tuple[Path, ...] | None = None) -> Path:
    """The header of an encoder. Raises BadInputError if none is fitted, naming the nearest that is."""
    searched = encoder_folders() if folders is None else folders
    stem = encoder_stem(subject, network, layer)
    for folder in searched:
        if (folder / f"{stem}.json").is_file():
            return folder / f"{stem}.json"
    known = [encoder_stem(one.subject, one.network, one.layer) for one in list_encoders(folders=searched)]
    fit = f"Fit it with `python main.py fit --subject {subject} --network {network} --layer {layer}`."
    advice = f"{suggest(stem, known)} {fit}".strip()
    raise BadInputError(describe_refusal("encoder", allowed="fitted before it is used", got=stem, advice=advice))


def load_card(subject: str, network: str, layer: str, *, folders: tuple[Path, ...] | None = None) -> EncoderCard:
    """Identity and scores of an encoder, without torch. Raises as `load_encoder_data` does."""
    return load_encoder_data(find_encoder(subject, network, layer, folders=folders)).card


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
    subject, network, layer : str
    network_module : Network
        Cut at `layer`.
    n_voxels : int, optional
        The subject's number of voxels, if it is to be checked.
    folders : tuple of Path, optional
        Where to look; by default `encoder_folders()`.

    Raises
    ------
    BadInputError
        If none is fitted.
    WeightsError
        If the file is damaged, or fitted on another network or for another number of voxels.
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

    Raises
    ------
    StorageError
        If a file cannot be read.
    WeightsError
        If it is truncated, altered, of another version, or its arrays do not fit each other.
    """
    header = _read_header(header_path)
    path = header_path.with_suffix(".safetensors")
    packed = _read(path)
    if hashlib.sha256(packed).hexdigest() != header["sha256"]:
        raise WeightsError(f"The encoder {path.name} is truncated or was altered: its hash differs. {REPAIR}")
    try:
        arrays = load(packed)
        own: dict[str, Any] = {name: header[name] for name in IDENTITY} | {name: arrays[name] for name in SCORES}
        numbers: dict[str, Any] = {name: arrays[name] for name in ARRAYS if header["has_components"] or name in arrays}
        own |= read_extra(header, arrays)
        own["provenance"] = unpack_provenance(header.get("provenance"))
    except (SafetensorError, KeyError, TypeError) as problem:
        raise WeightsError(f"The encoder {path.name} is not complete: {problem}. {REPAIR}") from problem
    data = EncoderData(card=EncoderCard(config=_config_of(header), **own), **({"components": None} | numbers))
    _check_shapes(data, header, path.name)
    return data


def _check_shapes(data: EncoderData, header: dict[str, Any], name: str) -> None:
    n_pooled, rank, n_voxels = (header[name] for name in SIZES)
    expected = {
        "mean": (n_pooled,),
        "components": (n_pooled, rank),
        "weights": (rank, n_voxels),
        "intercept": (n_voxels,),
        "covariance": (rank, rank),
    }
    held = {key: getattr(data, key) for key in ARRAYS} | {key: getattr(data.card, key) for key in SCORES}
    held |= {key: getattr(data.card, key) for key in OPTIONAL_VECTORS}
    for key, values in held.items():
        if values is None:
            continue
        shape = values.shape
        wanted = expected.get(key, (n_voxels,))
        if shape != wanted:
            raise WeightsError(f"The encoder {name} holds {key} of shape {shape}, its header says {wanted}. {REPAIR}")


def _pack(data: EncoderData) -> bytes:
    arrays = {name: getattr(data, name) for name in ARRAYS} | {name: getattr(data.card, name) for name in SCORES}
    arrays |= pack_extra_arrays(data.card)
    return save({name: values for name, values in arrays.items() if values is not None})


def _header(data: EncoderData) -> dict[str, Any]:
    card = data.card
    imported = {} if card.provenance is None else {"provenance": pack_provenance(card.provenance)}
    config, extra = _describe_config(card.config), describe_extra(card)
    if data.components is None:
        extra["has_components"] = False
    is_first = not extra and not pack_extra_arrays(card) and len(config) == len(FIRST_FIELDS)
    return imported | {
        "format": FORMAT,
        "version": 1 if is_first else FORMAT_VERSION,
        "config": config,
        "sha256": card.sha256,
        "network_sha256": card.network_sha256,
        "response_unit": card.response_unit,
        "n_train": card.n_train,
        "n_test": card.n_test,
        "n_voxels": card.n_voxels,
        "n_pooled": len(data.mean),
        "rank": data.rank,
        **extra,
    }


def _describe_config(config: EncoderConfig) -> dict[str, Any]:
    values = dataclasses.asdict(config)
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    return {name: value for name, value in values.items() if name in FIRST_FIELDS or value != defaults[name]}


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = json.loads(_read(path))
        _config_of(header)
        if header["format"] != FORMAT or header["version"] not in READ_VERSIONS:
            raise WeightsError(
                f"{path.name} is {header['format']} version {header['version']}; this program reads {FORMAT} versions "
                f"{' and '.join(map(str, READ_VERSIONS))}. {REPAIR}"
            )
    except (ValueError, KeyError, TypeError) as problem:
        raise WeightsError(f"{path.name} is not the header of an encoder: {problem}. {REPAIR}") from problem
    if missing := [name for name in (*IDENTITY, *SIZES) if name not in header]:
        raise WeightsError(f"{path.name} lacks {', '.join(missing)}. {REPAIR}")
    return {"has_components": True} | dict(header)


def _config_of(header: dict[str, Any]) -> EncoderConfig:
    return EncoderConfig(**header["config"])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise StorageError(f"{path.name} could not be read: {problem.strerror}. {REPAIR}") from problem
