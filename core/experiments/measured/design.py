"""How many repeats and images decide an experiment: simulated experiments judged by the functions `compare` calls.

    m(x) = slope * predicted(x) + noise * N(0, 1) / sqrt(repeats),   noise = 1 / ncsnr

all in SDs of the responses to natural images; an original is shown in each of its pairs. Images are drawn anew from the
set's in each experiment, with all their probes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from core.checks import check_count, check_fraction, check_positive, refusal
from core.experiments.measured.bootstrap import LEAST_ITEMS, bootstrap_summary, count_signs, number_names, sign_test
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.control import LEAST_LEVELS, score_levels
from core.experiments.measured.planned import MeasuredPlan
from core.experiments.measured.winner import Verdict, check_subjects, judge_pair, settle
from core.progress import Progress, ShouldStop, check_stop, never_stop
from core.seeds import make_stream
from core.statistics import Interval
from core.types import FloatArray, IntArray

PARTS = (1.0, 0.5, 0.25)
"""Of the slope of a right encoder: probes may move the brain less than natural images do."""
WANTED_POWER = 0.8
N_BOOTSTRAP = 100
ROUNDING = 1e-9


class Question(StrEnum):
    """What an experiment decides."""

    SHIFT = "does the target move as predicted"
    CONTROL = "does the response follow the wanted level"
    WINNER = "which model is right"


@dataclass(frozen=True, slots=True)
class DesignConfig:
    """What is simulated.

    Parameters
    ----------
    noise_ceiling : Share of the variance of the mean over --averaged repeats that is not noise, in (0, 1].
    ncsnr : Noise ceiling signal-to-noise ratio of single trials, instead: SD of responses over images / SD of noise.
    averaged : Repeats behind the mean that the noise ceiling is of.
    repeats : Repeats to try, comma-separated.
    images : Images to try, comma-separated, each with all its probes (default: half, all and twice those of the set).
    probes : Probes to try instead, in whole images of the set.
    slope : SDs the brain moves for each SD predicted, as on held-out images; a half and a quarter of it are tried too.
        0 where it is unknown: then 1.
    n_simulations : Experiments of each design.
    confidence : Of tests and intervals, in (0, 1).
    """

    noise_ceiling: float = 0.0
    ncsnr: float = 0.0
    averaged: int = 1
    repeats: tuple[int, ...] = (1, 2, 4, 8)
    images: tuple[int, ...] = ()
    probes: tuple[int, ...] = ()
    slope: float = 0.0
    n_simulations: int = 200
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if bool(self.noise_ceiling) == bool(self.ncsnr):
            got = f"{self.noise_ceiling:g} and ncsnr {self.ncsnr:g}"
            raise refusal("noise_ceiling", allowed="given, or else ncsnr, and not both", got=got)
        advice = f"Did you mean {self.noise_ceiling:g}%?" if 1 < self.noise_ceiling <= 100 else ""
        check_fraction("noise_ceiling", self.noise_ceiling, advice=advice)
        check_positive("ncsnr", self.ncsnr or 1.0)
        check_positive("slope", self.slope or 1.0)
        check_count("averaged", self.averaged)
        check_count("simulations", self.n_simulations, least=20, largest=10_000)
        check_positive("confidence", check_fraction("confidence", self.confidence, largest=0.9999))
        for name, least in (("repeats", 1), ("images", LEAST_ITEMS), ("probes", LEAST_ITEMS)):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
            for value in getattr(self, name):
                check_count(name, value, least=least, largest=1000)
        if not self.repeats:
            raise refusal("repeats", allowed="at least one number", got=())

    @property
    def noise(self) -> float:
        """SD of one response to one stimulus, in SDs of the responses over natural images: 1 / ncsnr."""
        if self.ncsnr:
            return 1 / self.ncsnr
        return float(np.sqrt(self.averaged * (1 - self.noise_ceiling) / self.noise_ceiling))

    def describe(self) -> str:
        """One line of settings."""
        known = "" if self.slope else " (no held-out slope was given: 1 is the best case)"
        return (
            f"noise {self.noise:.3g} SD a trial (ncsnr {1 / self.noise if self.noise else np.inf:.3g}), slope "
            f"{self.slope or 1:g} SD per SD{known}, {self.n_simulations} experiments of each design (standard error of "
            f"power at most {0.5 / np.sqrt(self.n_simulations):.2g}), seed {self.seed}"
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One design: how often it decides, with the standard error of that; how many of its intervals hold the truth."""

    question: Question
    slope: float
    n_repeats: int
    n_images: int
    n_probes: int
    n_trials: int
    power: float
    error: float
    n_held: int
    n_intervals: int


@dataclass(frozen=True, slots=True)
class Design:
    """Every design that was tried."""

    name: str
    config: DesignConfig
    cells: tuple[Cell, ...]

    @property
    def coverage(self) -> tuple[float, int]:
        """Share of all intervals that hold the truth, and how many there are."""
        n_intervals = sum(one.n_intervals for one in self.cells)
        return sum(one.n_held for one in self.cells) / max(n_intervals, 1), n_intervals

    @property
    def cases(self) -> list[tuple[Question, float]]:
        """Each question with each slope."""
        return list(dict.fromkeys((one.question, one.slope) for one in self.cells))

    def smallest(self, question: Question, slope: float) -> Cell | None:
        """The design of fewest trials with a power of 0.8; None if none has it."""
        enough = [one for one in self.cells if (one.question, one.slope) == (question, slope)]
        return min((one for one in enough if one.power >= WANTED_POWER), key=lambda one: one.n_trials, default=None)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Probes that are judged together; everything predicted in SDs.

    Parameters
    ----------
    images : (n_probes,). The image of each, numbered from 0.
    first, second : (n_probes,). Predicted shifts by the encoder that is right, and by its rival.
    level, clean : (n_probes,). Wanted level, and that of the image itself; NaN in other sets.
    n_files : Stimuli of each image in the whole set, with originals, controls and what else is shown.
    """

    images: IntArray
    first: FloatArray
    second: FloatArray
    level: FloatArray
    clean: FloatArray
    n_files: float

    def __post_init__(self) -> None:
        for what, least, found in (("images", LEAST_ITEMS, self.images), ("levels", LEAST_LEVELS, self.level)):
            if 0 < (n := len(set(found[np.isfinite(found)]))) < least:
                raise refusal("set", allowed=f"of at least {least} {what}", got=n)

    def draw(self, n_images: int, stream: np.random.Generator) -> Group:
        """Images drawn from these with all their probes, numbered anew."""
        rows = [np.flatnonzero(self.images == one) for one in stream.integers(self.images.max() + 1, size=n_images)]
        own, numbers = np.concatenate(rows), np.repeat(np.arange(n_images), [len(one) for one in rows])
        return Group(numbers, self.first[own], self.second[own], self.level[own], self.clean[own], self.n_files)

    def measure(self, slope: float, noise: float, stream: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Responses to the images (n_images,) and shifts (n_probes,); an original is shown in each of its pairs."""
        _, first, shown = np.unique(self.images, return_index=True, return_counts=True)
        errors = noise / np.sqrt(shown) * stream.standard_normal(len(shown))
        shifts = slope * self.first + noise * stream.standard_normal(len(self.first)) - errors[self.images]
        return slope * self.clean[first] + errors, shifts


Groups = dict[Question, list[Group]]


class Predicted(NamedTuple):
    """What a set, written or not, predicts of one probe.

    `shifts`: in SDs by "network layer", its own encoder first; `level` is the one wanted, `reached` that of its file,
    None in other sets; `against` and `opposed`: a second encoder, and whether the two are moved apart.
    """

    subject: str
    image: str
    target: str
    shifts: Mapping[str, float]
    level: float | None
    reached: float | None
    against: str
    opposed: bool


def group_plan(plan: MeasuredPlan) -> Groups:
    """The groups of a set that was written. Raises as `group_probes`."""
    found = [
        Predicted(
            row.subject,
            row.source_image,
            row.target,
            {name: sd for name, (_unit, sd) in made.shifts.items()},
            row.level,
            row.level_reached,
            row.against,
            row.against_direction != row.direction,
        )
        for made, row in ((probe.perturbed, probe.perturbed.row) for probe in plan.probes)
    ]
    return group_probes(found, n_files=len(plan.stimuli) / len({one.row.source_image for one in plan.stimuli}))


def group_probes(probes: Sequence[Predicted], *, n_files: float) -> Groups:
    """Probes by what they can decide: a group for each level set and each of two rivals, one for all others.

    `n_files`: stimuli of each image in the whole set.

    Raises BadInputError if they are of several subjects, too few, or not predicted in SDs by the encoders compared.
    """
    check_subjects([one.subject for one in probes if one.against or one.level is not None])
    members: dict[tuple[Question, str, str], list[Predicted]] = {}
    for probe in probes:
        own = next(iter(probe.shifts))
        if probe.level is not None:
            keys = [(Question.CONTROL, own, probe.target)]
        elif probe.against:
            ways = ((own, probe.against), (probe.against, own))
            keys = [(Question.WINNER, *pair) for pair in ways if probe.opposed]
        else:
            keys = [(Question.SHIFT, "", "")]
        for key in keys:
            members.setdefault(key, []).append(probe)
    if not members:
        raise refusal("set", allowed="of probes that decide something", got="agreeing probes only")
    groups: Groups = {}
    for (question, *names), held in members.items():
        by = names if question is Question.WINNER else ("", "")
        groups.setdefault(question, []).append(_group(held, by, n_files))
    return groups


def _group(probes: Sequence[Predicted], by: Sequence[str], n_files: float) -> Group:
    """Probes of two rivals, or with no name of their own encoders."""
    first, second = (
        np.asarray([one.shifts.get(name or next(iter(one.shifts)), math.nan) for one in probes]) for name in by
    )
    level, reached = (np.asarray([getattr(one, name) for one in probes], float) for name in ("level", "reached"))
    if not np.isfinite(first + second).all() or (np.isfinite(level) & np.isnan(reached)).any():
        who = " and ".join(filter(None, by)) or "its own encoder"
        advice = "Score the set on it (--transfer), with clean reference images of the encoder."
        raise refusal("set", allowed=f"predicted in SDs by {who}", got="probes without that", advice=advice)
    return Group(number_names([one.image for one in probes]), first, second, level, reached - first, n_files)


def iter_design(
    name: str, groups: Groups, config: DesignConfig, *, should_stop: ShouldStop = never_stop
) -> Iterator[Progress[Design]]:
    """Simulate every design: each question, slope, number of images and of repeats; a record a design."""
    wanted = [
        (question, (config.slope or 1.0) * part, n_images, n_repeats)
        for question, members in groups.items()
        for part in PARTS
        for n_images in _list_images(members, config)
        for n_repeats in config.repeats
    ]
    cells = []
    for number, (question, slope, n_images, n_repeats) in enumerate(wanted):
        check_stop(should_stop)
        cells.append(simulate(question, groups[question], config, slope=slope, n_images=n_images, n_repeats=n_repeats))
        done = number + 1 == len(wanted)
        yield Progress(number + 1, len(wanted), result=Design(name, config, tuple(cells)) if done else None)


def _list_images(groups: Sequence[Group], config: DesignConfig) -> list[int]:
    most = max(int(group.images.max()) + 1 for group in groups)
    a_probe = most / max(len(group.first) for group in groups)
    wanted = [*config.images, *(one * a_probe for one in config.probes)] or [most / 2, most, 2 * most]
    return sorted({max(LEAST_ITEMS, round(one)) for one in wanted})


def simulate(
    question: Question, groups: Sequence[Group], config: DesignConfig, *, slope: float, n_images: int, n_repeats: int
) -> Cell:
    """One design. Experiments take the groups in turn; two rivals are right equally often."""
    stream = make_stream(config.seed, question, n_images, n_repeats, f"{slope:g}")
    decided, found, n_probes = 0, list[Interval](), 0
    for number in range(config.n_simulations):
        drawn = groups[number % len(groups)].draw(n_images, stream)
        natural, shifts = drawn.measure(slope, config.noise / np.sqrt(n_repeats), stream)
        compare = CompareConfig(n_bootstrap=N_BOOTSTRAP, confidence=config.confidence, seed=config.seed + number)
        wins, interval = JUDGES[question](drawn, natural, shifts, compare)
        decided, n_probes = decided + wins, n_probes + len(shifts)
        found += [interval] if np.isfinite(interval.low) else []
    power = decided / config.n_simulations
    return Cell(
        question=question,
        slope=slope,
        n_repeats=n_repeats,
        n_images=n_images,
        n_probes=round(n_probes / config.n_simulations),
        n_trials=round(n_images * groups[0].n_files * n_repeats),
        power=power,
        error=float(np.sqrt(power * (1 - power) / config.n_simulations)),
        n_held=sum(one.low - ROUNDING <= slope <= one.high + ROUNDING for one in found),
        n_intervals=len(found),
    )


def _judge_shift(group: Group, _: FloatArray, shifts: FloatArray, config: CompareConfig) -> tuple[bool, Interval]:
    """As a row of `compare`: the sign test over probes."""
    signed, alone = np.sign(group.first) * shifts, np.arange(len(shifts))
    n_agree, n_signed = count_signs(signed, alone)
    p_sign, _share = sign_test(n_agree, n_signed, confidence=config.confidence)
    noise = np.ones(len(shifts))
    found = bootstrap_summary(group.first, shifts, signed=signed, noise=noise, clusters=alone, config=config)
    return p_sign < 1 - config.confidence and 2 * n_agree > n_signed, found["slope"]


def _judge_control(
    group: Group, natural: FloatArray, shifts: FloatArray, config: CompareConfig
) -> tuple[bool, Interval]:
    """The control score: r above 0 with its interval."""
    clean = natural[group.images]
    r, slope, _ = score_levels(group.level, clean + shifts, group.images, clean, config)
    return r.low > 0, slope


def _judge_winner(group: Group, _: FloatArray, shifts: FloatArray, config: CompareConfig) -> tuple[bool, Interval]:
    """The encoder that is right wins."""
    (winner,) = settle([judge_pair(group.first, group.second, shifts, group.images, config)], config)
    return winner.verdict is Verdict.FIRST, winner.slope_first


JUDGES = {Question.SHIFT: _judge_shift, Question.CONTROL: _judge_control, Question.WINNER: _judge_winner}
"""Each gives whether the experiment decides, and the interval of the slope; of group, images and shifts."""
