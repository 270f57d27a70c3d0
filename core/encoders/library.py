"""The encoders that are there, by name: found, taken in from a file of this program, written for elsewhere, removed.

They leave as they are kept here, or as one .npz that three lines of numpy run: there the map stays factored, unless
multiplied out it is smaller, and a text inside says how to use it. Never overwrites.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.array_cache import save_arrays
from core.checks import check_choice, refusal, suggest
from core.datasets.import_options import check_new_subject
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.files import (
    SCORES,
    check_free,
    encoder_folders,
    find_encoder,
    list_encoders,
    load_encoder_data,
    save_encoder,
    user_encoders_folder,
)
from core.errors import BadInputError, StorageError
from core.files import check_new, new_folder


@dataclass(frozen=True, slots=True, eq=False)
class LibraryEntry:
    """One encoder, its header file, and whether the user may remove it."""

    config: EncoderConfig
    header: Path
    is_own: bool


def list_library() -> tuple[LibraryEntry, ...]:
    """Every encoder, by name."""
    entries = []
    for config in list_encoders():
        header = find_encoder(config.subject, config.network, config.layer)
        entries.append(LibraryEntry(config, header, header.parent == user_encoders_folder()))
    return tuple(entries)


def find_entry(name: str) -> LibraryEntry:
    """The encoder of that name. Raises BadInputError with the nearest name if there is none."""
    known = {entry.config.name: entry for entry in list_library()}
    if name not in known:
        advice = f"{suggest(name, list(known))} `main.py encoders list` names them all.".strip()
        raise refusal("encoder", allowed="one of the library", got=name, advice=advice)
    return known[name]


def cards_of(subject: str, network: str) -> tuple[EncoderCard, ...]:
    """The cards of every layer of a network fitted or imported for a subject; damaged ones are left out."""
    cards = []
    for config in list_encoders():
        if (config.subject, config.network) == (subject, network):
            try:
                cards.append(load_encoder_data(find_encoder(subject, network, config.layer)).card)
            except (BadInputError, StorageError):
                continue
    return tuple(cards)


def remove_encoder(name: str) -> tuple[Path, ...]:
    """Delete one of the user's own encoders; returns the files deleted.

    Raises BadInputError if there is none of that name, or it came with the program; StorageError if a file cannot be
    deleted.
    """
    entry = find_entry(name)
    if not entry.is_own:
        allowed = f"one of your own (in {user_encoders_folder()})"
        raise refusal("encoder", allowed=allowed, got=name, advice="It came with the program.")
    files = (entry.header.with_suffix(".safetensors"), entry.header)
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} cannot be deleted: {error.strerror}. Check who owns it.") from error
    return files


def check_no_encoders(subject: str) -> None:
    """Raise BadInputError if the id is taken, or encoders were fitted to a subject of it that is gone.

    Their voxels may be other ones than those of the new subject.
    """
    check_new_subject(subject)
    left = [config for config in list_encoders() if config.subject == subject]
    if left:
        advice = (
            f"{len(left)} encoders of an earlier subject {subject} are still there ({left[0].network} {left[0].layer})."
            " Choose another id, or remove them: `main.py encoders remove --help`."
        )
        raise refusal("subject", allowed="an id without encoders", got=subject, advice=advice)


def find_header(path: Path) -> Path:
    """The header of an encoder file of this program: the .json itself, or the one beside a .safetensors or in a folder.

    Raises BadInputError if there is none.
    """
    candidates = sorted(path.glob("*.json")) if path.is_dir() else [path.with_suffix(".json")]
    headers = [header for header in candidates if header.is_file() and header.with_suffix(".safetensors").is_file()]
    if len(headers) != 1:
        allowed = "an encoder of this program: a .safetensors with its .json beside it"
        raise refusal("encoder", allowed=allowed, got=str(path))
    return headers[0]


def read_encoder_file(path: Path) -> EncoderData:
    """An encoder of this program from a file outside the library, verified. Raises as `load_encoder_data` does."""
    return load_encoder_data(find_header(path))


def adopt_encoder(path: Path, *, replace: bool = False) -> tuple[EncoderCard, Path]:
    """Copy an encoder file of this program into the user's library; returns its card and its new file.

    Raises BadInputError if its subject is not here, or one of the user's own has its name and `replace` is false;
    WeightsError, StorageError if it is damaged, predicts another number of voxels than its subject has, or cannot be
    written.
    """
    from core.datasets.subject import load_subject

    data = read_encoder_file(path)
    if not replace:
        check_free(data.card.config, user_encoders_folder())
    n_voxels = load_subject(data.card.config.subject).voxels.n_voxels
    if n_voxels != data.card.n_voxels:
        raise BadInputError(
            f"The encoder predicts {data.card.n_voxels:,} voxels, subject {data.card.config.subject!r} here has "
            f"{n_voxels:,}. Import the subject it was fitted to first."
        )
    return data.card, save_encoder(data, user_encoders_folder())


def is_library_file(path: Path) -> bool:
    """Whether a path is an encoder file of this program, by what lies beside it."""
    try:
        return find_header(path).parent not in encoder_folders()
    except BadInputError:
        return False


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
    name : As `list_library` names it.
    out : A new or empty folder ("probescope"), or a new .npz file.
    form : "probescope" or "npz".

    Raises BadInputError if there is no such encoder or form, `out` is taken, or the encoder reads a random projection
    (npz); WeightsError, StorageError if the encoder is damaged, or nothing can be written.
    """
    check_choice("format", form, FORMATS)
    entry = find_entry(name)
    data = load_encoder_data(entry.header)  # verified before anything is written
    if form == "npz":
        path = out if out.suffix == ".npz" else out.with_name(f"{out.name}.npz")
        check_new("out", path)
        save_arrays(path, pack_arrays(data, file=path.name))
        return (path,)
    source = entry.header.with_suffix(".safetensors")
    with new_folder(out) as folder:
        for path in (source, entry.header):
            shutil.copyfile(path, folder / path.name)
        text = README.format(name=entry.header.stem, about=data.card.describe())
        (folder / "README.txt").write_text(text, encoding="utf-8")
    return tuple(out / name for name in (source.name, entry.header.name, "README.txt"))


def pack_arrays(data: EncoderData, *, file: str) -> dict[str, Any]:
    """The arrays of the .npz, with their description as JSON text under "about"."""
    config, card = data.card.config, data.card
    if config.n_projected or data.weights is None:
        allowed = "one with a readout; a whole encoder has none beside its network"
        if config.n_projected:
            allowed = "one without a random projection, which only this program draws"
        raise refusal("encoder", allowed=allowed, got=config.describe(), advice="Export it in the format probescope.")
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


def describe_card(card: EncoderCard) -> dict[str, Any]:
    """What an encoder is, as a JSON object: configuration, hashes, unit, numbers of images, provenance."""
    names = ("sha256", "network_sha256", "response_unit", "n_train", "n_test", "n_voxels", "scored_on")
    provenance = None if card.provenance is None else dataclasses.asdict(card.provenance)
    known = {name: getattr(card, name) for name in names}
    return {"config": dataclasses.asdict(card.config)} | known | {"provenance": provenance}
