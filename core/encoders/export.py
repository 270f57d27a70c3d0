"""Writes an encoder for elsewhere: as it is kept here, or as one .npz that three lines of numpy run. Never overwrites.

In the .npz the map stays factored, unless multiplied out it is smaller; a text inside says how to use it.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from core.checks import check_choice, refusal
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.files import SCORES, load_encoder_data
from core.encoders.library import find_entry
from core.errors import StorageError
from core.files import new_folder, replace_file

FORMATS = ("probescope", "npz")
README = """\
{name}: an encoder of Probescope. {about}
Put the folder where you like and name it: `python main.py probe --encoder FOLDER ...`, or take it into the library with
`python main.py encoders import probescope FOLDER`. The arrays are plain safetensors, their meaning stands in the .json.
"""
USE_FACTORED = (
    "import numpy as np; e = np.load('{file}')",
    "features = ...  # (n, {n_features}): {layer} of {network}, {pooling}, flattened in C order",
    "responses = ((features - e['mean']) @ e['components']) @ e['weights'] + e['intercept']",
)
USE_FULL = (*USE_FACTORED[:2], "responses = (features - e['mean']) @ e['weights'] + e['intercept']")


def export_encoder(name: str, out: Path, *, form: str = "probescope") -> tuple[Path, ...]:
    """Write an encoder of the library; returns the files written.

    Parameters
    ----------
    name : str
        As `list_library` names it.
    out : Path
        A new or empty folder ("probescope"), or a new .npz file.
    form : str
        "probescope" or "npz".

    Raises
    ------
    BadInputError
        If there is no such encoder or form, `out` is taken, or the encoder reads a random projection (npz).
    WeightsError, StorageError
        If the encoder is damaged, or nothing can be written.
    """
    check_choice("format", form, FORMATS)
    entry = find_entry(name)
    data = load_encoder_data(entry.header)  # verified before anything is written
    return _export_folder(entry.header, data, out) if form == "probescope" else (_export_npz(data, out),)


def pack_arrays(data: EncoderData, *, file: str) -> dict[str, Any]:
    """The arrays of the .npz, with their description as JSON text under "about"."""
    config, card = data.card.config, data.card
    if config.n_projected:
        allowed = "one without a random projection, which only this program draws"
        raise refusal("encoder", allowed=allowed, got=config.describe(), advice=KEEP_OWN)
    numbers: dict[str, Any] = {"mean": data.mean, "weights": data.weights, "intercept": data.intercept}
    factored = data.components is not None
    if data.components is not None:
        full_size = len(data.components) * data.weights.shape[1]
        if full_size <= data.components.size + data.weights.size:
            product = data.components.astype(np.float64) @ data.weights.astype(np.float64)
            numbers["weights"], factored = product.astype(np.float32), False
        else:
            numbers["components"] = data.components
    words = {
        "file": file,
        "n_features": len(data.mean),
        "layer": config.layer,
        "network": config.network,
        "pooling": f"averaged to {config.pool} x {config.pool}" if config.pool else "not pooled",
    }
    about = describe_card(card) | {
        "use": [line.format(**words) for line in (USE_FACTORED if factored else USE_FULL)],
        "torch": "torch.from_numpy(e['weights']) and so on: the same three lines, differentiable",
    }
    scores = {key: getattr(card, key) for key in SCORES}
    return numbers | scores | {"about": np.array(json.dumps(about, indent=1))}


KEEP_OWN = "Export it in the format probescope."


def describe_card(card: EncoderCard) -> dict[str, Any]:
    """What an encoder is, as a JSON object: configuration, hashes, unit, numbers of images, provenance."""
    return {
        "config": dataclasses.asdict(card.config),
        "sha256": card.sha256,
        "network_sha256": card.network_sha256,
        "response_unit": card.response_unit,
        "n_train": card.n_train,
        "n_test": card.n_test,
        "n_voxels": card.n_voxels,
        "scored_on": card.scored_on,
        "provenance": None if card.provenance is None else dataclasses.asdict(card.provenance),
    }


def _export_folder(header: Path, data: EncoderData, out: Path) -> tuple[Path, ...]:
    source = header.with_suffix(".safetensors")
    with new_folder(out) as folder:
        for path in (source, header):
            shutil.copyfile(path, folder / path.name)
        text = README.format(name=header.stem, about=data.card.describe())
        (folder / "README.txt").write_text(text, encoding="utf-8")
    return tuple(out / name for name in (source.name, header.name, "README.txt"))


def _export_npz(data: EncoderData, out: Path) -> Path:
    path = out if out.suffix == ".npz" else out.with_name(f"{out.name}.npz")
    if path.exists():
        raise refusal("out", allowed="a new file", got=str(path), advice="Choose another name; nothing is overwritten.")
    arrays = pack_arrays(data, file=path.name)

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            np.savez(file, **arrays)

    replace_file(path, write)
    if not path.is_file():
        raise StorageError(f"{path} was not written. Choose another folder.")
    return path
