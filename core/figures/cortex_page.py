"""One page of HTML on which anyone turns a probe's cortical map, without this program or a network. Never draws itself.

The page holds the surface, the colours as the window shows them, and plotly.js, which draws them in the browser.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.figures.colour_key import ColourKey
from core.figures.inks import find_inks
from core.figures.probe_words import describe_probe, describe_settings
from core.files import replace_file
from core.probes.probe import Probe
from core.types import ByteArray

N_STEPS = 64
"""Colours of the bar on the page."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One hemisphere as shown: points (n, 3) in mm, triangles (m, 3), a colour a vertex (n, 4) and its words (n,)."""

    points: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    colours: ByteArray
    words: tuple[str, ...]


def write_cortex_page(
    probe: Probe, shapes: Sequence[Shape], key: ColourKey | None, path: Path, *, theme: str = "light", note: str = ""
) -> Path:
    """Write the page; it needs nothing beside it. Raises StorageError if it cannot be written."""
    text = _compose(probe, shapes, key, theme=theme, note=note)
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def _compose(probe: Probe, shapes: Sequence[Shape], key: ColourKey | None, *, theme: str, note: str) -> str:
    import plotly.graph_objects as go

    inks = find_inks(theme)
    figure: Any = go.Figure(data=[_mesh(shape) for shape in shapes])
    if key is not None:
        figure.add_trace(_key(key, inks.text))
    axis = {"visible": False}
    figure.update_layout(
        scene={"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data", "camera": _camera()},
        paper_bgcolor=inks.paper,
        font_color=inks.text,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        height=620,
    )
    body = figure.to_html(
        include_plotlyjs=True, full_html=False, div_id="cortex", config={"displaylogo": False, "responsive": True}
    )
    words = describe_probe(probe)
    told = html.escape(" ".join(filter(None, [describe_settings(probe), note])))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(words.title)}</title>\n'
        f"<style>body{{background:{inks.paper};color:{inks.text};font:15px sans-serif;margin:1.5em;max-width:72em}}"
        f"p{{color:{inks.muted}}}</style></head>\n<body><h1>{html.escape(words.title)}</h1>\n"
        f"<p>{html.escape(words.whose)}. Drag to turn, scroll to zoom.</p>\n{body}\n<p>{told}</p></body></html>\n"
    )


def _mesh(shape: Shape) -> Any:
    import plotly.graph_objects as go

    x, y, z = (np.ascontiguousarray(shape.points[:, axis]) for axis in range(3))
    i, j, k = (np.ascontiguousarray(shape.faces[:, corner]) for corner in range(3))
    colours = [f"rgb({red},{green},{blue})" for red, green, blue in shape.colours[:, :3].tolist()]
    return go.Mesh3d(
        x=x,
        y=y,
        z=z,
        i=i,
        j=j,
        k=k,
        vertexcolor=colours,
        text=shape.words,
        hoverinfo="text",
        lighting={"ambient": 0.65, "diffuse": 0.6, "specular": 0.05, "roughness": 0.9},
        showscale=False,
    )


def _key(key: ColourKey, ink: str) -> Any:
    """A point that is not seen, for the colour bar it brings."""
    import plotly.graph_objects as go

    rows = np.linspace(0, len(key.colormap.table) - 1, N_STEPS).round().astype(int)
    scale = [
        (place, f"rgb({red},{green},{blue})")
        for place, (red, green, blue) in zip(np.linspace(0, 1, N_STEPS), key.colormap.table[rows].tolist(), strict=True)
    ]
    bar = {"title": {"text": key.caption(), "side": "right"}, "thickness": 14, "len": 0.7, "tickfont": {"color": ink}}
    marker = {"color": [key.lowest, key.limit], "cmin": key.lowest, "cmax": key.limit, "size": 0.1, "opacity": 0}
    return go.Scatter3d(
        x=[0, 0],
        y=[0, 0],
        z=[0, 0],
        mode="markers",
        marker=marker | {"colorscale": scale, "showscale": True, "colorbar": bar},
        hoverinfo="skip",
        showlegend=False,
    )


def _camera() -> dict[str, Any]:
    """From behind and a little below, as the window looks first; parallel, as there."""
    eye, up = {"x": 0.0, "y": -0.9, "z": -0.29}, {"x": 0, "y": 0, "z": 1}
    return {"eye": eye, "up": up, "projection": {"type": "orthographic"}}
