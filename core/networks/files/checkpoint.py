"""Reads weights files and puts them into an architecture. Never runs code from a file, never loads half of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from core.containers import reading
from core.errors import WeightsError
from core.files import hash_file
from core.networks.files.kinds import find_kind
from core.networks.files.normalisation import read_channels, read_pair, read_texts
from core.networks.files.torch_pickle import read_torch
from core.pickled_values import Inert
from core.unpickle import EVERYTHING, read_pickle

State = dict[str, torch.Tensor]
COUNTER = "num_batches_tracked"
NO_WEIGHTS = re.compile(r"optim|exp_avg|lr_|sched|loops|(grad_)?scaler|amp$|.*rng|hyper_parameters")
"""How what training scripts keep beside a network begins: it never holds weights."""
MODULE_PARTS = ("_parameters", "_buffers", "_modules")
"""Where a torch.nn.Module that was saved whole keeps its tensors."""


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
    """Every tensor of a weights file by its path inside: "state_dict.conv1.weight". The content decides how it is read.

    Whatever else a pickle holds is not made. Raises WeightsError if the file is truncated, of no known kind, or holds
    no tensors.
    """
    kind = find_kind(path)
    if kind == "safetensors":
        with reading(path, "safetensors file", error=WeightsError):
            return load_file(str(path))
    content = read_pickle(path, allowed=(EVERYTHING,)) if kind == "pickle" else read_torch(path, lenient=True)
    state = dict(_walk(content, "", set()))
    if not state:
        raise WeightsError(f"{path.name} holds no table of tensors. Save the network's state dict with torch.save.")
    return state


def _walk(
    content: Any, path: str, seen: set[int], *, only_channels: bool = False
) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in tables, lists, arrays and modules, each container once: it may hold itself.

    Mean and SD of the channels are found among settings, too, as lists of numbers; there nothing else is taken.
    """
    name = path.removesuffix(".")
    if (channels := read_channels(name, content)) is not None:
        yield name, content if isinstance(content, torch.Tensor) else channels
    elif pair := read_pair(name.rpartition(".")[2], content):
        yield from ((f"{path}{part}", channels) for part, channels in pair.items())
    elif isinstance(content, torch.Tensor | np.ndarray):
        if not only_channels and (isinstance(content, torch.Tensor) or content.dtype.kind in "fiu"):
            yield name, torch.as_tensor(content)
    elif isinstance(content, str):
        yield from read_texts(name, content)
    elif id(content) not in seen:
        seen.add(id(content))
        for key, value, is_setting in _list_parts(content):
            yield from _walk(value, f"{path}{key}.", seen, only_channels=only_channels or is_setting)


def _list_parts(content: Any) -> Iterator[tuple[str, Any, bool]]:
    """What a container holds: its name, its value, and whether it is a setting rather than weights."""
    if isinstance(content, Inert):
        held = {key: value for key, value in content.state.items() if key not in MODULE_PARTS}
        parts = [content.state.get(part) for part in MODULE_PARTS]
        yield from ((key, value, False) for part in parts if isinstance(part, dict) for key, value in part.items())
        yield from ((key, value, True) for key, value in held.items())
    elif isinstance(content, Mapping | list | tuple):
        items = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in items:
            is_tensor = isinstance(value, torch.Tensor | np.ndarray)
            yield str(key), value, not is_tensor and NO_WEIGHTS.match(str(key)) is not None


def apply_state(module: nn.Module, state: Mapping[str, torch.Tensor], *, known: Mapping[str, Any], path: Path) -> None:
    """Give every tensor of `module` its value from `state`, in float32 whatever the precision of the file.

    Parameters
    ----------
    module : A cut architecture; tensors behind the cut need not be in the file.
    known : Names of the whole architecture: the file may hold these besides, and nothing else.
    path : Named in the error.

    Raises WeightsError if a tensor is missing, unknown or of another shape, and the first of them is named.
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
    elif wanted.is_floating_point() and not state[name].is_floating_point():
        raise WeightsError(
            f"In {path.name} the tensor {name!r} holds {state[name].dtype}, this network needs {wanted.dtype}: it may "
            "be quantised. Give the weights as they were before."
        )
