"""Gives the features of a layer the shape the rest of the program works with.

(n, tokens, channels)  -> "all"    as it is: flattened later, every token and channel a feature
                          "grid"   the patch tokens as a map (n, channels, side, side), which can be pooled
                          "class"  the class token (n, channels)
                          "mean"   the mean of the patch tokens (n, channels)
(n, channels, height, width) or (n, height, width, channels) -> (n, channels, height, width), always

Where the picture lies in the features is what the network says of itself, checked by moving a patch in a picture
(`locality`). Features that follow the picture along no two axes are no map: every number is a feature of its own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from core.errors import WeightsError
from core.networks.locality import measure_concentration, measure_locality
from core.networks.spec import NetworkSpec, Tokens

LOCAL = 0.25
"""Least locality of features that lie as the picture does: with random weights .3 to 1, and at most .21 otherwise."""
CONCENTRATED = 0.75
"""Above it, a change that is not local lies in another place (windows, tokens out of order: .94 to 1); below, it is
spread over the map, as behind layers that see the whole picture (.25 to .55)."""
CLASS_TOKENS = ("cls_token", "class_token")
"""How the parameters of class tokens are called in timm, torchvision and transformers."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to the features at the cut.

    Parameters
    ----------
    tokens : "all", "grid", "class" or "mean"
    n_prefix : Tokens before the patch tokens: class token, distillation token, register tokens.
    turned : Whether channels lie where they usually do not: last in maps, before the tokens in tokens.
    order : Which patch token lies where in the picture, row by row, for networks that keep them in another order.
    flat : Whether four-dimensional features are no map.
    """

    tokens: Tokens = "all"
    n_prefix: int = 0
    turned: bool = False
    order: tuple[int, ...] = ()
    flat: bool = False

    def __call__(self, features: Any) -> Any:
        """Features (n, ...) in their final shape; anything that is no tensor passes, for the validation to refuse."""
        if not isinstance(features, torch.Tensor):
            return features
        if self.flat:
            return features.flatten(1)
        if features.ndim == 4 and self.turned:
            return features.permute(0, 3, 1, 2)
        if features.ndim != 3 or self.tokens == "all":
            return features
        if self.tokens == "class":
            return features[:, 0]
        patches = (features.transpose(1, 2) if self.turned else features)[:, self.n_prefix :]
        if self.tokens == "mean":
            return patches.mean(1)
        if self.order:
            patches = patches[:, _to_device(self.order, features.device)]
        side = math.isqrt(patches.shape[1])
        return patches.transpose(1, 2).reshape(len(patches), -1, side, side)

    def describe(self) -> str:
        """In words: "channels last"; "after 5 other tokens"; "rolled back into the order of the picture"."""
        axes = "channels first" if self.tokens in ("grid", "mean") else "channels last"
        said = {
            "no map: every number is a feature of its own": self.flat,
            axes: self.turned,
            f"after {self.n_prefix} other token{'s' * (self.n_prefix > 1)}": self.n_prefix and self.tokens != "class",
            "rolled back into the order of the picture": self.order,
        }
        return ", ".join(words for words, holds in said.items() if holds)

    @property
    def mark(self) -> str:
        """What tells it from other treatments, for the hash that names features."""
        order = hashlib.sha256(str(self.order).encode()).hexdigest()[:16] if self.order else ""
        return f"turned={self.turned:d} prefix={self.n_prefix} flat={self.flat:d} order={order}"


@lru_cache(maxsize=8)
def _to_device(order: tuple[int, ...], device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):  # it is kept, and a gradient may need it
        return torch.tensor(order, device=device)


def find_treatment(whole: nn.Module, spec: NetworkSpec, features: torch.Tensor) -> Treatment:
    """The treatment of features (n, ...) of `locality.moved_patches` at the cut of a network.

    Raises WeightsError if the layer has no class token, its tokens form no square, or do not lie as the picture does.
    """
    shape = tuple(features.shape[1:])
    check_class_token(whole, spec, shape)
    if len(shape) == 2 and spec.tokens == "class":
        return Treatment("class", count_prefix(whole, n_tokens=shape[0]))
    if len(shape) == 3:
        return find_map(features)
    if len(shape) == 2 and spec.tokens != "all":
        return _find_tokens(whole, spec, features)
    return Treatment()


def check_class_token(whole: nn.Module, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
    """Raise WeightsError if the class token is asked for of features of one image, `shape`, that have none."""
    if spec.tokens != "class" or len(shape) < 2 or (len(shape) == 2 and _has_class_token(whole, n_tokens=shape[0])):
        return
    what = f"{shape[0]} tokens" if len(shape) == 2 else f"features {shape}"
    raise _refuse(spec, f"its {what} have no class token", "Choose tokens grid, mean or all.")


def plain_treatment(whole: nn.Module, spec: NetworkSpec, shape: tuple[int, ...]) -> Treatment:
    """The treatment that goes by what a network says of itself as a whole, as up to version 0.3."""
    if len(shape) == 3:
        # Convolutions inside such a network still give (channels, height, width).
        turned = shape[0] == shape[1] != shape[2]
        said = str(getattr(whole, "output_fmt", "")).upper().endswith("NHWC")  # as timm says it
        return Treatment(turned=turned and (said or type(whole).__name__ == "SwinTransformer"))
    if len(shape) != 2 or spec.tokens == "all":
        return Treatment()
    return Treatment(spec.tokens, count_prefix(whole, n_tokens=shape[0]))


def find_map(features: torch.Tensor) -> Treatment:
    """The treatment of maps (n, ., ., .) of `locality.moved_patches`: whether their channels are first or last."""
    shape = features.shape[1:]
    sides = {True: shape[:2], False: shape[1:]}
    # Pictures are square; windows and their tokens, or heads of attention, are local along two axes only by chance.
    is_square = {turned: height == width for turned, (height, width) in sides.items()}
    said = Treatment(turned=is_square[True] and not is_square[False])
    ways = [said, replace(said, turned=not said.turned)][: 1 + is_square[not said.turned]]
    best = _most_local(ways, features)
    return best or (said if is_square[said.turned] and not _lies_elsewhere(said(features)) else Treatment(flat=True))


def _find_tokens(whole: nn.Module, spec: NetworkSpec, features: torch.Tensor) -> Treatment:
    """Of tokens (n, tokens, channels) that become a map or their mean."""
    count, n_channels = features.shape[1:]
    said = Treatment("grid", count_prefix(whole, n_tokens=count))
    prefixes = dict.fromkeys([said.n_prefix, count - math.isqrt(count) ** 2])
    ways = [
        Treatment("grid", prefix, order=order)
        for prefix in prefixes
        if _is_square(count - prefix)
        for order in _list_orders(whole, count - prefix)
    ]
    ways += [Treatment("grid", turned=True)] * _is_square(n_channels)
    best = _most_local(ways, features) or (ways[0] if _is_square(count - said.n_prefix) else said)
    if spec.tokens == "mean":
        return replace(best, tokens="mean", order=())
    if best not in ways:
        raise _refuse(spec, f"its {count} tokens form no square", "Choose tokens mean or all.")
    if _lies_elsewhere(best(features)):
        raise _refuse(spec, f"its {count} tokens do not lie as the picture does", "Choose tokens mean or all.")
    return best


def _most_local(ways: Sequence[Treatment], features: torch.Tensor) -> Treatment | None:
    """The treatment under which features lie as the picture does; None if there is none."""
    found = [measure_locality(way(features)) for way in ways]
    largest = max(found, default=0.0)
    return ways[found.index(largest)] if largest >= LOCAL else None


def _lies_elsewhere(maps: torch.Tensor) -> bool:
    """Whether what changes is another place than the patch; a change everywhere says nothing against a map."""
    return measure_locality(maps) < LOCAL and measure_concentration(maps) > CONCENTRATED


def _list_orders(whole: nn.Module, n_patches: int) -> list[tuple[int, ...]]:
    """The orders in which a network may keep its patch tokens, the one it says first; () is that of the picture.

    timm's Hiera unrolls the windows it attends within, and says how to roll them back.
    """
    reroll: Any = getattr(whole, "reroll", None)
    schedule: dict[int, Any] = getattr(reroll, "schedule", {})
    blocks = [block for block, (_, size) in schedule.items() if math.prod(size) == n_patches]
    numbers = torch.arange(n_patches)[None, :, None]
    return [*(tuple(reroll(numbers, block).flatten().tolist()) for block in blocks[:1]), ()]


def _has_class_token(whole: nn.Module, *, n_tokens: int) -> bool:
    """Whether the first of so many tokens is a class token, by the network's own description."""
    said = getattr(whole, "has_class_token", None)
    if said is None:
        said = any(name.startswith(CLASS_TOKENS) for name, _ in whole.named_parameters(recurse=False))
    return bool(said) and (count_prefix(whole, n_tokens=n_tokens) > 0 or not _is_square(n_tokens))


def count_prefix(whole: nn.Module, *, n_tokens: int) -> int:
    """Tokens before the patches: what the network says, or none at layers (patch embedding) before they are added."""
    said = getattr(whole, "num_prefix_tokens", None)
    if said is None:
        said = 1 if isinstance(getattr(whole, "class_token", None), torch.Tensor) else 0
    n_prefix = int(said)
    return 0 if _is_square(n_tokens) and not _is_square(n_tokens - n_prefix) else n_prefix


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _refuse(spec: NetworkSpec, what: str, advice: str) -> WeightsError:
    return WeightsError(f"The network {spec.id!r} cannot be probed at this layer: {what}. {advice}")
