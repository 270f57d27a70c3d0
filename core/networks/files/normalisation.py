"""Finds mean and SD of R, G, B that a network or a weights file brings with it. Never guesses how they are meant."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

OF_PIXELS = r"((?:new|pixel|image|img|input|rgb|channel|norm|data|dataset|imagenet)?_?)"
MEANS = r"means?|mu"
SPREADS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    r"stds?|sds?|sigma": torch.Tensor.double,
    r"vars?|variance": lambda values: values.double().sqrt(),
    r"inv_?std|invstd": lambda values: 1 / values.double(),
}
"""What deviations are called, and how each becomes an SD."""
CHANNELS = re.compile(rf"{OF_PIXELS}(?:({MEANS})|{'|'.join(SPREADS)})(?:_rgb)?", re.IGNORECASE)
"""What mean and SD of the channels are called, wherever a network keeps them."""
IN_TEXT = re.compile(r"""(\w+)["']?\s*[=:]\s*[\[(]([^\[\]()]*)[\])]""")
"""A name and its list in the text of a configuration, as MMLab's checkpoints keep it."""
PAIR = re.compile(rf"{OF_PIXELS}(?:norm|normali[sz](?:e|er|ation)|means?_?(?:and_?)?stds?)(?:_?\w+)?", re.IGNORECASE)
"""What a mean and an SD in one list are called."""
NOT_OF_PIXELS = re.compile(
    r"target|label|loss|criterion|output|respons|readout|reward|head|y_|metric|result|score|history|acc|val|test"
)
"""How the owner begins of a mean and SD that are of something else."""
OF_PICTURES = re.compile(
    r"$|.*(norm|transf|aug|pre_?proc|dat|im(age|g)|pix|rgb|input|vision|conf|cfg|arg|param|opt|sett)"
)
"""Owners of a single number a setting gives for all channels; elsewhere it may be of noise or of initial weights."""
LARGEST_MEAN, LEAST_SD, LARGEST_SD = 1.0, 0.1, 2.0
"""Of pixels in [0, 1]; above, they are meant for grey levels. SDs of pictures are .2 to .3, variances .04 to .09."""
BLUE_FIRST, GREY_LEVELS, NEAR = (0.406, 0.456, 0.485), 255.0, 0.006
"""Mean of ImageNet in the order B, G, R, in which Caffe and OpenCV keep pixels."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and SD of R, G, B that a network brings with it, and the names of their tensors.

    Where a mean has no SD beside it, the SD is NaN and `partner` is "". `scale` is what both were divided by: 255 where
    both can only be meant for grey levels.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    name: str
    partner: str
    scale: float = 1.0

    @property
    def is_clear(self) -> bool:
        """Whether it can only be meant for pixels in [0, 1]."""
        is_mean = all(0 <= value <= LARGEST_MEAN for value in self.mean)
        return is_mean and all(LEAST_SD <= value <= LARGEST_SD for value in self.std)

    @property
    def doubt(self) -> str:
        """What its SD may be instead of one; "" for nothing known."""
        return "; its SD is so small that it may hold variances" if 0 < min(self.std) < LEAST_SD else ""

    @property
    def is_blue_first(self) -> bool:
        """Whether its mean is that of ImageNet for pixels that are kept as B, G, R."""
        scale = GREY_LEVELS if max(self.mean) > LARGEST_MEAN else 1.0
        return all(abs(value / scale - usual) < NEAR for value, usual in zip(self.mean, BLUE_FIRST, strict=True))

    def describe(self) -> str:
        """In words."""
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        scaled = f", divided by {self.scale:g}" if self.scale != 1 else ""
        return f"mean {mean} and {f'SD {std}' if self.partner else 'no SD'} ({self.name}{scaled})"


def read_channels(name: str, value: Any) -> torch.Tensor | None:
    """What is named as mean or SD of the channels, by its path: (3,), or (1,) for all; None for anything else.

    Numbers, alone or in lists however nested, or as text, arrays and tensors.
    """
    parent, _, last = name.rpartition(".")
    if not CHANNELS.fullmatch(last):
        return None
    if isinstance(value, str):
        value = re.findall(r"[^\s,;()\[\]]+", value)
    is_setting = not isinstance(value, torch.Tensor)
    if isinstance(value, list | tuple | float | int) and not isinstance(value, bool):
        with suppress(ValueError, TypeError, RuntimeError):  # ragged, or of things that are no numbers
            value = np.asarray(value, dtype=float) if np.size(value) in (1, 3) else value
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        value = torch.from_numpy(value.astype(float))
    if not isinstance(value, torch.Tensor) or value.numel() not in (1, 3) or value.is_complex() or value.is_meta:
        return None
    if is_setting and value.numel() == 1 and not OF_PICTURES.match(parent.rpartition(".")[2].lower()):
        return None
    return value.detach().flatten()


def read_texts(path: str, text: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Mean and SD in the text of a configuration, `mean=[0.4, 0.4, 0.4]`; each pair under a number of its own."""
    counts: Counter[str] = Counter()
    for name, values in IN_TEXT.findall(text):
        channels = read_channels(f"{path}.{counts[name]}.{name}", values)
        if channels is not None:
            yield f"{path}.{counts[name]}.{name}", channels
            counts[name] += 1


def read_pair(name: str, value: Any) -> dict[str, torch.Tensor]:
    """Mean and SD in one list or array named `PAIR`: of all channels, [[R, G, B], [R, G, B]] or a pair a channel."""
    pair: npt.NDArray[np.float64] = np.empty(0)
    if PAIR.fullmatch(name) and isinstance(value, list | tuple | np.ndarray | torch.Tensor):
        with suppress(ValueError, TypeError, RuntimeError):
            value = value.detach() if isinstance(value, torch.Tensor) else value
            pair = np.asarray(value, dtype=float).squeeze()
    pair = pair.T if pair.shape == (3, 2) else pair
    return dict(zip(("mean", "std"), torch.from_numpy(pair), strict=True)) if pair.shape in ((2,), (2, 3)) else {}


def list_channels(whole: nn.Module) -> dict[str, torch.Tensor]:
    """Every mean and SD of channels in a network by its path: tensors of any kind, and lists that are no tensors."""
    found: dict[str, torch.Tensor] = {}
    for path, part in whole.named_modules():
        held = vars(part) | dict(part.named_parameters(recurse=False)) | dict(part.named_buffers(recurse=False))
        for name, value in held.items():
            whole_name = f"{path}.{name}".removeprefix(".")
            channels = read_channels(whole_name, value)
            if channels is not None:
                found[whole_name] = channels
    return found


def find_normalisations(
    flat: Mapping[str, torch.Tensor], prefix: str = "", *, known: Collection[str] = ()
) -> tuple[Normalisation, ...]:
    """Every mean of three channels (or of one that has its SD) that belongs to the table behind `prefix`.

    Those among its own tensors, else those beside it, else those anywhere else in the file.
    """
    groups: tuple[dict[Any, Normalisation], ...] = ({}, {}, {})
    for name, tensor in flat.items():
        parent, dot, last = name.rpartition(".")
        word, mean = CHANNELS.fullmatch(last), read_channels(name, tensor)
        if word is None or not word[2] or mean is None or name.removeprefix(prefix) in known:
            continue
        around, _, owner = parent.rpartition(".")
        is_inside = prefix.startswith(parent + dot)
        if not is_inside and NOT_OF_PIXELS.match(owner.lower()):
            continue
        partner, std = _find_spread(flat, parent + dot, word[1])
        if partner or len(mean) > 1:
            are_grey_levels = float(mean.max()) > LARGEST_MEAN and float(std.min()) > LARGEST_SD
            scale = GREY_LEVELS if are_grey_levels else 1.0
            found = Normalisation(_as_typed(mean / scale), _as_typed(std / scale), name, partner, scale)
            nearness = 0 if is_inside else 1 if prefix.startswith(f"{around}." if around else "") else 2
            groups[nearness].setdefault((found.mean, str(found.std)), found)
    return tuple(next((group for group in groups if group), {}).values())


def _find_spread(flat: Mapping[str, torch.Tensor], parent: str, word: str) -> tuple[str, torch.Tensor]:
    """The name of the deviations beside a mean, and the SD they stand for; "" and NaN where there are none."""
    for names, convert in SPREADS.items():
        pattern = re.compile(re.escape(parent + word) + f"(?:{names})(?:_rgb)?", re.IGNORECASE)
        for name, tensor in flat.items():
            values = read_channels(name, tensor) if pattern.fullmatch(name) else None
            if values is not None:
                return name, convert(values)
    return "", torch.full((3,), math.nan)


def _as_typed(values: torch.Tensor) -> tuple[float, float, float]:
    """Three numbers, as they were typed: 0.4717, not its nearest float32."""
    red, green, blue = (float(f"{value:.7g}") for value in values.expand(3).tolist())
    return red, green, blue
