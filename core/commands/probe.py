"""The `probe` command: one probe from the command line, exported with its manifest."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

from core.attacks.config import AttackConfig, format_epsilon
from core.attacks.mask import resolve_mask
from core.attacks.presets import PRESETS
from core.checks import check_positive, refusal
from core.commands.movie import open_cortex
from core.commands.options import Device, FromHost, Given, Json, about, announce, explained, takes
from core.commands.output import answer, finish, format_table
from core.commands.probe_options import (
    ATTACK,
    AgainstOptions,
    TargetOptions,
    check_one_target,
    refuse_beside,
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
from core.figures.figure_config import FigureConfig
from core.files import check_file, check_free
from core.images.stimulus import Stimulus
from core.networks.catalog import find_network
from core.probes.files import save_probe
from core.probes.probe import MIN_NORM_TOLERANCE, Probe, ProbeConfig
from core.probes.summary import summarise_probe
from core.probes.trade_off import iter_trade_off, plan_trade_off
from core.stimuli.make import open_item
from core.stimuli.names import name_pair
from core.stimuli.probe_warnings import DEFAULT_GATE
from core.stimuli.recipe import recipe_of
from core.stimuli.write import export_item
from core.sweeps.choose import ALL_NETWORKS, check_against, choose_encoders
from core.types import NormName, split_side

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
  first_order, linearity    epsilon times the dual norm of the (masked) gradient, and shift / first_order
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
  mask, rms, rms_inside     where it may lie, in words (null: everywhere); its root-mean-square over the whole image and
                            over the pixels that the mask lets change, in grey levels of 255
  seconds, device, folder, files
With --trade-off: {"points": [a row of the table each], "folder"}.
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
    mask: Annotated[
        str | None,
        about(
            "where the image may change: box:LEFT,TOP,RIGHT,BOTTOM or ellipse:..., in parts of the image, or a grey "
            "picture of the network's input size, white inside (default: everywhere)"
        ),
    ] = None,
    mask_edge: Annotated[
        float | None, about("width of the mask's soft edge, as a part of the image's side (default: 0)")
    ] = None,
    ensemble: Annotated[str | None, about("NET,NET: attack the subject's encoders of these networks too")] = None,
    trade_off: Annotated[
        tuple[float, ...] | None,
        about("W,W: a probe at each weight of --selective: a folder with table, figure, probes"),
    ] = None,
    min_norm: Annotated[
        float | None, about("find the smallest budget, up to --epsilon, for a shift of so many SDs")
    ] = None,
    degrees: Annotated[float | None, about("width the stimuli will be shown at, in degrees of visual angle")] = None,
    transfer: Annotated[bool, about("score the stimuli on the subject's other networks too")] = False,
    network_weights: Annotated[Path | None, about("weights file to use instead of the embedded one")] = None,
    html: Annotated[
        Path | None, about("NAME.html: also one page with all of the probe, to play with in a browser")
    ] = None,
    device: Device = "auto",
    json: Json = False,
    host: FromHost,
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
    subject, network, layer = resolve_encoder(source, roi=wanted.roi or "")
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
    within = resolve_mask(mask, mask_edge, [config.side])
    config = replace(config, attack=replace(attack, mask=within))
    announce(config)
    if trade_off is not None:
        beside = {"selective": wanted.selective, "degrees": degrees, "transfer": transfer or None}
        refuse_beside(beside, "trade-off", tuple(beside))
        plan_trade_off(config, trade_off)
    poor = check_against(config, gate=DEFAULT_GATE)
    stimulus = find_stimulus(image, size=config.side)
    check_free(out)  # before the attack runs, not after
    if html is not None:
        if html.suffix.lower() != ".html":
            raise refusal("html", allowed="a file ending in .html", got=html.name)
        check_file(html)
    engine = Engine(device=device)
    if network_weights is not None:
        engine.open_network(network, layer, weights=network_weights)
    if source.encoder is not None:
        engine.use_encoder_file(source.encoder)
    if trade_off is not None:
        return find_trade_off(engine, config, stimulus, trade_off, out=out, as_json=json)
    probe = make_probe(engine, config, stimulus)
    others = choose_encoders((subject,), [ALL_NETWORKS]) if transfer else ()
    names = [(one.network, one.layer) for one in others if one.network != network]
    item = open_item(engine, recipe_of(probe, image), probe, transfer=names)
    name = name_pair(probe)
    report = export_item(item, out, degrees=degrees, add=lambda folder: save_probe(probe, folder / name))
    files = [path.relative_to(report.folder).as_posix() for path in report.files]
    found = {"folder": str(report.folder), "files": files, "min_norm": summarise_min_norm(probe, config)}
    summary = summarise_probe(probe) | found
    if html is not None:
        from core.figures.figure import write_figure

        with open_cortex(host, probe, FigureConfig()) as cortex:
            write_figure(probe, FigureConfig(), html, cortex=cortex)
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
        layer = options.layer or usual_layer(subject, spec, roi=split_side(roi)[1])
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


def find_trade_off(
    engine: Engine, config: ProbeConfig, stimulus: Stimulus, weights: tuple[float, ...], *, out: Path, as_json: bool
) -> int:
    """Make a probe at every weight and write table, figure and probes; returns 0."""
    from core.figures.trade_off import tabulate_trade_off, write_trade_off

    run = partial(engine.iter_probe, stimulus=stimulus)
    trade = finish(
        lambda stop: iter_trade_off(partial(run, should_stop=stop), config, weights=weights),
        lambda record: f"probe {min(int(record.done) + 1, record.total)} of {record.total}",
    )
    folder, rows = write_trade_off(trade, out), tabulate_trade_off(trade).frame.to_dict("records")
    return answer({"points": rows, "folder": str(folder)}, f"{format_table(rows)}\n{folder}", as_json=as_json)


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
    got, taken = SimpleNamespace(**summary), "gradients" if summary["n_queries"] is None else "queries"
    in_sds = "" if got.shift_sd is None else f" = {got.shift_sd:+.2f} SD of the clean reference responses"
    lines = [
        f"{got.direction} {got.target} · {got.image} · {' + '.join([f'{got.network} {got.layer}', *got.ensemble])}",
        f"  {got.attack}",
        f"  clean {got.clean:+.3f}, perturbed {got.perturbed:+.3f} ({got.unit})",
        f"  shift {got.shift:+.3f} {got.unit}{in_sds}",
        f"  random control of the same norm {got.control_shift:+.3f}, sign flip {got.sign_flip_shift:+.3f}",
        f"  {got.convergence}; {got.n_gradients} {taken} over {len(got.curve['epsilon'])} budgets",
        f"  L2 {got.l2:.4g}, Linf {got.linf * 255:.3g}/255, {got.seconds:.1f} s",
        f"  {len(got.files)} files in {got.folder}",
    ]
    if got.mask is not None:
        lines[-2] += f"; {got.rms_inside:.3g} grey levels RMS {got.mask}, {got.rms:.3g} over the whole image"
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
    size = f"{wanted['wanted_sd']:g} SD"
    if not wanted["reached"]:
        return f"a shift of {size} is not reached within epsilon {largest}: allow a larger --epsilon"
    bounds = f"to within {wanted['tolerance']:.0%}, allowed {largest}"
    return f"smallest epsilon for {size}: {wanted['epsilon']:.4g} ({bounds})"
