"""One page of HTML on which anyone plays with a probe, without this program, a network or a server.

It holds the turnable cortex, the images of every step shown, the numbers, and the script that draws them; arrays are
packed as they are (deflate, base64), so that what the page tells is what the probe holds.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.attacks.config import write_budget
from core.datasets.subject import load_subject
from core.figures.colour_key import ColourKey
from core.figures.curve import CURVES, curve_of, steps_of
from core.figures.movie_config import CortexStyle
from core.figures.probe_maps import map_probe
from core.figures.probe_plots import print_curve, print_steps
from core.figures.probe_words import describe_probe, describe_settings, write_shifts
from core.files import replace_file
from core.images.difference import NEAT_FACTORS, choose_factor
from core.images.stimulus import GREY_LEVELS, to_uint8
from core.paths import resources_folder
from core.probes.probe import Probe, in_reference_sds
from core.probes.spill_over import RoiPool, tabulate_probe
from core.probes.summary import summarise_probe
from core.reports.draw_plot import draw_plot, inline_svg
from core.reports.inks import Inks, find_inks, house_style, make_figure
from core.reports.plot import Plot
from core.surfaces.colormap import DEFAULT_DIVERGING, find_colormap
from core.templates import fill_template
from core.types import BoolArray, ByteArray, FloatArray, VoxelTable

MOST_STEPS = 40
"""Attack steps on a page; of more, so many evenly spread."""

PARTS_OF_LEVEL = 128
"""The delivered difference is packed to 1/128 of a grey level, since 8-bit pictures would lose a small one."""

PLOT_INCHES = (5.6, 3.4)
FOLLOWING = ("shift", "clean", "perturbed")
"""Maps that the browser makes of the responses at the step shown."""


@dataclass(frozen=True, slots=True, eq=False)
class HemisphereMesh:
    """One hemisphere as shown.

    Parameters
    ----------
    points : (n, 3) float32. mm.
    faces : (m, 3) int32.
    colours : (n, 4) uint8. Of the delivered probe's map.
    underlay : (n, 3) uint8. What lies below the map.
    voxels : (n,) int32. The voxel shown at each vertex, -1 for none.
    places : (n,) str. Its ROI, "" for none.
    """

    points: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    colours: ByteArray
    underlay: ByteArray
    voxels: npt.NDArray[np.int32]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CortexModel:
    """The cortex for a page.

    Parameters
    ----------
    style : What was asked for.
    pose : Azimuth and elevation of the first view in degrees, as of the window's camera.
    dimmed : (n_voxels,) bool or None. Voxels held back.
    blend : Gives of a colour key (2, 256, 4): red, green, blue in [0, 255] and cover in [0, 1] of colours evenly spaced
        in value from its lowest to its limit, usual and dimmed; the cover without the key's fade.
    """

    meshes: tuple[HemisphereMesh, ...]
    style: CortexStyle
    pose: tuple[float, float]
    dimmed: BoolArray | None
    blend: Callable[[ColourKey], FloatArray]
    key: ColourKey | None
    note: str = ""


class _Pack:
    """Arrays as one compressed text, with what and where each is."""

    def __init__(self) -> None:
        self.index: dict[str, dict[str, Any]] = {}
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, name: str, values: npt.ArrayLike, kind: str) -> str:
        array = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<"))
        content = array.tobytes()
        self.index[name] = {"type": kind, "shape": array.shape, "offset": self._length}
        content += bytes(-len(content) % 8)  # every typed array starts at a multiple of its element
        self._parts.append(content)
        self._length += len(content)
        return name

    def text(self) -> str:
        return base64.b64encode(zlib.compress(b"".join(self._parts), 9)).decode()


def write_probe_page(
    probe: Probe,
    cortex: CortexModel | None,
    path: Path,
    *,
    theme: str = "light",
    voxels: VoxelTable | None = None,
    cortex_only: bool = False,
) -> Path:
    """Write the page; it needs nothing beside it.

    `voxels` are those of the subject where it is open; else it is looked up. `cortex_only` leaves out images and plots.

    Raises BadInputError if the subject is not on this computer; StorageError if the file cannot be written.
    """
    subject = load_subject(probe.config.subject)
    table = subject.voxels if voxels is None else voxels
    inks, pack = find_inks(theme), _Pack()
    shown = choose_steps(probe.history.n_steps)
    plots = [] if cortex_only else [print_curve(probe), *([print_steps(probe)] if shown else [])]
    data = {
        "numbers": summarise_probe(probe),
        "steps": _describe_steps(probe, shown),
        "rois": _pack_rois(probe, shown, table, pack),
        "images": None if cortex_only else _pack_images(probe, shown, pack),
        "cortex": None if cortex is None else _pack_cortex(probe, cortex, shown, table, pack),
        "arrays": pack.index,
    }
    values: dict[str, Any] = {
        "inks": inks,
        "words": describe_probe(probe),
        # No name inside it can end the script early.
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "arrays": pack.text(),
        "script": (resources_folder() / "pages" / "probe.js").read_text(encoding="utf-8"),
        "found": data["numbers"],
        "spills": tabulate_probe(probe, table),
        "steps": data["steps"],
        "n_steps": probe.history.n_steps,
        "images": data["images"],
        "has_cortex": cortex is not None,
        "note": "" if cortex is None else cortex.note,
        "figures": [_draw(plot, inks) for plot in plots],
        "settings": describe_settings(probe),
        "formulas": {name: text for name, text in CURVES.items() if name in curve_of(probe).lines},
        "simulated": subject.kind == "simulated",
    }
    size = len(fill_template("probe.html", size="0.0", **values).encode())
    text = fill_template("probe.html", size=f"{size / 1e6:.1f}", **values)
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def choose_steps(n_steps: int) -> list[int]:
    """The attack steps a page shows: all, or `MOST_STEPS` evenly spread with the first and the last."""
    spread = np.linspace(0, n_steps - 1, min(n_steps, MOST_STEPS))
    return [round(number) for number in spread.tolist()]


def _describe_steps(probe: Probe, shown: Sequence[int]) -> list[str]:
    """A line for each position of the slider: the clean image, every step shown, the delivered pixels."""
    data, config = steps_of(probe), probe.config
    lines = [
        f"step {number + 1} of {probe.history.n_steps}, "
        f"{write_budget(float(data.epsilon[number]), config.attack.norm)}, shift {write_shifts(data, number)}"
        for number in shown
    ]
    last = f"delivered, {write_budget(config.attack.epsilon, config.attack.norm)}"
    return ["clean image", *lines, f"{last}, shift {write_shifts(curve_of(probe), -1)}"]


def _responses(probe: Probe, shown: Sequence[int]) -> FloatArray:
    """Of every position of the slider, (n_positions, n_voxels)."""
    return np.concatenate([probe.clean[None], probe.history.responses[list(shown)], probe.perturbed[None]])


def _pack_rois(probe: Probe, shown: Sequence[int], table: VoxelTable, pack: _Pack) -> dict[str, Any]:
    """Names of ROIs, and the mean shift of each in SDs at every position."""
    pool = RoiPool(table)
    means = [pool.means(in_reference_sds(one - probe.clean, probe.reference_sd)) for one in _responses(probe, shown)]
    return {"names": pool.names, "shifts": pack.add("roi_shifts", np.stack(means), "float64")}


def _pack_images(probe: Probe, shown: Sequence[int], pack: _Pack) -> dict[str, Any]:
    """The clean picture, and of every other its levels less the clean ones modulo 256, which pack into a third.

    Differences are drawn in the browser, the delivered one from finer numbers.
    """
    delta = GREY_LEVELS * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0)
    clean = to_uint8(probe.clean_pixels)
    others = np.concatenate([probe.history.pixels[list(shown)], to_uint8(probe.perturbed_pixels)[None]])
    pictures = np.concatenate([clean[None], others - clean])
    return {
        "pictures": pack.add("pictures", pictures, "uint8"),
        "delta": pack.add("delta", np.round(PARTS_OF_LEVEL * delta), "int16"),
        "parts": PARTS_OF_LEVEL,
        "gain": choose_factor(delta),
        "gains": NEAT_FACTORS,
    }


def _pack_cortex(
    probe: Probe, cortex: CortexModel, shown: Sequence[int], table: VoxelTable, pack: _Pack
) -> dict[str, Any]:
    names = sorted({place for mesh in cortex.meshes for place in mesh.places})
    kinds = {"points": "float32", "faces": "int32", "colours": "uint8", "underlay": "uint8", "voxels": "int32"}
    dimmed = np.zeros(len(probe.clean)) if cortex.dimmed is None else cortex.dimmed
    meshes = [
        {name: pack.add(f"{name}{side}", getattr(mesh, name), kind) for name, kind in kinds.items()}
        | {"places": pack.add(f"places{side}", [names.index(one) for one in mesh.places], "int32")}
        for side, mesh in enumerate(cortex.meshes)
    ]
    return {
        "meshes": meshes,
        "places": names,
        "pose": cortex.pose,
        "dimmed": pack.add("dimmed", dimmed, "uint8"),
        "responses": pack.add("responses", _responses(probe, shown), "float32"),
        "reference_sd": pack.add("reference_sd", probe.reference_sd, "float32"),
        "maps": [_pack_map(probe, name, cortex, table, pack) for name in dict.fromkeys((cortex.style.map, *FOLLOWING))],
    }


def _pack_map(probe: Probe, name: str, cortex: CortexModel, table: VoxelTable, pack: _Pack) -> dict[str, Any]:
    """What a map's colours mean; and its values, if they do not follow the slider."""
    found, key = map_probe(probe, replace(cortex.style, map=name), table, follows=True), cortex.key
    if name != cortex.style.map:
        colours = key.colormap if key is not None and key.is_diverging else find_colormap(DEFAULT_DIVERGING)
        key = ColourKey(colours, found.title, found.unit, found.limit or 1.0, fade=0.0 if key is None else key.fade)
    if key is None:
        return {"name": name, "caption": "ROIs"}
    fade = key.fade if key.is_diverging else 0.0
    ends = {"lowest": key.lowest, "limit": key.limit, "threshold": key.threshold, "fade": fade}
    named = {"name": name, "caption": key.caption(), "unit": key.unit} | ends
    values = None if found.values is None or name in FOLLOWING else pack.add(f"values_{name}", found.values, "float32")
    return named | {"table": pack.add(f"table_{name}", cortex.blend(key), "float32"), "values": values}


def _draw(plot: Plot, inks: Inks) -> str:
    with house_style(inks):
        figure = make_figure(*PLOT_INCHES, inks)
        draw_plot(figure.subplots(), plot, inks)
    return inline_svg(figure)
