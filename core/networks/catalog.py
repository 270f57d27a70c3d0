"""The networks the program offers: the catalogue, the user's own, and names of libraries. Never imports torch.

A network is found by its id: one of resources/networks.toml, one of the user, or a name of a library ("timm:NAME",
"torchvision:NAME", "entry:NAME"), which alone needs the library itself. The user's have a folder each:

    data_folder()/networks/FOLDER/network.toml      one section [network.ID], as in resources/networks.toml
    data_folder()/networks/FOLDER/weights.SUFFIX    the imported file, unchanged (none for downloads and functions)
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from core.checks import check_choice, refusal
from core.errors import ProbeError, StorageError
from core.files import new_folder
from core.headers import HeaderKind
from core.networks.spec import NetworkSpec, catalog_path, read_catalog, read_entries
from core.paths import data_folder

PREFIXES = ("timm", "torchvision", "entry")
"""What a name of a library begins with, before a colon."""
ENTRY = "network.toml"
HEADER = HeaderKind("the entry of a network", "Import the network again.", syntax="toml")
ID_PATTERN = re.compile(r"(?!\.+$)[A-Za-z0-9_.:@-]{1,80}")
ROBUSTIFIED = ", fine-tuned by "
"""Stands after the original's title in the source of a robustified network; up to 0.3 its entry named no parent."""


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


def name_encoder(network: str, layer: str) -> tuple[str, str]:
    """What lists call an encoder, and its ids."""
    return f"{find_network(network).title} · {layer}", f"{network} {layer}"


def user_networks_folder() -> Path:
    """Where the user's networks are kept."""
    return data_folder() / "networks"


def list_user_networks() -> tuple[NetworkSpec, ...]:
    """The user's networks, by id; an entry that cannot be read is left out."""
    found = []
    for path in sorted(user_networks_folder().glob(f"*/{ENTRY}")):
        with suppress(ProbeError):
            found.append(_read_entry(path))
    return tuple(sorted(found, key=lambda spec: spec.id))


def save_user_network(spec: NetworkSpec, weights: Path | None = None) -> NetworkSpec:
    """Keep a network under its id; `weights` is copied beside the entry. Returns the entry as it is found from now on.

    Raises BadInputError if the id is taken or holds odd characters; StorageError if it cannot be written, and nothing
    half-written stays.
    """
    check_new_id(spec.id)
    folder = user_networks_folder() / folder_name(spec.id)
    name = f"weights{weights.suffix.lower()}" if weights is not None else spec.weights
    kept = replace(spec, weights=name, user=True)
    with new_folder(folder) as partial:
        if weights is not None:
            shutil.copyfile(weights, partial / name)
        (partial / ENTRY).write_text(format_entry(kept), encoding="utf-8")
    return _read_entry(folder / ENTRY)


def remove_user_network(network: str) -> Path:
    """Delete a network of the user with its copy of the weights; returns the folder that is gone.

    Raises BadInputError if it is not the user's.
    """
    folder = user_networks_folder() / folder_name(network)
    owned = [spec.id for spec in list_user_networks()]
    if network not in owned:
        raise refusal("network", allowed=f"one of your own ({', '.join(owned) or 'none yet'})", got=network)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"{folder} cannot be removed: {error.strerror}. Remove it by hand.") from error
    return folder


def check_new_id(network: str) -> str:
    """Return an id that is free and well-formed, else raise BadInputError."""
    if not ID_PATTERN.fullmatch(network):
        raise refusal("id", allowed="1 to 80 letters, digits and the characters _ . : @ -", got=network)
    if folder_name(network) in _taken_folders():
        advice = "Choose another id, or remove that network first."
        raise refusal("id", allowed="an id not in use", got=network, advice=advice)
    return network


def suggest_id(wanted: str) -> str:
    """A free id near the wanted one: "mine", "mine_2", "mine_3"."""
    stem = re.sub(r"[^A-Za-z0-9_.:@-]+", "_", wanted).strip("_")[:70] or "network"
    names = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
    taken = _taken_folders()
    return next(name for name in names if folder_name(name) not in taken)


def _taken_folders() -> set[str]:
    return {folder_name(spec.id) for spec in list_networks()}


def folder_name(network: str) -> str:
    """An id as a folder name that every file system takes."""
    return network.replace(":", "__").replace("@", "_at_")


def format_entry(spec: NetworkSpec) -> str:
    """The section of a network as TOML; strings, numbers and lists of JSON are those of TOML."""
    values = {name: value for name, value in asdict(spec).items() if name != "id"}
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "\n".join([f"[network.{json.dumps(spec.id)}]", *lines]) + "\n"


def _read_entry(path: Path) -> NetworkSpec:
    found = read_entries(path, HEADER)
    if len(found) != 1:
        raise HEADER.refuse(path, f"is not {HEADER.title}: it holds {len(found)} networks")
    spec = found[0]
    return replace(spec, weights=str(path.parent / spec.weights)) if spec.weights and not spec.url else spec


def list_ancestors(network: str) -> tuple[str, ...]:
    """Ids of the network, of the one it was made from, and so on to the first.

    Examples
    --------
    >>> list_ancestors("mobilenet_v2_robust")
    ('mobilenet_v2_robust', 'mobilenet_v2')
    """
    known = {spec.id: spec for spec in list_networks()}
    titles = {spec.title: spec.id for spec in reversed(known.values())}
    line = [network]
    while line[-1] in known:
        spec = known[line[-1]]
        title, robustified, _ = spec.source.rpartition(ROBUSTIFIED)
        parent = spec.parent or (robustified and titles.get(title, ""))
        if not parent or parent in line:
            break
        line.append(parent)
    return tuple(line)


def are_related(first: str, second: str) -> bool:
    """Whether two networks are one, or one was made from the other, or both from a third."""
    return not set(list_ancestors(first)).isdisjoint(list_ancestors(second))
