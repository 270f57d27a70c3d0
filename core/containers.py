"""Opens files that others wrote: what would unpack to too much is refused first, and whatever a library raises over
damaged content becomes one sentence. Never unpickles.

    with reading(path, "NIfTI volume", advice="Copy the file again."):
        image = nibabel.load(path)

numpy, h5py, zarr, nibabel, zipfile and torch raise dozens of types over one changed byte (`tokenize.TokenError`,
`zlib.error`, RuntimeError, TypeError, NotImplementedError ...), so all of them are taken: only library calls belong in
the block.
"""

from __future__ import annotations

import bz2
import errno
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import BadInputError, ProbeError, StorageError, is_out_of_memory

Arrays = dict[str, npt.NDArray[Any]]

REINSTALL = "Install the program again."
LARGEST_CONTENT = 16 * 2**30
SMALL_CONTENT, MOST_GROWTH, USUAL_GROWTH = 256 * 2**20, 100, 4
"""A file may grow to so many bytes or to so many times its size, at most to 16 GiB unless data of numbers, which are
noise and hardly shrink, would do so too."""
NO_ARRAY = "contains pickled (object) data"
"""What numpy takes any unknown file for, with the advice to load it unsafely."""
PIECE_BYTES = 2**14
"""Read at once, so that thousands of members do not each copy what is left."""
LONGEST_REASON = 200
OBJECTS = ("Object arrays", "Python objects")
"""How numpy says that an array would have to be unpickled."""

DECOMPRESSORS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lzma.LZMADecompressor,
    **dict.fromkeys((b"x\x01", b"x^", b"x\x9c", b"x\xda"), zlib.decompressobj),
}


class TooLargeError(Exception):
    """Content that would grow past what a file of its size can honestly hold."""


@contextmanager
def reading(
    source: Path | str,
    what: str,
    *,
    error: type[ProbeError] = BadInputError,
    advice: str = "Get the file again.",
    growth: int = MOST_GROWTH,
) -> Iterator[None]:
    """Turn everything that goes wrong while a file is read into one sentence, an `error`.

    `source`: the file or folder; or how messages call bytes that were read already. Archives are checked before the
    block, that they unpack to at most `growth` times their size. `what`: what it should be: "pickle" in "weights.pkl is
    truncated or no pickle: {reason}. {advice}".
    """
    name = source if isinstance(source, str) else source.name
    try:
        if isinstance(source, Path):
            _check_file(source, growth)
        yield
    except ProbeError:
        raise
    except TooLargeError as problem:
        raise error(f"{name} {problem} {advice}") from problem
    except Exception as problem:
        if is_out_of_memory(problem):
            raise error(f"{name} does not fit into memory: {_reason(problem)}. Close other programs.") from problem
        # A cut file may send a reader to a place that is no place: an invalid argument.
        if isinstance(problem, OSError) and problem.errno not in (None, errno.EINVAL):
            raise error(f"{source} cannot be read: {problem.strerror or _reason(problem)}. {advice}") from problem
        if any(words in str(problem) for words in OBJECTS):
            raise error(f"{name} holds objects besides numbers, not plain arrays (numpy.savez). {advice}") from problem
        raise error(f"{name} is truncated or no {what}: {_reason(problem)}. {advice}") from problem


def _check_file(path: Path, growth: int) -> None:
    if path.exists() and not path.is_dir():
        if not path.is_file():
            raise ValueError("it is a pipe or device")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_growth(path, sum(member.file_size for member in archive.infolist()), growth=growth)


def _reason(problem: BaseException) -> str:
    text = " ".join(str(problem).split()).rstrip(".") or type(problem).__name__
    if isinstance(problem, KeyError):  # a pickle's unknown codes are numbers
        text = f"{text} is missing" if isinstance(problem.args[0], str) else f"unknown code {text}"
    if isinstance(problem, IndexError):  # "pop from empty list"
        text = "it does not hold what it should"
    text = "it does not begin as numpy's files do" if NO_ARRAY in text else text
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def _most(size: int, growth: int = MOST_GROWTH) -> int:
    return max(USUAL_GROWTH * size, min(LARGEST_CONTENT, max(SMALL_CONTENT, growth * size)))


def check_growth(source: Path | int, n_bytes: float, *, growth: int = MOST_GROWTH) -> None:
    """Raise TooLargeError if `n_bytes` are more than a file or folder, or so many bytes, can honestly unpack to."""
    size = source if isinstance(source, int) else _size_of(source)
    if n_bytes > _most(size, growth):
        raise TooLargeError(
            f"grows past {_most(size, growth) / 2**20:,.0f} MiB when opened. Give it uncompressed if it is whole."
        )


def _size_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def inflate(content: bytes) -> bytes:
    """Bytes as they were before gzip, bz2, xz or zlib; others as they are. Raises TooLargeError, or what they do."""
    start = next((start for start in DECOMPRESSORS if content.startswith(start)), None)
    if start is None:
        return content
    make, most = DECOMPRESSORS[start], _most(len(content))
    opened, parts, n_bytes, at = make(), [], 0, 0
    while at < len(content):
        piece = content[at : at + PIECE_BYTES]
        parts.append(bytes(opened.decompress(piece, most - n_bytes + 1)))
        n_bytes += len(parts[-1])
        check_growth(len(content), n_bytes)
        at += len(piece) - len(opened.unused_data)
        if opened.eof:
            if not content.startswith(start, at):
                break
            opened = make()  # gzip files may be put one behind the other
    if not opened.eof:
        raise EOFError("the compressed content ends too early")
    return b"".join(parts)


def list_arrays(path: Path) -> list[str]:
    """The names of the arrays of an .npz file. Damage raises what `reading` words."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:  # numpy leaves its own open on errors
        return list(stored.files)


def load_arrays(
    path: Path, *, only: Sequence[str] | None = None, error: type[ProbeError] = StorageError, advice: str = REINSTALL
) -> Arrays:
    """Every array of an .npz file by name, or some; `advice` says what to do about a file that cannot be read.

    Raises `error` if the file is missing, damaged, or holds Python objects.
    """
    with reading(path, ".npz file", error=error, advice=advice), path.open("rb") as file:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in (stored.files if only is None else only)}
        for name, values in arrays.items():
            if not isinstance(values, np.ndarray):  # numpy gives a member that is no array as bytes
                raise ValueError(f"{name} is no array")
            if values.dtype.kind == "U":
                letters = np.frombuffer(values.tobytes(), f"{values.dtype.byteorder}u4")
                if (letters > sys.maxunicode).any():
                    raise ValueError(f"{name} holds numbers that are no letters")
    return arrays
