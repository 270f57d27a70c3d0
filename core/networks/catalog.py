"""The networks the program offers: the catalogue, the user's own, and names of libraries. Never imports torch.

A network is found by its id: one of resources/networks.toml, one of the user (`user_networks.py`), or a name of a
library ("timm:NAME", "torchvision:NAME", "entry:NAME"), which alone needs the library itself. Never loads weights.
"""

from __future__ import annotations

from core.checks import check_choice
from core.networks.spec import NetworkSpec, catalog_path, read_catalog
from core.networks.user_networks import list_user_networks

PREFIXES = ("timm", "torchvision", "entry")
"""What a name of a library begins with, before a colon."""
ROBUSTIFIED = ", fine-tuned by `main.py robustify`"
"""How the source of a robustified network ends, after its original's title; up to 0.3 its entry named no parent."""


def list_networks() -> tuple[NetworkSpec, ...]:
    """Every network of the catalogue, in its order, then the user's own.

    Examples
    --------
    >>> [network.id for network in list_networks()][:2]
    ['mobilenet_v2', 'mobilenet_v2_robust']
    """
    shipped = read_catalog(catalog_path())
    taken = {spec.id for spec in shipped}
    return shipped + tuple(spec for spec in list_user_networks() if spec.id not in taken)


def find_network(network: str) -> NetworkSpec:
    """The network of that id or library name. Raises BadInputError with the nearest one if there is none.

    Examples
    --------
    >>> network = find_network("mobilenet_v2")
    >>> network.default_layer, network.input_size
    ('features.18', 224)
    """
    known = {spec.id: spec for spec in list_networks()}
    prefix, colon, name = network.partition(":")
    if network not in known and colon and prefix in PREFIXES:
        from core.networks.named import find_named

        return find_named(prefix, name)
    return known[check_choice("network", network, known)]


def list_ancestors(network: str) -> tuple[str, ...]:
    """Ids of the network, of the one it was made from, and so on to the first.

    Examples
    --------
    >>> list_ancestors("mobilenet_v2_robust")
    ('mobilenet_v2_robust', 'mobilenet_v2')
    """
    known = {spec.id: spec for spec in list_networks()}
    titles = {f"{spec.title}{ROBUSTIFIED}": spec.id for spec in reversed(known.values())}
    line = [network]
    while line[-1] in known:
        spec = known[line[-1]]
        parent = spec.parent or titles.get(spec.source, "")
        if not parent or parent in line:
            break
        line.append(parent)
    return tuple(line)


def are_related(first: str, second: str) -> bool:
    """Whether two networks are one, or one was made from the other, or both from a third."""
    return not set(list_ancestors(first)).isdisjoint(list_ancestors(second))
