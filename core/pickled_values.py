"""What a pickle's values become: names, records, and numpy arrays by numpy's public constructors. Never unpickles.

numpy's own `__setstate__` trusts its argument; a made-up state can break its memory. Here a dtype comes from its
text alone, an array from its bytes, their length checked.
"""

from __future__ import annotations

import math
import reprlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

NATIVE = ("|", "=")
BUILTINS = ("builtins", "__builtin__")
PLAIN_KINDS = "biufcSUVmM"
"""Kinds of dtype whose values are bytes; "O" is handled apart."""
MOST_PARTS = 1000
"""Tuples and values that the key of a dictionary, or a member of a set, may be made of."""


CONTAINERS = (dict, np.ndarray, list, tuple, set, frozenset)
DEEPEST = 500
"""Containers inside containers: Python's own recursion ends at 1000 calls."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function a pickle names; it stays a name."""

    full: str


@dataclass(slots=True, eq=False, repr=False)
class Inert:
    """What stands for an object that was allowed but not made.

    Parameters
    ----------
    name : Full name of its class or function: "sklearn.linear_model._base.LinearRegression".
    args : What it would have been called with.
    state : Its attributes; a state that is no dictionary stands under "".
    items : What would have been appended to it, or the pairs that would have been set.
    """

    name: str
    args: tuple[Any, ...] = ()
    state: dict[str, Any] = field(default_factory=dict)
    items: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Inert({self.name[:100]!r})"  # what it holds may have no end

    @property
    def short_name(self) -> str:
        """The class alone: "LinearRegression"."""
        return self.name.rpartition(".")[2]


def make_dtype(text: object, *_flags: object) -> np.dtype[Any]:
    """The dtype of a text such as "f8", "U10", "O8" or "V16". Raises ValueError for any other text."""
    if not isinstance(text, str | Name):
        raise ValueError(f"a dtype is described by {reprlib.repr(text)}")
    dtype = np.dtype(text.full.rpartition(".")[2] if isinstance(text, Name) else text)
    if dtype.kind not in PLAIN_KINDS + "O" or dtype.names is not None:
        raise ValueError(f"a dtype is described by {reprlib.repr(text)}")
    return dtype


def restore_dtype(dtype: np.dtype[Any], state: tuple[Any, ...]) -> np.dtype[Any]:
    """A dtype of `make_dtype` with byte order, fields, sub-array or time unit of a pickled state."""
    _version, order, subarray, names, fields, *_sizes = state[:8]
    if names is not None:
        return _make_structured(dtype, names, fields)
    if subarray is not None:
        base, shape = subarray
        return np.dtype((base, tuple(shape)))
    if dtype.kind in "mM" and len(state) > 8:
        unit, count = state[8][1][:2]
        unit = unit.decode() if isinstance(unit, bytes) else unit
        dtype = np.dtype(f"{dtype.kind}8[{int(count)}{unit}]")
    return dtype if order in NATIVE else dtype.newbyteorder(order)


def _make_structured(dtype: np.dtype[Any], names: tuple[str, ...], fields: dict[str, Any]) -> np.dtype[Any]:
    formats, offsets = zip(*((fields[name][0], fields[name][1]) for name in names), strict=True)
    if any(getattr(one.base, "names", None) for one in formats):
        raise ValueError("a dtype has fields inside fields")  # to describe a few bytes of them could take for ever
    table: Any = {"names": list(names), "formats": list(formats), "offsets": list(offsets), "itemsize": dtype.itemsize}
    made: np.dtype[Any] = np.dtype(table)  # numpy refuses fields outside the item and objects under other fields
    return made


def start_array(_kind: object, _shape: object, _code: object) -> np.ndarray[Any, Any]:
    """An empty array, which `restore_array` fills."""
    return np.empty((0,), np.int8)


def restore_array(array: np.ndarray[Any, Any], state: tuple[Any, ...]) -> None:
    """Give an array of `start_array` its pickled shape, dtype and content. Raises ValueError if they do not fit."""
    shape, dtype, fortran, content = state[-4:]
    check_content(shape, dtype, content)
    state = (1, tuple(shape), dtype, bool(fortran), content)
    array.__setstate__(state)  # type: ignore[arg-type]  # typed for numpy's own booleans


def check_described(shape: Any, dtype: Any) -> int:
    """The number of values of a pickled shape. Raises ValueError unless shape and dtype describe an array."""
    sides_are_counts = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
    if not isinstance(dtype, np.dtype) or not sides_are_counts:
        raise ValueError(f"an array has the shape {reprlib.repr(shape)} and the dtype {reprlib.repr(dtype)}")
    if dtype.hasobject and dtype.kind != "O":
        raise ValueError("an array has fields that hold objects")
    count: int = math.prod(shape)
    if dtype.subdtype is not None or (dtype.itemsize == 0 and count > 1):
        raise ValueError(f"an array has the shape {reprlib.repr(shape)} and the dtype {reprlib.repr(dtype)}")
    return count


def check_content(shape: Any, dtype: Any, content: Any) -> None:
    """Raise ValueError unless content has exactly as many bytes, or objects, as shape and dtype say."""
    wanted = check_described(shape, dtype) * (1 if dtype.hasobject else dtype.itemsize)
    if not isinstance(content, list if dtype.hasobject else bytes) or len(content) != wanted:
        raise ValueError(f"an array of shape {reprlib.repr(shape)} and dtype {dtype} does not hold what it says")


def make_scalar(dtype: Any, content: Any = b"") -> Any:
    """A numpy scalar from its bytes."""
    check_content((), dtype, content)
    if dtype.hasobject:
        raise ValueError("a scalar holds an object")
    return np.frombuffer(content, dtype)[0] if dtype.itemsize else dtype.type()


def make_from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    """An array from a buffer, as pickle protocol 5 stores it."""
    if not isinstance(buffer, bytes | bytearray | memoryview):  # bytes of a number would be that many zeros
        raise ValueError("an array is made of something that is no buffer")
    content = bytes(buffer)
    check_content(shape, dtype, content)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if order == "F" else "C")


def encode_text(text: Any, encoding: Any = "latin1") -> bytes:
    """Bytes that an old protocol stored as text."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes are stored in an unknown way")
    return text.encode("latin1")


def check_keys(keys: Iterable[Any]) -> None:
    """Raise ValueError if a key holds tuples in tuples without end: to hash it would overflow the stack."""
    for key in keys:
        waiting, n_parts = [key], 0
        while waiting:
            part = waiting.pop()
            if isinstance(part, tuple):
                n_parts += len(part) + 1
                if n_parts > MOST_PARTS:
                    raise ValueError("a key is made of too many parts")
                waiting.extend(part)


def check_expanded(loaded: Any, most: int) -> None:
    """Raise ValueError if a few bytes stand for a structure that is huge or deep once it is walked through.

    Parts may be shared, so a pickle of 60 pairs of the pair before describes 2^60 values: what turns it into an array,
    or into text, would never end.
    """
    sizes: dict[int, int] = {}
    waiting: list[tuple[Any, bool]] = [(loaded, False)]
    depth = 0
    while waiting:
        thing, is_done = waiting.pop()
        parts = _parts_of(thing)
        if is_done:
            depth -= 1
            sizes[id(thing)] = size = 1 + sum(sizes.get(id(part), 1) for part in parts)
            if size > most:
                raise ValueError("one value is repeated again and again")
        elif parts and id(thing) not in sizes:
            depth += 1
            if depth > DEEPEST:
                raise ValueError("its values are nested too deeply")
            sizes[id(thing)] = 1  # for structures that hold themselves
            waiting.append((thing, True))
            waiting.extend((part, False) for part in parts if isinstance(part, (Inert, *CONTAINERS)))


def _parts_of(thing: Any) -> list[Any]:
    if isinstance(thing, Inert):
        return [thing.args, thing.state, thing.items]
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, np.ndarray):
        return list(thing.reshape(-1)) if thing.dtype.hasobject else []
    return list(thing) if isinstance(thing, list | tuple | set | frozenset) else []


def _plain(kind: Callable[..., Any]) -> Callable[..., Any]:
    """A plain container or number from plain arguments only: a name among them could smuggle a call in."""

    def make(*args: Any) -> Any:
        plain = (list, tuple, dict, set, frozenset, bytes, str, int, float)
        if not all(isinstance(value, plain) for value in args):
            raise ValueError(f"a {kind.__name__} is made of something that is no plain value")
        for items in args:
            if isinstance(items, list | tuple):
                check_keys(
                    item[0] if kind is OrderedDict and isinstance(item, list) and item else item for item in items
                )
        return kind(*args)

    return make


def _make_bytearray(*args: Any) -> bytearray:
    """From bytes, or from the text old protocols store; never from a length alone, which could fill the memory."""
    if len(args) == 2 and isinstance(args[0], str):
        return bytearray(encode_text(*args))
    return bytearray(_make_bytes(*args))


def _make_bytes(*args: Any) -> bytes:
    if args and not isinstance(args[0], bytes):
        raise ValueError("bytes are described by something else than bytes")
    return args[0] if args else b""


ARRAY_BUILDERS: dict[str, Callable[..., Any]] = {
    **{f"numpy.{core}.multiarray._reconstruct": start_array for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": make_scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": make_from_buffer for core in ("core", "_core")},
    "numpy.dtype": make_dtype,
    "_codecs.encode": encode_text,
    "collections.OrderedDict": _plain(OrderedDict),
    "collections.Counter": _plain(Counter),
    **dict.fromkeys([f"{module}.set" for module in BUILTINS], _plain(set)),
    **dict.fromkeys([f"{module}.frozenset" for module in BUILTINS], _plain(frozenset)),
    **dict.fromkeys([f"{module}.complex" for module in BUILTINS], _plain(complex)),
    **dict.fromkeys([f"{module}.bytearray" for module in BUILTINS], _make_bytearray),
    **dict.fromkeys([f"{module}.bytes" for module in BUILTINS], _make_bytes),
}
"""What a pickle may call without being asked for, and the function here that answers in its place."""

JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"


def read_joblib_array(state: dict[str, Any], file: BinaryIO, n_bytes: int) -> np.ndarray[Any, Any]:
    """The array whose bytes joblib wrote behind its description. Raises ValueError if the file is too short for it."""
    shape, dtype, order = state["shape"], state["dtype"], state["order"]
    if state.get("numpy_array_alignment_bytes") is not None:
        padding = file.read(1)
        file.read(padding[0])
    wanted = check_described(shape, dtype) * dtype.itemsize
    if dtype.hasobject:
        raise ValueError("an array of joblib holds objects")
    if wanted > n_bytes - file.tell():
        raise ValueError(f"an array of {wanted:,} bytes is cut short")
    return np.frombuffer(file.read(wanted), dtype).reshape(shape, order="F" if order == "F" else "C")
