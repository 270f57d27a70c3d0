"""What can be done with networks besides opening them, for command line and window alike.

Getting the weights of one and keeping a library's name among the user's networks; checking one; taking one away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.checks import refusal
from core.errors import BadInputError
from core.networks.catalog import (
    find_network,
    list_networks,
    list_user_networks,
    remove_user_network,
    save_user_network,
)
from core.networks.files.download import DownloadProgress, iter_download, remove_download
from core.networks.import_options import NetworkImportOptions
from core.networks.spec import LayerInfo, NetworkSpec
from core.progress import ShouldStop, never_stop


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What probing a network found: the checks in order, each with its problem ("" if all is well)."""

    network: str
    layer: str
    sha256: str
    feature_shape: tuple[int, ...]
    checks: tuple[tuple[str, str], ...]

    @property
    def passed(self) -> bool:
        """Whether the network can be probed."""
        return not any(problem for _, problem in self.checks)


def iter_get(network: str, *, should_stop: ShouldStop = never_stop) -> Iterator[DownloadProgress]:
    """Download the weights of a network; a library's name is then kept among the user's networks.

    Raises as `iter_download` does, and BadInputError where there is nothing to download.
    """
    spec = find_network(network)
    if not spec.url:
        if spec.installed:
            raise BadInputError(f"{spec.id!r} needs no download: it is on this computer.")
        raise BadInputError(f"The library has no weights to download for {spec.id!r}. Import a file of them.")
    yield from iter_download(spec, should_stop=should_stop)
    if spec.id not in [known.id for known in list_networks()]:
        save_user_network(spec)


def remove_network(network: str, *, forget: bool = False) -> str:
    """Take a network of the user away, or the download of one of the catalogue; returns what was done, in a sentence.

    With `forget`, the hash kept at the first download goes too, and the next download may bring another file.
    Raises BadInputError if there is nothing to take away.
    """
    spec = find_network(network)
    if spec.id in [known.id for known in list_user_networks()]:
        folder = remove_user_network(spec.id)
        also = " and its download" if spec.url and remove_download(spec, forget=forget) else ""
        return f"Removed {spec.id}{also} ({folder})."
    if spec.url and remove_download(spec, forget=forget):
        return f"Removed the download of {spec.id}; it can be downloaded again."
    advice = "Embedded networks stay." if not spec.url else "It is not downloaded."
    raise refusal("network", allowed="a network of your own or a downloaded one", got=network, advice=advice)


def check_network(network: str, layer: str | None = None, *, device: str = "cpu") -> CheckReport:
    """Load a network and probe it, check by check. Raises as loading does: a file that cannot be read is no check."""
    from core.networks.load import open_network
    from core.networks.validate import iter_checks

    opened = open_network(network, layer, device=device)
    checks = tuple((check.what, check.problem) for check in iter_checks(opened))
    return CheckReport(opened.spec.id, opened.layer, opened.sha256, opened.feature_shape, checks)


def hash_networks(networks: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the weights of each network. Raises WeightsError if they are not here, or not the right ones."""
    from core.networks.open_body import check_weights

    return {network: check_weights(find_network(network), None)[1] for network in dict.fromkeys(networks)}


def describe_layers(network: str) -> tuple[LayerInfo, ...]:
    """Every layer of a network, see `open_body.list_layers`."""
    from core.networks.open_body import list_layers

    return list_layers(network)


def take_in(source: str, options: NetworkImportOptions) -> NetworkSpec:
    """Import a file, a function or a library's name; see `importing.import_network`."""
    from core.networks.importing import import_network

    return import_network(source, options)
