"""Every way a network can be unfit for a probe gets its own sentence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.errors import WeightsError
from core.networks.network import Network
from core.networks.spec import NetworkSpec
from core.networks.validate import validate_network


class Body(nn.Module):
    """A convolution followed by one fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fault = fault
        self.conv = nn.Conv2d(3, 4, 64)

    def forward(self, values: torch.Tensor) -> object:
        made = self.conv(values)
        return {
            "none": lambda: made,
            "list": lambda: [made],
            "shape": lambda: made[:, :2],
            "double": lambda: made.double(),
            "nan": lambda: made * float("nan"),
            "batch": lambda: made - made.mean(0, keepdim=True),
            "detached": lambda: made.detach(),
            "constant": lambda: made * 0 + 1,
            "kink": lambda: (made - made.detach()).abs().sqrt() + 1,
        }[self.fault]()


def make(spec: NetworkSpec, fault: str) -> Network:
    return Network(Body(fault), spec, layer="conv", sha256="", feature_shape=(4, 1, 1))


@pytest.mark.parametrize("kind", ["none", "detached"])
def test_a_sound_network_passes_with_or_without_gradients(tiny: tuple[NetworkSpec, nn.Module], kind: str) -> None:
    validate_network(make(tiny[0], kind))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("list", "its layer gives a list, not a tensor"),
        ("shape", r"its features have shape \(2, 2, 1, 1\), not \(2, 4, 1, 1\)"),
        ("double", r"its features are torch\.float64, not torch\.float32"),
        ("nan", "its features are not finite"),
        ("batch", "the features of one image depend on the other images"),
        ("constant", "its gradient at the pixels is zero everywhere"),
        ("kink", "its gradient at the pixels is not finite"),
    ],
)
def test_each_fault_has_its_sentence(tiny: tuple[NetworkSpec, nn.Module], fault: str, sentence: str) -> None:
    with pytest.raises(WeightsError, match=f"The network 'tiny' cannot be probed at layer 'conv': {sentence}"):
        validate_network(make(tiny[0], fault))


def test_training_mode_and_unfrozen_weights_are_refused(tiny: tuple[NetworkSpec, nn.Module]) -> None:
    network = make(tiny[0], "none")
    network.body.train()
    with pytest.raises(WeightsError, match="its part 'body' is in training mode"):
        validate_network(network)
    network.body.eval()
    network.body.requires_grad_(True)
    with pytest.raises(WeightsError, match=r"its weights 'body\.conv\.weight' are not frozen"):
        validate_network(network)
