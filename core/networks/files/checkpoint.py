"""Reads weights files and puts them into an architecture. Never runs code from a file, never loads half of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from core import files
from core.containers import reading
from core.errors import WeightsError
from core.networks.files.torch_pickle import read_torch

State = dict[str, torch.Tensor]
COUNTER = "num_batches_tracked"
WRAPPERS = ("state_dict", "model")
"""Keys under which training scripts store the state."""
OUTER = ("module.", "model.", "backbone.", "encoder.", "trunk.", "visual.")
"""What training scripts put before the names of a network they wrap."""
NOT_OF_THE_NETWORK = ("attacker", "normalizer.", "normalize.")
"""Parts of names the `robustness` package adds: a second copy of the network, and its mean and std."""


def hash_file(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits. Raises WeightsError if it cannot be read."""
    try:
        return files.hash_file(path)
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error.strerror}. Check the path.") from error


def check_hash(path: Path, expected: str) -> str:
    """Return the SHA-256 of `path`; raise WeightsError if it does not begin with `expected` ("" expects nothing)."""
    found = hash_file(path)
    if not found.startswith(expected.lower()):
        raise WeightsError(
            f"The weights file {path.name} was altered or is truncated: its SHA-256 begins with {found[:12]}, "
            f"the catalogue says {expected[:12]}. Install the program again or give another file."
        )
    return found


def read_state(path: Path) -> State:
    """Every tensor of a .safetensors, .pth, .pt or .ckpt file, by name.

    A .ckpt may hold other objects beside its tensors, which are not made; any other pickle may not.

    Raises WeightsError if the file is truncated, of no known kind, or a pickle that holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _unwrap(read_torch(path, lenient=path.suffix == ".ckpt"), path)


def match_names(state: State, known: Collection[str]) -> State:
    """The state with its names as the architecture has them: outer prefixes go while no name fits."""
    while state and not any(name in known for name in state):
        outer = next((prefix for prefix in OUTER if all(name.startswith(prefix) for name in state)), None)
        if outer is None:
            break
        state = {name.removeprefix(outer): value for name, value in state.items()}
    return state


def apply_state(module: nn.Module, state: Mapping[str, torch.Tensor], *, known: Mapping[str, Any], path: Path) -> None:
    """Give every tensor of `module` its value from `state`, in float32 whatever the precision of the file.

    Parameters
    ----------
    module : torch.nn.Module
        A cut architecture; tensors behind the cut need not be in the file.
    known : mapping
        Names of the whole architecture: the file may hold these besides, and nothing else.
    path : Path
        Named in the error.

    Raises
    ------
    WeightsError
        Naming the first tensor that is missing, unknown or of another shape.
    """
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        _check_tensor(name, tensor, state, path)
    unknown = next((name for name in state if name not in known), None)
    if unknown is not None:
        raise WeightsError(f"{path.name} holds a tensor {unknown!r} that this architecture has not. {OTHER_FILE}")
    zero = torch.zeros((), dtype=torch.int64)
    # Counters of BatchNorm are not weights; many converted files leave them out.
    found = {name: state.get(name, zero) for name in wanted}
    found = {name: value.float() if value.is_floating_point() else value for name, value in found.items()}
    module.load_state_dict(found, assign=True)


OTHER_FILE = "It belongs to another architecture: choose the weights of this network."


def _check_tensor(name: str, wanted: torch.Tensor, state: Mapping[str, torch.Tensor], path: Path) -> None:
    if name not in state:
        if not name.endswith(COUNTER):
            raise WeightsError(f"{path.name} lacks the tensor {name!r} of shape {tuple(wanted.shape)}. {OTHER_FILE}")
    elif state[name].shape != wanted.shape:
        found, right = tuple(state[name].shape), tuple(wanted.shape)
        raise WeightsError(
            f"In {path.name} the tensor {name!r} has shape {found}, this network needs {right}. {OTHER_FILE}"
        )


def _read_safetensors(path: Path) -> State:
    with reading(path, "safetensors file", error=WeightsError):
        return load_file(str(path))


def _unwrap(content: Any, path: Path) -> State:
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise WeightsError(f"{path.name} holds no table of tensors. Save the network's state dict.")
    state = {str(name): value for name, value in content.items()}
    if any(NOT_OF_THE_NETWORK[0] in name for name in state):
        state = {name: value for name, value in state.items() if not any(part in name for part in NOT_OF_THE_NETWORK)}
    return {name.removeprefix("module."): value for name, value in state.items()}
