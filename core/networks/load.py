"""Opens any network, ready to be probed: verified, cut, folded, frozen, tested. Never downloads."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn

from core.checks import check_choice
from core.device import choose_device
from core.networks.build import random_pixels
from core.networks.catalog import find_network
from core.networks.network import Network
from core.networks.open_body import Body, check_weights, fingerprint, list_layers, open_body
from core.networks.spec import NetworkSpec
from core.networks.truncate import fold_batchnorm, run_to_exit, split_layers
from core.networks.validate import validate_network

FOLD_TOLERANCE = 1e-4
"""Largest change of a feature, relative to the largest feature, that rounding may cause when BatchNorm is folded."""

SMALLEST_FEATURE = 1e-12
"""Keeps the tolerance above zero for a layer that is silent on the example."""


def load_network(
    network: NetworkSpec | str, layer: str | None = None, *, device: str = "cpu", weights: Path | None = None
) -> Network:
    """Load a network cut behind one of its layers.

    Parameters
    ----------
    network : An entry of the catalogue, or the id or library name of one.
    layer : Feature layer; the network's default if not given.
    device : "auto", "cpu", "cuda" or "mps".
    weights : Weights file to use instead of the network's own; its SHA-256 is not checked.

    Raises BadInputError if the network or the layer does not exist (the nearest name is given); WeightsError if the
    file is missing, altered, truncated, of another architecture or holds code, or the network cannot be probed;
    StorageError if the file cannot be read.
    """
    result = open_network(network, layer, device=device, weights=weights)
    validate_network(result)
    return result


def open_network(
    network: NetworkSpec | str, layer: str | None = None, *, device: str = "cpu", weights: Path | None = None
) -> Network:
    """The same without the checks, for callers that show each of them (`iter_checks`)."""
    spec = find_network(network) if isinstance(network, str) else network
    path, sha256 = check_weights(spec, weights)
    layer = check_layer(spec, layer or spec.default_layer)
    body = open_body(spec, layer, path=path)
    return wrap_body(body, spec, layer=layer, sha256=fingerprint(spec, sha256, body.marks), device=device)


def wrap_body(body: Body, spec: NetworkSpec, *, layer: str, sha256: str, device: str) -> Network:
    """A cut network with its normalisation, BatchNorm folded where that changes nothing, on its device."""
    foldable = not spec.is_program and not spec.whole and len(split_layers(layer)) == 1
    module = _fold_if_exact(body.module, spec) if foldable else body.module
    result = Network(
        module, spec, layer=layer, sha256=sha256, feature_shape=body.feature_shape, treatment=body.treatment
    )
    # Moves in place, as modules do.
    result.to(device=choose_device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return result


def check_layer(spec: NetworkSpec, layer: str) -> str:
    """Return `layer` if the network can be cut there, else raise BadInputError with the nearest one.

    Several layers joined by "+" are checked one by one.
    """
    for one in split_layers(layer):
        if one not in spec.layers:
            check_choice("layer", one, [info.name for info in list_layers(spec)])
    return layer


def _fold_if_exact(body: nn.Module, spec: NetworkSpec) -> nn.Module:
    """The body with BatchNorm folded, or as it was where folding would change it (a convolution with two readers)."""
    example = random_pixels(spec)
    folded = copy.deepcopy(body)
    if fold_batchnorm(folded, example=example) == 0:
        return body
    with torch.no_grad():
        before, after = run_to_exit(body, example), run_to_exit(folded, example)
    tolerance = FOLD_TOLERANCE * float(before.abs().max().clamp_min(SMALLEST_FEATURE))
    # Not a number in either is left to the validation, which has the words for it.
    return body if (before - after).abs().max() > tolerance else folded
