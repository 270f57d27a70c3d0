"""A robust fine-tuning from its options to a network that can be chosen.

suggest_recipe: layers and resolutions that suit the network -> iter_robustify -> publish_checkpoint -> keep_robust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from core.networks.build import build_architecture
from core.networks.catalog import check_new_id, find_network
from core.networks.spec import NetworkSpec
from core.progress import never_stop
from core.robustify.config import REFERENCE_SIZE, RobustifyConfig, RobustifyOptions, Stage, robustify_folder
from core.robustify.photo_crops import find_photos
from core.robustify.publish import PublishedNetwork, keep_robust, publish_checkpoint
from core.robustify.train import RobustifyProgress, iter_robustify

SIZES = RobustifyConfig().stages
"""Resolutions of a network of 224 pixels; others get the same shares of their own."""
GRAIN = 32
"""Resolutions are multiples of this many pixels: the stride of most networks."""


@dataclass(frozen=True, slots=True)
class RobustifyDone:
    """The last record of a whole run: the network as it was kept, its file, and what was measured."""

    network: NetworkSpec
    published: PublishedNetwork


def suggest_recipe(network: str, *, layers: tuple[str, ...] = (), **settings: Any) -> RobustifyConfig:
    """The default recipe for a network: its usual layer and the listed one before it, and the resolutions it takes.

    A transformer, or any network of a fixed size, is trained at that size throughout. The budget ramps up from the
    usual first one, but never from above the final one.
    """
    usual_config = RobustifyConfig()
    first = min(usual_config.first_epsilon, settings.get("epsilon", usual_config.epsilon))
    spec = find_network(network)
    usual = spec.layers.index(spec.default_layer) + 1
    chosen = layers or spec.layers[:usual][-2:]
    stages: tuple[Stage, ...] = (Stage(spec.input_size, 1.0),)
    if not spec.is_program and spec.input_size >= 2 * GRAIN and _takes_size(spec, GRAIN * 3):
        stages = tuple(replace(stage, size=_scale(stage.size, spec.input_size)) for stage in SIZES)
    return RobustifyConfig(network, chosen, stages=stages, **{"first_epsilon": first} | settings)


def iter_run(
    options: RobustifyOptions, *, device: str = "cpu", should_stop: Callable[[], bool] = never_stop
) -> Iterator[RobustifyProgress | RobustifyDone]:
    """Resume from the checkpoint of these options if there is one, then write, measure and keep the network.

    Raises BadInputError if the network, a layer or a value cannot be used, the id is taken, or the folder has no
    photographs; Cancelled once `should_stop()` is true: the checkpoint is written first, and the same options
    resume from it.
    """
    if options.id:
        check_new_id(options.id)
    photos = find_photos(options.images)
    settings = {name: getattr(options, name) for name in ("layers", "epsilon", "n_images", "seed")}
    config = suggest_recipe(options.network, **settings)
    checkpoint = options.checkpoint()
    yield from iter_robustify(config, photos, checkpoint=checkpoint, should_stop=should_stop, device=device)
    out = robustify_folder() / f"{checkpoint.stem}.safetensors"
    published = publish_checkpoint(checkpoint, out, config=config, photos=photos, device=device)
    kept = keep_robust(published, config, network=options.id, title=options.title)
    for path in (checkpoint, out, published.report):  # the network has its own copy
        path.unlink(missing_ok=True)
    yield RobustifyDone(kept, published)


def _scale(size: int, input_size: int) -> int:
    if size == REFERENCE_SIZE:
        return input_size
    return max(GRAIN, round(size * input_size / REFERENCE_SIZE / GRAIN) * GRAIN)


def _takes_size(spec: NetworkSpec, size: int) -> bool:
    """Whether the architecture runs at another resolution than its own."""
    module = build_architecture(spec)
    device = next(module.parameters()).device
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, AssertionError, ValueError):
        return False
    return True
