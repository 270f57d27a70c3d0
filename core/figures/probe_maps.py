"""The cortical maps of a saved probe: values of every voxel, title, unit and one scale for a whole movie.

Of one probe they are what the window's maps are; a scale found over all steps keeps its colours through a movie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.card import EncoderCard
from core.encoders.files import load_card
from core.errors import BadInputError, ProbeError
from core.figures.movie_config import CortexStyle
from core.probes.probe import Probe, in_reference_sds
from core.types import BoolArray, FloatArray, VoxelTable

SD_UNIT = "SD"
LIMIT_PERCENTILE = 99
LEAST_LIMIT = 0.5
"""The scale of shifts never goes below this many SDs, so that a negligible shift looks negligible."""


@dataclass(frozen=True, slots=True, eq=False)
class ProbeMap:
    """One map.

    Parameters
    ----------
    values : (n_voxels,) float or None. Of the delivered probe; None where the ROIs themselves are shown.
    steps : (n_steps, n_voxels) float or None
        Of every attack step, where the map follows them; `before` (n_voxels,) those of the clean image.
    diverging : Symmetric about zero, or from zero up.
    limit : Value of the last colour, the same in every frame; None takes a robust one of the values.
    dimmed : (n_voxels,) bool or None. Voxels that the encoder predicts too poorly to be trusted.
    note : What `dimmed` means, for a caption; "" where nothing is.
    """

    values: FloatArray | None
    title: str
    unit: str
    diverging: bool
    limit: float | None = None
    steps: FloatArray | None = None
    before: FloatArray | None = None
    dimmed: BoolArray | None = None
    note: str = ""

    def find_limit(self) -> float | None:
        """`limit`, else a robust one of the values; None where none of these counts."""
        if self.limit or self.values is None:
            return self.limit or None
        return robust_limit(self.values, diverging=self.diverging) or None

    def at(self, step: int | None) -> FloatArray | None:
        """The values at an attack step, -1 the clean image; None, and a map that follows no steps, the delivered."""
        if step is None or self.steps is None:
            return self.values
        chosen: FloatArray | None = self.before if step < 0 else self.steps[step]
        return chosen


def map_probe(probe: Probe, style: CortexStyle, voxels: VoxelTable, *, follows: bool) -> ProbeMap:
    """The map a style asks for; with `follows` its scale holds every step too.

    Raises BadInputError if the map needs scores of an encoder that is not on this computer.
    """
    card = _find_card(probe)
    dimmed = None if card is None or style.gate_r <= 0 else np.asarray(card.r < style.gate_r)
    note = "" if dimmed is None or not dimmed.any() else f"dimmed: held-out r below {style.gate_r:g}"
    values, title, unit, diverging, limit = _choose(probe, style.map, voxels, card=card)
    steps: FloatArray | None = None
    before: FloatArray | None = None
    follows = follows and probe.history.n_steps > 0
    if follows and style.map == "perturbed":
        steps, before = probe.history.responses, probe.clean
    elif follows and style.map == "shift":
        shifts = [in_reference_sds(one - probe.clean, probe.reference_sd) for one in probe.history.responses]
        steps, before = np.stack(shifts), np.zeros_like(shifts[0])
    if values is not None and limit is None:
        parts = [values] if steps is None else [values, *steps]
        parts += [probe.clean, probe.perturbed] * (style.map in ("clean", "perturbed"))  # one range for both
        limit = max(robust_limit(part, diverging=diverging) for part in parts)
        limit = max(limit, LEAST_LIMIT) if unit == SD_UNIT else limit
    if probe.second is not None and values is not None:
        note = " · ".join(filter(None, [f"{probe.config.network} {probe.config.layer} alone", note]))
    return ProbeMap(values, title, unit, diverging, limit or 1.0, steps, before, dimmed, note)


def _choose(
    probe: Probe, name: str, voxels: VoxelTable, *, card: EncoderCard | None
) -> tuple[FloatArray | None, str, str, bool, float | None]:
    unit = probe.response_unit
    match name:
        case "clean":
            return probe.clean, "Predicted response, clean image", unit, True, None
        case "perturbed":
            return probe.perturbed, "Predicted response, perturbed image", unit, True, None
        case "control":
            shift = in_reference_sds(probe.control_shift, probe.reference_sd)
            return shift, "Shift, random control of equal norm", SD_UNIT, True, None
        case "r":
            if card is None:
                raise BadInputError("The encoder of this probe is not on this computer, so its r is not known.")
            return card.r, f"Encoder, {card.scored_on} r", "r", False, None
        case "noise_ceiling":
            return voxels.noise_ceiling, "Noise ceiling", "share of variance", False, 1.0
        case "roi":
            return None, "", "", False, 1.0
    return probe.shift_sd, "Shift of the predicted response", SD_UNIT, True, None


def robust_limit(values: FloatArray, *, diverging: bool) -> float:
    """The 99th percentile of |value| (diverging) or of the positive values; 0 if there are none."""
    known = values[np.isfinite(values)]
    sizes = np.abs(known) if diverging else known[known > 0]
    return float(np.percentile(sizes, LIMIT_PERCENTILE)) if sizes.size else 0.0


def _find_card(probe: Probe) -> EncoderCard | None:
    """The card of the very encoder that was probed, if it is here."""
    config = probe.config
    try:
        card = load_card(config.subject, config.network, config.layer)
    except ProbeError:
        return None
    return card if card.sha256 == probe.encoder_sha256 else None
