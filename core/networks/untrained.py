"""A network of a known architecture with random weights, as a control: what the architecture alone does.

The weights are those its library draws for a new network, from a stated seed. Where it has BatchNorm, the means and
variances are measured on given images, as a network in training would have them: with the library's 0 and 1, features
vanish or burst with depth.
"""

from __future__ import annotations

import torch
from torch import nn

from core.checks import refusal
from core.networks.build import build_with_memory
from core.networks.load import check_layer, wrap_body
from core.networks.network import Network
from core.networks.open_body import cut_body, fingerprint, hash_weights
from core.networks.spec import NetworkSpec
from core.networks.validate import validate_network
from core.seeds import derive_seed
from core.types import FloatArray


def open_untrained(spec: NetworkSpec, layer: str, *, seed: int, pixels: FloatArray, device: str = "cpu") -> Network:
    """The network's architecture with random weights, cut behind `layer`.

    `pixels` (n, 3, input_size, input_size): images in [0, 1] that BatchNorm is measured on.

    Raises BadInputError if the network is a file or a function, or has no such layer; WeightsError if the random
    network cannot be probed there.
    """
    if not spec.is_drawn:
        raise refusal("network", allowed="a definition of torchvision or timm", got=spec.family, advice="Leave it out.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "untrained", spec.id))
        whole = build_with_memory(spec)
    values = torch.from_numpy(pixels).float()
    values = (values - torch.tensor(spec.mean).view(1, 3, 1, 1)) / torch.tensor(spec.std).view(1, 3, 1, 1)
    measure_batchnorm(whole, values)
    digest = hash_weights(whole)
    body = cut_body(whole, check_layer(spec, layer), spec, example=values[:1])
    network = wrap_body(body, spec, layer=layer, sha256=fingerprint(spec, digest, body.marks), device=device)
    validate_network(network)
    return network


def measure_batchnorm(whole: nn.Module, values: torch.Tensor) -> None:
    """Set every BatchNorm's mean and variance to those of its inputs for normalised pixels (n, 3, height, width)."""
    norms = [part for part in whole.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    momentum = [part.momentum for part in norms]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None  # a plain average over batches; there is one
        part.train()
    with torch.no_grad():
        whole(values)
    for part, before in zip(norms, momentum, strict=True):
        part.momentum = before
        part.eval()
