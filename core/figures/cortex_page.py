"""One page of HTML on which anyone turns a probe's cortical map, without this program or a network.

The page holds the surface, the colours as the window shows them, and the plotly.js that nilearn's own surface pages
bring, which draws them in the browser. nilearn's `view_surf` itself colours a map anew, without outlines, dimmed voxels
or words at a vertex, and asks for the Python package plotly.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import StorageError
from core.figures.colour_key import ColourKey
from core.figures.probe_words import describe_probe, describe_settings
from core.files import replace_file
from core.probes.probe import Probe
from core.reports.inks import find_inks
from core.templates import fill_template
from core.types import ByteArray

N_STEPS = 64
"""Colours of the bar on the page."""

DECIMALS = 2
"""Of coordinates in mm."""

CAMERA = {
    "eye": {"x": 0.0, "y": -0.9, "z": -0.29},
    "up": {"x": 0, "y": 0, "z": 1},
    "projection": {"type": "orthographic"},
}
"""From behind and a little below, as the window looks first; parallel, as there."""

LIGHTING = {"ambient": 0.65, "diffuse": 0.6, "specular": 0.05, "roughness": 0.9}


@dataclass(frozen=True, slots=True, eq=False)
class HemisphereMesh:
    """One hemisphere as shown: points (n, 3) in mm, triangles (m, 3), a colour a vertex (n, 4) and its words (n,)."""

    points: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    colours: ByteArray
    words: tuple[str, ...]


def write_cortex_page(
    probe: Probe, meshes: Sequence[HemisphereMesh], key: ColourKey | None, path: Path, *, theme: str, note: str = ""
) -> Path:
    """Write the page; it needs nothing beside it. Raises StorageError if it cannot be written."""
    inks, words = find_inks(theme), describe_probe(probe)
    traces = [_mesh(mesh) for mesh in meshes] + ([] if key is None else [_colour_bar(key, inks.text)])
    axis = {"visible": False}
    layout = {
        "scene": {"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data", "camera": CAMERA},
        "paper_bgcolor": inks.paper,
        "font": {"color": inks.text},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "height": 620,
    }
    call = ", ".join(_pack(part) for part in (traces, layout, {"displaylogo": False, "responsive": True}))
    caption = " ".join(filter(None, [describe_settings(probe), note]))
    text = fill_template("cortex.html", inks=inks, words=words, script=_read_script(), call=call, caption=caption)
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def _mesh(mesh: HemisphereMesh) -> dict[str, Any]:
    points = dict(zip("xyz", mesh.points.T.astype(float).round(DECIMALS).tolist(), strict=True))
    faces = dict(zip("ijk", mesh.faces.T.tolist(), strict=True))
    words = [html.escape(word) for word in mesh.words]  # Plotly takes tags in them for its own
    looks = {"type": "mesh3d", "text": words, "hoverinfo": "text", "lighting": LIGHTING, "showscale": False}
    return points | faces | {"vertexcolor": _css(mesh.colours)} | looks


def _colour_bar(key: ColourKey, ink: str) -> dict[str, Any]:
    """A point that is not seen, for the colour bar it brings."""
    rows = np.linspace(0, len(key.bar()) - 1, N_STEPS).round().astype(int)
    scale = list(zip(np.linspace(0, 1, N_STEPS).tolist(), _css(key.bar()[rows]), strict=True))
    bar = {
        "title": {"text": html.escape(key.caption()), "side": "right"},
        "thickness": 14,
        "len": 0.7,
        "tickfont": {"color": ink},
    }
    marker = {"color": [key.lowest, key.limit], "cmin": key.lowest, "cmax": key.limit, "size": 0.1, "opacity": 0}
    marker |= {"colorscale": scale, "showscale": True, "colorbar": bar}
    place = {axis: [0, 0] for axis in "xyz"}
    return place | {"type": "scatter3d", "mode": "markers", "marker": marker, "hoverinfo": "skip", "showlegend": False}


def _css(colours: ByteArray) -> list[str]:
    return [f"rgb({red},{green},{blue})" for red, green, blue in colours[:, :3].tolist()]


def _pack(part: object) -> str:
    return json.dumps(part, separators=(",", ":")).replace("<", "\\u003c")  # no word of a ROI may end the script


def _read_script() -> str:
    """plotly.js with its 3D traces (MIT licence), as nilearn brings it."""
    spec = find_spec("nilearn")
    folders = [] if spec is None else [Path(one) for one in spec.submodule_search_locations or ()]
    found = next((path for folder in folders for path in folder.rglob("plotly-gl3d*.min.js")), None)
    if found is None:
        raise StorageError("The page cannot be made: nilearn is not here, or without its plotly.js. Reinstall nilearn.")
    return found.read_text(encoding="utf-8")
