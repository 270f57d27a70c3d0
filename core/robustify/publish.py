"""Turns a checkpoint of a robust fine-tuning into a weights file with its measured robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

from safetensors.torch import save

from core.files import hash_file, replace_file
from core.headers import write_json
from core.networks.catalog import (
    ROBUSTIFIED,
    find_network,
    list_networks,
    list_user_networks,
    save_user_network,
    suggest_id,
)
from core.networks.files.torch_pickle import read_torch
from core.networks.load import load_network
from core.networks.spec import NetworkSpec
from core.robustify.config import RobustifyConfig
from core.robustify.photo_crops import read_centre
from core.robustify.robustness import RobustnessRecord, measure_robustness

MEASURED_EPSILONS = (0.5, 1.0, 3.0)
"""L2 budgets at 224^2 at which robustness is stated."""
MEASURED_PHOTOS = 8


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """A finished robust network: its files and what was measured."""

    path: Path
    report: Path
    sha256: str
    n_seen: int
    records: tuple[RobustnessRecord, ...]


def publish_checkpoint(
    checkpoint: Path, out: Path, *, config: RobustifyConfig, photos: Sequence[Path], device: str = "cpu"
) -> PublishedNetwork:
    """Write `out` (.safetensors) and a JSON of the same name with the recipe and the feature shifts at equal budget."""
    content = read_torch(checkpoint)
    state = {name: value.contiguous() for name, value in content["state"].items()}
    # Written as bytes: safetensors would make a file that only its owner can read.
    replace_file(out, lambda partial: partial.write_bytes(save(state)))
    spec, layer = find_network(config.network), config.layers[-1]
    original = load_network(spec, layer, device=device)
    tuned = load_network(replace(spec, sha256=""), layer, device=device, weights=out)
    # Spread over the folder, so that they are of many kinds.
    chosen = photos[:: max(1, len(photos) // MEASURED_PHOTOS)][:MEASURED_PHOTOS]
    images = read_centre(chosen, size=spec.input_size)
    records = measure_robustness(original, tuned, images=images, epsilons=MEASURED_EPSILONS)
    published = PublishedNetwork(out, out.with_suffix(".json"), hash_file(out), int(content["n_seen"]), records)
    write_json(published.report, describe_published(published, config), indent=2)
    return published


def keep_robust(
    published: PublishedNetwork, config: RobustifyConfig, *, network: str = "", title: str = ""
) -> NetworkSpec:
    """Keep a robust network among the user's, so that it can be chosen; the same weights are kept once.

    `config`: the recipe it was made by. `network`, `title`: its id and title; made from the original's if not given.
    """
    base = find_network(config.network)
    for known in list_user_networks():
        if known.sha256 == published.sha256 and (not network or known.id == network):
            return known
    shifts = ", ".join(f"{one.tuned:.2f} against {one.original:.2f} at {one.epsilon:g}" for one in published.records)
    last = base.layers.index(config.layers[-1]) + 1 if config.layers[-1] in base.layers else 0
    layers = base.layers[:last] or config.layers
    spec = replace(
        base,
        id=network or suggest_id(f"{base.id}_robust"),
        title=title or _free_title(f"{base.title}, robustified"),
        sha256=published.sha256,
        url="",
        table="",
        layers=layers,
        default_layer=base.default_layer if base.default_layer in layers else layers[-1],
        robust=True,
        source=f"{base.title}{ROBUSTIFIED}`main.py robustify`",
        parent=base.id,
        note=f"Label-free adversarial fine-tuning, {config.describe()}. Relative feature shift, L2: {shifts}.",
        size_mb=0.0,
        user=True,
    )
    return save_user_network(spec, published.path)


def _free_title(title: str) -> str:
    """The title, numbered if a network has it already: lists show titles, which must differ."""
    taken = {spec.title for spec in list_networks()}
    number = next(number for number in count(1) if (title if number == 1 else f"{title} {number}") not in taken)
    return title if number == 1 else f"{title} {number}"


def describe_published(published: PublishedNetwork, config: RobustifyConfig) -> dict[str, object]:
    """The JSON object: file, hash, recipe, photographs seen, feature shifts."""
    shifts = [asdict(record) | {"ratio": record.ratio} for record in published.records]
    return {
        "file": published.path.name,
        "sha256": published.sha256,
        "recipe": asdict(config),
        "n_seen": published.n_seen,
        "layer": config.layers[-1],
        "norm": "l2",
        "n_photographs_measured": MEASURED_PHOTOS,
        "shift": "mean of ||phi(x + delta) - phi(x)|| / ||phi(x)||, delta by 10 PGD steps against each network itself",
        "shifts": [{name: round(value, 4) for name, value in entry.items()} for entry in shifts],
    }
