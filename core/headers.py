"""Reads what our own files say of themselves (JSON or TOML) into frozen records, and refuses the rest in one sentence.

A header is a table of plain values. `HeaderKind` says which format and versions a kind of file has; `read_header` gives
its table; `structure` turns a table into a dataclass, field by field by its annotations: an unknown key, a missing one
or a value of another type is refused with the file, the key's path, the value, what is allowed and what to do.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from core.checks import shorten
from core.errors import BadInputError, ProbeError, StorageError
from core.files import replace_file

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Content = dict[str, Any]
Arrays = dict[str, npt.NDArray[Any]]
T = TypeVar("T")

MOST_BYTES = 2**28
"""No header of ours comes near; another file that is chosen by mistake is refused before it is read."""

NEWER = "Update Probescope to open it."


@dataclass(frozen=True, slots=True)
class HeaderKind:
    """A kind of file and how it is refused.

    Parameters
    ----------
    title : With its article, as in "FILE is not {title}": "the header of a probe".
    remedy : The last sentence of every refusal: what the user can do.
    format : What the key `format` must hold; "" for files that do not name their format.
    versions : Versions this program reads, ascending; empty for files without one.
    error : Raised for a file that can be read but not be used.
    version_key, hash_key : Where the version lies, and the SHA-256 of the rest of the table; "" for tables without a
        hash of their own.
    syntax : "json" or "toml"
    """

    title: str
    remedy: str
    format: str = ""
    versions: tuple[int, ...] = ()
    error: type[ProbeError] = BadInputError
    version_key: str = "version"
    hash_key: str = ""
    syntax: Literal["json", "toml"] = "json"

    def marks(self) -> Content:
        """What a table of this kind begins with: its format and newest version."""
        return {"format": self.format, self.version_key: self.versions[-1]}

    def refuse(self, where: Path | str, problem: str) -> ProbeError:
        """The exception to raise: "{where} {problem}. {remedy}"."""
        return self.error(f"{where} {problem}. {self.remedy}")


def read_header(path: Path, kind: HeaderKind) -> Content:
    """The table a file holds, with its format, version and own hash checked.

    Raises StorageError if it is missing, no regular file, or cannot be read; `kind.error` if it is damaged, another
    kind of file, of a version this program does not read, or was edited.
    """
    return parse_header(read_bytes(path, kind, most=MOST_BYTES), kind, where=path)


def read_record(path: Path, record: type[T], kind: HeaderKind) -> T:
    """The dataclass that the table of a file describes. Raises as `read_header` and `structure`."""
    return structure(without_marks(read_header(path, kind), kind), record, kind, where=path)


def read_bytes(path: Path, kind: HeaderKind, *, most: float = math.inf) -> bytes:
    """The bytes of a regular file, at most so many. Raises StorageError, or `kind.error` for more of them."""
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise StorageError(f"{path} is no file. {kind.remedy}")
        if path.stat().st_size > most:
            raise kind.refuse(path, f"is not {kind.title}: it has {path.stat().st_size / 1e6:,.0f} MB")
        return path.read_bytes()
    except ProbeError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name no file system takes
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"{path} cannot be read: {reason}. {kind.remedy}") from error


def parse_header(content: bytes | str, kind: HeaderKind, *, where: Path | str) -> Content:
    """The table in bytes that were read already. Raises `kind.error` as `read_header`; `where` names them."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        table = tomllib.loads(text) if kind.syntax == "toml" else json.loads(text, object_pairs_hook=_join_pairs)
    except UnicodeDecodeError as error:
        raise kind.refuse(where, f"is not {kind.title}: it is no UTF-8 text (byte {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise kind.refuse(where, f"is not {kind.title}, or is cut short ({error})") from error
    if not isinstance(table, dict):
        raise kind.refuse(where, f"is not {kind.title}: it holds {shorten(table)} in place of a table")
    _check_marks(table, kind, where)
    return table


def without_marks(table: Mapping[str, Any], kind: HeaderKind) -> Content:
    """The table without format, version and hash."""
    marks = ("format", kind.version_key) if kind.format or kind.versions else ()
    return {key: value for key, value in table.items() if key not in (*marks, kind.hash_key)}


def hash_table(table: Mapping[str, Any], hash_key: str) -> str:
    """SHA-256 of a table without its own hash, in one canonical spelling."""
    rest = {key: value for key, value in table.items() if key != hash_key}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def structure(table: object, record: type[T], kind: HeaderKind, *, where: Path | str = "", part: str = "") -> T:
    """The dataclass (or any other annotation) that plain values describe, every one of its field's type.

    Numbers are finite unless a field is `MaybeNan`; enumerations, paths and nested records are made, lists become
    tuples, arrays are taken as they are. `part` is the path of the table inside its file, for the refusal.

    Raises `kind.error` if a key is unknown, missing, or of another type, and the first of them is named.
    """
    from core.structuring import build  # cattrs, which the window needs only once a file is opened

    try:
        return build(table, record, part=part)
    except ValueError as error:
        problem = str(error) if where else f"is not {kind.title}: it {error}"
        raise kind.refuse(where or "This", problem) from error


def unstructure(record: DataclassInstance) -> Content:
    """A record as plain JSON: tuples as lists, enumerations and paths as texts."""
    plain: Content = json.loads(json.dumps(asdict(record), default=Path.as_posix))
    return plain


def plain(value: Any) -> Any:
    """A value as JSON holds it, which has neither NaN nor infinity, and has lists only."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def split_arrays(record: DataclassInstance) -> tuple[Content, Arrays]:
    """A record as a table without its arrays, and these by their place in it: "curve.shift", "outside.0.r"."""
    table: Content = {}
    arrays: Arrays = {}
    for one in fields(record):
        value = getattr(record, one.name)
        if isinstance(value, np.ndarray):
            arrays[one.name] = np.ascontiguousarray(value)
            continue
        several = isinstance(value, tuple) and not hasattr(value, "_fields")
        items = value if several else [value]
        nested = is_dataclass(items[0]) if items else False
        parts = [split_arrays(item) if nested else (item, {}) for item in items]
        for number, (_, found) in enumerate(parts):
            place = f"{one.name}.{number}" if several else one.name
            arrays |= {f"{place}.{name}": values for name, values in found.items()}
        plain = [part for part, _ in parts]
        if several or plain[0] != {} or not parts[0][1]:
            table[one.name] = plain if several else plain[0]
    return table, arrays


def join_arrays(table: Content, arrays: Mapping[str, Any]) -> Content:
    """The reverse of `split_arrays`, for `structure`; an array whose place is not there becomes an unknown key."""
    for name, values in arrays.items():
        *path, last = name.split(".")
        place: Any = table
        for key in path:
            if isinstance(place, list):
                place = place[int(key)] if key.isdecimal() and int(key) < len(place) else None
            elif isinstance(place, dict):
                place = place.setdefault(key, {})
        if isinstance(place, dict):
            place[last] = values
        else:
            table[name] = values
    return table


def write_json(path: Path, content: object, *, indent: int = 1) -> None:
    """Write plain values as JSON, whole or not at all. Raises StorageError as `replace_file`."""
    text = json.dumps(content, indent=indent, ensure_ascii=False) + "\n"
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def _join_pairs(pairs: list[tuple[str, Any]]) -> Content:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in names if names.count(key) > 1)!r} comes twice")
    return table


def _check_marks(table: Content, kind: HeaderKind, where: Path | str) -> None:
    if kind.format and table.get("format") != kind.format:
        raise kind.refuse(where, f"is not {kind.title}: its format is {shorten(table.get('format'))}")
    version = table.get(kind.version_key)
    if kind.versions and (type(version) is not int or version not in kind.versions):
        mine = f"{kind.format} version{'s' * (len(kind.versions) > 1)} {' and '.join(map(str, kind.versions))}"
        newer = type(version) is int and version > kind.versions[-1]
        reason = f"{where} is {kind.format} version {shorten(version)}; this program reads {mine}."
        raise kind.error(f"{reason} {NEWER if newer else kind.remedy}")
    if kind.hash_key and table.get(kind.hash_key) != hash_table(table, kind.hash_key):
        raise kind.refuse(where, "was edited after writing: its hash differs")
