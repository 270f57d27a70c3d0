"""The README that travels with a set: what it is, how it was made, what its numbers mean."""

from __future__ import annotations

from collections.abc import Sequence

from core.stimuli.config import SetConfig
from core.stimuli.layout import Enlarging, Layout, Matching
from core.stimuli.manifest import ORIGINAL, ManifestRow
from core.templates import fill_template

RESIZED = {
    Enlarging.SMOOTH: "bicubic with antialiasing",
    Enlarging.EXACT: "every pixel repeated, so that the network sees the very same pixels",
}


def write_readme(rows: Sequence[ManifestRow], config: SetConfig, *, kinds: Sequence[str], made_with: str) -> str:
    """The text of README.md.

    Parameters
    ----------
    rows : sequence of ManifestRow
    config : SetConfig
    kinds : sequence of str
        "simulated" or "measured", of the subjects.
    made_with : str
        Versions and device, in one line.
    """
    originals = [row for row in rows if row.role == ORIGINAL]
    licences: dict[str, set[str]] = {}
    for row in rows:
        name = row.licence or "not known to the program: ask whoever made them"
        licences.setdefault(name, set()).add(row.source_image)
    return fill_template(
        "set_readme.md",
        config=config,
        rows=rows,
        n_originals=len(originals),
        n_images=len({row.source_sha256 for row in originals}),
        roles=[f"`{role}`" for role in sorted({row.role for row in rows} - {ORIGINAL})],
        simulated="simulated" in kinds,
        encoders=sorted({f"{row.network} {row.layer} (subject {row.subject})" for row in rows}),
        targets=sorted({f"{row.direction} {row.target}" for row in rows}),
        budgets=sorted({f"{row.norm} epsilon {row.epsilon:.4g}, {row.n_steps} steps" for row in rows}),
        matched=_describe_matching(config.layout),
        size=_describe_size(rows[0], config.layout),
        degrees=_describe_degrees(rows[0], config.layout),
        resized=RESIZED[config.layout.enlarging],
        views=sorted({config.layout.describe_view(row.resolution) for row in rows}),
        licences=sorted((licence, sorted(images)) for licence, images in licences.items()),
        made_with=made_with,
    )


def _describe_matching(layout: Layout) -> str:
    """What every original was brought to; "" for nothing."""
    if layout.matching is Matching.NONE:
        return ""
    contrast = f" and RMS contrast {layout.contrast:.4g}" if layout.matching is Matching.CONTRAST else ""
    return f"mean relative luminance {layout.luminance:.4g}{contrast}"


def _describe_size(first: ManifestRow, layout: Layout) -> str:
    size = f"{first.width_px} x {first.height_px} pixels"
    if {first.width_px, first.height_px} == {first.picture_px}:
        return size
    return f"{size}, the picture {first.picture_px} x {first.picture_px} in its middle, background {layout.background}"


def _describe_degrees(first: ManifestRow, layout: Layout) -> str:
    if layout.degrees is None:
        return "Its width in degrees was not stated."
    dense = f"{first.picture_px / layout.degrees:.1f} pixels a degree"
    return f"Show the picture {layout.degrees:g} degrees of visual angle wide: {dense}."
