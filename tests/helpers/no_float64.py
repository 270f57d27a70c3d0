"""A pretended device without float64, as Apple's is: whatever would fail there fails here.

Tensors on it are wrappers around tensors in memory. An operation that gives float64 there raises, one that mixes it
with tensors in memory raises, and so do one that draws from a generator in memory and taking one for a numpy array;
`.cpu()` brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = "meta"
"""Of torch's own names the one whose guards need no hardware."""


class OnDevice(torch.Tensor):
    """A tensor that says it lies on the pretended device."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnDevice:
        if held.dtype in (torch.float64, torch.complex128):
            raise TypeError("Cannot convert to float64: the device does not support it.")
        made: OnDevice = torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), dtype=held.dtype, device=DEVICE, requires_grad=held.requires_grad
        )
        made.held = held
        return made

    def __repr__(self, **_: Any) -> str:
        return f"on the pretended device: {self.held!r}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation with its tensors in memory, and what it gives on the device again."""
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    if "copy_" not in func._schema.name and any(one.dim() and not isinstance(one, OnDevice) for one in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {DEVICE} and cpu ({func}).")
    refuse_generator(args, kwargs)
    leaves = not on_device(kwargs.get("device", DEVICE) or DEVICE)
    plain = {name: torch.device("cpu") if name == "device" else value for name, value in kwargs.items()}
    found = func(*tree_map_only(OnDevice, hold, args), **tree_map_only(OnDevice, hold, plain))
    if func._schema.name.endswith("_"):  # in place: the same tensor is given back
        return args[0]
    return found if leaves else tree_map_only(torch.Tensor, OnDevice, found)


def refuse_generator(*parts: Any) -> None:
    """Raise for a generator of numbers in memory, the only kind that there is here."""
    if any(isinstance(one, torch.Generator) for one in tree_leaves(parts)):
        raise RuntimeError(f"Expected a '{DEVICE}' device type for generator but found 'cpu'")


def hold(one: OnDevice) -> torch.Tensor:
    """What it wraps."""
    return one.held


def on_device(name: Any) -> bool:
    """Whether it names the pretended device."""
    return isinstance(name, str | torch.device) and torch.device(name).type == DEVICE


def move_like(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """`one.to(other)` between memory and the device; its values are converted before they go there, or after."""
    held = (one.held if isinstance(one, OnDevice) else one).to(other.dtype)
    return OnDevice(held.detach()) if isinstance(other, OnDevice) else held


class _InnerCalls(TorchDispatchMode):
    """Makes on the device what torch itself makes there, such as the number in `torch.where(mask, values, 0.0)`."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = tree_leaves((args, kwargs))
        if on_device((kwargs or {}).get("device")) or any(isinstance(one, OnDevice) for one in tensors):
            return run(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


class _Device(TorchFunctionMode):
    """Makes on the device what is asked for there."""

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch._C._nn._parse_to:
            return func(*args, **(kwargs or {}))
        kwargs, args = dict(kwargs or {}), list(args)
        first = args[0] if args else None
        if isinstance(first, OnDevice) and func is torch.Tensor.numpy:
            raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() first.")
        if isinstance(first, OnDevice) and func is torch.Tensor.tolist:
            return first.held.tolist()
        moves = func is torch.Tensor.to
        if moves and len(args) > 1 and isinstance(args[1], torch.Tensor) and OnDevice in (type(first), type(args[1])):
            return move_like(first, args[1])
        wanted = kwargs.pop("device", None) if on_device(kwargs.get("device")) else None
        if moves and len(args) > 1 and on_device(args[1]):
            wanted = args[1]
            args = [first, *(one for one in args[2:] if one is not None and not isinstance(one, bool))]
        if wanted is None:
            return func(*args, **kwargs)
        refuse_generator(args, kwargs)
        found = func(*args, **kwargs) if not moves or len(args) + len(kwargs) > 1 else first
        return found if isinstance(found, OnDevice) else OnDevice(found.detach()).requires_grad_(found.requires_grad)


@contextmanager
def device_without_float64() -> Iterator[str]:
    """Gives the name of the pretended device; modules move there with `.to(name)`."""
    swap = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        # Wrappers cannot be views of what inference mode makes.
        with _InnerCalls(), _Device(), patch("torch.inference_mode", torch.no_grad):
            yield DEVICE
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swap)
