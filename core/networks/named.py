"""Finds networks by the names of a library: "timm:NAME", "torchvision:NAME", "entry:NAME". Never downloads a weight.

    timm:vit_base_patch16_224                    the library's default weights
    timm:vit_base_patch16_224.dino@class         other weights; the class token instead of the patch tokens
    torchvision:resnet50.IMAGENET1K_V1           one of the library's sets of weights
    entry:NAME                                   a function that an installed package offers (group probescope.networks)

Input size, mean, std, address and licence are those of the library. Layers are chosen from the blocks of the network.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, get_args

import torch

from core.checks import check_choice, refusal, suggest
from core.errors import BadInputError
from core.networks.build import (
    TRANSFORMED,
    build_architecture,
    example_pixels,
    find_function,
    list_entry_points,
    load_torchvision,
)
from core.networks.files.normalisation import find_normalisations, list_channels
from core.networks.files.program import explained
from core.networks.spec import Family, LayerInfo, NetworkSpec, Tokens
from core.networks.tokens import check_class_token, count_prefix
from core.networks.truncate import CALL, watch_layers

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALVES = (0.5, 0.5, 0.5)
MOST_LAYERS = 6
"""Layers offered of a network without chosen layers."""
DEFAULT_SIZE = 224
BLOCK = re.compile(
    r"(?:backbone\.)?(?!stem|classifier|head|fc)[A-Za-z_]\w*\.\d+|encoder\.layers\.\w+|trunk_output\.\w+"
)
"""Path of a block: "layer3.5", "blocks.11", "encoder.layers.encoder_layer_11", "trunk_output.block3"."""
HUB = "https://huggingface.co"
HUB_FILE = "model.safetensors"


@lru_cache(maxsize=64)
def find_named(library: str, name: str) -> NetworkSpec:
    """The network of that name in a library. Raises BadInputError with the nearest name if there is none."""
    bare, _, tokens = name.partition("@")
    if tokens:
        check_choice("tokens", tokens, get_args(Tokens))
    load_torchvision()
    spec = {"timm": _find_timm, "torchvision": _find_torchvision, "entry": _find_entry}[library](bare)
    return complete_spec(replace(spec, id=f"{library}:{name}"), tokens=tokens)


def complete_spec(spec: NetworkSpec, *, layers: tuple[str, ...] = (), tokens: str = "") -> NetworkSpec:
    """The entry with the layers and the treatment of tokens that suit its architecture, where none are given.

    Raises BadInputError for a layer that does not exist, WeightsError for a class token that does not.
    """
    whole, example = build_architecture(spec), example_pixels(spec)
    with explained(spec.id, spec.input_size):
        known = watch_layers(whole, example)
    chosen = layers or choose_layers(known)
    for layer in chosen:
        check_choice("layer", layer, [info.name for info in known])
    shape = next(info.shape for info in known if info.name == chosen[-1])
    treated: Any = tokens or _choose_tokens(whole, shape)
    complete = replace(spec, layers=chosen, default_layer=chosen[-1], tokens=treated)
    check_class_token(whole, complete, shape)
    return complete


def choose_layers(known: tuple[LayerInfo, ...]) -> tuple[str, ...]:
    """At most `MOST_LAYERS` blocks, evenly spread and with the last one; any layers where there are no blocks."""
    if not known:
        raise BadInputError("The network has no layer whose output is a tensor. Choose another one.")
    spatial = [info.name for info in known if len(info.shape) >= 2 and CALL not in info.name]
    blocks = [name for name in spatial if BLOCK.fullmatch(name)]
    names = blocks or [name for name in spatial if "." not in name] or spatial or [info.name for info in known]
    step = max(1, -(-len(names) // MOST_LAYERS))
    return tuple(reversed(names[::-1][::step]))


def _choose_tokens(whole: torch.nn.Module, shape: tuple[int, ...]) -> Tokens:
    if len(shape) != 2:
        return "all"
    patches = shape[0] - count_prefix(whole, n_tokens=shape[0])
    return "grid" if round(patches**0.5) ** 2 == patches else "mean"


def blank_spec(name: str, *, family: Family, **known: Any) -> NetworkSpec:
    """The entry of a network of which no more is known than its name and family, and the fields given."""
    usual = {"architecture": "", "weights": "", "sha256": "", "licence": "unknown", "source": family, "note": ""}
    sizes: dict[str, Any] = {"input_size": DEFAULT_SIZE, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    spec = sizes | usual | known
    return NetworkSpec(id=name, title=name, family=family, layers=("",), default_layer="", robust=False, **spec)


def _find_timm(name: str) -> NetworkSpec:
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = timm.list_models()
        advice = suggest(architecture, known) or "`timm.list_models()` lists them."
        raise refusal("timm name", allowed=f"one of {len(known)}", got=name, advice=advice)
    if tag:
        tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
        check_choice(f"weights of timm:{architecture}", tag, tags)
    cfg: Any = timm.get_pretrained_cfg(name)
    spec = blank_spec(name, family="timm", architecture=name)
    if cfg is None:
        return spec
    url, file = "", ""
    if cfg.hf_hub_id:
        file = cfg.hf_hub_filename or HUB_FILE
        url = f"{HUB}/{cfg.hf_hub_id}/resolve/main/{file}"
        file = f"{cfg.hf_hub_id.partition('/')[2]}.{file.rpartition('.')[2]}"
    elif cfg.url and cfg.url.endswith((".pth", ".pt", ".safetensors")):
        url, file = cfg.url, cfg.url.rpartition("/")[2]
    if url and not _published_hash(file):
        file = f"{hashlib.sha256(url.encode()).hexdigest()[:8]}/{file}"  # others may call their file the same
    return replace(
        spec,
        weights=file,
        url=url,
        sha256=_published_hash(file),
        input_size=int(cfg.input_size[-1]),
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
        licence=str(cfg.license or "unknown"),
        source=f"timm ({cfg.tag})" if cfg.tag else "timm",
        note=str(cfg.paper_name or ""),
    )


def _find_torchvision(name: str) -> NetworkSpec:
    from torchvision import models

    architecture, _, wanted = name.partition(".")
    known = models.list_models()
    if architecture not in known:
        advice = suggest(architecture, known) or "`torchvision.models.list_models()` lists them."
        raise refusal("torchvision name", allowed=f"one of {len(known)}", got=name, advice=advice)
    sets = {one.name: one for one in models.get_model_weights(architecture)}
    if wanted:
        check_choice(f"weights of torchvision:{architecture}", wanted, sets)
    chosen = sets[wanted] if wanted else models.get_model_weights(architecture).DEFAULT
    how = chosen.transforms()
    file = chosen.url.rpartition("/")[2]
    side = getattr(how, "crop_size", getattr(how, "resize_size", None))  # of classifiers, of segmentation
    if side is None or not hasattr(how, "mean"):
        raise BadInputError(f"torchvision:{name} is no network for single images. Choose one of its classifiers.")
    return replace(
        blank_spec(name, family="torchvision", architecture=architecture),
        weights=file,
        url=chosen.url,
        sha256=_published_hash(file),
        input_size=int(side[0]),
        mean=tuple(how.mean) if architecture not in TRANSFORMED else HALVES,
        std=tuple(how.std) if architecture not in TRANSFORMED else HALVES,
        licence="BSD-3-Clause",
        source=f"torchvision ({chosen.name})",
        size_mb=float(chosen.meta.get("_file_size", 0.0)),
    )


def _find_entry(name: str) -> NetworkSpec:
    points = list_entry_points()
    if not points:
        raise BadInputError(
            f"No installed package offers networks, so there is no entry:{name}. Install one that does."
        )
    check_choice("entry point", name, points)
    return spec_of_function(points[name], name)


def spec_of_function(reference: str, name: str, *, input_size: int = 0) -> NetworkSpec:
    """The entry of a function "package.module:function"; its attribute `probescope` may hold keys of the catalogue.

    A dictionary with any of title, input_size, mean, std, layers, robust, licence, source and note.
    """
    function = find_function(reference)
    spec = blank_spec(name, family="python", architecture=reference)
    said = dict(getattr(function, "probescope", {}))
    allowed = ("title", "input_size", "mean", "std", "layers", "robust", "licence", "source", "note")
    for key in said:
        check_choice(f"{reference}.probescope", key, allowed)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    layers = tuple(values.pop("layers", ()))
    values |= {"input_size": input_size} if input_size else {}
    spec = replace(leave_pixels(spec, build_architecture(spec)), **values)
    return complete_spec(spec, layers=layers)


def leave_pixels(spec: NetworkSpec, whole: torch.nn.Module) -> NetworkSpec:
    """The entry of a network that may hold mean and SD among its own tensors: then nothing is normalised before it."""
    found = find_normalisations(list_channels(whole))
    if not found:
        return spec
    note = f"It normalises pixels itself, {found[0].describe()}: nothing is normalised before."
    return replace(spec, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), note=note)


def _published_hash(file: str) -> str:
    """The digits of its SHA-256 that PyTorch's hub puts into a file name: "resnet50-0676ba61.pth"."""
    found = re.search(r"-([0-9a-f]{8,})\.[a-z]+$", file)
    return found.group(1) if found else ""
