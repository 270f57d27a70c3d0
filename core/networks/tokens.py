"""Gives the features of transformers the shape the rest of the program works with.

(n, tokens, channels)  -> "all"    as it is: flattened later, every token and channel a feature
                          "grid"   the patch tokens as a map (n, channels, side, side), which can be pooled
                          "class"  the first token (n, channels)
                          "mean"   the mean of the patch tokens (n, channels)
(n, height, width, channels) of networks with channels last (Swin) -> (n, channels, height, width), always
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.errors import WeightsError
from core.networks.spec import NetworkSpec, Tokens


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to the features at the cut.

    Parameters
    ----------
    tokens : "all", "grid", "class" or "mean"
    n_prefix : int
        Tokens before the patch tokens: class token, register tokens.
    channels_last : bool
        Whether maps come as (n, height, width, channels).
    """

    tokens: Tokens = "all"
    n_prefix: int = 0
    channels_last: bool = False

    def __call__(self, features: Any) -> Any:
        """Features (n, ...) in their final shape; anything that is no tensor passes, for the validation to refuse."""
        if not isinstance(features, torch.Tensor):
            return features
        if features.ndim == 4 and self.channels_last:
            return features.permute(0, 3, 1, 2)
        if features.ndim != 3 or self.tokens == "all":
            return features
        if self.tokens == "class":
            return features[:, 0]
        patches = features[:, self.n_prefix :]
        if self.tokens == "mean":
            return patches.mean(1)
        side = math.isqrt(patches.shape[1])
        return patches.transpose(1, 2).reshape(len(patches), -1, side, side)


def find_treatment(whole: nn.Module, spec: NetworkSpec, *, shape: tuple[int, ...]) -> Treatment:
    """The treatment of features of one image, `shape`, at the cut of a network.

    Raises WeightsError if the layer has no class token, or its tokens form no square.
    """
    if len(shape) == 3:
        # Convolutions inside such a network still give (channels, height, width).
        turned = shape[0] == shape[1] != shape[2]
        return Treatment(channels_last=turned and has_channels_last(whole))
    if len(shape) != 2 or spec.tokens == "all":
        return Treatment()
    n_prefix = count_prefix(whole, n_tokens=shape[0])
    if spec.tokens == "class" and n_prefix == 0:
        raise _refuse(spec, f"its {shape[0]} tokens have no class token", "Choose tokens grid, mean or all.")
    if spec.tokens == "grid" and not _is_square(shape[0] - n_prefix):
        raise _refuse(spec, f"its {shape[0]} tokens form no square", "Choose tokens mean or all.")
    return Treatment(spec.tokens, n_prefix)


def count_prefix(whole: nn.Module, *, n_tokens: int) -> int:
    """Tokens before the patches: what the network says, or none at layers (patch embedding) before they are added."""
    said = getattr(whole, "num_prefix_tokens", None)
    if said is None:
        said = 1 if isinstance(getattr(whole, "class_token", None), torch.Tensor) else 0
    n_prefix = int(said)
    return 0 if _is_square(n_tokens) and not _is_square(n_tokens - n_prefix) else n_prefix


def has_channels_last(whole: nn.Module) -> bool:
    """Whether the library says that maps of this network are (n, height, width, channels)."""
    said: Any = getattr(whole, "output_fmt", None)
    return str(said).upper().endswith("NHWC") or type(whole).__name__ == "SwinTransformer"


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _refuse(spec: NetworkSpec, what: str, advice: str) -> WeightsError:
    return WeightsError(f"The network {spec.id!r} cannot be probed at this layer: {what}. {advice}")
