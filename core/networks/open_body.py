"""Lists where any network can be cut, and opens its body with its weights, cut behind a layer, as it was trained.

What a network is made of decides the way: a definition of a library and a state dict, a TorchScript or torch.export
file, or a function of the user.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.errors import WeightsError
from core.files import hash_file
from core.networks.build import TRANSFORMED, build_architecture, build_with_memory, example_pixels, random_pixels
from core.networks.catalog import find_network
from core.networks.code import hash_code
from core.networks.files.checkpoint import apply_state, check_hash
from core.networks.files.download import expected_hash
from core.networks.files.export_file import list_export_layers, open_export
from core.networks.files.program import OUTPUT, Program, Responses, explained
from core.networks.files.script_file import list_script_layers, open_script
from core.networks.files.tables import read_for
from core.networks.locality import moved_patches
from core.networks.spec import LayerInfo, NetworkSpec
from core.networks.tokens import Treatment, find_treatment, plain_treatment
from core.networks.truncate import cut_after, describe_calls, is_overwritten, run_to_exit, split_layers, watch_layers


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A network cut behind a layer.

    Parameters
    ----------
    module : In eval mode, frozen, on the CPU; called through `run_to_exit`.
    treatment : What becomes of its features.
    feature_shape : Shape of one image's features, treated.
    marks : What makes its features others than those that version 0.3 gave under the same names.
    """

    module: nn.Module
    treatment: Treatment
    feature_shape: tuple[int, ...]
    marks: tuple[str, ...] = ()


def open_body(spec: NetworkSpec, layer: str, *, path: Path) -> Body:
    """The network with the weights of `path`, cut behind `layer`.

    Raises BadInputError if the layer does not exist in a file; WeightsError if the weights are truncated, of another
    architecture, or hold code.
    """
    example = example_pixels(spec)
    if spec.whole:
        return _open_whole(spec, layer, path=path)
    if spec.is_program:
        program = open_program(spec, layer, path=path, example=example)
        return _describe(program, spec, is_new=program.is_new)
    whole = build_architecture(spec)
    state = read_for(path, whole, spec.table) if spec.weights else None
    known = whole.state_dict()
    module = cut_after(whole, layer, example=example)
    if state is not None:
        apply_state(module, state, known=known, path=path)
        fill_fixed(module, spec)
    with torch.no_grad():
        is_new = len(split_layers(layer)) > 1 and is_overwritten(module, layer, values=moved_patches(spec.input_size))
    return _describe(module, spec, is_new=is_new)


def _open_whole(spec: NetworkSpec, layer: str, *, path: Path) -> Body:
    """A whole encoder, with nothing cut off; its features are the responses."""
    pixels = random_pixels(spec, count=2).sigmoid()  # in [0, 1], as its stimuli
    inner = open_program(spec, OUTPUT, path=path, example=pixels[:1]) if spec.is_program else build_architecture(spec)
    module = Responses(inner, layer).eval()
    with torch.no_grad(), explained(spec.id, spec.input_size):
        responses = module(pixels)
    marks = () if spec.is_program else (f"code: {hash_code(spec.architecture, inner)}",)
    return Body(module, Treatment(), tuple(responses.shape[1:]), marks)


def list_layers(network: NetworkSpec | str) -> tuple[LayerInfo, ...]:
    """Every layer with features of its own, in the order they are computed; weights are only opened with a program.

    Containers are listed after their last part; layers called twice appear at each call, the second as "NAME#2"; where
    several nested modules give the same tensor, all their names are listed.
    """
    spec = find_network(network) if isinstance(network, str) else network
    return _list_layers(spec, spec.weights_path)


@lru_cache(maxsize=16)
def _list_layers(spec: NetworkSpec, path: Path) -> tuple[LayerInfo, ...]:
    example = example_pixels(spec)
    if spec.whole:
        body = _open_whole(spec, spec.default_layer, path=path)
        return (LayerInfo(spec.default_layer, body.feature_shape),)
    if not spec.is_program:
        with explained(spec.id, spec.input_size):
            return watch_layers(build_architecture(spec), example)
    find = list_script_layers if spec.family == "torchscript" else list_export_layers
    return describe_calls(find(path, example))


def open_program(spec: NetworkSpec, layer: str, *, path: Path, example: torch.Tensor) -> Program:
    """A TorchScript or torch.export file, cut behind `layer`."""
    opened = open_script if spec.family == "torchscript" else open_export
    return opened(path, layer, example=example)


def cut_body(whole: nn.Module, layer: str, spec: NetworkSpec, *, example: torch.Tensor) -> Body:
    """A network that holds its weights, cut behind `layer`; `example` (1, 3, side, side) is normalised pixels."""
    return _describe(cut_after(whole, layer, example=example), spec)


def _describe(module: nn.Module, spec: NetworkSpec, *, is_new: bool = False) -> Body:
    """A module that is cut, with its weights and what becomes of its features."""
    marks: tuple[str, ...] = ("of the layer itself",) if is_new else ()
    pictures = moved_patches(spec.input_size)
    with torch.no_grad():
        features: Any = run_to_exit(module, pictures)
    module = module if spec.is_program else module.requires_grad_(False)
    if not isinstance(features, torch.Tensor):
        return Body(module, Treatment(), ())
    if len(features) != len(pictures):  # which the validation has the words for
        return Body(module, Treatment(), tuple(features.shape[1:]))
    treatment = find_treatment(module, spec, features)
    plain = plain_treatment(module, spec, tuple(features.shape[1:]))
    marks += () if treatment == plain else (f"layout: {treatment.mark}",)
    return Body(module, treatment, tuple(treatment(features).shape[1:]), marks)


def check_weights(spec: NetworkSpec, weights: Path | None) -> tuple[Path, str]:
    """The weights file to open and the hash of its content; `weights` replaces the network's own.

    Raises WeightsError if the network's own file is missing, or not the one that is expected; StorageError if it cannot
    be read.
    """
    if spec.family == "python" and not spec.weights:
        return Path(), hash_module(spec)
    if weights is not None:
        return weights, hash_file(weights)
    if not spec.installed:
        raise WeightsError(_say_missing(spec))
    return spec.weights_path, check_hash(spec.weights_path, expected_hash(spec))


def fingerprint(spec: NetworkSpec, sha256: str, marks: tuple[str, ...] = ()) -> str:
    """What names the features of a network: the hash of its weights, and of each choice that is not in them.

    Two networks of the same file that differ in normalisation or in the treatment of tokens must not share features;
    nor must those of `Body.marks` and the other ones that version 0.3 gave.
    """
    choices = [] if spec.tokens == "all" else [f"tokens={spec.tokens}"]
    choices += marks
    if spec.table:
        choices.append(f"table={spec.table}")
    if spec.output_stride in (8, 16):
        choices.append(f"output_stride={spec.output_stride}")
    # Up to 0.3 two kinds of network that are not the user's were normalised otherwise.
    changed = {
        "torchvision": spec.architecture in TRANSFORMED and set(spec.mean) == {0.5},
        "python": not any(spec.mean),
    }
    if (spec.user and not spec.url) or changed.get(spec.family, False):
        choices.append(f"mean={spec.mean} std={spec.std} size={spec.input_size}")
    return hashlib.sha256("\n".join([sha256, *choices]).encode()).hexdigest() if choices else sha256


def hash_module(spec: NetworkSpec) -> str:
    """SHA-256 of the weights of a function's network: it has no file."""
    return hash_weights(build_architecture(spec))


def hash_weights(whole: nn.Module) -> str:
    """SHA-256 of names, shapes and values of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in sorted(whole.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _say_missing(spec: NetworkSpec) -> str:
    if spec.url:
        how = f"`python main.py networks download {spec.id}`"
        return f"The weights of {spec.id!r} are not on this computer. Get them: {how}."
    if not spec.weights:
        return f"The library has no pretrained weights for {spec.id!r}. Import a file: `python main.py networks add`."
    return f"The weights file {spec.weights_path} cannot be read: No such file or directory. Check the path."


def fill_fixed(module: nn.Module, spec: NetworkSpec) -> None:
    """Give tensors that are computed from the architecture alone, and are in no state dict, their values."""
    empty = [name for name, value in module.named_buffers() if value.is_meta]
    if not empty:
        return
    full = dict(build_with_memory(spec).named_buffers())
    for name in empty:
        parent, _, last = name.rpartition(".")
        setattr(module.get_submodule(parent), last, full[name])
