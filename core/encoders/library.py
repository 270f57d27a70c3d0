"""The encoders that are there, by name: found, taken in from a file of this program, removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.checks import refusal, suggest
from core.datasets.import_options import check_new_subject
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig, encoder_stem
from core.encoders.files import (
    check_free,
    encoder_folders,
    find_encoder,
    list_encoders,
    load_encoder_data,
    save_encoder,
    user_encoders_folder,
)
from core.errors import BadInputError, StorageError


@dataclass(frozen=True, slots=True, eq=False)
class LibraryEntry:
    """One encoder: its name, its header file, whether the user may remove it."""

    name: str
    config: EncoderConfig
    header: Path
    is_own: bool


def name_encoder(config: EncoderConfig) -> str:
    """The name of an encoder: "simulated-mobilenet_v2-features.18"."""
    return encoder_stem(config.subject, config.network, config.layer)


def list_library() -> tuple[LibraryEntry, ...]:
    """Every encoder, by name."""
    entries = []
    for config in list_encoders():
        header = find_encoder(config.subject, config.network, config.layer)
        entries.append(LibraryEntry(name_encoder(config), config, header, header.parent == user_encoders_folder()))
    return tuple(entries)


def find_entry(name: str) -> LibraryEntry:
    """The encoder of that name. Raises BadInputError with the nearest name if there is none."""
    known = {entry.name: entry for entry in list_library()}
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

    Raises
    ------
    BadInputError
        If there is none of that name, or it came with the program.
    StorageError
        If a file cannot be deleted.
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
        first = left[0]
        advice = (
            f"{len(left)} encoders of an earlier subject {subject} are still there ({first.network} {first.layer}). "
            "Choose another id, or remove them: `main.py encoders remove --help`."
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

    Raises
    ------
    BadInputError
        If its subject is not here, or one of the user's own has its name and `replace` is false.
    WeightsError, StorageError
        If it is damaged, predicts another number of voxels than its subject has, or cannot be written.
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
