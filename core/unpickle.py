"""Reads pickles of numbers without running any of their code. Never imports what a pickle names, never calls it.

A pickle is a program for a small machine. Here that machine knows how to make plain values (numbers, texts, lists,
dictionaries, sets) and what its table of builders makes (numpy arrays, dtypes and scalars; torch's tensors, where a
checkpoint is read); every other class or function a pickle names stays a name. Calling one is refused, unless it is on
the caller's list: then an `Inert` record of its name, arguments and state is made in its place, and nothing else. So a
pickle of `os.system` is a refusal, one of a fitted estimator that was asked for is a table of its arrays.

    content = read_pickle(path, allowed=("sklearn.linear_model.*",))     # a .pkl, also one of joblib, also compressed
    weights = read_object_array(path)                                      # a .npy of dtype object (np.save of a dict)

`allowed` holds full names ("sklearn.decomposition._pca.PCA"), whole packages ("sklearn.*"), or "*" for everything. Use
`Inert.name` and `Inert.state`. Everything wrong is a WeightsError with one sentence.
"""

from __future__ import annotations

import io
import pickle
import reprlib
import struct
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NoReturn

import numpy as np
from numpy.lib import format as npy_format

from core.containers import inflate, reading
from core.errors import WeightsError
from core.pickled_values import (
    ARRAY_BUILDERS,
    JOBLIB_ARRAY,
    Inert,
    Name,
    check_expanded,
    check_keys,
    read_joblib_array,
    restore_array,
    restore_dtype,
)

_PythonUnpickler = pickle._Unpickler  # the one whose every step can be replaced

MOST_COPIED, SMALL_COPIES = 4, 2**16
"""A pickle may hand so many times its own length, and so many bytes, to what copies: more is one thing repeated."""

RECONSTRUCTORS = ("copyreg._reconstructor", "copy_reg._reconstructor")
SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset)
EVERYTHING = "*"


def read_pickle(source: Path | bytes, *, allowed: Collection[str] = (), name: str = "") -> Any:
    """The content of a pickle file (or of its bytes), also of joblib, also compressed by gzip, bz2, xz or zlib.

    Parameters
    ----------
    allowed : Classes and functions that become `Inert`; "package.*" allows everything below.
    name : How messages call bytes; a path is called by its own name.

    Raises WeightsError if the file cannot be read, is truncated or no pickle, or asks for anything not allowed.
    """
    shown = name or (source.name if isinstance(source, Path) else "The pickle")
    with reading(shown if isinstance(source, bytes) else source, "pickle", error=WeightsError):
        content = inflate(source if isinstance(source, bytes) else source.read_bytes())
        return Machine(io.BytesIO(content), len(content), allowed=allowed, name=shown).load_checked()


def read_object_array(path: Path) -> Any:
    """The content of a .npy file, also one of dtype object: its array, or the single object it holds.

    Raises WeightsError as `read_pickle` does.
    """
    with reading(path, "pickle", error=WeightsError):
        content = path.read_bytes()
        opened = io.BytesIO(content)
        version = npy_format.read_magic(opened)
        read_header = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read_header(opened)
        if not dtype.hasobject:
            values = np.frombuffer(content[opened.tell() :], dtype=dtype)
            return values.reshape(shape, order="F" if fortran else "C")
        loaded = Machine(opened, len(content), allowed=(), name=path.name).load_checked()
        is_single = isinstance(loaded, np.ndarray) and loaded.dtype.hasobject and loaded.size == 1
        return loaded.reshape(-1)[0] if is_single and shape in ((), (1,)) else loaded


class Machine(_PythonUnpickler):
    """Python's own unpickler, step by step, with every step that could call something replaced."""

    stack: list[Any]
    memo: dict[int, Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)
    builders: ClassVar[Mapping[str, Callable[..., Any]]] = ARRAY_BUILDERS
    refusal: ClassVar[str] = (
        "{name} asks to run {what!r} and was not opened: it holds code or objects besides numbers. "
        "Save its arrays alone, with numpy.savez or safetensors."
    )

    def __init__(self, file: BinaryIO, n_bytes: int, *, allowed: Collection[str], name: str) -> None:
        super().__init__(file, encoding="latin1")
        self._file = file
        self._n_bytes = n_bytes
        self._allowed = frozenset(allowed)
        self._name = name
        self._n_copied = 0

    def load_checked(self) -> Any:
        """The content. Raises ValueError if a few bytes stand for a structure that is huge or deep."""
        loaded = super().load()
        check_expanded(loaded, MOST_COPIED * self._n_bytes + SMALL_COPIES)
        return loaded

    def find_class(self, module: str, name: str) -> Name:
        """A name, never the thing."""
        return Name(f"{module}.{name}")

    def get_extension(self, code: int) -> NoReturn:
        """Registered short names are somebody's code."""
        self._refuse(f"extension {code}")

    def persistent_load(self, pid: object) -> NoReturn:
        """References to something outside the file."""
        self._refuse(f"outside reference {reprlib.repr(pid)}")

    @property
    def _takes_everything(self) -> bool:
        return EVERYTHING in self._allowed

    def _call(self, what: object, args: tuple[Any, ...]) -> Any:
        if isinstance(what, Inert) and self._takes_everything:
            return Inert(what.name)
        if not isinstance(what, Name) or not isinstance(args, tuple):
            raise ValueError(f"a call of {type(what).__name__}")
        if what.full in RECONSTRUCTORS and args and isinstance(args[0], Name):
            return self._call(args[0], ())
        if what.full in self.builders:
            self._n_copied += sum(len(value) for value in args if isinstance(value, SIZED))
            if self._n_copied > MOST_COPIED * self._n_bytes + SMALL_COPIES:
                raise ValueError("one value is copied again and again")
            return self.builders[what.full](*args)
        if what.full == JOBLIB_ARRAY or any(fnmatchcase(what.full, pattern) for pattern in self._allowed):
            return Inert(what.full, args)
        return self._refuse(what.full)

    def _refuse(self, what: str) -> NoReturn:
        raise WeightsError(self.refusal.format(name=self._name, what=what))

    def _instantiate(self, what: object, args: list[Any]) -> None:
        self.append(self._call(what, tuple(args)))

    def _reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def _new(self) -> None:
        args = self.stack.pop()
        self.append(self._call(self.stack.pop(), args))

    def _new_with_keywords(self) -> None:
        keywords = self.stack.pop()
        if keywords:
            raise ValueError("an object is made with keywords")
        self._new()

    def _build(self) -> None:
        state, thing = self.stack.pop(), self.stack[-1]
        if isinstance(thing, Inert):
            self._restore_inert(thing, state)
        elif isinstance(thing, np.dtype):
            self._replace(thing, restore_dtype(thing, state))
        elif type(thing) is np.ndarray:
            restore_array(thing, state)
        elif not (self._takes_everything or isinstance(thing, OrderedDict)):  # torch leaves notes on its dictionaries
            raise ValueError(f"a {type(thing).__name__} is given a state")

    def _restore_inert(self, thing: Inert, state: Any) -> None:
        if thing.name == JOBLIB_ARRAY:
            self.stack[-1] = read_joblib_array(state, self._file, self._n_bytes)
            return
        plain, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        if isinstance(plain, dict | None) and isinstance(slots, dict | None):
            thing.state.update({str(key): value for key, value in ((plain or {}) | (slots or {})).items()})
        else:
            thing.state[""] = state

    def _replace(self, old: object, new: object) -> None:
        """A dtype cannot be changed in place: put the new one wherever the old one is remembered."""
        self.stack[-1] = new
        for key in [key for key, value in self.memo.items() if value is old]:
            self.memo[key] = new

    def _append_all(self, items: list[Any]) -> None:
        thing = self.stack[-1]
        target = thing.items if isinstance(thing, Inert) else thing
        if type(target) is not list:
            raise ValueError(f"items are appended to a {type(thing).__name__}")
        target.extend(items)

    def _set_all(self, items: list[Any]) -> None:
        thing, pairs = self.stack[-1], list(zip(items[::2], items[1::2], strict=True))
        if isinstance(thing, Inert):
            thing.items.extend(pairs)
        elif isinstance(thing, dict):
            check_keys(key for key, _ in pairs)
            thing.update(pairs)
        else:
            raise ValueError(f"items are set in a {type(thing).__name__}")

    def _add_many(self) -> None:
        items, thing = self.pop_mark(), self.stack[-1]
        if isinstance(thing, Inert):
            thing.items.extend(items)
            return
        if type(thing) is not set:
            raise ValueError(f"items are added to a {type(thing).__name__}")
        check_keys(items)
        thing.update(items)

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set_all(items)

    def _frozenset(self) -> None:
        items = self.pop_mark()
        check_keys(items)
        self.append(frozenset(items))

    def _bytearray(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        if length > self._n_bytes:
            raise EOFError("a bytearray is cut short")
        self.append(bytearray(self.read(length)))


Machine.dispatch |= {
    ord(code): step
    for code, step in (
        (pickle.REDUCE, Machine._reduce),
        (pickle.NEWOBJ, Machine._new),
        (pickle.NEWOBJ_EX, Machine._new_with_keywords),
        (pickle.BUILD, Machine._build),
        (pickle.APPEND, lambda machine: machine._append_all([machine.stack.pop()])),
        (pickle.APPENDS, lambda machine: machine._append_all(machine.pop_mark())),
        (pickle.SETITEM, lambda machine: machine._set_all([machine.stack.pop(), machine.stack.pop()][::-1])),
        (pickle.SETITEMS, lambda machine: machine._set_all(machine.pop_mark())),
        (pickle.ADDITEMS, Machine._add_many),
        (pickle.DICT, Machine._dict),
        (pickle.FROZENSET, Machine._frozenset),
        (pickle.BYTEARRAY8, Machine._bytearray),
    )
}
