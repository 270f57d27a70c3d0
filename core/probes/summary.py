"""The numbers of a finished probe as one JSON object, for the command line and pages."""

from __future__ import annotations

from typing import Any, cast

from core.attacks.config import MOST_TO_GAIN, AttackMethod, write_convergence
from core.attacks.objective_config import ObjectiveKind
from core.headers import plain
from core.probes.budget import read_probe_budget
from core.probes.probe import Probe
from core.probes.target import TargetKind

CURVE_KEYS = ("epsilon", "shift", "first_order", "linearity", "control_shift")


def summarise_probe(probe: Probe) -> dict[str, Any]:
    """Every number of a probe as one JSON object; `probe --help` documents its keys."""
    config, target, attack = probe.config, probe.config.target, probe.config.attack
    clean, perturbed = probe.of_target(probe.clean), probe.of_target(probe.perturbed)
    shift = perturbed - clean
    curve = {
        name: getattr(probe.curve, name).tolist() for name in (*CURVE_KEYS, "to_gain", "restart_spread", "n_gradients")
    }
    budget = read_probe_budget(probe)
    summary = {
        **{name: getattr(config, name) for name in ("subject", "network", "layer")},
        "image": probe.stimulus_id,
        "direction": str(config.direction),
        "target": target.label,
        "voxel": target.voxels[0] if target.kind is TargetKind.VOXEL else None,
        "roi": target.roi if target.kind is TargetKind.ROI else None,
        "unit": probe.response_unit,
        "clean": clean,
        "perturbed": perturbed,
        "shift": shift,
        "shift_sd": shift / probe.target_sd if probe.target_sd != 0 else 0.0,
        "control_shift": probe.of_target(probe.control_shift),
        "sign_flip_shift": probe.of_target(probe.sign_flip - probe.clean),
        "first_order": curve["first_order"][-1],
        "linearity": curve["linearity"][-1],
        "curve": curve,
        "l2": probe.l2,
        "linf": probe.linf,
        "mask": attack.mask.describe() if attack.mask else None,
        "rms": budget.rms_grey_levels,
        "rms_inside": budget.rms_inside,
        "norm": str(attack.norm),
        "n_steps": attack.steps_taken,
        "step_rule": str(attack.step_rule) if attack.method is AttackMethod.PGD else None,
        "n_gradients": int(probe.curve.n_gradients.sum()),
        "to_gain": probe.to_gain,
        "converged": probe.to_gain <= MOST_TO_GAIN,
        "convergence": write_convergence(probe.to_gain),
        "method": str(attack.method),
        "n_queries": attack.n_queries if attack.method is AttackMethod.SQUARE else None,
        **{name: getattr(attack, name) for name in ("epsilon", "momentum", "diversity", "translation", "seed")},
        "ensemble": list(config.ensemble),
        "attack": attack.describe(),
        "against": _describe_against(probe),
        "objective": _describe_objective(probe),
        "seconds": round(probe.seconds, 3),
        "device": probe.device,
    }
    return cast(dict[str, Any], plain(summary))


def _describe_against(probe: Probe) -> dict[str, Any] | None:
    """What the second encoder does, and whether the two are told apart; None without a second."""
    against, second, config = probe.config.against, probe.second, probe.config
    if against is None or second is None:
        return None
    return {
        "encoder": against.label,
        "direction": str(against.direction(config.direction)),
        "kind": against.kind,
        "shift": float(second.shift[-1]),
        "shift_sd": probe.shifts_sd[1],
        "control_shift_sd": float(second.control_shift[-1]) / second.target_sd,
        "sharpness": against.sharpness,
        "decided_sd": against.decided_sd,
        "smaller_sd": against.find_smaller(probe.shifts_sd, config.direction),
        "decided": not probe.undecided,
    }


def _describe_objective(probe: Probe) -> dict[str, Any]:
    objective, gain, against = probe.config.objective, probe.curve.objective, probe.config.against
    if against is not None:
        formula = against.formula(probe.config.direction)
        return {"kind": against.kind, "weight": None, "formula": formula, "unit": "SD", "raised": float(gain[-1])}
    return {
        "kind": str(objective.kind),
        "weight": objective.weight if objective.kind is ObjectiveKind.SELECTIVE else None,
        "formula": objective.formula,
        "unit": objective.unit(probe.response_unit),
        "raised": float(gain[-1]) if len(gain) else None,
    }
