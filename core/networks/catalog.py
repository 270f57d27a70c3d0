"""The networks the program offers, read from resources/networks.toml. Never loads weights, never imports torch."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from core.checks import check_choice, describe_refusal
from core.errors import BadInputError
from core.paths import demo_folder, resources_folder

Family = Literal["torchvision", "timm"]


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network of the catalogue: what to build, with which weights, and where it may be cut.

    Parameters
    ----------
    id : str
        Short name used on the command line and in files.
    title : str
        Name shown to the user.
    family : "torchvision" or "timm"
        Library whose definition is built.
    architecture : str
        Name of the architecture in that library.
    weights : str
        Weights file, relative to `weights_folder()`, or an absolute path.
    sha256 : str
        Of the weights file, 64 hexadecimal digits; "" skips the check (files of the user).
    input_size : int
        Side of the square stimulus, in pixels.
    mean, std : 3 floats each
        Per-channel (R, G, B) normalisation of pixels in [0, 1].
    layers : tuple of str
        Feature layers offered, early to late; paths of modules.
    default_layer : str
        The one to start with.
    robust : bool
        Whether it was trained against perturbations.
    licence, source, note : str
        Shown with the network.
    """

    id: str
    title: str
    family: Family
    architecture: str
    weights: str
    sha256: str
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    layers: tuple[str, ...]
    default_layer: str
    robust: bool
    licence: str
    source: str
    note: str

    def __post_init__(self) -> None:
        """Refuse a record that could not be built."""
        check_choice(f"{self.id}.family", self.family, get_args(Family))
        check_choice(f"{self.id}.default_layer", self.default_layer, self.layers)

    @property
    def weights_path(self) -> Path:
        """Where the weights file should lie."""
        return weights_folder() / self.weights

    def describe(self) -> str:
        """One line: title, architecture, size, robust or standard."""
        kind = "robust" if self.robust else "standard"
        return f"{self.title} ({self.family} {self.architecture}, {self.input_size} px, {kind})"


def catalog_path() -> Path:
    """The catalogue file."""
    return resources_folder() / "networks.toml"


def weights_folder() -> Path:
    """The folder of the embedded weights."""
    return demo_folder() / "networks"


def list_networks() -> tuple[NetworkSpec, ...]:
    """Every network of the catalogue, in its order."""
    return read_catalog(catalog_path())


def find_network(network: str) -> NetworkSpec:
    """The network of that id. Raises BadInputError with the nearest id if there is none."""
    known = {spec.id: spec for spec in list_networks()}
    return known[check_choice("network", network, known)]


@lru_cache(maxsize=8)
def read_catalog(path: Path) -> tuple[NetworkSpec, ...]:
    """Read a catalogue file: sections [network.ID], one key per field. Raises BadInputError naming the bad entry."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(
            f"The network catalogue {path} cannot be read: {error}. Install the program again."
        ) from error
    return tuple(_read_spec(name, entry) for name, entry in table.get("network", {}).items())


def _read_spec(name: str, entry: dict[str, Any]) -> NetworkSpec:
    wanted = {field.name for field in fields(NetworkSpec)} - {"id"}
    if set(entry) != wanted:
        odd = sorted(set(entry) ^ wanted)[0]
        allowed = f"a table with exactly the keys {', '.join(sorted(wanted))}"
        raise BadInputError(describe_refusal(f"network.{name}", allowed=allowed, got=odd, advice=f"Look at {odd!r}."))
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return NetworkSpec(id=name, **values)
