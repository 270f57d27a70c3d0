"""How long one attack step of one image takes with each network here, measured once and remembered. Never guesses.

A step is a forward and a backward pass. Paces are kept in the cache by network, layer, image size and device, so that
the cost of an analysis is told from this computer's own speed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.errors import Cancelled
from core.files import replace_file
from core.networks.catalog import find_network
from core.paths import cache_folder
from core.progress import ShouldStop, never_stop

if TYPE_CHECKING:
    from core.networks.network import Network

Layer = tuple[str, str]
"""Network and layer."""
Paces = Mapping[Layer, float]
"""Seconds of one step of one image."""

FILE_NAME = "paces.json"
IMAGES, ROUNDS = 4, 3
"""Images of one timed batch, as an analysis runs them; the fastest of so many rounds counts, the first warms up."""


class NetworkSource(Protocol):
    """What opens networks: `core.engine.Engine`."""

    @property
    def device(self) -> str:
        """The device in use."""

    def open_network(self, network: str, layer: str) -> Network:
        """A network cut at a layer."""


def read_paces(layers: Iterable[Layer], device: str) -> dict[Layer, float]:
    """What was measured before on this device; layers never measured are left out."""
    known = _read()
    return {layer: known[key] for layer in layers if (key := _key(layer, device)) in known}


def measure_paces(
    source: NetworkSource, layers: Iterable[Layer], *, should_stop: ShouldStop = never_stop
) -> dict[Layer, float]:
    """Read what is known and time the rest, a second or less a network. Raises Cancelled."""
    wanted = list(dict.fromkeys(layers))
    found = read_paces(wanted, source.device)
    fresh = {}
    for layer in wanted:
        if layer not in found:
            found[layer] = fresh[_key(layer, source.device)] = time_step(source.open_network(*layer), should_stop)
    if fresh:
        text = json.dumps(_read() | fresh, indent=1)
        replace_file(_path(), lambda partial: partial.write_text(text, encoding="utf-8"))
    return found


def time_step(network: Network, should_stop: ShouldStop = never_stop) -> float:
    """Seconds of a forward and a backward pass of one image. Raises Cancelled."""
    import torch

    pixels = torch.full((IMAGES, 3, network.input_size, network.input_size), 0.5, device=network.device)
    seconds = []
    with network.interruptible(should_stop):
        for _ in range(ROUNDS):
            if should_stop():
                raise Cancelled
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
        known = json.loads(_path().read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in known.items() if float(value) > 0}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # lost or broken: measured again
