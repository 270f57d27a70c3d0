"""Saves one item's images through one path, reads them back and describes every file.

Every figure is of the pixels that were read back from the disk, as the network sees them through the layout's stated
way; what the pixels did before stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.files import hash_file
from core.images.stimulus import from_uint8
from core.probes.probe import Probe
from core.probes.target import Target, TargetKind
from core.stimuli.config import SetConfig
from core.stimuli.controls import ControlKind, fit_control, measure
from core.stimuli.images import measure_image, read_levels, write_levels
from core.stimuli.layout import Layout, apply_match, count_clipped, cut_out, lay_out, see
from core.stimuli.levels import in_levels
from core.stimuli.manifest import STIMULI, ManifestRow, TransferShift
from core.stimuli.probe_warnings import (
    LARGEST_UNEQUAL,
    ProbeWarning,
    WarningCode,
    evaluate_decision,
    evaluate_level,
    evaluate_probe,
    evaluate_remaking,
    evaluate_saving,
    warn,
)
from core.stimuli.recipe import Item, RecipientEncoder, Rescore
from core.types import ByteArray, FloatArray, NormName


@dataclass(frozen=True, slots=True)
class Match:
    """Every pixel x of an item becomes gain x + offset."""

    gain: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Saved:
    """One image: pixels asked for, grey levels of its file as read back, what the network sees of them."""

    role: str
    file: Path
    asked: FloatArray
    levels: ByteArray
    seen: FloatArray


def write_item(
    item: Item, folder: Path, *, pair_id: str, config: SetConfig, match: Match, warnings: Sequence[ProbeWarning] = ()
) -> tuple[ManifestRow, ...]:
    """Write every file of an item below `folder`; returns their rows, the original first.

    `folder`: of the set; its stimuli stand in a folder below. `warnings`: warnings beyond those of the probe itself,
    such as duplicates.
    """
    saved = [
        _save(item, role, pixels, file=folder / STIMULI / f"{pair_id}_{role}.png", config=config, match=match)
        for role, pixels in _images(item, config, match).items()
    ]
    values = score(item.probe, [one.seen for one in saved], item.rescore)
    before = score(item.probe, [one.asked for one in saved], item.rescore)
    transfers = score_recipients(item, [one.levels for one in saved], config.layout)
    making = _describe_making(item, pair_id=pair_id, config=config) | {"gain": match.gain, "offset": match.offset}
    all_warnings, at = [*evaluate_item(item, config), *warnings], len(item.images) - 1
    all_warnings += evaluate_saving(float(values[at] - values[0]), float(before[at] - before[0]))
    levels, levels_before = (_find_levels(item, given, item.probe) for given in (values, before))
    all_warnings += evaluate_level(item.probe, levels[at])
    all_warnings += _evaluate_norms(item, saved)
    all_warnings += _evaluate_decision(item, float(values[at] - values[0]), transfers)
    rows = []
    for index, one in enumerate(saved):
        shift = float(values[index] - values[0])
        rows.append(
            ManifestRow(
                **making,
                **_measure(item, one, saved[0], config),
                id=one.file.stem,
                role=one.role,
                file=f"{STIMULI}/{one.file.name}",
                file_sha256=hash_file(one.file),
                clean=float(values[0]),
                predicted=float(values[index]),
                shift=shift,
                shift_sd=_in_sds(shift, item.probe.target_sd),
                shift_before_saving=float(before[index] - before[0]),
                level_reached=levels[index],
                level_before_saving=levels_before[index],
                warnings=tuple(warning.text for warning in all_warnings) if index == at else (),
                transfer={where: shifts[index] for where, shifts in transfers.items()},
            )
        )
    return tuple(rows)


def evaluate_item(item: Item, config: SetConfig) -> tuple[ProbeWarning, ...]:
    """The warnings of an item before it is written."""
    found, wanted = list_controls(item, config), () if item.recipe.origin else config.controls
    own = evaluate_probe(item.probe, item.card, gate=config.gate, second=item.second_card)
    own += evaluate_remaking(item.probe, item.recipe.analysed_sd)
    return (*own, *(warn(WarningCode.NO_CONTROL, words=kind.words) for kind in wanted if kind not in found))


def list_controls(item: Item, config: SetConfig) -> tuple[ControlKind, ...]:
    """The controls an item can have: of a perturbation, and another image's needs one that has it."""
    if item.recipe.origin is not None:
        return ()
    return tuple(kind for kind in config.controls if kind is not ControlKind.OTHER_IMAGE or item.donor is not None)


def _images(item: Item, config: SetConfig, match: Match) -> dict[str, FloatArray]:
    def see_file(pixels: FloatArray) -> FloatArray:
        levels = lay_out(apply_match(pixels, match.gain, match.offset), config.layout)
        return see(levels, config.layout, made_for=item.side, side=item.side)

    return item.images | {kind.role: fit_control(kind, item, see_file) for kind in list_controls(item, config)}


def _evaluate_norms(item: Item, saved: Sequence[_Saved]) -> list[ProbeWarning]:
    """Controls whose file realises another norm than the perturbed one's, as where the pixel bounds leave no room."""
    norm = item.probe.config.attack.norm
    sizes = {one.role: measure(one.seen - saved[0].seen, norm) for one in saved[1:]}
    wanted = sizes[saved[1].role] if sizes else 0.0
    return [
        warn(WarningCode.UNEQUAL, role=one.role, share=sizes[one.role] / wanted)
        for one in saved[2:]
        if wanted > 0 and abs(sizes[one.role] / wanted - 1) > LARGEST_UNEQUAL
    ]


def _evaluate_decision(
    item: Item, shift: float, transfers: Mapping[str, Sequence[TransferShift]]
) -> tuple[ProbeWarning, ...]:
    """Whether the saved files of a probe that was decided still are."""
    asked, sd = item.probe.config, item.probe.target_sd
    if asked.against is None or item.probe.undecided or asked.against.label not in transfers:
        return ()
    second = transfers[asked.against.label][1].shift_sd
    shifts_sd = shift / sd if sd > 0 else math.nan, math.nan if second is None else second
    return evaluate_decision(asked.against.explain_undecided(shifts_sd, asked.direction), where=" once saved")


def _save(item: Item, role: str, pixels: FloatArray, *, file: Path, config: SetConfig, match: Match) -> _Saved:
    layout = config.layout
    write_levels(file, lay_out(apply_match(pixels, match.gain, match.offset), layout))
    levels = read_levels(file)
    return _Saved(role, file, pixels, levels, see(levels, layout, made_for=item.side, side=item.side))


def _measure(item: Item, one: _Saved, original: _Saved, config: SetConfig) -> dict[str, Any]:
    """Sizes and figures of one file against the original's."""
    layout, side = config.layout, item.side
    picture, clean = cut_out(one.levels, layout, side), cut_out(original.levels, layout, side)
    pairs: dict[str, tuple[FloatArray, FloatArray]] = {
        "": (one.seen, original.seen),
        "_before_saving": (one.asked, original.asked),
        "_file": (from_uint8(picture), from_uint8(clean)),
    }
    height, width, _ = one.levels.shape
    wide = {where: pixels.astype(np.float64) - other for where, (pixels, other) in pairs.items()}
    sizes = {f"{norm}{where}": measure(delta, norm) for where, delta in wide.items() for norm in NormName}
    shown = {"width_px": width, "height_px": height, "picture_px": picture.shape[0]}
    figures = asdict(measure_image(*pairs["_file"]))
    if (mask := item.probe.config.attack.mask) is not None:
        sizes["rms_inside"] = mask.rms_inside(one.seen - original.seen)
    return sizes | figures | shown | {"clipped": count_clipped(picture, clean)}


def _describe_making(item: Item, *, pair_id: str, config: SetConfig) -> dict[str, Any]:
    probe, recipe = item.probe, item.recipe
    asked, attack, target = probe.config, probe.config.attack, probe.config.target
    against = asked.against
    return {
        **{name: getattr(asked, name) for name in ("subject", "network", "layer")},
        **{name: getattr(probe, name) for name in ("network_sha256", "encoder_sha256", "response_unit")},
        "pair_id": pair_id,
        "origin": recipe.origin.describe(asked) if recipe.origin else "",
        "source_image": recipe.image_id,
        "source_key": recipe.image,
        "source_sha256": recipe.image_sha256,
        "licence": item.licence,
        "space": item.space,
        "target": target.label,
        "target_roi": target.roi,
        "target_kind": str(target.kind),
        "voxels": target.voxels,
        "weights": _weigh_value(target),
        "direction": str(asked.direction),
        "level": asked.level,
        "against": against.label if against else "",
        "against_direction": str(against.direction(asked.direction)) if against else "",
        "norm": str(attack.norm),
        "epsilon": attack.epsilon,
        "resolution": item.side,
        "mask": attack.mask.describe() if attack.mask else "",
        "n_steps": attack.steps_taken,
        "step_size": attack.step_length,
        "seed": attack.seed,
        "to_gain": None if math.isnan(probe.to_gain) else probe.to_gain,
        "degrees": config.layout.degrees,
    }


def _weigh_value(target: Target) -> tuple[float, ...]:
    """The voxels' weights in the target's value: as they are, of a pattern at length 1 (`Target.vector`)."""
    if target.kind is not TargetKind.PATTERN:
        return target.weights
    length = math.hypot(*target.weights)
    return tuple(weight / length for weight in target.weights)


def score_recipients(item: Item, files: Sequence[ByteArray], layout: Layout) -> dict[str, list[TransferShift]]:
    """What every file, the original's first, does to the target in every recipient: by its name, a record a file."""
    found = {}
    for where, recipient in item.recipients.items():
        side = recipient.input_size or item.side
        seen = [see(levels, layout, made_for=item.side, side=side) for levels in files]
        values = score(item.probe, seen, recipient.rescore)
        levels = _find_levels(item, values, recipient)
        found[where] = [
            TransferShift(shift, _in_sds(shift, recipient.target_sd), level)
            for shift, level in zip((values - values[0]).tolist(), levels, strict=True)
        ]
    return found


def _find_levels(item: Item, values: FloatArray, scale: Probe | RecipientEncoder) -> list[float | None]:
    """The levels of target values in the encoder of `scale`; None of ordinary probes and where its mean is unknown."""
    if item.probe.config.level is None and item.recipe.origin is None:
        return [None] * len(values)
    return [in_levels(value, mean=scale.target_mean, sd=scale.target_sd) for value in values.tolist()]


def score(probe: Probe, pixels: Sequence[FloatArray], rescore: Rescore) -> FloatArray:
    """The target's value for every image, (n,) float64."""
    responses = rescore(np.stack(pixels)).astype(np.float64)
    weights = probe.config.target.vector(responses.shape[1]).astype(np.float64)
    return np.asarray((responses * weights).sum(axis=1))  # a BLAS product depends on its number of threads


def _in_sds(shift: float, sd: float) -> float | None:
    """The shift in SDs: 0 where the SD is 0, None where it is not known."""
    if math.isnan(sd):
        return None
    return shift / sd if sd > 0 else 0.0
