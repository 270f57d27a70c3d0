"""What files that hold a whole network have in common: TorchScript and torch.export, programs that torch opens.

Whoever opens one lets it run: only files the user has said to trust come here (`importing.py` asks, and keeps them).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from core.checks import refusal
from core.errors import ProbeError, WeightsError

OUTPUT = "output"
"""The layer of a file's whole output."""
REFUSED = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    LookupError,
    NotImplementedError,
    torch.jit.Error,
)
"""What a program raises that is given what it was not made for."""
BATCHES = (1, 2, 3, 4, 8, 16, 32)
"""Numbers of images a program may have been made for that does not take any number."""


class Program(nn.Module):
    """Runs a program on images, `batch` at a time; 0 for any number at once.

    `is_new` says that version 0.3 gave other features under the name of this layer: those of its last call, or of an
    operation behind it that works in place.
    """

    def __init__(self, run: nn.Module, batch: int, *, is_new: bool = False) -> None:
        super().__init__()
        self.inner = run
        self.batch = batch
        self.is_new = is_new
        for part in self.modules():
            if not isinstance(part, torch.jit.ScriptModule):  # these are in eval mode, and take no attributes
                part.training = False

    def train(self, mode: bool = True) -> Program:
        """Stay as it was saved."""
        del mode
        self.training = False
        return self

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The output for a batch."""
        if not self.batch:
            return take_single(self.inner(values))
        missing = values[-1:].expand(-len(values) % self.batch, -1, -1, -1)
        padded = torch.cat([values, missing])
        starts = range(0, len(padded), self.batch)
        parts = [take_single(self.inner(padded[at : at + self.batch].contiguous())) for at in starts]
        return torch.cat(parts)[: len(values)]


class Responses(nn.Module):
    """A whole encoder as a network: a module from pixels to responses (n, n_voxels).

    Parameters
    ----------
    layer : "output"; "output.KEY" where the module gives a dictionary.

    Raises WeightsError where it gives anything else than one row of numbers an image.
    """

    def __init__(self, inner: nn.Module, layer: str) -> None:
        super().__init__()
        self.inner = inner
        self._key = layer.removeprefix(OUTPUT).removeprefix(".")

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Responses to pixels (n, 3, side, side) in [0, 1]."""
        output: Any = take_single(self.inner(pixels))
        if isinstance(output, Mapping):
            if self._key not in output:
                advice = "Say which holds the responses: `--key NAME`, or Key in the dialog."
                raise refusal("key", allowed=f"one of {', '.join(map(str, output))}", got=self._key, advice=advice)
            output = output[self._key]
        elif self._key:
            raise refusal("key", allowed="left out where no dictionary comes out", got=self._key)
        is_tensor = isinstance(output, torch.Tensor)
        if not is_tensor or output.ndim != 2 or len(output) != len(pixels) or not output.numel():
            found = tuple(output.shape) if is_tensor else f"a {type(output).__name__}"
            raise WeightsError(
                f"The module gives {found} for {len(pixels)} images, not a tensor (images, voxels). Let it give one "
                "row of responses an image, or a dictionary of which one entry is that."
            )
        responses: torch.Tensor = output
        return responses


def find_batch(run: nn.Module, example: torch.Tensor, *, name: str, batches: tuple[int, ...] = (0, *BATCHES)) -> int:
    """How many images a program takes at once: the first of `batches` it runs with; 0 stands for any number.

    Raises WeightsError if it runs on none: `example` (1, 3, side, side) is of another size or kind than its images.
    """
    reasons: list[Exception] = []

    def takes(count: int) -> bool:
        try:
            with torch.no_grad():
                output = take_single(run(example.expand(count, -1, -1, -1).contiguous()))
        except REFUSED as error:
            reasons.append(error)
            return False
        return not isinstance(output, torch.Tensor) or (output.ndim > 0 and len(output) == count)

    for count in batches:
        if takes(count) if count else takes(2) and takes(3):
            return count
    raise _refuse_run(name, example.shape[-1], reasons)


@contextmanager
def explained(name: str, side: int) -> Iterator[None]:
    """Turn what a network raises that is made or run for images of another size or kind into one sentence."""
    try:
        yield
    except ProbeError:
        raise
    except Exception as error:
        raise _refuse_run(name, side, [error]) from error


def _refuse_run(name: str, side: int, reasons: list[Exception]) -> WeightsError:
    why = "".join(f": {say(one)}" for one in reasons[:1])
    return WeightsError(
        f"{name} does not run on an RGB image of {side} x {side} pixels{why}. "
        "Give the size it was made for (input size), or a network for such images."
    )


def check_single(module: nn.Module, n_inputs: int, *, name: str) -> None:
    """Raise WeightsError unless a program takes one image and computes in float32."""
    if n_inputs != 1:
        raise WeightsError(f"{name} takes {n_inputs} inputs, not one image. Save it with the image as its only input.")
    for values in (*module.parameters(), *module.buffers()):
        check_type(values.dtype, name=name)


def refuse_training(name: str, operation: str) -> WeightsError:
    """The refusal of a program in which an operation works as in training, and cannot be told to stop."""
    return WeightsError(
        f"{name} was saved in training mode: its {operation} works on the statistics of a batch, or at random. "
        "Save it after .eval(), or choose an earlier layer."
    )


def check_type(dtype: torch.dtype, *, name: str) -> None:
    """Raise WeightsError for numbers of another precision than float32."""
    if dtype.is_floating_point and dtype != torch.float32:
        raise WeightsError(f"{name} computes in {dtype}, not torch.float32. Save it after .float().")


def take_single(output: object) -> torch.Tensor:
    """The output of a program: what is alone in its lists, or the output as it is."""
    while isinstance(output, tuple | list) and len(output) == 1:
        output = output[0]
    return output  # type: ignore[return-value]  # what is no tensor is refused by the validation


def say(error: Exception) -> str:
    """An error of code that is not ours: its line that names an error, else its first line, else its kind."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()]
    named = [line.partition("Error: ")[2] for line in lines if "Error: " in line]
    return [*named, *lines, type(error).__name__][0]
