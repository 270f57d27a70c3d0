"""Reads the tensors of training checkpoints that hold other objects too. Never runs code from a file.

Checkpoints of the `robustness` package (Salman et al. 2020, arXiv:2007.08489) are pickles written by dill: beside the
weights they hold options, optimiser and loggers of classes nobody has. Tensors are built by torch's own few functions;
whatever else a file names is not imported: an inert placeholder stands in its place, which can be called, filled and
given a state, and does nothing.
"""

from __future__ import annotations

import builtins
import collections
import pickle
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import _utils as tensor_builders

PLAIN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch", "device"): torch.device,
}
"""Types that hold values and do nothing on their own."""
BUILDERS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
"""torch's functions that make tensors of storages."""
BUILTINS = ("set", "frozenset", "list", "dict", "tuple", "int", "float", "bool", "str", "complex", "slice")


class _Inert(type):
    """The type of `Placeholder`: items set on it are forgotten, attributes too."""

    def __setitem__(cls, _key: object, _value: object) -> None: ...
    def __setattr__(cls, _name: str, _value: object) -> None: ...


class Placeholder(metaclass=_Inert):
    """Stands for a class, and for every object of it: calling it gives itself, whatever is put in is forgotten.

    It is a class because a pickle may use what it has just made as the class of the next object.
    """

    __slots__ = ()

    def __new__(cls, *_args: object, **_kwargs: object) -> type[Placeholder]:  # type: ignore[misc]
        """Give the class itself."""
        return cls

    @staticmethod
    def __setstate__(_state: object) -> None: ...

    @staticmethod
    def append(_item: object) -> None:
        """Forget an item."""

    @staticmethod
    def extend(_items: object) -> None:
        """Forget items."""

    @staticmethod
    def add(_item: object) -> None:
        """Forget an item."""


class Builder:
    """One of torch's builders behind a wall: a pickle can call it and change nothing about it."""

    __slots__ = ("_name",)
    _name: str
    _functions: ClassVar[dict[str, Callable[..., torch.Tensor]]] = {
        name: getattr(tensor_builders, name) for name in BUILDERS
    }

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __call__(self, *args: Any) -> torch.Tensor:
        """Build a tensor of a storage."""
        if self._name == "_rebuild_parameter":
            tensor: torch.Tensor = args[0]
            return tensor
        if self._name == "_rebuild_tensor_v2":
            # Storage, offset, size, stride, requires_grad; hooks and metadata of the file are left out.
            return self._functions[self._name](*args[:5], collections.OrderedDict())
        return self._functions[self._name](*args)

    def __setattr__(self, _name: str, _value: object) -> None: ...
    def __setstate__(self, _state: object) -> None: ...


class Untyped:
    """Stands for torch's class of untyped storages, which a pickle could call for any length, or change."""

    __slots__ = ()
    dtype: ClassVar[torch.dtype] = torch.uint8

    def __setattr__(self, _name: str, _value: object) -> None: ...
    def __setstate__(self, _state: object) -> None: ...


class Unpickler(pickle.Unpickler):
    """Looks up nothing but plain types, torch's storages and builders; every other name becomes a placeholder."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the pickle stands for. Imports nothing."""
        if (module, name) in PLAIN:
            return PLAIN[module, name]
        if module == "torch._utils" and name in BUILDERS:
            return Builder(name)
        if module in {"builtins", "__builtin__"} and name in BUILTINS:
            return getattr(builtins, name)
        if module in {"torch", "torch.storage"} and name == "UntypedStorage":
            return Untyped()  # torch.load itself takes care of the storages that have a type
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        return Placeholder


def _load(file: Any, **kwargs: Any) -> Any:
    return Unpickler(file, **kwargs).load()


def _reader() -> ModuleType:
    """What torch.load takes for the module `pickle`."""
    module = ModuleType("probescope_restricted_pickle")
    module.Unpickler = Unpickler  # type: ignore[attr-defined]
    module.load = _load  # type: ignore[attr-defined]
    module.UnpicklingError = pickle.UnpicklingError  # type: ignore[attr-defined]
    return module


def read_pickled(path: Path) -> Any:
    """The content of a file of torch.save, with placeholders for whatever is neither tensor nor plain value.

    Raises whatever torch's reader raises on a file that is truncated or no checkpoint.
    """
    if tarfile.is_tarfile(path):
        raise ValueError("an archive of a torch before 0.2, which is not read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", FutureWarning)
        return torch.load(path, map_location="cpu", weights_only=False, pickle_module=_reader())
