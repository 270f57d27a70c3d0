"""Networks of a user, as functions that a test imports by name."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.transforms import Normalize


class Small(nn.Module):
    """Three convolutions; may detach its features, or use the statistics of its batch."""

    def __init__(self, *, detaches: bool = False, uses_batch: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, 2)
        self.second = nn.Conv2d(4, 6, 3, 2)
        self.last = nn.Conv2d(6, 8, 3, 2)
        self.detaches = detaches
        self.uses_batch = uses_batch

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = self.second(self.first(values).relu()).relu()
        if self.uses_batch:
            values = values - values.mean(0, keepdim=True)
        return self.last(values.detach() if self.detaches else values)


def make_small() -> nn.Module:
    return Small()


make_small.probescope = {"title": "Small", "input_size": 32, "layers": ["second", "last"], "licence": "MIT"}


def make_detaching() -> nn.Module:
    return Small(detaches=True)


def make_batch() -> nn.Module:
    return Small(uses_batch=True)


def make_training() -> nn.Module:
    class Stubborn(Small):
        def train(self, mode: bool = True) -> nn.Module:
            return super().train(True)

    return Stubborn()


def make_nothing() -> str:
    return "no network"


def make_random() -> nn.Module:
    torch.seed()  # undone by the caller: a network that nobody gave weights
    return nn.Sequential(nn.Conv2d(3, 4, 3))


class Dropping(Small):
    """Drops out whether it trains or not."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.dropout(self.second(self.first(values)), 0.3))


def make_dropping() -> nn.Module:
    return Dropping()


def make_grey() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, 2))


def make_pair() -> nn.Module:
    class Pair(Small):
        def forward(self, values: torch.Tensor, others: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return super().forward(values + others)

    return Pair()


def make_broken() -> nn.Module:
    raise ValueError("no such checkpoint")


def make_compiled() -> nn.Module:
    whole = Small()
    whole.second = torch.compile(whole.second)
    return nn.DataParallel(torch.compile(whole))


def make_normalised_by_torchvision() -> nn.Module:
    return nn.Sequential(Normalize([0.4, 0.5, 0.6], [0.2, 0.25, 0.3]), Small())


def make_normalised_outside_its_tensors() -> nn.Module:
    whole = make_normalising()
    for name in ("mean", "std"):
        whole.register_buffer(name, whole.get_buffer(name), persistent=False)
    return whole


def make_normalising() -> nn.Module:
    whole = Small()
    whole.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
    whole.register_buffer("std", torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1))
    whole.register_forward_pre_hook(lambda module, args: ((args[0] - module.mean) / module.std,))
    return whole
