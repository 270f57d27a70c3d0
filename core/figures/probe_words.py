"""The words under every figure and movie of a probe: what, how, on whose responses."""

from __future__ import annotations

from dataclasses import dataclass

from core.attacks.config import GREY_LEVELS, write_epsilon
from core.datasets.subject import load_subject
from core.errors import ProbeError
from core.figures.curve import CurveData
from core.figures.probe_maps import SD_UNIT
from core.probes.probe import Probe
from core.words import format_signed


@dataclass(frozen=True, slots=True)
class ProbeWords:
    """Lines of a caption.

    Parameters
    ----------
    title : "Raise ROI FFA (119 voxels) · astronaut_eileen".
    how : Network, layer, attack, budget with its unit.
    whose : Whose responses they are; simulated ones are called simulated.
    """

    title: str
    how: str
    whose: str


def describe_probe(probe: Probe) -> ProbeWords:
    """Word a probe for a caption."""
    config = probe.config
    direction = str(config.direction).capitalize()
    side = probe.clean_pixels.shape[-1]
    where = " with ".join([f"{config.network} {config.layer}", *([", ".join(config.ensemble)] * bool(config.ensemble))])
    objective = config.objective.describe()
    second = config.against.describe(config.direction) if config.against else ""
    attack = f"{config.attack.describe()} ([0, 1] pixels, {side} × {side})"
    how = " · ".join(filter(None, [where, second, objective, attack]))
    title = f"{direction} {config.target.label} · {probe.stimulus_id}"
    return ProbeWords(title, how, describe_subject(config.subject))


def describe_settings(probe: Probe) -> str:
    """Every setting of a probe in one sentence after another, for the caption of its figure."""
    config, attack = probe.config, probe.config.attack
    hashes = probe.encoder_sha256, probe.network_sha256, probe.stimulus_sha256
    (encoder, network, stimulus), words = (text[:12] for text in hashes), describe_probe(probe)
    size = f"realised L2 {probe.l2:.4g}, Linf {probe.linf * GREY_LEVELS:.1f}/255"
    rounding = "8-bit pixels inside the attack" if attack.quantise else "pixels not rounded inside the attack"
    starts = f"{attack.n_restarts} start{'s' if attack.n_restarts > 1 else ''}"
    start = "random start" if attack.random_start else "start at the clean image"
    epsilons = ", ".join(write_epsilon(epsilon, attack.norm) for epsilon in config.ladder)
    wanted = f" Smallest budget sought for {config.wanted_shift_sd:g} SD." if config.wanted_shift_sd else ""
    return (
        f"{words.title}. {words.how}; {starts}, {start}, seed {attack.seed}, {rounding}; {size}. "
        f"Epsilon grid {epsilons}.{wanted} Responses in {probe.response_unit}; SD: of the predicted responses to the "
        f"clean reference images. {words.whose}. Encoder {encoder}, network {network}, image {stimulus}."
    )


def describe_subject(subject: str) -> str:
    """Whose responses: title and kind; a subject that is not here by its id alone."""
    try:
        found = load_subject(subject)
    except ProbeError:
        return f"Subject {subject}, not on this computer"
    return f"{found.named}: responses predicted by an encoder of {found.kind} data"


def write_shifts(data: CurveData, number: int) -> str:
    """The target's shift at a budget or step in every encoder, in SDs where it has one, else in its unit."""
    scale, unit = (1 / data.target_sd, SD_UNIT) if data.target_sd > 0 else (1.0, data.unit)
    return " / ".join(f"{format_signed(scale * float(shift[number]))} {unit}" for shift in data.encoders)
