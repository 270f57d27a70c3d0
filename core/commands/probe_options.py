"""The options of `probe` that say what is moved and how, and the checked configs they stand for. Never loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from core.attacks.config import AttackConfig, AttackMethod, parse_epsilon
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.attacks.presets import find_preset
from core.checks import check_choice, refusal
from core.commands.options import about
from core.commands.output import split
from core.encoders.files import usual_layer
from core.engine import Engine
from core.errors import BadInputError
from core.networks.catalog import find_network
from core.probes.against import DEFAULT_DECIDED, DEFAULT_SHARPNESS, Against
from core.probes.target import (
    Target,
    read_numbers,
    target_contrast,
    target_pattern,
    target_roi,
    target_voxel,
    target_weights,
)
from core.sweeps.choose import choose_of_subject
from core.types import Direction, NormName, VoxelTable

ATTACK = "norm n_steps method step_size n_queries momentum diversity translation n_restarts random_start quantise seed"
PATTERN_MODES = ("distance", "cosine")
MODES = "distance: min ||f(x+d) - t||^2 (default); cosine: max cos(f(x+d) - f(x), t), which has no linearity"
SELECTIVE = "W: spare other voxels; W x their mean squared change in SDs is taken off the target's change in SDs"


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """What is moved; one of the first four is given."""

    voxel: Annotated[int | None, about("index of a voxel")] = None
    roi: Annotated[
        str | None, about('name of an ROI, or of its part in one hemisphere ("left FFA"): its mean response')
    ] = None
    weights: Annotated[Path | None, about("a .npy or text file with one weight a voxel")] = None
    pattern: Annotated[Path | None, about("the same with one wanted response a voxel, nan where any will do")] = None
    pattern_mode: Annotated[str | None, about(MODES)] = None
    contrast_roi: Annotated[str | None, about("hold or lower this ROI: mean_A - L mean_B is raised")] = None
    contrast_weight: Annotated[float | None, about("L of the contrast (default: 1)")] = None
    selective: Annotated[float | None, about(SELECTIVE)] = None
    direction: Annotated[Direction, about("raise or lower")] = Direction.RAISE


@dataclass(frozen=True, slots=True)
class AgainstOptions:
    """A second encoder that the same perturbation moves the other way."""

    against: Annotated[str | None, about("NET or NET:LAYER: a second encoder that is moved the other way")] = None
    agree: Annotated[bool, about("move the second encoder the same way: the control of a controversial probe")] = False
    decided: Annotated[float | None, about(f"SDs that both must move by (default: {DEFAULT_DECIDED:g})")] = None
    sharpness: Annotated[
        float | None, about(f"t of the smooth minimum of both shifts in SDs (default: {DEFAULT_SHARPNESS:g})")
    ] = None


def resolve_against(options: AgainstOptions, subject: str) -> Against | None:
    """The second encoder, with a fitted readout of the same subject. Raises BadInputError if there is none such."""
    if options.against is None:
        for name in ("agree", "decided", "sharpness"):
            if (got := getattr(options, name)) is not None and got is not False:
                advice = "Name the second encoder: --against NET."
                raise refusal(name, allowed="used with --against", got=got, advice=advice)
        return None
    found = choose_of_subject(subject, split(options.against), name="against", n=1)
    typed = {"sharpness": options.sharpness, "decided_sd": options.decided}
    more: dict[str, Any] = {name: value for name, value in typed.items() if value is not None}
    return Against(found[0].network, found[0].layer, options.agree, **more)


def resolve_attack(typed: Mapping[str, Any], *, preset: str | None, epsilon: str | None) -> AttackConfig:
    """The attack of the fields that were typed. Raises BadInputError for a bad value or combination."""
    if preset is not None:
        refuse_beside(
            {**typed, "epsilon": epsilon}, "preset", ("norm", "epsilon", "n_steps", "step_size", "method", "n_queries")
        )
        return find_preset(preset).apply(AttackConfig(**typed))
    norm, method = typed.get("norm", NormName.L2), typed.get("method", AttackMethod.PGD)
    if method is AttackMethod.SQUARE:
        refuse_beside(typed, "method square", ("n_steps",), advice="Its length is set by --queries.")
    elif "n_queries" in typed:
        advice = "Only the method `square` counts queries; the others take --steps."
        raise refusal("queries", allowed=f"left out for {method}", got=typed["n_queries"], advice=advice)
    budget = parse_epsilon(epsilon or ("3" if norm is NormName.L2 else "8/255"), norm)
    return AttackConfig(**typed, epsilon=budget)


def resolve_objective(options: TargetOptions, *, min_norm: float | None) -> ObjectiveConfig:
    """The form of the objective. Raises BadInputError for a bad value or combination."""
    mode = options.pattern_mode
    if options.pattern is None:
        if mode is not None:
            advice = "Name the file with the wanted responses: --pattern FILE."
            raise refusal("pattern-mode", allowed="used with --pattern", got=mode, advice=advice)
        if options.selective is None:
            return ObjectiveConfig()
        return ObjectiveConfig(ObjectiveKind.SELECTIVE, options.selective)
    beside = {name: getattr(options, name) for name in ("selective", "contrast_roi", "contrast_weight")}
    refuse_beside({**beside, "min_norm": min_norm}, "pattern", (*beside, "min_norm"))
    return ObjectiveConfig(
        ObjectiveKind(check_choice("pattern-mode", (mode or PATTERN_MODES[0]).lower(), PATTERN_MODES))
    )


def resolve_target(options: TargetOptions, table: VoxelTable) -> Target:
    """The voxel, ROI, weighting, contrast or pattern the options name."""
    weight = options.contrast_weight
    if options.contrast_roi is None and weight is not None:
        advice = "Name the ROI to hold or lower: --contrast-roi B."
        raise refusal("contrast-weight", allowed="used with --contrast-roi", got=weight, advice=advice)
    target = _resolve_single(options, table)
    if options.contrast_roi is None:
        return target
    return target_contrast(table, target, options.contrast_roi, weight=1.0 if weight is None else weight)


def resolve_ensemble(text: str, subject: str, network: str) -> tuple[str, ...]:
    """The further networks, each known, of this network's input size and with an encoder of the subject."""
    names = tuple(find_network(name).id for name in split(text))
    if not names:
        raise refusal("ensemble", allowed="NET or NET,NET", got=text)
    side = find_network(network).input_size
    for name in names:
        spec = find_network(name)
        if spec.input_size != side:
            raise BadInputError(
                f"The networks of an ensemble share their pixels and must take images of one size, got {network} "
                f"{side} x {side}, {name} {spec.input_size} x {spec.input_size}. Leave out those of another size."
            )
        Engine().encoder_card(subject, name, usual_layer(subject, spec))
    return names


def refuse_beside(typed: Mapping[str, Any], chosen: str, others: Sequence[str], *, advice: str = "") -> None:
    """Raise BadInputError if an option was typed that makes no sense beside the chosen one."""
    for name in others:
        if (got := typed.get(name)) is not None:
            option = name.removeprefix("n_").replace("_", "-")
            helped = advice or f"Leave out --{option} or --{chosen}."
            raise refusal(option, allowed=f"left out with {chosen}", got=got, advice=helped)


def check_one_target(options: TargetOptions) -> None:
    """Raise BadInputError unless one of voxel, ROI, weights and pattern is given."""
    named = [name for name in ("voxel", "roi", "weights", "pattern") if getattr(options, name) is not None]
    if len(named) != 1:
        got = " and ".join(f"--{name}" for name in named) or "none"
        raise BadInputError(f"A probe has one target, --voxel, --roi, --weights or --pattern, got {got}.")


def _resolve_single(options: TargetOptions, table: VoxelTable) -> Target:
    if options.voxel is not None:
        return target_voxel(table, options.voxel)
    if options.roi is not None:
        return target_roi(table, options.roi)
    if options.pattern is not None:
        return target_pattern(table, read_numbers("pattern", options.pattern), label=f"pattern {options.pattern.name}")
    path = options.weights or Path()
    return target_weights(table, read_numbers("weights", path), label=f"weights {path.name}")
