"""How long one attack step of one image takes with each network here and what memory it needs, measured once.

A step is a forward and a backward pass. Seconds and bytes are kept in the cache by network, layer, image size, device
and number of threads, so that the cost of an analysis is estimated from this computer's own speed.
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
from core.probes.source import Source
from core.progress import ShouldStop, check_stop, never_stop
from core.words import count, format_duration, name_some

if TYPE_CHECKING:
    from core.networks.network import Network

Layer = tuple[str, str]
"""Network and layer."""
StepSeconds = Mapping[Layer, float]
"""Seconds of one step of one image."""

NOTE = HeaderKind("a note of step times", "They are measured again.")
WEIGHTS, STEP = "|weights", "|step"
"""Behind a key: bytes of the weights, and of what a step of one image keeps."""
PROGRAM_BYTES = 800_000_000
"""Python and its libraries, with no network open."""
IMAGES_AT_ONCE, STEP_FACTOR = 8, 2
"""Of an attack's batch; what a backward pass takes at its peak, of what the forward pass kept."""
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
            network, key = source.open_network(*layer), _key(layer, source.device)
            found[layer] = fresh[key] = time_step(network, should_stop)
            fresh[key + WEIGHTS], fresh[key + STEP] = measure_bytes(network)
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


def measure_bytes(network: Network) -> tuple[int, int]:
    """Bytes of a network's weights, and of what a step of one image keeps for its backward pass."""
    import torch

    own = [*network.parameters(), *network.buffers()]
    weights = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in own}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    pixels = torch.full((1, 3, network.input_size, network.input_size), 0.5, device=network.device, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        features = network(pixels)  # held, so that no storage is used twice
    kept[features.untyped_storage().data_ptr()] = features.untyped_storage().nbytes()
    return sum(weights.values()), sum(size for at, size in kept.items() if at not in weights)


def describe_needs(seconds: float, layers: Iterable[Layer], device: str, *, n_workers: int) -> str:
    """What work of so many seconds needs of a cluster, and what the estimate rests on, a few lines.

    `n_workers`: processes of this computer, each with the threads that were measured; they share its GPU.
    """
    import torch

    layers, known = list(layers), _read()
    keys = {layer: _key(layer, device) for layer in layers}
    n_cores, hours, on_cpu = torch.get_num_threads(), seconds / 3600, device == "cpu"
    spent = f"{hours * n_cores:.2g} CPU core hours (each on {n_cores})" if on_cpu else f"{hours:.2g} GPU hours"
    lasting = format_duration(seconds / n_workers if on_cpu else seconds)
    told = [f"{' '.join(layer)} {1000 * known[key]:.1f} ms" for layer, key in keys.items() if key in known]
    lines = [f"{spent} in all, {lasting} with {count(n_workers, 'worker')}."]
    if n_bytes := estimate_bytes(layers, device):
        held = f"with every network open and {IMAGES_AT_ONCE} images at once"
        lines.append(f"Memory a worker: about {n_bytes / 1e9:.1f} GB, {held}.")
    lines.append(f"Measured on this computer ({device}), a step of one image: {name_some(told, 12) or 'nothing'}.")
    if guessed := [" ".join(layer) for layer, key in keys.items() if key not in known]:
        lines.append(f"Not measured, MobileNetV2's speed was taken: {name_some(guessed, 12)}.")
    return "\n".join(lines)


def estimate_bytes(layers: Iterable[Layer], device: str) -> int:
    """Memory of a worker with every network open, bytes; 0 where a network was never measured on this device."""
    known, keys = _read(), [_key(layer, device) for layer in layers]
    if not keys or not all(key + STEP in known for key in keys):
        return 0
    weights, step = sum(known[key + WEIGHTS] for key in keys), max(known[key + STEP] for key in keys)
    return round(PROGRAM_BYTES + weights + IMAGES_AT_ONCE * STEP_FACTOR * step)


def _key(layer: Layer, device: str) -> str:
    import torch

    spec, threads = find_network(layer[0]), f" x {torch.get_num_threads()}" if device == "cpu" else ""
    return "|".join([*layer, spec.sha256[:12], str(spec.input_size), device + threads])


def _path() -> Path:
    return cache_folder() / "paces.json"


def _read() -> dict[str, float]:
    try:
        known = structure(read_header(_path(), NOTE), dict[str, float], NOTE)
    except ProbeError:
        return {}  # lost or broken: measured again
    return {key: value for key, value in known.items() if value > 0}
