"""Reads files of torch.save with the program's own unpickler: tensors and plain values. Never runs code from a file.

torch's reader takes care of the archive and of the storages; what the pickle inside names is never imported, it is
looked up in a table: torch's own functions that make tensors of storages, or else a refusal. Checkpoints of training
scripts (.ckpt), such as those of the `robustness` package (Salman et al. 2020, arXiv:2007.08489), hold options,
optimiser and loggers of classes nobody has beside their weights: there an inert record stands in the place of each.
"""

from __future__ import annotations

import pickle
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import _utils as tensor_builders

from core.containers import USUAL_GROWTH, reading
from core.errors import WeightsError
from core.pickled_values import ARRAY_BUILDERS, Name
from core.unpickle import EVERYTHING, Machine


def read_torch(path: Path, *, lenient: bool = False) -> Any:
    """The content of a file of torch.save, on the CPU; other objects become inert records if `lenient`.

    Raises WeightsError if the file is truncated, no file of torch.save, a TorchScript file, or holds objects that are
    not allowed.
    """
    if is_torchscript(path):
        raise WeightsError(
            f"{path.name} is a TorchScript file, a network of its own and no state dict. "
            "Import it as a network: `python main.py networks add FILE --trust`."
        )
    # torch stores weights as they are, so its archives hardly grow
    with reading(path, "weights file", error=WeightsError, growth=USUAL_GROWTH), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the pickle protocol
        warnings.simplefilter("ignore", FutureWarning)
        if tarfile.is_tarfile(path):
            raise ValueError(
                "a tar archive, of other files (unpack it first) or of a torch before 0.2, which is not read"
            )
        reader = _reader(path, lenient=lenient)
        with path.open("rb") as file:  # by its path, torch goes by its ending
            return torch.load(file, map_location="cpu", weights_only=False, pickle_module=reader)


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive of torch.jit.save."""
    return any(name.endswith("/constants.pkl") for name in list_entries(path))


def list_entries(path: Path) -> list[str]:
    """What an archive holds, to Python's reader and to torch's: they can be made to differ. Nothing of a plain file."""
    names: list[str] = []
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # what one cannot read, the other may
        names += archive.namelist()
    with suppress(Exception):
        reader_of: Any = torch._C.PyTorchFileReader
        names += [f"/{name}" for name in reader_of(str(path)).get_all_records()]
    return names


def _make_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_hooks: Any) -> torch.Tensor:
    """A tensor of a storage, whose bounds torch checks; gradients, hooks and metadata of the file are left out."""
    if not isinstance(storage, torch.storage.TypedStorage):
        raise ValueError("a tensor is made of something that is no storage")
    rebuild: Callable[..., torch.Tensor] = tensor_builders._rebuild_tensor
    return rebuild(storage, offset, tuple(size), tuple(stride))


def _make_viewed(storage: Any, offset: Any, size: Any, stride: Any, *others: Any) -> torch.Tensor:
    """A tensor of bytes, of a type named behind its flag and hooks: newer types have no storage of their own."""
    dtype = getattr(torch, others[2].full.rpartition(".")[2], None) if len(others) > 2 else None
    if not isinstance(dtype, torch.dtype):
        raise ValueError("a tensor has an unknown type")
    rebuild: Callable[..., torch.Tensor] = tensor_builders._rebuild_tensor_v3
    return rebuild(storage, offset, tuple(size), tuple(stride), False, OrderedDict(), dtype)


TENSOR_BUILDERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _make_tensor,
    "torch._utils._rebuild_tensor_v2": _make_tensor,
    "torch._utils._rebuild_tensor_v3": _make_viewed,
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
    "torch._utils._rebuild_parameter_with_state": lambda tensor, *_: tensor,
    "torch.Size": lambda *sides: sides,
    "torch.device": lambda *name: name,
}
"""What torch's files call, and the function here that answers in its place."""


class _Bytes:
    """Stands for torch's class of untyped storages."""

    dtype: ClassVar[torch.dtype] = torch.uint8


def _is_storage(kind: Any, of: Any, key: Any, location: Any, count: Any, view: Any = None) -> bool:
    """Whether that is how torch describes a storage: its key and place are texts, its length a number."""
    plain = isinstance(key, str) and isinstance(location, str) and type(count) is int and count >= 0
    seen = view is None or (isinstance(view, tuple) and all(isinstance(part, str | int) for part in view))
    return kind == "storage" and plain and seen and isinstance(of, Name | torch.serialization.StorageType)


class _TensorMachine(Machine):
    builders: ClassVar[Any] = ARRAY_BUILDERS | TENSOR_BUILDERS
    refusal: ClassVar[str] = (
        "{name} holds code or objects besides tensors and was not opened (it asks for {what!r}). "
        "Save its state dict alone (torch.save(model.state_dict(), ...)) or convert it to safetensors."
    )
    persistent_load: Any

    def _call(self, what: object, args: tuple[Any, ...]) -> Any:
        if getattr(what, "full", "") == "torch._tensor._rebuild_from_type_v2" and len(args) == 4:
            return super()._call(args[0], args[2])  # a tensor with attributes, which are left out
        return super()._call(what, args)

    def _persistent(self) -> None:
        """A storage: torch itself finds it by its key, and would trust any other value."""
        pid = self.stack.pop()
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or not _is_storage(*pid):
            raise ValueError("a storage is described in an unknown way")
        if pid[4] > self._n_bytes:
            raise EOFError("a storage is cut short")
        kind = _Bytes if isinstance(pid[1], Name) else pid[1]
        self.append(self.persistent_load((pid[0], kind, *pid[2:])))


_TensorMachine.dispatch = _TensorMachine.dispatch | {ord(pickle.BINPERSID): _TensorMachine._persistent}


def _reader(path: Path, *, lenient: bool) -> Any:
    """What torch.load takes for the module `pickle`."""
    n_bytes = path.stat().st_size

    class Unpickler(_TensorMachine):
        def __init__(self, file: Any, **_encoding: Any) -> None:
            super().__init__(file, n_bytes, allowed=(EVERYTHING,) if lenient else (), name=path.name)

        def load(self) -> Any:
            return self.load_checked()

    module: Any = ModuleType("probescope_restricted_pickle")
    module.Unpickler, module.UnpicklingError = Unpickler, pickle.UnpicklingError
    module.load = lambda file, **_encoding: Unpickler(file).load()
    return module
