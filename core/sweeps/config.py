"""What a sweep is asked to do, as frozen, checked records: encoders x images x targets x directions x budgets.

Opens no encoder or image, imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from core.attacks.config import LARGEST_EPSILON, AttackConfig, StepRule, describe_steps, format_epsilon
from core.checks import check_count, check_epsilon, check_positive, check_rules
from core.networks.catalog import find_network
from core.probes.against import DEFAULT_DECIDED, DEFAULT_SHARPNESS
from core.probes.target import Target, target_roi, target_voxel
from core.types import Direction, NormName, VoxelTable, Worded


class AttackKind(Worded):
    """How perturbations are made that transfer is compared under.

    Momentum (MI): Dong et al. 2018, arXiv 1710.06081. Diverse inputs (DI): Xie et al. 2019, arXiv 1803.06978.
    Translation (TI): Dong et al. 2019, arXiv 1904.02884. "square" takes no gradient: Andriushchenko et al. 2020, arXiv
    1912.00049. "ensemble" is one attack on all encoders but the recipient: Liu et al. 2017, arXiv 1611.02770.
    """

    PGD = "pgd", "PGD"
    MI = "mi", "PGD with momentum"
    DI = "di", "PGD with diverse inputs"
    TI = "ti", "PGD with translation"
    ALL = "mi-di-ti", "PGD with momentum, diverse inputs, translation"
    SQUARE = "square", "square search without gradients"
    ENSEMBLE = "ensemble", "ensemble of the others"


MOMENTUM, DIVERSITY, TRANSLATION = {"momentum": 1.0}, {"diversity": 0.5}, {"translation": 7}
OPTIONS: dict[AttackKind, Mapping[str, Any]] = {  # of `AttackConfig`, as published
    AttackKind.MI: MOMENTUM,
    AttackKind.DI: DIVERSITY,
    AttackKind.TI: TRANSLATION,
    AttackKind.ALL: {**MOMENTUM, **DIVERSITY, **TRANSLATION},
    AttackKind.SQUARE: {"method": "square"},
}
LEAST_FOR_ENSEMBLE = 3
"""Encoders of an ensemble that leaves one out: two must remain."""


DEFAULT_EPSILONS = (0.1, 0.25, 0.5, 1.0, 3.0)
"""L2 budgets in [0, 1] pixel units at 224 x 224 pixels: 0.07 to 2 grey levels RMS."""

REFERENCE_SIDE = 224
"""Side in pixels of the images that budgets are brought from norm to norm at, before an encoder is chosen."""

LEAST_IMAGES = 2
"""Intervals over images need two of them."""


NAME_ENCODERS = "Name it as NET or NET:LAYER."
PROBE_ONE = "Intervals over images need two; `main.py probe` answers for a single one."


class Question(StrEnum):
    """The analyses, each a sweep of its own."""

    FRAGILITY = "fragility"
    DISCRIMINABILITY = "discriminability"
    TRANSFER = "transfer"
    MEANING = "meaning"
    DISAGREEMENT = "disagreement"

    @property
    def compares(self) -> bool:
        """Whether it needs two encoders at least."""
        return self in (Question.DISCRIMINABILITY, Question.TRANSFER, Question.DISAGREEMENT)

    @property
    def needs_deltas(self) -> bool:
        """Whether the perturbations themselves are kept and scored again, on other encoders and as controls."""
        return self in (Question.TRANSFER, Question.MEANING)


class EncoderName(NamedTuple):
    """What names an encoder."""

    subject: str
    network: str
    layer: str

    @property
    def label(self) -> str:
        """How tables and figures name it."""
        return f"{self.network} {self.layer}"


class TargetName(NamedTuple):
    """A voxel (`roi` is "") or the mean of an ROI (`voxel` is -1), by name, for any subject."""

    voxel: int
    roi: str

    @property
    def label(self) -> str:
        """How tables and figures name it."""
        return f"ROI {self.roi}" if self.roi else f"voxel {self.voxel}"

    def find_in(self, table: VoxelTable) -> Target:
        """The target in one subject. Raises BadInputError if that has no such voxel or ROI."""
        return target_roi(table, self.roi) if self.roi else target_voxel(table, self.voxel)


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """One sweep.

    Parameters
    ----------
    images : Ids, or paths of files.
    ladder : Ascending budgets above 0, in [0, 1] pixel units of the first norm at the first encoder's input size. A
        second norm, and networks of another input size, take the budgets of equal RMS change: epsilon_inf = epsilon_2 /
        sqrt(3 N^2) for an image of N x N pixels, and epsilon_2 grows as N.
    n_steps : Steps of each budget; 0 are as many as it takes.
    n_queries : Forward passes of each budget, of the attack "square", which takes no steps.
    step_rule : Fixed in folders of version 0.3, so that they are continued as they were begun.
    gate : Least r a voxel may have in each encoder, cross-validated on its training images.
    n_test : Held-out images predictivity is measured on, at most.
    n_bootstrap : Resamples behind intervals of correlations between norms.
    confidence : Coverage of the intervals.
    attacks : Several only for transfer, a matrix each; an ensemble needs another one before it, whose shifts T divides
        by.
    refitted, untrained : Of transfer: the encoders (by number) that a re-fitted copy is made of, and an untrained
        network.
    n_refit : Training images such a copy is fitted to, at most; never more than half of them.
    decided_sd : Of disagreement: SDs that both encoders must move by, above 0.
    sharpness : Of disagreement: t of the smooth minimum of both shifts, above 0.

    Raises BadInputError if a value is out of its range, or there is too little to answer the question.
    """

    question: Question
    encoders: tuple[EncoderName, ...]
    images: tuple[str, ...]
    targets: tuple[TargetName, ...]
    directions: tuple[Direction, ...] = (Direction.RAISE,)
    norms: tuple[NormName, ...] = (NormName.L2,)
    ladder: tuple[float, ...] = DEFAULT_EPSILONS
    n_steps: int = 0
    gate: float = 0.1
    n_test: int = 200
    n_bootstrap: int = 2000
    confidence: float = 0.95
    seed: int = 0
    attacks: tuple[AttackKind, ...] = (AttackKind.PGD,)
    refitted: tuple[int, ...] = ()
    untrained: tuple[int, ...] = ()
    n_refit: int = 1000
    n_queries: int = 1000
    step_rule: StepRule = StepRule.FALLING
    decided_sd: float = DEFAULT_DECIDED
    sharpness: float = DEFAULT_SHARPNESS

    IN_OLD_FILES: ClassVar[Mapping[str, object]] = AttackConfig.IN_OLD_FILES

    def __post_init__(self) -> None:
        object.__setattr__(self, "question", Question(self.question))
        object.__setattr__(self, "encoders", tuple(EncoderName(*name) for name in self.encoders))
        object.__setattr__(self, "targets", tuple(TargetName(*name) for name in self.targets))
        object.__setattr__(self, "directions", tuple(Direction(name) for name in self.directions))
        object.__setattr__(self, "norms", tuple(NormName(name) for name in self.norms))
        object.__setattr__(self, "attacks", tuple(AttackKind(name) for name in self.attacks))
        self._check_enough()
        for epsilon in self.ladder:
            check_epsilon("epsilons", epsilon, largest=LARGEST_EPSILON[self.norms[0]])
        ladder = list(self.ladder)
        ascends = ladder and ladder == sorted(set(ladder)) and ladder[0] > 0
        no_zero = "Sensitivity is drawn against log epsilon, which has no place for 0."
        for name in ("n_steps", "n_test", "n_bootstrap", "n_refit", "n_queries"):
            check_count(name, getattr(self, name), least=int(name != "n_steps"))
        check_count("seed", self.seed, least=0)
        for name in ("confidence", "decided_sd", "sharpness"):
            check_positive(name.removesuffix("_sd"), getattr(self, name))
        check_rules(
            (not ascends, "epsilons", "budgets above 0 in ascending order", ladder, no_zero),
            (not -1 <= self.gate <= 1, "gate", "an r from -1 to 1", self.gate, ""),
            (self.confidence >= 1, "confidence", "below 1", self.confidence, ""),
        )

    def _check_enough(self) -> None:
        least, question = 2 if self.question.compares else 1, self.question
        kinds, labels = [str(kind) for kind in self.attacks], [name.label for name in self.encoders]
        ensemble, transfers = AttackKind.ENSEMBLE in self.attacks, question is Question.TRANSFER
        compares = f"{question.capitalize()} compares encoders: name a second one."
        leaving_out = f"at least {LEAST_FOR_ENSEMBLE} for an ensemble, which leaves the recipient out"
        images, two = list(self.images), f"at least {LEAST_IMAGES} images"
        check_rules(
            (len(labels) < least, "encoders", f"at least {least}", labels, compares if labels else NAME_ENCODERS),
            (len(images) < LEAST_IMAGES, "images", two, images, PROBE_ONE),
        )
        for name in ("refitted", "untrained"):
            wrong = [number for number in getattr(self, name) if not 0 <= number < len(labels)]
            check_rules((wrong, name, f"numbers of encoders, 0 to {len(labels) - 1}", wrong, ""))
        for name in ("encoders", "images", "targets", "directions", "norms", "attacks"):
            values = [str(value) for value in getattr(self, name)]
            repeats = len(set(values)) < max(len(values), 1)
            check_rules((repeats, name, "at least one, each named once", values, ""))
        norms = [str(norm) for norm in self.norms]
        once = "Run it once under each; fragility compares norms."
        people = "Voxels of different people have nothing in common: run it once for each."
        pairs, subjects = question is Question.DISAGREEMENT, list(self.subjects)
        its_own = "An ensemble leaves the recipient out, so it is an attack of transfer."
        first = "T divides by the shifts of an attack on the recipient itself: put pgd first."
        check_rules(
            (len(norms) > 1 and question is Question.DISCRIMINABILITY, "norms", "one", norms, once),
            (len(subjects) > 1 and pairs, "encoders", "of one subject", subjects, people),
            (len(kinds) > 1 and not transfers, "attacks", "one", kinds, "Only transfer compares attacks."),
            (ensemble and not transfers, "attacks", "another", kinds, its_own),
            (self.attacks[0] is AttackKind.ENSEMBLE, "attacks", "another one before ensemble", kinds, first),
            (ensemble and len(labels) < LEAST_FOR_ENSEMBLE, "encoders", leaving_out, labels, ""),
        )

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects of the encoders, in their order."""
        return tuple(dict.fromkeys(name.subject for name in self.encoders))

    def label_of(self, encoder: EncoderName) -> str:
        """The encoder's name, with its subject where there are several."""
        return f"{encoder.subject} {encoder.label}" if len(self.subjects) > 1 else encoder.label

    @property
    def reference_side(self) -> int:
        """Side in pixels of the images that the epsilon grid's budgets are of: the first encoder's input size."""
        return find_network(self.encoders[0].network).input_size

    def budgets(self, norm: NormName, side: int) -> tuple[float, ...]:
        """The epsilon grid in units of `norm` for images of side x side pixels, at equal RMS change."""
        own, asked = size_of_one(self.norms[0], self.reference_side), size_of_one(norm, side)
        return self.ladder if own == asked else tuple(epsilon / own * asked for epsilon in self.ladder)

    def attack(self, norm: NormName, side: int, kind: AttackKind = AttackKind.PGD) -> AttackConfig:
        """The attack on the highest budget."""
        epsilon = self.budgets(norm, side)[-1]
        length: dict[str, Any] = {"n_steps": self.n_steps, "n_queries": self.n_queries, "step_rule": self.step_rule}
        return AttackConfig(norm=norm, epsilon=epsilon, seed=self.seed, **length, **OPTIONS.get(kind, {}))

    def describe_length(self) -> str:
        """How long each budget is searched: "40 falling steps", "1,000 queries" or both."""
        steps = describe_steps(self.n_steps) if self.step_rule is StepRule.FALLING else f"{self.n_steps} steps"
        words = [steps] * any(kind is not AttackKind.SQUARE for kind in self.attacks)
        words += [f"{self.n_queries:,} queries"] * (AttackKind.SQUARE in self.attacks)
        return " or ".join(words)

    def describe(self) -> str:
        """One line for captions."""
        norm = self.norms[0]
        budgets = ", ".join(format_epsilon(epsilon, norm) for epsilon in self.ladder)
        attacks = "" if self.attacks == (AttackKind.PGD,) else f"{', '.join(self.attacks)}, "
        copies = [(self.refitted, "re-fitted"), (self.untrained, "untrained")]
        told = "".join(f" and {len(which)} {what}" for which, what in copies if which)
        return (
            f"{len(self.encoders)}{told} encoders x {len(self.images)} images x {len(self.targets)} targets x "
            f"{len(self.directions)} directions, {attacks}{norm.capitalize()} epsilon {budgets}, "
            f"{self.describe_length()} each"
        )


def rescale_budget(epsilon: float, norm: NormName, *, to: NormName) -> float:
    """The budget of equal RMS change under another norm: epsilon_inf = epsilon_2 / sqrt(3 N^2) at N = 224 pixels."""
    return epsilon if norm is to else epsilon / size_of_one(norm, REFERENCE_SIDE) * size_of_one(to, REFERENCE_SIDE)


def size_of_one(norm: NormName, side: int) -> float:
    """The norm of a change of 1 in every value of side x side pixels."""
    return 1.0 if norm is NormName.LINF else (3 * side * side) ** 0.5
