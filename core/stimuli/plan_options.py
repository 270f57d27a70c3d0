"""The settings of a plan file, as they are typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.probes.against import DEFAULT_DECIDED, DEFAULT_SHARPNESS
from core.stimuli.controls import DEFAULT_CONTROLS
from core.stimuli.levels import USUAL_BUDGET, USUAL_LEVELS, USUAL_SEEDS


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Every setting of a plan file beside those of its `Layout`: its default and what it is."""

    name: Annotated[str, "what the set is called"] = "stimuli"
    subject: Annotated[str, "id of the subject"] = "simulated"
    networks: Annotated[tuple[str, ...], 'NET, NET:LAYER or "all"'] = ("mobilenet_v2_robust",)
    controversial: Annotated[
        tuple[str, ...],
        "A,B: two encoders in place of networks and directions; for each image and target a probe that raises A and "
        "lowers B, the mirrored one, and an agreeing one that raises both",
    ] = ()
    decided: Annotated[float, "controversial probes: SDs both must move by, or the probe is called undecided"] = (
        DEFAULT_DECIDED
    )
    sharpness: Annotated[float, "controversial probes: t of the smooth minimum of both shifts"] = DEFAULT_SHARPNESS
    images: Annotated[tuple[str, ...], "ids, files, folders, or test:N for N held-out ones"] = ("test:4",)
    rois: Annotated[tuple[str, ...], "ROIs whose mean is moved (default: none)"] = ()
    voxels: Annotated[tuple[str, ...], "numbers, or ROI:N for N voxels of an ROI above the gate (default: none)"] = ()
    items: Annotated[
        tuple[str, ...],
        "files of `rank --items`, synthesis.json of `synthesise`: their images are shown as they are, beside probes or "
        "alone (default: none)",
    ] = ()
    directions: Annotated[tuple[str, ...], "raise, lower"] = ("raise",)
    budgets: Annotated[
        tuple[str, ...],
        f"l2:EPSILON or linf:K/255, at the network's input size; with --levels the largest allowed ({USUAL_BUDGET})",
    ] = ("l2:3",)
    levels: Annotated[
        tuple[str, ...],
        "a level set: responses in SDs from the mean of the clean reference responses, LOW:HIGH:N or numbers; named "
        f"without them {USUAL_LEVELS} (default: none)",
    ] = ()
    seeds: Annotated[int, "with --levels: held-out images that are brought to every level"] = USUAL_SEEDS
    steps: Annotated[int, "attack steps of each probe; 0 are as many as it takes"] = 0
    quantise: Annotated[bool, "keep every attack step on 8-bit grey levels"] = False
    mask: Annotated[
        str,
        "where the images may change: box:LEFT,TOP,RIGHT,BOTTOM or ellipse:... in parts of the image, or a grey "
        "picture of the network's input size, white inside (default: everywhere)",
    ] = ""
    mask_edge: Annotated[float, "width of the mask's soft edge, as a part of the image's side"] = 0.0
    seed: Annotated[int, "of draws and controls"] = 0
    gate: Annotated[float, "least r of a voxel that is not warned of"] = 0.1
    controls: Annotated[tuple[str, ...], "equal-norm controls of every item"] = tuple(map(str, DEFAULT_CONTROLS))
    transfer: Annotated[
        tuple[str, ...], "further networks the files are scored on: NET, NET:LAYER or all (default: none)"
    ] = ()
