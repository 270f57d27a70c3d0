"""The `probe` command: one probe from the command line, exported with its manifest. Never opens a window."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.attacks.config import AttackConfig, AttackMethod, parse_epsilon
from core.checks import check_choice, describe_refusal
from core.commands.interrupt import stop_on_interrupt
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.encoders.files import list_encoders
from core.encoders.library import read_encoder_file
from core.engine import Engine
from core.errors import BadInputError
from core.export.package import ExportReport, Recipient, export_probe, name_pair
from core.files import check_free
from core.images.stimulus import Stimulus
from core.networks.catalog import find_network
from core.probes.probe import Probe, ProbeConfig
from core.probes.target import Target, TargetKind, target_roi, target_voxel, target_weights
from core.types import Direction, FloatArray, NormName, VoxelTable

DEFAULT_SUBJECT, DEFAULT_NETWORK = "simulated", "mobilenet_v2_robust"

EXPLANATION = """\
--json prints one object:
  subject, network, layer, image, direction, norm, epsilon, n_steps, seed   what was asked
  target, voxel, roi        what was moved: its label, the voxel's index or null, the ROI's name or null
  clean, perturbed, shift   the target's predicted response before and after, and the difference, in `unit`
  shift_sd                  the shift in SDs of the target's response over the clean reference images; null where the
                            SD of an imported encoder is not known
  control_shift             the shift of a random perturbation of the same realised norm
  sign_flip_shift           the shift of the negated perturbation
  first_order, linearity    epsilon times the gradient's dual norm, and shift / first_order
  curve                     lists over the epsilon ladder: epsilon, shift, first_order, linearity, control_shift
  l2, linf                  realised size of the delivered perturbation, in [0, 1] pixel units
  seconds, device, folder, files
Every response is recomputed from the delivered pixels; the manifest tells the same of the saved 8-bit files."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `probe` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "probe",
        help="make one probe and export it as matched stimuli",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--subject", help=f"id of the subject (default: {DEFAULT_SUBJECT})")
    parser.add_argument("--network", help=f"id of the network (see `list networks`; default: {DEFAULT_NETWORK})")
    parser.add_argument(
        "--encoder", type=Path, help="an encoder file outside the library; it names subject, network and layer"
    )
    parser.add_argument("--layer", help="feature layer; by default the network's usual one")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--voxel", type=int, help="index of a voxel")
    target.add_argument("--roi", help="name of an ROI: its mean response")
    target.add_argument("--weights", type=Path, help="a .npy or text file with one weight a voxel")
    parser.add_argument("--direction", default="raise", help="raise or lower (default: raise)")
    parser.add_argument("--norm", default="l2", help="l2 or linf (default: l2)")
    parser.add_argument(
        "--epsilon", help="budget in [0, 1] pixel units, 8/255 allowed (default: 3 for l2, 8/255 for linf)"
    )
    parser.add_argument("--steps", type=int, default=10, help="steps of each budget (default 10)")
    parser.add_argument("--method", default="pgd", help="pgd or fgsm (default: pgd)")
    parser.add_argument("--step-size", type=float, help="length of a step (default: 2.5 epsilon / steps)")
    parser.add_argument("--restarts", type=int, default=1, help="runs from different starts, the best kept")
    parser.add_argument("--random-start", action="store_true", help="start at a random point of the ball")
    parser.add_argument("--quantise", action="store_true", help="keep every iterate on 8-bit grey levels")
    parser.add_argument("--seed", type=int, default=0, help="of random starts and controls")
    parser.add_argument("--image", required=True, help="id of an embedded image, or a file")
    parser.add_argument(
        "--out", type=Path, required=True, help="new or empty folder for the stimuli and the probe file"
    )
    parser.add_argument("--degrees", type=float, help="width the stimuli will be shown at, in degrees of visual angle")
    parser.add_argument("--transfer", action="store_true", help="score the stimuli on the subject's other networks too")
    parser.add_argument("--network-weights", type=Path, help="weights file to use instead of the embedded one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Make the probe and export it; returns 0. Raises ProbeError with one clear sentence otherwise."""
    config = resolve_probe(args)
    stimulus = find_stimulus(args.image, size=find_network(config.network).input_size)
    check_free(args.out)  # before the attack runs, not after
    engine = Engine(device=args.device)
    if args.network_weights is not None:
        engine.open_network(config.network, config.layer, weights=args.network_weights)
    if args.encoder is not None:
        engine.use_encoder_file(args.encoder)
    probe = make_probe(engine, config, stimulus)
    report = export(engine, probe, stimulus, args=args)
    summary = summarise(probe, report)
    for note in stimulus.notes:
        print(f"Note: {note}", file=sys.stderr)
    print(json.dumps(summary) if args.json else describe(summary))
    return 0


def resolve_probe(args: argparse.Namespace) -> ProbeConfig:
    """Turn the options into a checked configuration, before anything heavy is loaded."""
    norm = NormName(check_choice("norm", args.norm.lower(), list(NormName)))
    direction = Direction(check_choice("direction", args.direction.lower(), list(Direction)))
    method = AttackMethod(check_choice("method", args.method.lower(), list(AttackMethod)))
    attack = AttackConfig(
        norm=norm,
        epsilon=parse_epsilon(args.epsilon or ("3" if norm is NormName.L2 else "8/255"), norm),
        method=method,
        n_steps=args.steps,
        step_size=args.step_size,
        n_restarts=args.restarts,
        random_start=args.random_start,
        quantise=args.quantise,
        seed=args.seed,
    )
    subject, network, layer = resolve_encoder(args)
    target = resolve_target(args, load_subject(subject).voxels)
    return ProbeConfig(subject, network, layer, target, direction, attack)


def resolve_encoder(args: argparse.Namespace) -> tuple[str, str, str]:
    """Subject, network and layer of the encoder the options name; refuses one that is not there, without torch."""
    if args.encoder is None:
        subject, spec = args.subject or DEFAULT_SUBJECT, find_network(args.network or DEFAULT_NETWORK)
        load_subject(subject)  # an unknown subject is named before an encoder of it is missed
        layer = args.layer or spec.default_layer
        Engine().encoder_card(subject, spec.id, layer)
        return subject, spec.id, layer
    config = read_encoder_file(args.encoder).card.config
    for name, asked in (("subject", args.subject), ("network", args.network), ("layer", args.layer)):
        if asked is not None and asked != getattr(config, name):
            advice = f"{args.encoder.name} was fitted on {config.describe()}: leave --{name} out."
            raise BadInputError(describe_refusal(name, allowed=getattr(config, name), got=asked, advice=advice))
    return config.subject, find_network(config.network).id, config.layer


def resolve_target(args: argparse.Namespace, table: VoxelTable) -> Target:
    """The voxel, ROI or weighting the options name."""
    if args.voxel is not None:
        return target_voxel(table, args.voxel)
    if args.roi is not None:
        return target_roi(table, args.roi)
    return target_weights(table, read_weights(args.weights), label=f"weights {args.weights.name}")


def read_weights(path: Path) -> FloatArray:
    """One weight a voxel from a .npy file (never a pickle) or a text file. Raises BadInputError for any other."""
    try:
        loaded = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, delimiter=None)
        return np.asarray(loaded, dtype=np.float32)
    except (OSError, ValueError) as error:
        allowed = "a .npy file or a text file with one number a line"
        raise BadInputError(describe_refusal("weights", allowed=allowed, got=str(path), advice=str(error))) from error


def make_probe(engine: Engine, config: ProbeConfig, stimulus: Stimulus) -> Probe:
    """Run the probe, with one line of progress on stderr if it is a terminal."""
    result = None
    with stop_on_interrupt() as should_stop:
        for progress in engine.iter_probe(config, stimulus, should_stop=should_stop):
            result = progress.result
            if sys.stderr.isatty():
                end = "\n" if result is not None else ""
                text = f"\r\x1b[2K{progress.stage} {progress.step}/{progress.n_steps}, shift {progress.shift:+.3f}"
                print(text, end=end, file=sys.stderr, flush=True)
    if result is None:
        raise RuntimeError("The probe ended without a result.")
    return result


def export(engine: Engine, probe: Probe, stimulus: Stimulus, *, args: argparse.Namespace) -> ExportReport:
    """Write the stimuli, the manifest and the probe file."""
    from core.probes.files import save_probe

    config = probe.config
    return export_probe(
        probe,
        stimulus,
        args.out,
        rescore=partial(engine.rescore, config.subject, config.network, config.layer),
        degrees=args.degrees,
        recipients=open_recipients(engine, config) if args.transfer else None,
        add=lambda folder: save_probe(probe, folder / name_pair(probe)),
    )


def open_recipients(engine: Engine, config: ProbeConfig) -> dict[str, Recipient]:
    """The subject's encoders of the other networks, each at its default layer."""
    found = {}
    for other in list_encoders():
        same_subject = other.subject == config.subject and other.network != config.network
        if same_subject and other.layer == find_network(other.network).default_layer:
            encoder = engine.open_encoder(other.subject, other.network, other.layer)
            sd = encoder.target_sd(config.target.vector(encoder.n_voxels))
            rescore = partial(engine.rescore, other.subject, other.network, other.layer)
            found[f"{other.network} {other.layer}"] = Recipient(rescore, float(sd))
    return found


def summarise(probe: Probe, report: ExportReport) -> dict[str, Any]:
    """The JSON object of a probe; its keys are documented in `probe --help`."""
    config, target, attack = probe.config, probe.config.target, probe.config.attack
    clean, perturbed = probe.of_target(probe.clean), probe.of_target(probe.perturbed)
    shift = perturbed - clean
    curve = {
        name: getattr(probe.curve, name).tolist()
        for name in ("epsilon", "shift", "first_order", "linearity", "control_shift")
    }
    return {
        "subject": config.subject,
        "network": config.network,
        "layer": config.layer,
        "image": probe.stimulus_id,
        "direction": str(config.direction),
        "target": target.label,
        "voxel": target.voxels[0] if target.kind is TargetKind.VOXEL else None,
        "roi": target.label.split()[1] if target.kind is TargetKind.ROI else None,
        "unit": probe.response_unit,
        "clean": clean,
        "perturbed": perturbed,
        "shift": shift,
        "shift_sd": _finite(shift / probe.target_sd) if probe.target_sd != 0 else 0.0,
        "control_shift": probe.of_target(probe.control_shift),
        "sign_flip_shift": probe.of_target(probe.sign_flip - probe.clean),
        "first_order": curve["first_order"][-1],
        "linearity": _finite(curve["linearity"][-1]),
        "curve": {name: [_finite(value) for value in values] for name, values in curve.items()},
        "l2": probe.l2,
        "linf": probe.linf,
        "epsilon": attack.epsilon,
        "norm": str(attack.norm),
        "n_steps": attack.steps_taken,
        "seed": attack.seed,
        "seconds": round(probe.seconds, 3),
        "device": probe.device,
        "folder": str(report.folder),
        "files": [path.name for path in report.files],
    }


def describe(summary: dict[str, Any]) -> str:
    """The same for people."""
    got = argparse.Namespace(**summary)
    in_sds = "SD not known" if got.shift_sd is None else f"{got.shift_sd:+.2f} SD of the clean reference responses"
    return "\n".join(
        [
            f"{got.direction} {got.target} · {got.image} · {got.network} {got.layer}",
            f"  clean {got.clean:+.3f}, perturbed {got.perturbed:+.3f} ({got.unit})",
            f"  shift {got.shift:+.3f} {got.unit} = {in_sds}",
            f"  random control of the same norm {got.control_shift:+.3f}, sign flip {got.sign_flip_shift:+.3f}",
            f"  L2 {got.l2:.4g}, Linf {got.linf * 255:.3g}/255, {got.seconds:.1f} s",
            f"  {len(got.files)} files in {got.folder}",
        ]
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
