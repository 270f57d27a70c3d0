"""Figures of a probe for print, drawn with matplotlib without a screen, and written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from core.attacks.config import write_budget
from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.figures.colour_key import ColourKey, draw_key
from core.figures.curve import curve_of
from core.figures.figure_config import FigureConfig, FigureKind, find_figure_format
from core.figures.movie_frames import Cortex
from core.figures.probe_page import write_probe_page
from core.figures.probe_plots import draw_spill_over, print_curve, print_steps
from core.figures.probe_words import describe_probe, describe_settings, write_shifts
from core.files import replace_file
from core.images.difference import MID_GREY, amplify, choose_factor
from core.images.stimulus import GREY_LEVELS, to_uint8
from core.probes.probe import Probe
from core.probes.spill_over import tabulate_probe
from core.reports.draw_plot import draw_pixels, draw_plot, pack_figure, say_whose, strip
from core.reports.inks import Inks, find_inks, house_style, make_figure
from core.types import ByteArray, VoxelTable
from core.words import format_signed, protect_cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCortex:
    """The cortex of one figure, drawn before it: the figure can then be drawn in another process."""

    picture: ByteArray
    key: ColourKey | None
    note: str

    def still(self, _size: tuple[int, int]) -> ByteArray:
        """The picture."""
        return self.picture


def draw_cortex(cortex: Cortex | None, config: FigureConfig) -> DrawnCortex | None:
    """The cortex as a figure shows it, if it shows one."""
    if cortex is None or not config.kind.needs_cortex:
        return None
    return DrawnCortex(cortex.still(_size_cortex(config)), cortex.key, cortex.note)


WORDS = {"png": "Description", "svg": "Description", "pdf": "Subject"}
"""Where a file keeps the settings of its probe."""


def write_figure(
    probe: Probe,
    config: FigureConfig,
    path: Path,
    *,
    cortex: Cortex | DrawnCortex | None = None,
    voxels: VoxelTable | None = None,
) -> Path:
    """Write a figure; `voxels` are those of the subject where it is open, else it is looked up.

    Raises BadInputError if the ending is none of a figure's, or the figure needs what is not here; StorageError if the
    file cannot be written, and an older one then stays.
    """
    kind = find_figure_format(path, config.kind)
    if kind == "csv":
        replace_file(path, lambda partial: partial.write_text(tabulate_rois(probe, voxels), encoding="utf-8"))
        return path
    if kind == "html":
        alone = config.kind is FigureKind.CORTEX
        if cortex is None and alone:
            raise BadInputError("This page shows the cortex, and there is nothing that draws it here.")
        model = None if cortex is None or isinstance(cortex, DrawnCortex) else cortex.model()
        return write_probe_page(probe, model, path, theme=config.theme, voxels=voxels, cortex_only=alone)
    inks = find_inks(config.theme)
    with house_style(inks, font_size=config.font_size):
        figure = draw_figure(probe, config, cortex, voxels=voxels)
        words = {WORDS[kind]: describe_settings(probe)}
        paper = "none" if config.transparent else inks.paper
        packed = pack_figure(figure, kind, dpi=config.dpi, facecolor=paper, metadata=words)
    replace_file(path, lambda partial: partial.write_bytes(packed))
    return path


def shrink(config: FigureConfig, width: int) -> FigureConfig:
    """A figure as its preview shows it, `width` pixels wide."""
    return replace(config, dpi=width / config.inches[0], transparent=False)


def preview_figure(
    probe: Probe,
    config: FigureConfig,
    *,
    width: int,
    cortex: Cortex | DrawnCortex | None = None,
    voxels: VoxelTable | None = None,
) -> ByteArray:
    """The figure as pixels (height, width, 3) uint8, `width` pixels wide, for a preview."""
    few = shrink(config, width)
    with house_style(find_inks(config.theme), font_size=config.font_size):
        return draw_pixels(draw_figure(probe, few, cortex, voxels=voxels))


def tabulate_rois(probe: Probe, voxels: VoxelTable | None = None) -> str:
    """The spill-over table as CSV, one ROI a row; shifts in the response's unit and in SDs, at full precision."""
    import pandas as pd  # kept from the window's start

    table = voxels if voxels is not None else load_subject(probe.config.subject).voxels
    (_, own), *others = tabulate_probe(probe, table).items()
    rows = pd.DataFrame(own.rows, dtype=object).assign(unit=probe.response_unit)
    for name, second in others:
        rows = rows.assign(second_encoder=name, second_shift_sd=[row.shift_sd for row in second.rows])
    return str(rows.map(protect_cell).to_csv(index=False, na_rep="nan", lineterminator="\n"))


PAGE_ROWS: tuple[float, ...] = (1.15, 1.0, 1.25)
"""Heights of the images, the plots and the cortex on the page of a whole probe, in parts of each other."""

KEY_SHARE = 0.45
"""Width of a cortex's colour bar in parts of the picture."""


def draw_figure(
    probe: Probe, config: FigureConfig, cortex: Cortex | DrawnCortex | None = None, *, voxels: VoxelTable | None = None
) -> Figure:
    """Draw the figure a config asks for, captioned with what it shows and on whose responses.

    `voxels` are those of the subject where it is open; else it is looked up.

    Raises BadInputError if it shows the cortex alone and none is given, or the subject is not on this computer.
    """
    if config.kind is FigureKind.CORTEX and cortex is None:
        raise BadInputError("This figure shows the cortex, and there is nothing that draws it here.")
    inks = find_inks(config.theme)
    figure = make_figure(*config.inches, inks, dpi=config.dpi)
    if config.kind is FigureKind.PROBE:
        _draw_page(figure, probe, config, inks, cortex=cortex, voxels=voxels)
        return figure
    words = describe_probe(probe)
    say_whose(figure, f"{words.title}. {words.how}. {words.whose}.", inks, font_size=config.font_size)
    if config.kind is FigureKind.IMAGES:
        _draw_images(figure, probe, inks)
    elif config.kind is FigureKind.CORTEX and cortex is not None:
        _draw_cortex(figure, cortex, config, inks)
    else:
        _draw_plot(figure.subplots(), probe, config.kind, inks, voxels=voxels)
    return figure


def _draw_plot(axes: Axes, probe: Probe, kind: FigureKind, inks: Inks, *, voxels: VoxelTable | None) -> None:
    if kind is FigureKind.ROIS:
        table = voxels if voxels is not None else load_subject(probe.config.subject).voxels
        draw_spill_over(axes, tabulate_probe(probe, table), inks)
    else:
        draw_plot(axes, print_curve(probe) if kind is FigureKind.CURVE else print_steps(probe), inks)


def _draw_page(
    figure: Figure,
    probe: Probe,
    config: FigureConfig,
    inks: Inks,
    *,
    cortex: Cortex | DrawnCortex | None,
    voxels: VoxelTable | None,
) -> None:
    note = "" if cortex is not None else " No cortical map: the subject's voxels lie on no surface here."
    say_whose(figure, describe_settings(probe) + note, inks, font_size=config.font_size)
    heights = PAGE_ROWS if cortex is not None else PAGE_ROWS[:2]
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, hspace=0.03)
    _draw_images(parts[0], probe, inks)
    below: Any = parts[1].subfigures(1, 2, width_ratios=(1.35, 1), wspace=0.03)
    _draw_plot(below[0].subplots(), probe, FigureKind.CURVE, inks, voxels=voxels)
    _draw_plot(below[1].subplots(), probe, FigureKind.ROIS, inks, voxels=voxels)
    lettered = [parts[0], below[0], below[1]]
    if cortex is not None:
        _draw_cortex(parts[2], cortex, config, inks)
        lettered.append(parts[2])
    for letter, part in zip("abcd", lettered, strict=False):
        part.suptitle(letter, x=0.008, ha="left", fontweight="bold", fontsize=1.25 * config.font_size)


def _draw_images(figure: Figure | SubFigure, probe: Probe, inks: Inks) -> None:
    clean, changed = to_uint8(probe.clean_pixels), to_uint8(probe.perturbed_pixels)
    delta = GREY_LEVELS * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0)
    factor = choose_factor(delta)
    attack = probe.config.attack
    titles = ("clean", f"perturbed, shift {write_shifts(curve_of(probe), -1)}", f"difference × {factor}")
    grid: Any = figure.subplots(2, 3, height_ratios=(1, 0.035))
    for axes, picture, title in zip(grid[0], (clean, changed, amplify(delta, factor)), titles, strict=True):
        axes.imshow(picture, interpolation="none")
        axes.set_title(title, pad=3)
        strip(axes)
    for axes in grid[1][:2]:
        axes.set_axis_off()
    size = f"realised L₂ {probe.l2:.3g}, L∞ {GREY_LEVELS * probe.linf:.1f}/255"
    grid[1][1].text(0.5, 0.5, f"{write_budget(attack.epsilon, attack.norm)}; {size}", ha="center", color=inks.muted)
    _draw_grey_key(grid[1][2], MID_GREY / factor)


def _draw_grey_key(axes: Axes, limit: float) -> None:
    axes.imshow(np.linspace(0, 1, 256)[None], cmap="gray", aspect="auto", extent=(-limit, limit, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([-limit, 0, limit], [format_signed(-limit, 1), "0", format_signed(limit, 1)])
    axes.set_xlabel("change (grey levels of 255)", labelpad=1)
    axes.tick_params(length=2, pad=2)


def _size_cortex(config: FigureConfig) -> tuple[int, int]:
    """Width and height in pixels of the cortex in a figure."""
    width, height = config.inches
    share = PAGE_ROWS[2] / sum(PAGE_ROWS) if config.kind is FigureKind.PROBE else 0.8
    return round(width * config.dpi), max(64, round(0.72 * share * height * config.dpi))


def _draw_cortex(figure: Figure | SubFigure, cortex: Cortex | DrawnCortex, config: FigureConfig, inks: Inks) -> None:
    key = cortex.key
    rows = (1.0, 0.055) if key is not None else (1.0,)
    grid = figure.subplots(len(rows), 1, squeeze=False, height_ratios=rows)[:, 0]
    grid[0].imshow(trim(cortex.still(_size_cortex(config))), interpolation="none")
    strip(grid[0])
    grid[0].set_title(cortex.note, color=inks.muted, loc="right", fontsize=0.88 * config.font_size)
    if key is not None:
        grid[1].set_axis_off()
        draw_key(grid[1].inset_axes((0.5 - KEY_SHARE / 2, 0, KEY_SHARE, 1)), key, inks)


def trim(picture: Any) -> Any:
    """A picture (height, width, 4) without the see-through rows and columns around what it shows."""
    seen = Image.fromarray(picture).getchannel("A").getbbox()
    return picture if seen is None else picture[seen[1] : seen[3], seen[0] : seen[2]]
