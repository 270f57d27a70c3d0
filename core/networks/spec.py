"""What a network is: its entry in a catalogue, and the folders weights lie in. Never imports torch or loads weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from core.checks import check_choice
from core.headers import HeaderKind, read_record, structure
from core.paths import cache_folder, demo_folder, resources_folder

Family = Literal["torchvision", "timm", "torchscript", "export", "python"]
Tokens = Literal["all", "grid", "class", "mean"]
CATALOGUE = HeaderKind("the catalogue of networks", "Install the program again.", syntax="toml")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network: what to build, with which weights, and where it may be cut.

    Parameters
    ----------
    id : Short name used on the command line and in files.
    title : Name shown to the user.
    family : Library whose definition is built (torchvision, timm); a file that holds its own (torchscript, export); or
        a function of the user (python).
    architecture : Name of the architecture in that library; "module:function" for "python"; "" for files.
    weights : Weights file: relative to the embedded weights, to the downloads if it has an address, or an absolute
        path.
    sha256 : Of the weights file: 64 hexadecimal digits, or as many of the first ones as are published; "" where none
        are known: then the hash found at the first download or import is kept and expected from then on.
    input_size : Side of the square stimulus, in pixels.
    mean, std : 3 floats each. Per-channel (R, G, B) normalisation of pixels in [0, 1].
    layers : Feature layers offered, early to late; paths of modules.
    default_layer : The one to start with.
    robust : Whether it was trained against perturbations.
    parent : Id of the network whose weights or features it was made from; "" for one trained from scratch.
    licence, source, note : Shown with the network.
    url : Where the weights can be downloaded; "" for embedded and own files.
    size_mb : Size of the download in units of 2^20 bytes; 0 where unknown.
    tokens : "all", "grid", "class" or "mean". What becomes of features (n_tokens, channels) of a transformer: kept; the
        patch tokens as a map (channels, side, side); the class token (channels,); the mean of the patch tokens
        (channels,). Maps of networks with channels last become (channels, height, width) in any case.
    user : Whether it is the user's own.
    table : What stands before the names of its tensors in a file with several sets of weights: "state_dict_ema."; ""
        for the only set, or the plain one.
    whole : Whether its output is the responses of voxels: a whole encoder.
    output_stride : Pixels from one place of the last map to the next, where dilated convolutions stand in place of the
        last strides: 16 or 8; 32 where there are none, 0 for the definition's own.
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
    url: str = ""
    size_mb: float = 0.0
    tokens: Tokens = "all"
    user: bool = False
    parent: str = ""
    table: str = ""
    output_stride: int = 0
    whole: bool = False

    def __post_init__(self) -> None:
        """Refuse a record that could not be built."""
        check_choice(f"{self.id}.family", self.family, get_args(Family))
        check_choice(f"{self.id}.default_layer", self.default_layer, self.layers)
        check_choice(f"{self.id}.tokens", self.tokens, get_args(Tokens))

    @property
    def weights_path(self) -> Path:
        """Where the weights file should lie."""
        return (downloads_folder() if self.url else weights_folder()) / self.weights

    @property
    def installed(self) -> bool:
        """Whether it can be opened without a download."""
        return (self.family == "python" and not self.weights) or self.weights_path.is_file()

    @property
    def state(self) -> str:
        """Where it is: embedded, yours, downloaded or not downloaded."""
        if self.user and self.installed:
            return "yours"
        if not self.url:
            return "embedded"
        return "downloaded" if self.installed else "not downloaded"

    @property
    def file_mb(self) -> float:
        """Size of its file in units of 2^20 bytes, else of its download; 0 where unknown."""
        has_file = self.installed and bool(self.weights)
        return self.weights_path.stat().st_size / 2**20 if has_file else self.size_mb

    @property
    def is_drawn(self) -> bool:
        """Whether a library can draw new random weights: a file or a function of the user holds one set of them."""
        return self.family in ("torchvision", "timm")

    @property
    def is_program(self) -> bool:
        """Whether it is one file, definition and weights in one, which torch itself opens and runs."""
        return self.family in ("torchscript", "export")

    def describe(self) -> str:
        """One line: title, architecture, size, robust or standard."""
        kind = "robust" if self.robust else "standard"
        what = f"{self.family} {self.architecture}".strip()
        return f"{self.title} ({what}, {self.input_size} px, {kind})"


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One place to cut: the path of its module and the shape of one stimulus's features.

    (channels, height, width), (tokens, channels) or (channels,), as the network computes them. `call` says which call
    of a layer that is called several times is meant, as in "1 of 2".
    """

    name: str
    shape: tuple[int, ...]
    call: str = ""


def catalog_path() -> Path:
    """The catalogue file."""
    return resources_folder() / "networks.toml"


def weights_folder() -> Path:
    """The folder of the embedded weights."""
    return demo_folder() / "networks"


def downloads_folder() -> Path:
    """Where downloaded weights are kept; they can be downloaded again."""
    return cache_folder() / "networks"


@lru_cache(maxsize=8)
def read_catalog(path: Path) -> tuple[NetworkSpec, ...]:
    """The networks of a catalogue file, read once. Raises as `read_entries`."""
    return read_entries(path, CATALOGUE)


def read_entries(path: Path, kind: HeaderKind) -> tuple[NetworkSpec, ...]:
    """Read sections [network.ID], one key per field. Raises BadInputError naming the bad entry, StorageError."""
    entries = read_record(path, _Entries, kind).network
    return tuple(
        structure({**entry, "id": name}, NetworkSpec, kind, where=path, part=name) for name, entry in entries.items()
    )


@dataclass(frozen=True, slots=True)
class _Entries:
    network: Mapping[str, Mapping[str, Any]]
