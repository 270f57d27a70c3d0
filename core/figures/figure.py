"""Writes a figure of a probe as PNG, SVG or PDF, its ROI table as CSV; whole or not at all."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np

from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.figures.cortex_page import write_cortex_page
from core.figures.figure_config import FigureConfig, find_figure_format
from core.figures.inks import find_inks, house_style
from core.figures.movie_frames import Cortex
from core.figures.probe_figures import draw_figure
from core.figures.probe_words import describe_settings
from core.files import replace_file
from core.probes.probe import Probe
from core.probes.spill_over import tabulate_probe
from core.types import ByteArray, VoxelTable

DATES = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}
"""What matplotlib would write of when and with what a file was made: the same figure is the same file."""

WORDS = {"png": "Description", "svg": "Description", "pdf": "Subject"}
"""Where a file keeps the settings of its probe."""


def write_figure(
    probe: Probe, config: FigureConfig, path: Path, *, cortex: Cortex | None = None, voxels: VoxelTable | None = None
) -> Path:
    """Write a figure; `voxels` are those of the subject where it is open, else it is looked up.

    Raises
    ------
    BadInputError
        If the ending is none of a figure's, or the figure needs what is not here.
    StorageError
        If the file cannot be written; an older one then stays.
    """
    kind = find_figure_format(path, config.kind)
    if kind == "csv":
        replace_file(path, lambda partial: partial.write_text(tabulate_rois(probe, voxels), encoding="utf-8"))
        return path
    if kind == "html":
        if cortex is None:
            raise BadInputError("This page shows the cortex, and there is nothing that draws it here.")
        return write_cortex_page(probe, cortex.meshes(), cortex.key, path, theme=config.theme, note=cortex.note)
    packed = _render(probe, config, kind, cortex=cortex, voxels=voxels)
    replace_file(path, lambda partial: partial.write_bytes(packed))
    return path


def preview_figure(
    probe: Probe, config: FigureConfig, *, width: int, cortex: Cortex | None = None, voxels: VoxelTable | None = None
) -> ByteArray:
    """The figure as pixels (height, width, 3) uint8, `width` pixels wide, for a preview."""
    few = dataclasses.replace(config, dpi=width / config.inches[0], transparent=False)
    with house_style(find_inks(config.theme), font_size=config.font_size):
        figure = draw_figure(probe, few, cortex, voxels=voxels)
        canvas = figure.canvas
        canvas.draw()
        return np.array(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]


def tabulate_rois(probe: Probe, voxels: VoxelTable | None = None) -> str:
    """The spill-over table as CSV, one ROI a row; shifts in the response's unit and in SDs, at full precision."""
    import pandas as pd  # kept from the window's start

    table = voxels if voxels is not None else load_subject(probe.config.subject).voxels
    rows = pd.DataFrame(tabulate_probe(probe, table).rows, dtype=object)
    return str(rows.assign(unit=probe.response_unit).to_csv(index=False, na_rep="nan", lineterminator="\n"))


def _render(
    probe: Probe, config: FigureConfig, kind: str, *, cortex: Cortex | None, voxels: VoxelTable | None
) -> bytes:
    inks = find_inks(config.theme)
    told = describe_settings(probe)
    packed = io.BytesIO()
    with house_style(inks, font_size=config.font_size):
        figure = draw_figure(probe, config, cortex, voxels=voxels)
        figure.savefig(
            packed,
            format=kind,
            dpi=config.dpi,
            facecolor="none" if config.transparent else inks.paper,
            metadata=DATES[kind] | {WORDS[kind]: told},
        )
    return packed.getvalue()
