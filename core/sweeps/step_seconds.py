"""How long one attack step of one image takes with each network here, measured once and remembered. Never guesses.

A step is a forward and a backward pass. The seconds are kept in the cache by network, layer, image size and device, so
that the cost of an analysis is estimated from this computer's own speed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ProbeError
from core.headers import HeaderKind, read_header, structure, write_json
from core.networks.catalog import find_network
from core.paths import cache_folder
from core.progress import ShouldStop, check_stop, never_stop

if TYPE_CHECKING:
    from core.networks.network import Network
    from core.probes.source import Source

Layer = tuple[str, str]
"""Network and layer."""
StepSeconds = Mapping[Layer, float]
"""Seconds of one step of one image."""

FILE_NAME = "paces.json"
NOTE = HeaderKind("a note of step times", "They are measured again.")
IMAGES, ROUNDS = 4, 3
"""Images of one timed batch, as an analysis runs them; the fastest of so many rounds counts, the first warms up."""


def read_step_seconds(layers: Iterable[Layer], device: str) -> dict[Layer, float]:
    """What was measured before on this device; layers never measured are left out."""
    known = _read()
    return {layer: known[key] for layer in layers if (key := _key(layer, device)) in known}


def measure_step_seconds(
    source: Source, layers: Iterable[Layer], *, should_stop: ShouldStop = never_stop
) -> dict[Layer, float]:
    """Read what is known and time the rest, a second or less a network. Raises Cancelled."""
    wanted = list(dict.fromkeys(layers))
    found = read_step_seconds(wanted, source.device)
    fresh = {}
    for layer in wanted:
        if layer not in found:
            found[layer] = fresh[_key(layer, source.device)] = time_step(source.open_network(*layer), should_stop)
    if fresh:
        write_json(_path(), _read() | fresh)
    return found


def time_step(network: Network, should_stop: ShouldStop = never_stop) -> float:
    """Seconds of a forward and a backward pass of one image. Raises Cancelled."""
    import torch

    pixels = torch.full((IMAGES, 3, network.input_size, network.input_size), 0.5, device=network.device)
    seconds = []
    with network.interruptible(should_stop):
        for _ in range(ROUNDS):
            check_stop(should_stop)
            start = time.perf_counter()
            leaf = pixels.clone().requires_grad_(True)
            features = network(leaf).float().sum()
            if features.requires_grad:  # a network without gradients is searched by forward passes alone
                features.backward()
            features.item()  # waits for the device
            seconds.append((time.perf_counter() - start) / IMAGES)
    return min(seconds[1:])


def _key(layer: Layer, device: str) -> str:
    spec = find_network(layer[0])
    return "|".join([*layer, spec.sha256[:12], str(spec.input_size), device])


def _path() -> Path:
    return cache_folder() / FILE_NAME


def _read() -> dict[str, float]:
    try:
        known = structure(read_header(_path(), NOTE), dict[str, float], NOTE)
    except ProbeError:
        return {}  # lost or broken: measured again
    return {key: value for key, value in known.items() if value > 0}
