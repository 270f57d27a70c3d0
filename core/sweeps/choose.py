"""Turns what a user names into what a sweep runs over: encoders and their controls, voxels above the gate, images."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.checks import refusal
from core.datasets.image_files import list_pictures
from core.datasets.subject import Subject, load_subject
from core.encoders.card import EncoderCard
from core.encoders.files import list_encoders, load_card, usual_layer
from core.errors import BadInputError
from core.files import is_there
from core.networks.catalog import find_network
from core.probes.probe import ProbeConfig
from core.probes.target import Target, resolve_roi
from core.seeds import make_stream
from core.sweeps.config import NAME_ENCODERS, EncoderName, SweepConfig, TargetName
from core.types import BoolArray, FloatArray

TEST_PREFIX, ALL_NETWORKS, USUAL_DRAW = "test", "all", "test:4"


def choose_encoders(subjects: Sequence[str], words: Sequence[str]) -> tuple[EncoderName, ...]:
    """Encoders named "NET", "NET:LAYER" or "SUBJECT/NET:LAYER"; "all" is every network at its default layer.

    Raises BadInputError if one is not there; the nearest is named.

    Examples
    --------
    >>> [encoder.layer for encoder in choose_encoders(["simulated"], ["mobilenet_v2", "mobilenet_v2:features.3"])]
    ['features.18', 'features.3']
    """
    found: dict[EncoderName, None] = {}
    for word in words:
        asked, _, rest = word.rpartition("/")
        for subject in [asked] if asked else subjects:
            load_subject(subject)
            for name in _encoders_of(subject, rest):
                load_card(*name)
                found[name] = None
    return tuple(found)


def choose_of_subject(subject: str, words: Sequence[str], *, name: str, n: int) -> tuple[EncoderName, ...]:
    """`n` different encoders of one subject, each NET or NET:LAYER. Raises BadInputError for others."""
    found = choose_encoders((subject,), words)
    if len(found) != n or len(words) != n:
        allowed = f"one encoder of {subject}" if n == 1 else "two different encoders"
        advice = "A probe has one second encoder; on a controversial one the two disagree: name A,B, or --against B."
        raise refusal(name, allowed=allowed, got=list(words), advice=advice)
    for one in found:
        if one.subject != subject:
            advice = "Voxels of different people have nothing in common."
            raise refusal(name, allowed=f"encoders of {subject}", got=one.subject, advice=advice)
    return found


@dataclass(frozen=True, slots=True)
class ControlEncoders:
    """Numbers of the encoders that control encoders can be made of, and a sentence for each that cannot.

    A re-fitted copy is the same network and layer with a readout fitted anew, to half of the training images: what a
    perturbation keeps on it, it does not owe to one readout's own weights. An untrained network is the same
    architecture with random weights and a readout fitted in the same way: what its perturbations do is due to
    architecture and readout.
    """

    refitted: tuple[int, ...]
    untrained: tuple[int, ...]
    reasons: tuple[str, ...]


def choose_control_encoders(encoders: Sequence[EncoderName]) -> ControlEncoders:
    """Every control encoder that can be made of these encoders."""
    refitted, untrained, reasons = [], [], []
    for number, name in enumerate(encoders):
        reason = why_not_refitted(name)
        if reason:
            reasons.append(f"{name.label} has no re-fitted copy and no untrained network: {reason}.")
            continue
        refitted.append(number)
        if find_network(name.network).is_drawn:
            untrained.append(number)
        else:
            reasons.append(
                f"{name.label} has no untrained network: its network is no library's, which draws new weights."
            )
    return ControlEncoders(tuple(refitted), tuple(untrained), tuple(reasons))


def why_not_refitted(name: EncoderName) -> str:
    """Why an encoder cannot be fitted again; "" if it can."""
    card, subject = load_card(*name), load_subject(name.subject)
    if card.provenance is not None:
        return "it was imported, and how it was fitted cannot be repeated here"
    if not subject.image_ids:
        return f"{subject.id} has no recordings"
    half = len({subject.image_ids[row] for row in (~subject.test).nonzero()[0]}) // 2
    if half < card.config.n_folds:
        return f"half of {subject.id}'s training images are fewer than {card.config.n_folds} folds"
    return ""


def choose_targets(
    encoders: Sequence[EncoderName], *, rois: Sequence[str], voxels: Sequence[str], gate: float, seed: int
) -> tuple[TargetName, ...]:
    """Targets by name: ROI means, voxels by number, or "ROI:N", N voxels of an ROI that pass the gate everywhere.

    Raises BadInputError if there is no encoder, no such ROI or voxel, or too few voxels pass.

    Examples
    --------
    >>> encoders = choose_encoders(["simulated"], ["mobilenet_v2"])
    >>> targets = choose_targets(encoders, rois=["FFA"], voxels=["V1:3"], gate=0.3, seed=0)
    >>> len(targets), targets[0].label  # one ROI mean, three voxels of V1
    (4, 'ROI FFA')
    """
    if not encoders:
        raise refusal("encoders", allowed="at least 1", got="none", advice=NAME_ENCODERS)
    chosen: dict[TargetName, None] = {}
    if rois:
        table = load_subject(encoders[0].subject).voxels
        chosen = {TargetName(-1, resolve_roi(table, roi)[0]): None for roi in rois}
    cards = [load_card(*name) for name in encoders] if voxels else []
    for word in voxels:
        roi, colon, count = word.partition(":")
        if colon:
            chosen |= dict.fromkeys(_draw_voxels(encoders, cards, roi, count, gate=gate, seed=seed))
        elif word.isdecimal():
            chosen[TargetName(int(word), "")] = None
        else:
            raise refusal("voxels", allowed="numbers of voxels, or ROI:N for N voxels of an ROI", got=word)
    return tuple(chosen)


def choose_images(subject: Subject, words: Sequence[str], *, seed: int) -> tuple[str, ...]:
    """Images by id or path, all of a folder by its path; "test:N" draws N held-out ones, as many of each category.

    Examples
    --------
    >>> choose_images(load_subject("simulated"), ["cat_chelsea", "test:2"], seed=0)
    ('cat_chelsea', 'wild_cat_028', 'windsor_chair_025')
    """
    chosen: dict[str, None] = {}
    for word in words:
        prefix, colon, count = word.partition(":")
        if prefix == TEST_PREFIX and colon and count.isdecimal():
            chosen |= dict.fromkeys(_draw_images(subject, int(count), seed=seed))
        elif word not in subject.image_ids and is_there(Path(word)) and Path(word).is_dir():
            chosen |= dict.fromkeys(str(Path(word) / name) for name in list_pictures(Path(word)))
        else:
            chosen[word] = None
    return tuple(chosen)


def offer_images(subject: Subject) -> list[tuple[str, str]]:
    """The usual draw and every image of a subject as `choose_images` takes them, with words; held-out ones first."""
    prefix = f"{subject.id}:" if subject.images is not None else ""
    order = np.argsort(~subject.test, kind="stable")
    rows = [(subject.image_ids[row], subject.categories[row], subject.test[row]) for row in order]
    drawn = [(USUAL_DRAW, f"{USUAL_DRAW.partition(':')[2]} held-out images, drawn with the seed")]
    return drawn + [
        (prefix + name, " · ".join(filter(None, (name, kind, "held out" if test else "fitted on"))))
        for name, kind, test in dict.fromkeys(rows)
    ]


def offer_voxels(subject: Subject) -> list[tuple[str, str]]:
    """Every voxel of a subject by its number, with its ROI, hemisphere and noise ceiling in words."""
    table, sides = subject.voxels, ("left", "right", "")
    return [
        (str(voxel), " · ".join(filter(None, (f"voxel {voxel}", roi, sides[side], f"noise ceiling {ceiling:.2f}"))))
        for voxel, (roi, side, ceiling) in enumerate(zip(table.roi, table.hemisphere, table.noise_ceiling, strict=True))
    ]


def check_comparable(config: SweepConfig) -> None:
    """Raise BadInputError unless every target exists in every encoder, varies, and passes the gate.

    Voxels of different people have nothing in common but their ROI: there only ROI means are compared.
    """
    tables = {subject: load_subject(subject).voxels for subject in config.subjects}
    if len(config.subjects) > 1 and any(not target.roi for target in config.targets):
        names = [table.roi_names for table in tables.values()]
        shared = [roi for roi in names[0] if all(roi in others for others in names)]
        advice = f"All have {', '.join(shared)}: compare ROI means (--rois)." if shared else "They share no ROI either."
        got = f"voxels of {' and '.join(config.subjects)}"
        raise refusal("voxels", allowed="of one subject", got=got, advice=advice)
    for encoder in config.encoders:
        card = load_card(*encoder)
        for target in config.targets:
            voxels = list(target.find_in(tables[encoder.subject]).voxels)
            check_predicts(card, target.label, voxels)
            if not target.roi:
                check_gate(target.label, card, voxels, gate=config.gate)


def check_predicts(card: EncoderCard, target: str, voxels: Sequence[int]) -> None:
    """Raise BadInputError unless an encoder has a target's voxels and knows an SD above 0 to count its shift in."""
    label, voxels = f"{card.config.network} {card.config.layer}", list(voxels)
    if max(voxels) >= card.n_voxels:
        allowed = f"one of the {card.n_voxels:,} that {label} predicts"
        raise refusal("voxel", allowed=allowed, got=max(voxels), advice="Choose a target that every encoder has.")
    if not np.isfinite(card.reference_sd[voxels]).all():
        raise BadInputError(
            f"{label} does not know the SD of {target}, so its shift has no unit. "
            "Show it reference images: `main.py encoders reference`."
        )
    if not card.reference_sd[voxels].any():
        raise BadInputError(
            f"{target} is predicted by {label} as a constant, so its shift has no unit. Choose another target."
        )


def check_gate(target: str, card: EncoderCard, voxels: Sequence[int], *, gate: float) -> None:
    """Raise BadInputError where a target's voxels are known to be predicted with r below the gate, in the median."""
    if (r := median_r(card, voxels)) < gate:
        raise BadInputError(
            f"{target} is predicted by {card.config.network} {card.config.layer} with cross-validated r {r:.3f}, below "
            f"the gate {gate:g}. Choose another target, or lower the gate (--gate)."
        )


def median_r(card: EncoderCard, voxels: Sequence[int]) -> float:
    """The r that is compared with the gate: of a voxel, or the median over a target's voxels; NaN if unknown."""
    known = gate_r(card)[[voxel for voxel in voxels if voxel < card.n_voxels]]
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else float("nan")


def check_pair(encoders: Sequence[EncoderName], targets: Sequence[TargetName], *, gate: float) -> tuple[str, ...]:
    """`check_against` for every target of a plan, from its names alone."""
    table = load_subject(encoders[0].subject).voxels
    return tuple(note for one in targets for note in _check(encoders, one.find_in(table), gate=gate))


def check_against(config: ProbeConfig, *, gate: float = -1.0) -> tuple[str, ...]:
    """Refuse a pair of encoders that cannot be attacked together, by their cards; nothing of a probe of one encoder.

    Returns a sentence for each encoder that predicts the target with r below `gate`, or with unknown r.

    Raises BadInputError if an encoder is not there, lacks a voxel of the target, or does not know its SD.
    """
    if (second := config.against) is None:
        return ()
    names = ((config.network, config.layer), (second.network, second.layer))
    return _check([EncoderName(config.subject, *name) for name in names], config.target, gate=gate)


def _check(encoders: Sequence[EncoderName], target: Target, *, gate: float) -> tuple[str, ...]:
    cards = [load_card(*name) for name in encoders]
    for card in cards:
        check_predicts(card, target.label, target.voxels)
    return tuple(f"{words}." for card in cards if (words := explain_poor(target, card, gate=gate)))


def explain_poor(target: Target, card: EncoderCard, *, gate: float) -> str:
    """Why an encoder's answer for a target says little, in words; "" where it predicts it with r of at least `gate`."""
    if (r := median_r(card, target.voxels)) >= gate:
        return ""
    how = "not known" if np.isnan(r) else f"{r:.2f}, below {gate:g}"
    label = f"{card.config.network} {card.config.layer}"
    return f"{label} predicts {target.label} poorly (r {how}): what it answers says little"


def gate_r(card: EncoderCard) -> FloatArray:
    """The r that the gate looks at, (n_voxels,): cross-validated on training images; held-out r where there is none.

    Predictivity is measured on held-out images: voxels chosen by their r there would all look well predicted, and
    encoders alike.
    """
    return np.where(np.isfinite(card.cv_r), card.cv_r, card.r)


def passes_gate(cards: Sequence[EncoderCard], gate: float) -> BoolArray:
    """(n_voxels,) whether every encoder predicts the voxel with r of at least `gate` and not as a constant."""
    parts = [(np.nan_to_num(gate_r(card), nan=gate) >= gate) & (card.reference_sd > 0) for card in cards]
    return np.asarray(np.logical_and.reduce(parts))


def _draw_voxels(
    encoders: Sequence[EncoderName], cards: Sequence[EncoderCard], roi: str, count: str, *, gate: float, seed: int
) -> list[TargetName]:
    if len({card.n_voxels for card in cards}) > 1 or len({name.subject for name in encoders}) > 1:
        got = [name.subject for name in encoders]
        raise refusal("voxels", allowed="of one subject", got=got, advice="Name ROI means instead (--rois).")
    table = load_subject(encoders[0].subject).voxels
    roi, members = resolve_roi(table, roi)
    fit = members[passes_gate(cards, gate)[members]].tolist()
    wanted = int(count) if count.isdecimal() else 0
    if not 1 <= wanted <= len(fit):
        allowed = f"1 to {len(fit)} voxels of {roi}, as many as every encoder predicts with r >= {gate:g}"
        raise refusal("voxels", allowed=allowed, got=count, advice="Lower the gate for more.")
    order = make_stream(seed, "voxels", roi).permutation(len(fit))[:wanted]
    return [TargetName(fit[index], "") for index in sorted(order)]


def _draw_images(subject: Subject, count: int, *, seed: int) -> list[str]:
    held_out = [identity for identity, test in zip(subject.image_ids, subject.test, strict=True) if test]
    if not 1 <= count <= len(held_out):
        raise refusal("images", allowed=f"test:1 to test:{len(held_out)} for {subject.id}", got=f"test:{count}")
    kinds = dict(zip(subject.image_ids, subject.categories, strict=True))
    order = [held_out[index] for index in make_stream(seed, "images").permutation(len(held_out))]
    turns: dict[str, Iterator[int]] = defaultdict(itertools.count)
    turn = {identity: next(turns[kinds[identity]]) for identity in order}
    names = sorted(sorted(order, key=turn.__getitem__)[:count])
    return [f"{subject.id}:{name}" for name in names] if subject.images is not None else names


def _encoders_of(subject: str, word: str) -> list[EncoderName]:
    network, colon, layer = word.partition(":")
    if word == ALL_NETWORKS:
        return [
            EncoderName(subject, one.network, one.layer)
            for one in list_encoders()
            if one.subject == subject and one.layer == usual_layer(subject, find_network(one.network))
        ]
    usual = usual_layer(subject, find_network(network))
    if colon and not layer:
        advice = f"`{network}` alone is at its usual layer, {usual}."
        raise refusal("network", allowed="NET or NET:LAYER", got=word, advice=advice)
    return [EncoderName(subject, network, layer or usual)]
