"""The `probe` command: one probe from the command line, exported with its manifest."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, cast

from core.attacks.config import MOST_TO_GAIN, AttackConfig, AttackMethod, format_epsilon, write_convergence
from core.attacks.objective_config import ObjectiveKind
from core.attacks.presets import PRESETS
from core.checks import check_positive, refusal
from core.commands.options import Device, Given, Json, about, explained, takes
from core.commands.output import answer, finish
from core.commands.probe_options import (
    ATTACK,
    AgainstOptions,
    TargetOptions,
    check_one_target,
    resolve_against,
    resolve_attack,
    resolve_ensemble,
    resolve_objective,
    resolve_target,
)
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.encoders.files import usual_layer
from core.encoders.library import read_encoder_file
from core.engine import Engine
from core.files import check_free
from core.headers import plain
from core.images.stimulus import Stimulus
from core.networks.catalog import find_network
from core.probes.files import save_probe
from core.probes.probe import MIN_NORM_TOLERANCE, Probe, ProbeConfig
from core.probes.target import TargetKind
from core.stimuli.make import open_item
from core.stimuli.names import name_pair
from core.stimuli.one_probe import ExportReport, export_item
from core.stimuli.probe_warnings import DEFAULT_GATE
from core.stimuli.recipe import recipe_of
from core.sweeps.choose import ALL_NETWORKS, check_against, choose_encoders
from core.types import NormName, split_side

CURVE_KEYS = ("epsilon", "shift", "first_order", "linearity", "control_shift")
DEFAULT_SUBJECT, DEFAULT_NETWORK = "simulated", "mobilenet_v2_robust"

EXPLANATION = """\
--json prints one object:
  subject, network, layer, image, direction, norm, epsilon, n_steps, seed   what was asked
  step_rule, n_gradients    falling or fixed steps (null for other methods); gradients taken over all budgets
  to_gain, converged, convergence   what more steps would still gain as a share of the shift (for methods other than
                            falling steps only what their last third gained), whether that is at most 0.05, in words
  method, n_queries, momentum, diversity, translation, ensemble, attack     how, n_queries null but for square; in words
  target, voxel, roi        what was moved: its label, the voxel's index or null, the ROI's name or null
  clean, perturbed, shift   the target's predicted response before and after, and the difference, in `unit`; of a
                            pattern the response along it
  shift_sd                  the shift in SDs of the target's response over the clean reference images; null where the
                            SD of an imported encoder is not known
  control_shift             the shift of a random perturbation of the same realised norm
  sign_flip_shift           the shift of the negated perturbation
  first_order, linearity    epsilon times the gradient's dual norm, and shift / first_order
  curve                     lists over the epsilon grid: epsilon, shift, first_order, linearity, control_shift, to_gain,
                            restart_spread (null for one run), n_gradients; the first five are of a pattern those of the
                            objective itself, and null where a cosine has no first order
  against                   null, or encoder, direction, kind (controversial or agreeing), shift and shift_sd in the
                            second encoder, control_shift_sd, sharpness, decided_sd, smaller_sd (the smaller shift, the
                            ways wanted), decided (whether that reaches decided_sd)
  objective                 kind, weight, formula, unit of the curve, and raised: its gain (null for a plain target)
  min_norm                  null, or wanted_sd, reached, epsilon (null if not reached), largest, tolerance: the answer
                            is at most this part above a budget that does not reach the shift
  l2, linf                  realised size of the delivered perturbation, in [0, 1] pixel units
  seconds, device, folder, files
Every response is recomputed from the delivered pixels; the manifest holds the same for the saved 8-bit files."""


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """Which encoder is probed."""

    subject: Annotated[str | None, about(f"id of the subject (default: {DEFAULT_SUBJECT})")] = None
    network: Annotated[str | None, about(f"id of the network, see `list networks` (default: {DEFAULT_NETWORK})")] = None
    layer: Annotated[str | None, about("feature layer (default: the one a search chose, or the usual one)")] = None
    encoder: Annotated[Path | None, about("an encoder file outside the library; it names the three before")] = None


@explained(EXPLANATION)
@takes((EncoderOptions, ""), (TargetOptions, ""), (AgainstOptions, ""), (AttackConfig, ATTACK))
def run_probe(
    *,
    image: Annotated[str, about("id of an embedded image, or a file")],
    out: Annotated[Path, about("new or empty folder for the stimuli and the probe file")],
    preset: Annotated[str | None, about(f"a published schedule, at one budget: {', '.join(PRESETS)}")] = None,
    epsilon: Annotated[
        str | None, about("budget in [0, 1] pixel units, 8/255 allowed (default: 3 for l2, 8/255 for linf)")
    ] = None,
    ensemble: Annotated[str | None, about("NET,NET: attack the subject's encoders of these networks too")] = None,
    min_norm: Annotated[
        float | None, about("find the smallest budget, up to --epsilon, for a shift of so many SDs")
    ] = None,
    degrees: Annotated[float | None, about("width the stimuli will be shown at, in degrees of visual angle")] = None,
    transfer: Annotated[bool, about("score the stimuli on the subject's other networks too")] = False,
    network_weights: Annotated[Path | None, about("weights file to use instead of the embedded one")] = None,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Make the probe and export it; returns 0. Raises ProbeError with one clear sentence otherwise."""
    wanted = given.make(TargetOptions)
    check_one_target(wanted)
    attack = resolve_attack(given.of(AttackConfig), preset=preset, epsilon=epsilon)
    objective = resolve_objective(wanted, min_norm=min_norm)
    if min_norm is not None:
        check_positive("min-norm", min_norm, advice="It is the shift to reach, in SDs; 1 is a good start.")
    source = given.make(EncoderOptions)
    subject, network, layer = resolve_encoder(source, roi=split_side(wanted.roi or "")[1])
    config = ProbeConfig(
        subject,
        network,
        layer,
        resolve_target(wanted, load_subject(subject).voxels),
        wanted.direction,
        attack,
        ladder=(attack.epsilon,) if preset else (),  # a schedule was published for its one budget
        objective=objective,
        ensemble=() if ensemble is None else resolve_ensemble(ensemble, subject, network),
        wanted_shift_sd=min_norm or 0.0,
        against=resolve_against(given.make(AgainstOptions), subject),
    )
    poor = check_against(config, gate=DEFAULT_GATE)
    stimulus = find_stimulus(image, size=config.side)
    check_free(out)  # before the attack runs, not after
    engine = Engine(device=device)
    if network_weights is not None:
        engine.open_network(network, layer, weights=network_weights)
    if source.encoder is not None:
        engine.use_encoder_file(source.encoder)
    probe = make_probe(engine, config, stimulus)
    others = choose_encoders((subject,), [ALL_NETWORKS]) if transfer else ()
    names = [(one.network, one.layer) for one in others if one.network != network]
    item = open_item(engine, recipe_of(probe, image), probe, transfer=names)
    name = name_pair(probe)
    report = export_item(item, out, degrees=degrees, add=lambda folder: save_probe(probe, folder / name))
    summary = summarise(probe, report) | {"min_norm": summarise_min_norm(probe, config)}
    for note in (*poor, *stimulus.notes):
        print(f"Note: {note}", file=sys.stderr)
    return answer(summary, lambda: describe(summary), as_json=json)


def resolve_encoder(options: EncoderOptions, *, roi: str = "") -> tuple[str, str, str]:
    """Subject, network and layer of the encoder the options name; refuses one that is not there, without torch.

    Without a layer it is the one a search chose, for the ROI that is aimed at or all voxels, or the usual one.
    """
    if options.encoder is None:
        subject, spec = options.subject or DEFAULT_SUBJECT, find_network(options.network or DEFAULT_NETWORK)
        load_subject(subject)  # an unknown subject is named before an encoder of it is missed
        layer = options.layer or usual_layer(subject, spec, roi=roi)
        Engine().encoder_card(subject, spec.id, layer)
        return subject, spec.id, layer
    config = read_encoder_file(options.encoder).card.config
    for name, asked in (("subject", options.subject), ("network", options.network), ("layer", options.layer)):
        if asked is not None and asked != getattr(config, name):
            advice = f"{options.encoder.name} was fitted on {config.describe()}: leave --{name} out."
            raise refusal(name, allowed=getattr(config, name), got=asked, advice=advice)
    return config.subject, find_network(config.network).id, config.layer


def make_probe(engine: Engine, config: ProbeConfig, stimulus: Stimulus) -> Probe:
    """Run the probe, with one line of progress on stderr if it is a terminal."""
    return finish(
        lambda stop: engine.iter_probe(config, stimulus, should_stop=stop),
        lambda progress: f"{progress.stage} {progress.step}/{progress.n_steps}, shift {progress.shift:+.3f}",
    )


def summarise(probe: Probe, report: ExportReport) -> dict[str, Any]:
    """The JSON object of a probe; its keys are documented in `probe --help`."""
    config, target, attack = probe.config, probe.config.target, probe.config.attack
    clean, perturbed = probe.of_target(probe.clean), probe.of_target(probe.perturbed)
    shift = perturbed - clean
    curve = {
        name: getattr(probe.curve, name).tolist() for name in (*CURVE_KEYS, "to_gain", "restart_spread", "n_gradients")
    }
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
        "against": describe_against(probe),
        "objective": describe_objective(probe),
        "seconds": round(probe.seconds, 3),
        "device": probe.device,
        "folder": str(report.folder),
        "files": [path.relative_to(report.folder).as_posix() for path in report.files],
    }
    return cast(dict[str, Any], plain(summary))


def describe_against(probe: Probe) -> dict[str, Any] | None:
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


def describe_objective(probe: Probe) -> dict[str, Any]:
    """What was raised and by how much."""
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


def summarise_min_norm(probe: Probe, asked: ProbeConfig) -> dict[str, Any] | None:
    """What became of a wanted shift; None if none was wanted."""
    if not asked.wanted_shift_sd:
        return None
    return {
        "wanted_sd": asked.wanted_shift_sd,
        "reached": probe.reaches_wanted_shift,
        "epsilon": probe.config.attack.epsilon if probe.reaches_wanted_shift else None,
        "largest": asked.attack.epsilon,
        "tolerance": MIN_NORM_TOLERANCE,
    }


def describe(summary: dict[str, Any]) -> str:
    """The same for people."""
    got = SimpleNamespace(**summary)
    in_sds = "" if got.shift_sd is None else f" = {got.shift_sd:+.2f} SD of the clean reference responses"
    lines = [
        f"{got.direction} {got.target} · {got.image} · {' + '.join([f'{got.network} {got.layer}', *got.ensemble])}",
        f"  {got.attack}",
        f"  clean {got.clean:+.3f}, perturbed {got.perturbed:+.3f} ({got.unit})",
        f"  shift {got.shift:+.3f} {got.unit}{in_sds}",
        f"  random control of the same norm {got.control_shift:+.3f}, sign flip {got.sign_flip_shift:+.3f}",
        f"  {got.convergence}; {got.n_gradients} gradients over {len(got.curve['epsilon'])} budgets",
        f"  L2 {got.l2:.4g}, Linf {got.linf * 255:.3g}/255, {got.seconds:.1f} s",
        f"  {len(got.files)} files in {got.folder}",
    ]
    if got.objective["raised"] is not None:
        gain = f"{got.objective['raised']:+.4g} {got.objective['unit']}"
        lines.insert(4, f"  raised: {got.objective['formula']}, gained {gain}")
    if got.against is not None:
        lines.insert(4, f"  {format_against(got.against, got.shift_sd)}")
    if got.min_norm is not None:
        lines.insert(1, f"  {format_min_norm(got.min_norm, got.norm)}")
    return "\n".join(lines)


def format_against(second: dict[str, Any], own_sd: float) -> str:
    """One line on both encoders of a controversial or agreeing probe."""
    both = f"{own_sd:+.2f} SD here, {second['shift_sd']:+.2f} SD in {second['encoder']} ({second['direction']})"
    size = f"the smaller shift the way wanted is {second['smaller_sd']:.2f} SD, wanted {second['decided_sd']:g} SD"
    control = f"control {second['control_shift_sd']:+.2f} SD there"
    return f"{second['kind']}, {'decided' if second['decided'] else 'UNDECIDED'}: {both}; {control}; {size}"


def format_min_norm(wanted: dict[str, Any], norm: str) -> str:
    """One sentence on a wanted shift."""
    largest = format_epsilon(wanted["largest"], NormName(norm))
    if not wanted["reached"]:
        return (
            f"a shift of {wanted['wanted_sd']:g} SD is not reached within epsilon {largest}: allow a larger --epsilon"
        )
    found = f"{wanted['epsilon']:.4g}"
    bounds = f"to within {wanted['tolerance']:.0%}, allowed {largest}"
    return f"smallest epsilon for {wanted['wanted_sd']:g} SD: {found} ({bounds})"
