"""Lists where any network of the catalogue can be cut. Never trusts, probes or changes a network.

Shapes need no weights, except for TorchScript and torch.export files and functions of the user, which come with them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from core.networks.build import build_architecture, example_pixels
from core.networks.catalog import find_network
from core.networks.files.export_file import list_export_layers
from core.networks.files.script_file import list_script_layers
from core.networks.layers import LayerInfo, watch_layers
from core.networks.spec import NetworkSpec


def list_layers(network: NetworkSpec | str) -> tuple[LayerInfo, ...]:
    """Every layer with features of its own, in the order they are computed.

    Containers are listed after their last part; layers called twice appear at their first call; where several
    nested modules give the same tensor, all their names are listed.
    """
    spec = find_network(network) if isinstance(network, str) else network
    if spec.is_program:
        return _list_file_layers(spec, spec.weights_path)
    return _list_layers(spec)


@lru_cache(maxsize=16)
def _list_file_layers(spec: NetworkSpec, path: Path) -> tuple[LayerInfo, ...]:
    find = list_script_layers if spec.family == "torchscript" else list_export_layers
    return tuple(LayerInfo(name, shape) for name, shape in find(path, example_pixels(spec)).items())


@lru_cache(maxsize=16)
def _list_layers(spec: NetworkSpec) -> tuple[LayerInfo, ...]:
    return watch_layers(build_architecture(spec), example_pixels(spec))
