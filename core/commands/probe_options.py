"""The options of `probe` that say what is moved and how, and the checked configs they stand for. Never loads torch."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from core.attacks.config import AttackConfig, AttackMethod, parse_epsilon
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.attacks.presets import PRESETS, find_preset
from core.checks import check_choice, check_positive, describe_refusal
from core.engine import Engine
from core.errors import BadInputError
from core.networks.catalog import find_network
from core.probes.read_numbers import read_numbers
from core.probes.target import (
    Target,
    target_contrast,
    target_pattern,
    target_roi,
    target_voxel,
    target_weights,
)
from core.types import NormName, VoxelTable

DEFAULT_STEPS = 10
PATTERN_MODES = ("distance", "cosine")


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add what is moved."""
    group = parser.add_argument_group("target")
    target = group.add_mutually_exclusive_group(required=True)
    target.add_argument("--voxel", type=int, help="index of a voxel")
    target.add_argument("--roi", help="name of an ROI: its mean response")
    target.add_argument("--weights", type=Path, help="a .npy or text file with one weight a voxel")
    target.add_argument(
        "--pattern",
        type=Path,
        help="a .npy or text file with one wished response a voxel, nan where it does not matter",
    )
    group.add_argument(
        "--pattern-mode",
        help="distance: min ||f(x+d) - t||^2 (default); cosine: max cos(f(x+d) - f(x), t), which has no linearity",
    )
    group.add_argument("--contrast-roi", help="hold or lower this ROI: mean_A - L mean_B is raised")
    group.add_argument("--contrast-weight", type=float, help="L of the contrast (default: 1)")
    group.add_argument(
        "--selective",
        type=float,
        metavar="W",
        help="spare other voxels: W x their mean squared change in SDs is taken off the target's change in SDs",
    )
    group.add_argument("--direction", default="raise", help="raise or lower (default: raise)")


def add_attack_options(parser: argparse.ArgumentParser) -> None:
    """Add how it is moved."""
    group = parser.add_argument_group("attack")
    group.add_argument("--preset", help=f"a published schedule, at one budget: {', '.join(PRESETS)}")
    group.add_argument("--norm", help="l2 or linf (default: l2)")
    group.add_argument(
        "--epsilon", help="budget in [0, 1] pixel units, 8/255 allowed (default: 3 for l2, 8/255 for linf)"
    )
    group.add_argument("--steps", type=int, help=f"steps of each budget (default: {DEFAULT_STEPS})")
    group.add_argument(
        "--method",
        help="pgd (default), fgsm, apgd (finds its own steps; give it 40 or more) or square (no gradient needed)",
    )
    group.add_argument("--step-size", type=float, help="length of a step of pgd (default: 2.5 epsilon / steps)")
    group.add_argument("--queries", type=int, help="forward passes of square at each budget (default: 1000)")
    group.add_argument("--momentum", type=float, default=0.0, help="decay of gradients added up (1 as published)")
    group.add_argument(
        "--diversity", type=float, default=0.0, help="probability of gradients at a shrunken image (0.5 as published)"
    )
    group.add_argument(
        "--translation",
        type=int,
        default=0,
        help="largest shift in pixels gradients are averaged over (7 as published)",
    )
    group.add_argument(
        "--ensemble", metavar="NET,NET", help="attack the subject's encoders of these networks together with this one"
    )
    group.add_argument(
        "--min-norm", type=float, metavar="K", help="find the smallest budget, up to --epsilon, for a shift of K SDs"
    )
    group.add_argument("--restarts", type=int, default=1, help="runs from different starts, the best kept")
    group.add_argument("--random-start", action="store_true", help="start at a random point of the ball")
    group.add_argument("--quantise", action="store_true", help="keep every iterate on 8-bit grey levels")
    group.add_argument("--seed", type=int, default=0, help="of random starts, random choices and controls")


def resolve_attack(args: argparse.Namespace) -> AttackConfig:
    """The attack the options describe. Raises BadInputError for a bad value or combination."""
    plain = AttackConfig(
        n_restarts=args.restarts,
        random_start=args.random_start,
        quantise=args.quantise,
        seed=args.seed,
        momentum=args.momentum,
        diversity=args.diversity,
        translation=args.translation,
    )
    if args.preset is not None:
        refuse_beside(args, "preset", ("norm", "epsilon", "steps", "step_size", "method", "queries"))
        return find_preset(args.preset).apply(plain)
    norm = NormName(check_choice("norm", (args.norm or NormName.L2).lower(), list(NormName)))
    method = AttackMethod(check_choice("method", (args.method or AttackMethod.PGD).lower(), list(AttackMethod)))
    if method is AttackMethod.SQUARE:
        refuse_beside(args, "method square", ("steps",), advice="Its length is told by --queries.")
    elif args.queries is not None:
        advice = "Only the method `square` counts queries; the others take --steps."
        raise BadInputError(
            describe_refusal("queries", allowed=f"left out for {method}", got=args.queries, advice=advice)
        )
    return replace(
        plain,
        norm=norm,
        epsilon=parse_epsilon(args.epsilon or ("3" if norm is NormName.L2 else "8/255"), norm),
        method=method,
        n_steps=DEFAULT_STEPS if args.steps is None else args.steps,
        step_size=args.step_size,
        n_queries=plain.n_queries if args.queries is None else args.queries,
    )


def resolve_objective(args: argparse.Namespace) -> ObjectiveConfig:
    """The form of the objective. Raises BadInputError for a bad value or combination."""
    if args.pattern is None:
        if args.pattern_mode is not None:
            advice = "Name the file with the wished responses: --pattern FILE."
            raise BadInputError(
                describe_refusal("pattern-mode", allowed="used with --pattern", got=args.pattern_mode, advice=advice)
            )
        if args.selective is None:
            return ObjectiveConfig()
        return ObjectiveConfig(ObjectiveKind.SELECTIVE, args.selective)
    refuse_beside(args, "pattern", ("selective", "contrast_roi", "contrast_weight", "min_norm"))
    mode = check_choice("pattern-mode", (args.pattern_mode or PATTERN_MODES[0]).lower(), PATTERN_MODES)
    return ObjectiveConfig(ObjectiveKind(mode))


def resolve_target(args: argparse.Namespace, table: VoxelTable) -> Target:
    """The voxel, ROI, weighting, contrast or pattern the options name."""
    if args.contrast_roi is None and args.contrast_weight is not None:
        advice = "Name the ROI to hold or lower: --contrast-roi B."
        got = args.contrast_weight
        raise BadInputError(
            describe_refusal("contrast-weight", allowed="used with --contrast-roi", got=got, advice=advice)
        )
    target = _resolve_single(args, table)
    if args.contrast_roi is None:
        return target
    weight = 1.0 if args.contrast_weight is None else args.contrast_weight
    return target_contrast(table, target, args.contrast_roi, weight=weight)


def resolve_ensemble(args: argparse.Namespace, subject: str, network: str) -> tuple[str, ...]:
    """The further networks, each known, of this network's input size and with an encoder of the subject."""
    if args.ensemble is None:
        return ()
    names = tuple(find_network(name.strip()).id for name in args.ensemble.split(",") if name.strip())
    if not names:
        raise BadInputError(describe_refusal("ensemble", allowed="NET or NET,NET", got=args.ensemble))
    side = find_network(network).input_size
    for name in names:
        spec = find_network(name)
        if spec.input_size != side:
            raise BadInputError(
                f"The networks of an ensemble share their pixels and must take images of one size, got {network} "
                f"{side} x {side}, {name} {spec.input_size} x {spec.input_size}. Leave out those of another size."
            )
        Engine().encoder_card(subject, name, spec.default_layer)
    return names


def resolve_wish(args: argparse.Namespace) -> float:
    """The wanted shift in SDs, 0 for none."""
    if args.min_norm is None:
        return 0.0
    return check_positive("min-norm", args.min_norm, advice="It is the shift to reach, in SDs; 1 is a good start.")


def refuse_beside(args: argparse.Namespace, chosen: str, others: tuple[str, ...], *, advice: str = "") -> None:
    """Raise BadInputError if an option was given that makes no sense beside the chosen one."""
    for name in others:
        if getattr(args, name) is not None:
            option = name.replace("_", "-")
            allowed = f"left out with {chosen}"
            helped = advice or f"Leave out --{option} or --{chosen}."
            raise BadInputError(describe_refusal(option, allowed=allowed, got=getattr(args, name), advice=helped))


def _resolve_single(args: argparse.Namespace, table: VoxelTable) -> Target:
    if args.voxel is not None:
        return target_voxel(table, args.voxel)
    if args.roi is not None:
        return target_roi(table, args.roi)
    if args.pattern is not None:
        return target_pattern(table, read_numbers("pattern", args.pattern), label=f"pattern {args.pattern.name}")
    return target_weights(table, read_numbers("weights", args.weights), label=f"weights {args.weights.name}")
