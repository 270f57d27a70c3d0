"""Takes the network of a whole encoder in: a module from pixels in [0, 1] to the responses of voxels.

A function "package.module:function" or "entry:NAME" (group probescope.encoders) that gives a torch module, or a
TorchScript or torch.export file. All of them run code, and are opened only if trusted. Nothing is normalised before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.checks import check_choice
from core.errors import WeightsError
from core.networks.build import list_entry_points, random_pixels
from core.networks.catalog import check_new_id, suggest_id
from core.networks.files.export_file import load_export
from core.networks.files.kinds import find_kind
from core.networks.files.program import OUTPUT, say
from core.networks.import_options import NetworkImportOptions
from core.networks.importing import FUNCTION, PROGRAM_KINDS, check_same_weights, check_trust
from core.networks.load import open_network
from core.networks.named import DEFAULT_SIZE, blank_spec
from core.networks.network import Network
from core.networks.spec import NetworkSpec
from core.networks.validate import validate_network

GROUP, ENTRY = "probescope.encoders", "entry"
"""Group of entry points under which an installed package offers whole encoders, and what their names begin with."""


def take_whole(source: str, options: NetworkImportOptions, *, key: str = "", device: str = "cpu") -> Network:
    """The network of a whole encoder, checked; its entry is not kept yet. `key` is that of a dictionary of outputs.

    Raises BadInputError if trust is missing, the key is not that of an output, or the id is taken; WeightsError if the
    file or module cannot be read, made or run, gives no row of responses an image, changes its input, or cannot be
    probed.
    """
    spec = _describe_source(source, options)
    layer = f"{OUTPUT}.{key}" if key else OUTPUT
    taken = {name: value for name in ("title", "licence") if (value := getattr(options, name))}
    own = options.id or suggest_id(spec.id)
    spec = replace(spec, id=own, user=True, layers=(layer,), default_layer=layer, **taken)
    check_new_id(spec.id)
    if spec.family == "python":
        check_same_weights(spec)
    network = open_network(spec, device=device)
    _check_use(network)
    validate_network(network)
    return network


def _describe_source(source: str, options: NetworkImportOptions) -> NetworkSpec:
    """The entry, as far as the source says it; code runs only if trusted."""
    path, (prefix, _, name) = Path(source).expanduser(), source.partition(":")
    size = options.input_size or DEFAULT_SIZE
    plain: dict[str, Any] = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "input_size": size}
    if not path.is_file() and (prefix == ENTRY or FUNCTION.fullmatch(source)):
        check_trust(options, repr(source), "Python code")
        points = list_entry_points(GROUP) if prefix == ENTRY else {}
        reference = points[check_choice(f"entry point of {GROUP}", name, points)] if prefix == ENTRY else source
        spec = blank_spec(reference.replace(":", "."), family="python", architecture=reference, **plain)
        return replace(spec, source=f"function {reference}", whole=True)
    kind = find_kind(path)
    if kind not in PROGRAM_KINDS:
        raise WeightsError(
            f"{path.name} holds weights without the program that runs them. Give a TorchScript or torch.export file, "
            "or a function that makes the module: package.module:function."
        )
    check_trust(options, path.name, PROGRAM_KINDS[kind])
    if kind == "export":
        plain["input_size"] = load_export(path, options.input_size).side or plain["input_size"]
    spec = blank_spec(path.stem, family=kind, weights=str(path.absolute()), source=path.name, **plain)
    return replace(spec, whole=True)


def _check_use(network: Network) -> None:
    """Raise WeightsError for a module that changes its input, or has operations that no gradient goes through."""
    spec, inner = network.spec, network.body
    pixels = random_pixels(spec).sigmoid().to(network.device)
    given = pixels.clone()
    with torch.no_grad():
        inner(given)
    if not torch.equal(given, pixels):
        raise WeightsError(f"{spec.id} changes its input in place. Let it work on a copy: `pixels = pixels.clone()`.")
    try:
        responses = inner(pixels.requires_grad_(True))
        if responses.requires_grad:
            torch.autograd.grad(responses.sum(), pixels, allow_unused=True)
    except Exception as error:
        advice = "Let it compute in torch from pixels to responses."
        raise WeightsError(f"{spec.id} is not differentiable: {say(error)}. {advice}") from error
