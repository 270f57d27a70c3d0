"""The README that travels with a set: what it is, how it was made, what its numbers mean. Never scores."""

from __future__ import annotations

from collections.abc import Sequence

from core.stimuli.config import SetConfig
from core.stimuli.layout import Enlarging, Matching
from core.stimuli.manifest import ORIGINAL, ManifestRow

SOURCES = """\
- Targeted perturbations of encoding models: McNeal & Ratan Murty 2025, arXiv 2509.23333. The definitions here are this
  program's own; its numbers do not claim to reproduce that paper's.
- Projected gradient steps: Madry et al. 2018, arXiv 1706.06083.
- RMS contrast: Peli 1990, doi 10.1364/JOSAA.7.002032. Relative luminance: IEC 61966-2-1 and ITU-R BT.709.
- SSIM: Wang et al. 2004, doi 10.1109/TIP.2003.819861."""

FORMULAS = """\
| quantity | formula |
|---|---|
| clean, predicted | c . f(x), c . f(x + d): the target's weights c times the predicted responses f |
| shift | c . f(x + d) - c . f(x) |
| shift_sd | shift / SD of c . f over the clean reference images |
| l2, linf | sqrt(sum d^2) and max abs(d), in [0, 1] pixel units at the network's input size |
| transfer_shift | the same shift in another network's encoder of the same target |
| rms_contrast | SD of the relative luminance |"""


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
    parts = [
        f"# {config.name}",
        _tell_contents(rows),
        *([SIMULATED] if "simulated" in kinds else []),
        "## How every stimulus was made",
        _tell_making(rows, config),
        "## How to show them",
        _tell_showing(rows, config),
        "## What the numbers mean",
        "`manifest.csv` and `manifest.json` hold one row a file; the JSON explains every column.\n\n" + FORMULAS,
        "## What to know before the experiment",
        _tell_warnings(rows),
        "## Licences of the originals",
        _tell_licences(rows),
        "## Sources",
        SOURCES,
        "## Check and rebuild",
        CHECK.format(made_with=made_with),
    ]
    return "\n\n".join(parts) + "\n"


SIMULATED = (
    "**The responses are simulated.** The subject of this set is no measured brain; nothing found with it is a finding "
    "about brains."
)

CHECK = """\
Every file's SHA-256 stands in `manifest.json`. `python main.py stimuli check FOLDER` compares them;
`python main.py rebuild FOLDER/manifest.json --out NEW` makes the whole set again, bit for bit, with the same networks,
encoders, images and versions ({made_with})."""


def _tell_contents(rows: Sequence[ManifestRow]) -> str:
    originals = [row for row in rows if row.role == ORIGINAL]
    roles = sorted({row.role for row in rows} - {ORIGINAL})
    images = len({row.source_sha256 for row in originals})
    return (
        f"{len(rows)} stimuli: {len(originals)} originals of {images} image{'s' if images != 1 else ''}, each with "
        f"{', '.join(f'`{role}`' for role in roles)}. The files of one `pair_id` belong together and differ only in "
        "the perturbation; all of them went through the same way into their file."
    )


def _tell_making(rows: Sequence[ManifestRow], config: SetConfig) -> str:
    encoders = sorted({f"{row.network} {row.layer} (subject {row.subject})" for row in rows})
    targets = sorted({f"{row.direction} {row.target}" for row in rows})
    budgets = sorted({f"{row.norm} epsilon {row.epsilon:.4g}, {row.n_steps} steps" for row in rows})
    lines = [
        f"- Encoders attacked: {'; '.join(encoders)}.",
        f"- Targets: {'; '.join(targets)}.",
        f"- Budgets, in [0, 1] pixel units at the network's input size: {'; '.join(budgets)}.",
        *(
            f"- `{kind.role}`: {kind.meaning}, at the norm that the perturbed file has for the network."
            for kind in config.controls
        ),
        "- Saved as 8-bit PNG, round(255 x); every figure was taken from the file that was read back from the disk.",
    ]
    if config.layout.matching is not Matching.NONE:
        goal = f"mean relative luminance {config.layout.luminance:.4g}"
        if config.layout.matching is Matching.CONTRAST:
            goal += f" and RMS contrast {config.layout.contrast:.4g}"
        lines.append(
            f"- Matched: every original has {goal}, by gain x + offset of its pixels; perturbed and controls of the "
            "same original got the very same gain and offset, and were scored after it."
        )
    return "\n".join(lines)


def _tell_showing(rows: Sequence[ManifestRow], config: SetConfig) -> str:
    layout, first = config.layout, rows[0]
    views = sorted({layout.describe_view(row.resolution) for row in rows})
    size = f"{first.width_px} x {first.height_px} pixels"
    if first.picture_px not in (first.width_px, first.height_px) or first.width_px != first.height_px:
        size += f", the picture {first.picture_px} x {first.picture_px} in its middle, background {layout.background}"
    degrees = "Its width in degrees was not stated." if layout.degrees is None else (
        f"Show the picture {layout.degrees:g} degrees of visual angle wide: {first.picture_px / layout.degrees:.1f} "
        "pixels a degree."
    )  # fmt: skip
    how = {
        Enlarging.SMOOTH: "bicubic with antialiasing",
        Enlarging.EXACT: "every pixel repeated, so that the network sees the very same pixels",
    }[layout.enlarging]
    return "\n".join(
        [
            f"- Each file is {size}. {degrees}",
            "- Show files pixel by pixel, without scaling and without JPEG: both change small perturbations.",
            f"- Pictures of another size than the network's input were resized {how}.",
            f"- Scored as the network sees a file: {'; '.join(views)}.",
            "- Gamma: luminance and contrast assume an sRGB display (about gamma 2.2). On a display made linear, apply "
            "the sRGB curve first; else both differ from the manifest. State which you used.",
        ]
    )


def _tell_warnings(rows: Sequence[ManifestRow]) -> str:
    told = [f"- `{row.id}`: {text}" for row in rows for text in row.warnings]
    return "\n".join(told) if told else "Nothing was found to warn of."


def _tell_licences(rows: Sequence[ManifestRow]) -> str:
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row.licence or "not known to the program: ask whoever made them", set()).add(row.source_image)
    return "\n".join(f"- {licence}: {', '.join(sorted(images))}" for licence, images in sorted(known.items()))
