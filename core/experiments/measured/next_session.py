"""The next session after a measured one: which images to keep, how often to show them, as a plan of stimuli.

An image separates two encoders A and B by  s = Σ (a − b) m / (noise Σ |a − b|)  over its probes: a and b predicted
shifts (SD), m the measured one, noise the SD of a single response. Images are ordered by |s| of the odd repeats, which
favours neither encoder, and what they are worth is told by the even ones: the mean of sign(s_odd) s_even.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from core.attacks.objective_config import ObjectiveConfig
from core.checks import refusal
from core.experiments.measured.bootstrap import mean_repeats, number_names
from core.experiments.measured.compare import LEAST_FOR_TEST, Comparison
from core.experiments.measured.detect import ShiftPower
from core.headers import unstructure
from core.probes.probe import ProbeConfig
from core.probes.target import TargetKind
from core.statistics import Interval
from core.stimuli.manifest import read_manifest
from core.stimuli.plan import Budget, write_options
from core.templates import fill_template
from core.types import NormName

Floats = npt.NDArray[np.float64]
LEAST_IMAGES = 2 * LEAST_FOR_TEST
"""Half of them still allow a sign test."""


@dataclass(frozen=True, slots=True)
class NextSession:
    """What the next session shows.

    Parameters
    ----------
    pair : The encoders to tell apart.
    kept, dropped : Names of images, the best first; none is dropped where the even repeats do not confirm the order.
    of_better, of_all : Separation of the better half and of all by the even repeats, with 95 % intervals over images.
    n_repeats : Showings of each stimulus for a power of 0.8, if all images go one way; inf where none are enough.
    options : Of a plan file.
    """

    pair: tuple[str, str]
    kept: tuple[str, ...]
    dropped: tuple[str, ...]
    of_better: Interval
    of_all: Interval
    n_repeats: float
    options: dict[str, Any]

    def describe(self) -> str:
        """For people, a line a sentence or two."""
        return fill_template("next_session.md", one=self, n_images=len(self.kept) + len(self.dropped))

    def write(self, path: Path) -> None:
        """Write the plan file, TOML or JSON. Raises StorageError if it cannot be written."""
        write_options(self.options, path, note=self.describe())


def plan_next(comparison: Comparison) -> NextSession:
    """The next session after a comparison.

    Raises BadInputError if the set is a level set or of targets that no plan names, fewer than two encoders predict it,
    or fewer than 12 images were measured twice in all their stimuli.
    """
    probes = [probe.perturbed for probe in comparison.shifts.probes]
    named = [one.target.roi or one.target.kind is TargetKind.VOXEL for one in probes]
    if not all(named) or any(one.row.level is not None for one in probes):
        raise refusal("set", allowed="of ROIs or voxels, without levels", got="another", advice="Plan it by hand.")
    pair, difference = _choose_pair(comparison)
    names = [one.row.source_image for one in probes]
    odd, even = (_separate(_halve(comparison, start), difference, comparison.shifts.noise, names) for start in (0, 1))
    known = np.isfinite(odd) & np.isfinite(even)
    if known.sum() < LEAST_IMAGES:
        allowed = f"at least {LEAST_IMAGES} images of which each stimulus was shown twice"
        raise refusal("measured", allowed=allowed, got=int(known.sum()), advice="Measure more before choosing.")
    order = np.argsort(-np.abs(odd[known]), kind="stable")
    images, held_out = np.unique(names)[known][order].tolist(), (np.sign(odd) * even)[known][order]
    n_better = (len(images) + 1) // 2
    of_better, of_all = _mean(held_out[:n_better]), _mean(held_out)
    n_kept, found = (n_better, of_better) if of_better.low > 0 else (len(images), of_all)
    power, wanted = ShiftPower(ncsnr=1.0, n_images=n_kept), max(found.value, 0.0) if found.low > 0 else 0.0
    (n_repeats,) = power.repeats_needed(np.asarray([wanted])).tolist()
    kept, dropped = tuple(images[:n_kept]), tuple(images[n_kept:])
    return NextSession(pair, kept, dropped, of_better, of_all, n_repeats, _make_options(comparison, kept))


def _choose_pair(comparison: Comparison) -> tuple[tuple[str, str], Floats]:
    """The first controversial pair, or the two encoders that differ most; and a − b (n_probes,) in SDs."""
    probes, winners = [probe.perturbed for probe in comparison.shifts.probes], comparison.winners
    names = (winners[0].first, winners[0].second) if winners else tuple(comparison.shifts.predicted)
    sds = {name: np.asarray([one.shifts.get(name, (np.nan, np.nan))[1] for one in probes]) for name in names}
    found = {(a, b): sds[a] - sds[b] for a, b in combinations(names, 2) if np.isfinite(sds[a] - sds[b]).any()}
    if not found:
        advice = "Score the set on another network: `stimuli make --transfer NET`."
        raise refusal("set", allowed="predicted in SDs by two encoders", got=", ".join(names), advice=advice)
    return max(found.items(), key=lambda one: float(np.nanmean(np.abs(one[1]))))


def _halve(comparison: Comparison, start: int) -> Floats:
    """Measured shifts (n_probes,) by every second repeat."""
    row_of = comparison.measured.picture_of
    means = {target: mean_repeats(repeats[:, start::2]) for target, repeats in comparison.measured.repeats.items()}
    shown = [(means[one.perturbed.target], one.perturbed.id, one.original.id) for one in comparison.shifts.probes]
    return np.asarray([mean[row_of[perturbed]] - mean[row_of[original]] for mean, perturbed, original in shown])


def _separate(shift: Floats, difference: Floats, noise: Floats, names: list[str]) -> Floats:
    """s of each image (n_images,), in the order of their sorted names; NaN where a probe of it is not known."""
    images = number_names(names)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.bincount(images, difference * shift / noise) / np.bincount(images, np.abs(difference))


def _mean(values: Floats) -> Interval:
    """The mean with its 95 % t interval."""
    mean, reach = values.mean(), special.stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return Interval(float(mean), float(mean - reach), float(mean + reach))


def _make_options(comparison: Comparison, kept: tuple[str, ...]) -> dict[str, Any]:
    """The options that make the same probes of the images kept."""
    plan, rows = comparison.measured.plan, [probe.perturbed.row for probe in comparison.measured.plan.probes]
    header = read_manifest(plan.folder).header
    layout = {} if header.set is None else {k: v for k, v in unstructure(header.set.layout).items() if v is not None}
    settings = [read_settings(recipe.config) for recipe in header.recipes] or [{}]
    if any(one != settings[0] for one in settings):
        raise refusal("set", allowed="of probes with the same settings", got="several", advice="Plan it by hand.")
    networks = list(dict.fromkeys(f"{row.network}:{row.layer}" for row in rows))
    rivals = [row.against.replace(" ", ":") for row in rows if row.against][:1]
    scored = dict.fromkeys(name.replace(" ", ":") for row in rows for name in row.transfer)
    directions = list(dict.fromkeys(row.direction for row in rows))
    ways = {"controversial": [*networks[:1], *rivals]} if rivals else {"networks": networks, "directions": directions}
    targets = dict.fromkeys((row.target_kind, row.target_roi, row.voxels[0]) for row in rows)
    keys = {row.source_image: row.source_key for row in rows}
    return {
        "name": f"{plan.name}_next",
        "subject": rows[0].subject,
        "images": [keys[image] for image in kept],
        "rois": [roi for kind, roi, _ in targets if kind == TargetKind.ROI],
        "voxels": [str(voxel) for kind, _, voxel in targets if kind == TargetKind.VOXEL],
        "budgets": list(dict.fromkeys(Budget(NormName(row.norm), row.epsilon).label for row in rows)),
        "transfer": [name for name in scored if name not in (*networks, *rivals)],
        **(ways | layout | settings[0]),
    }


def read_settings(config: ProbeConfig) -> dict[str, Any]:
    """How a probe was attacked, in the words of a plan. Raises BadInputError for what no plan says."""
    attack, against = config.attack, config.against
    if config.ensemble or config.objective != ObjectiveConfig():
        raise refusal(
            "set", allowed="of plain targets of one encoder", got=config.describe(), advice="Plan it by hand."
        )
    mask = {} if attack.mask is None else {"mask": attack.mask.text, "mask_edge": attack.mask.edge}
    pair = {} if against is None else {"sharpness": against.sharpness, "decided": against.decided_sd}
    return {"steps": attack.n_steps, "quantise": attack.quantise, "seed": attack.seed} | mask | pair
