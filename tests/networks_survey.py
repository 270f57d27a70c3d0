"""Opens every classifier of torchvision and timm once with random weights, and keeps what became of each.

Run: python -m tests.networks_survey OUT.jsonl [--minutes N] [--most M] [--only WORD] [--summary]

For each architecture: its layers are listed, it is cut at its usual layer, and probed (gradient, batches); where its
features are a map, a moved patch says whether they lie as the picture does. One line of JSON each; a run that was
stopped goes on where it stopped. The first architecture of every file of timm comes first. Not part of the tests.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torchvision
from timm.models import _registry

from core.errors import ProbeError
from core.networks.build import build_architecture
from core.networks.catalog import find_network
from core.networks.locality import measure_locality, moved_patches
from core.networks.open_body import list_layers
from core.networks.spec import NetworkSpec
from core.networks.untrained import open_untrained

MEGA = 1_000_000
LARGEST_SIDE = 512
SMALL = (
    "test_",
    "atto",
    "femto",
    "pico",
    "nano",
    "xxs",
    "xx_small",
    "tiny",
    "_t0",
    "mini",
    "_s0",
    "small",
    "18",
    "_xs",
)
"""In names of the least networks of a family, which stand for it first."""


def list_names() -> list[str]:
    """Every classifier of both libraries, one of each file of timm first, then a second one, and so on."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in timm.list_models():
        by_file[_registry._model_to_module[name]].append(name)
    turns = [
        (turn, file, f"timm:{name}")
        for file, names in by_file.items()
        for turn, name in enumerate(sorted(names, key=lambda one: (size_rank(one), one)))
    ]
    own = [f"torchvision:{name}" for name in torchvision.models.list_models(module=torchvision.models)]
    first = [name for turn, _, name in sorted(turns) if turn == 0]
    return first + own + [name for turn, _, name in sorted(turns) if turn]


def size_rank(name: str) -> int:
    """Small where a name says that its network is."""
    return next((rank for rank, word in enumerate(SMALL) if word in name), len(SMALL))


def survey(name: str, most: float) -> dict[str, Any]:
    """What became of one architecture: `outcome` is "ok", "skipped", "refused" (one sentence) or "failed"."""
    started, found = time.monotonic(), {"name": name}
    try:
        spec = find_network(name)
        n_weights = sum(part.numel() for part in build_architecture(spec).parameters())
        found |= {"millions": round(n_weights / MEGA, 1), "side": spec.input_size}
        if n_weights > most * MEGA or spec.input_size > LARGEST_SIDE:
            return found | {"outcome": "skipped"}
        found |= look_into(spec) | {"outcome": "ok"}
    except ProbeError as error:
        found |= {"outcome": "refused", "why": str(error)}
    except Exception as error:  # noqa: BLE001 - which architecture fails how is what is asked
        last = traceback.extract_tb(error.__traceback__)[-1]
        found |= {"outcome": "failed", "why": f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"}
    return found | {"seconds": round(time.monotonic() - started, 1)}


def look_into(spec: NetworkSpec) -> dict[str, Any]:
    """Of a network with random weights: layers, usual layer, its features and where the picture lies in them."""
    pixels = np.random.default_rng(0).random((2, 3, spec.input_size, spec.input_size), dtype=np.float32)
    found: dict[str, Any] = {"layers": len(list_layers(spec)), "layer": spec.default_layer, "tokens": spec.tokens}
    network = open_untrained(spec, spec.default_layer, seed=0, pixels=pixels)
    found |= {"shape": network.feature_shape, "treatment": network.treatment.describe()}
    if len(network.feature_shape) == 3:
        normalised = moved_patches(spec.input_size)
        values = (normalised / network.inverse_std) + network.mean
        with torch.no_grad():
            found["locality"] = round(measure_locality(network(values)), 3)
    return found


def main() -> None:
    """Go on with the survey, or print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--most", type=float, default=100, help="millions of weights")
    parser.add_argument("--only", default="", help="part of the names")
    parser.add_argument("--summary", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = options.out.read_text(encoding="utf-8").splitlines() if options.out.exists() else []
    known = {row["name"]: row for row in map(json.loads, lines)}
    stop = time.monotonic() + 60 * options.minutes
    for name in list_names() if not options.summary else ():
        if name in known or options.only not in name or time.monotonic() > stop:
            continue
        known[name] = survey(name, options.most)
        with options.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(known[name]) + "\n")
    for outcome in ("ok", "skipped", "refused", "failed"):
        rows = [row for row in known.values() if row["outcome"] == outcome]
        print(f"{outcome}: {len(rows)} of {len(known)}")
        for row in rows if outcome in ("refused", "failed") else ():
            print(f"  {row['name']}: {row['why']}")


if __name__ == "__main__":
    main()
