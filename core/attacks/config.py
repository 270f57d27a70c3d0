"""The configuration of an attack, as one frozen, checked record, and its budgets in words. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from core.attacks.mask import Mask
from core.checks import check_count, check_epsilon, check_fraction, check_positive, refusal, to_number
from core.types import NormName

STEP_SIZE_RULE = 2.5
"""A fixed step = 2.5 epsilon / n_steps (Madry et al. 2018): the steps together can cross the ball."""

FALLING_MOMENTUM = 0.8
"""Decay of the gradients that falling steps add up where no other is asked: they average over about five."""

MOST_STEPS, USUAL_STEPS = 225, 105
"""Steps at a budget where no number is asked: the most that are taken, and about how many, for estimates of time."""

FIXED_STEPS = 10
"""Steps of a fixed length where no number is asked."""

QUICK_STEPS = 10
"""Falling steps of a quick look, which comes before an attack that goes on until it converges."""

LARGEST_EPSILON = {NormName.L2: 1000.0, NormName.LINF: 1.0}
"""Beyond these no image has room: Linf 1 is black to white, L2 1000 is past the diagonal of 512 x 512 pixels."""


LARGEST_MOMENTUM = 10.0
LARGEST_TRANSLATION = 56
"""Pixels; a quarter of 224. Beyond it the smoothed gradient has no detail left."""

QUERY_REPORTS = 50
"""Progress records of a black-box attack, at most."""


class AttackMethod(StrEnum):
    """How the perturbation is found."""

    FGSM = "fgsm"
    PGD = "pgd"
    APGD = "apgd"
    SQUARE = "square"

    @property
    def takes_transfer_options(self) -> bool:
        """Whether gradients can be smoothed over shifts and taken at resized images."""
        return self in (AttackMethod.FGSM, AttackMethod.PGD)


class StepRule(StrEnum):
    """How long the steps of PGD are.

    FALLING: half a cosine from epsilon down to 0.03 epsilon, in phases of doubling length (`core.attacks.falling`).
    FIXED: all of one length, `step_size` or 2.5 epsilon / n_steps, as in every file of version 0.3.
    """

    FALLING = "falling"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class AttackConfig:
    """One attack: norm, budget and schedule.

    Parameters
    ----------
    norm : The norm that bounds the perturbation.
    epsilon : The budget, in [0, 1] pixel units at the network's input resolution.
    method : FGSM takes one step of length epsilon; PGD takes `n_steps` and projects after each; APGD halves its own
        step where it stops gaining; SQUARE tries random squares and needs no gradient.
    n_steps : Steps at each budget, taken exactly; 0 goes on until a further phase would gain too little (falling
        steps), or takes the usual number (APGD, fixed steps). FGSM always takes one, SQUARE counts queries instead.
    step_size : Length of fixed steps, in the unit of epsilon; None means falling steps.
    n_restarts : Runs from different starts, the best kept.
    random_start : Start at a point drawn uniformly from the ball. Restarts after the first always do.
    quantise : Round every iterate to 8-bit grey levels, so that a saved PNG holds exactly the attacked pixels.
    seed : Seed of the random starts, controls and of every random choice of a method.
    momentum : Decay of the gradients added up over the steps (MI, Dong et al. 2018); 1 is a plain sum, 0 the step
        rule's own: 0.8 for falling steps, none for fixed ones.
    diversity : Probability of taking a step's gradient at a shrunken and padded image (DI, Xie et al. 2019); 0 is
        never.
    translation : Largest shift in pixels over which gradients are averaged (TI, Dong et al. 2019); 0 is none, 7 as
        published.
    n_queries : Forward passes of SQUARE at each budget; ignored by the others.
    step_rule : Of PGD; always fixed where `step_size` is given.
    mask : Where in the image the perturbation may lie; None is everywhere. It must have hard edges to quantise.

    Raises BadInputError if a value is out of its range, or the method has no use for an option that is on.

    Examples
    --------
    >>> attack = AttackConfig(norm=NormName.LINF, epsilon=8 / 255, n_steps=20)
    >>> attack.describe()
    'PGD, Linf epsilon 8/255, 20 falling steps'
    >>> round(255 * replace(attack, step_rule="fixed").step_length, 6)  # 2.5 x 8 / 20 grey levels
    1.0
    """

    norm: NormName = NormName.L2
    epsilon: float = 3.0
    method: AttackMethod = AttackMethod.PGD
    n_steps: int = 0
    step_size: float | None = None
    n_restarts: int = 1
    random_start: bool = False
    quantise: bool = False
    seed: int = 0
    momentum: float = 0.0
    diversity: float = 0.0
    translation: int = 0
    n_queries: int = 1000
    step_rule: StepRule = StepRule.FALLING
    mask: Mask | None = None

    IN_OLD_FILES: ClassVar[Mapping[str, object]] = {"step_rule": "fixed", "n_steps": FIXED_STEPS}
    """What a file that lacks these keys means."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", NormName(self.norm))
        object.__setattr__(self, "method", AttackMethod(self.method))
        rule = StepRule.FIXED if self.step_size is not None else StepRule(self.step_rule)
        object.__setattr__(self, "step_rule", rule)
        check_epsilon("epsilon", self.epsilon, largest=LARGEST_EPSILON[self.norm])
        check_count("n_steps", self.n_steps, least=0, advice="0 goes on until little is gained; else one is the least.")
        check_count("n_restarts", self.n_restarts)
        check_count("seed", self.seed, least=0)
        if self.step_size is not None:
            check_positive("step_size", self.step_size, advice="Leave it out for falling steps.")
        check_fraction("momentum", self.momentum, largest=LARGEST_MOMENTUM, advice="1 is the published decay.")
        check_fraction("diversity", self.diversity, advice="It is a probability; 0.5 is the published one.")
        check_count("translation", self.translation, least=0, advice="7 pixels are the published kernel of 15.")
        check_epsilon("translation", self.translation, largest=LARGEST_TRANSLATION, unit="pixels")
        check_count("n_queries", self.n_queries, advice="1000 is a good start.")
        self._check_combination()

    def _check_combination(self) -> None:
        """Refuse options that the method would silently ignore, or that contradict each other."""
        if self.quantise and self.mask is not None and self.mask.is_soft:
            advice = "Whole grey levels leave no soft edge: take a hard one, or leave quantise out."
            raise refusal("mask", allowed="hard-edged to quantise", got=self.mask.describe(), advice=advice)
        method = self.method
        transfer = {"momentum": self.momentum, "diversity": self.diversity, "translation": self.translation}
        for name, value in transfer.items():
            if value and (not method.takes_transfer_options or (name == "momentum" and method is AttackMethod.FGSM)):
                reason = {
                    AttackMethod.FGSM: "its one step gathers no momentum",
                    AttackMethod.APGD: "it has a momentum and steps of its own",
                    AttackMethod.SQUARE: "it takes no gradient",
                }[method]
                advice = f"{method.upper()} has no use for it: {reason}. Use PGD."
                raise refusal(name, allowed=f"0 for {method}", got=value, advice=advice)
        if self.step_size is not None and method in (AttackMethod.APGD, AttackMethod.SQUARE):
            advice = f"{method.upper()} chooses its own steps. Leave it out, or use PGD."
            raise refusal("step_size", allowed=f"left out for {method}", got=self.step_size, advice=advice)

    @property
    def falls(self) -> bool:
        """Whether it takes falling steps."""
        return self.method is AttackMethod.PGD and self.step_rule is StepRule.FALLING

    @property
    def decay(self) -> float:
        """The decay of the gradients added up: `momentum`, or the step rule's own."""
        return self.momentum or (FALLING_MOMENTUM if self.falls else 0.0)

    @property
    def steps_taken(self) -> int:
        """Most steps of one run as reported: 1 for FGSM, at most `QUERY_REPORTS` for SQUARE, else `n_steps`."""
        if self.method is AttackMethod.SQUARE:
            return min(self.n_queries, QUERY_REPORTS)
        if self.method is AttackMethod.FGSM:
            return 1
        fixed = self.method is AttackMethod.PGD and not self.falls
        return self.n_steps or (FIXED_STEPS if fixed else MOST_STEPS)

    @property
    def step_length(self) -> float:
        """The first step: epsilon for FGSM and falling steps, 2 epsilon for APGD; else `step_size` or 2.5 epsilon / n.

        Of SQUARE the size of a square's change, epsilon.
        """
        if self.method is AttackMethod.APGD:
            return 2 * self.epsilon
        if self.method is not AttackMethod.PGD or self.falls:
            return self.epsilon
        return STEP_SIZE_RULE * self.epsilon / self.steps_taken if self.step_size is None else self.step_size

    @property
    def is_quick_look(self) -> bool:
        """Whether it takes only the few falling steps of a quick look."""
        return self.falls and self.n_steps == QUICK_STEPS

    def quick_look(self) -> AttackConfig | None:
        """The same attack with few steps; None where a number of steps is asked, or steps do not fall."""
        return replace(self, n_steps=QUICK_STEPS) if self.falls and not self.n_steps else None

    def describe(self) -> str:
        """One line for captions: "PGD, L2 epsilon 3, 10 steps of 0.75, momentum 1"."""
        budget = f"{self.norm.capitalize()} epsilon {format_epsilon(self.epsilon, self.norm)}"
        options = {
            f"momentum {self.momentum:g}": self.momentum > 0,
            f"diverse inputs with probability {self.diversity:g}": self.diversity > 0,
            f"shifts up to {self.translation} px": self.translation > 0,
        }
        said = [text for text, is_on in options.items() if is_on] + ([self.mask.describe()] if self.mask else [])
        return ", ".join([self.method.upper(), budget, self._describe_schedule(), *said])

    def _describe_schedule(self) -> str:
        if self.method is AttackMethod.SQUARE:
            return f"{self.n_queries} quer{'ies' if self.n_queries > 1 else 'y'} a budget"
        if self.falls:
            return describe_steps(self.n_steps)
        steps = f"{self.steps_taken} step{'s' if self.steps_taken > 1 else ''}"
        if self.method is AttackMethod.APGD:
            return f"{steps}, halved from {self.step_length:.3g}"
        return f"{steps} of {self.step_length:.3g}"


def describe_steps(n_steps: int) -> str:
    """A number of falling steps in words; 0 is as many as it takes."""
    if not n_steps:
        return f"steps that fall until little is gained, at most {MOST_STEPS}"
    return f"{n_steps} falling step{'s' if n_steps > 1 else ''}"


def format_epsilon(epsilon: float, norm: NormName) -> str:
    """Write a budget as people say it: Linf as k/255 where it is one, L2 as a plain number.

    Examples
    --------
    >>> format_epsilon(8 / 255, NormName.LINF), format_epsilon(3.0, NormName.L2)
    ('8/255', '3')
    """
    levels = epsilon * 255
    if norm is NormName.LINF and abs(levels - round(levels)) < 1e-6 and round(levels) >= 1:
        return f"{round(levels)}/255"
    return f"{epsilon:.4g}"


def parse_epsilon(text: str, norm: NormName) -> float:
    """Read a budget as people write it: "8/255" or "0.03" for Linf, "3" for L2.

    `text`: a number, or a fraction of two numbers. `norm`: decides the largest budget allowed (`LARGEST_EPSILON`).

    Returns the budget in [0, 1] pixel units.

    Raises BadInputError if the text is no number, or the number is NaN, negative or beyond the largest, and Linf "8" is
    asked whether 8/255 was meant.

    Examples
    --------
    >>> parse_epsilon("3", NormName.L2), parse_epsilon("51/255", NormName.LINF)
    (3.0, 0.2)
    """
    upper, slash, lower = text.partition("/")
    try:
        value = to_number(upper) / to_number(lower) if slash else to_number(upper)
    except (ValueError, ZeroDivisionError) as error:
        raise refusal("epsilon", allowed="a number or a fraction such as 8/255", got=text) from error
    return check_epsilon("epsilon", value, largest=LARGEST_EPSILON[NormName(norm)])


NORM_SIGNS = {NormName.L2: "L\N{SUBSCRIPT TWO}", NormName.LINF: "L\N{INFINITY}"}
NORM_UNITS = {NormName.L2: "[0, 1] pixel units", NormName.LINF: "grey levels of 255"}
GREY_LEVELS = 255


def write_epsilon(epsilon: float, norm: NormName) -> str:
    """A budget as people say it, Linf in parts of 255 even where it is no whole number of them."""
    text = format_epsilon(epsilon, norm)
    return text if norm is NormName.L2 or "/" in text else f"{epsilon * GREY_LEVELS:.3g}/255"


def write_budget(epsilon: float, norm: NormName) -> str:
    """A budget with its norm: "L₂ ε 0.75"."""
    return f"{NORM_SIGNS[norm]} ε {write_epsilon(epsilon, norm)}"


def describe_grey_levels(epsilons: Sequence[float], norm: NormName, *, side: int, mask: Mask | None = None) -> str:
    """Budgets in grey levels of 255: RMS 255 eps / sqrt(3 side^2) under L2, at most 255 eps a pixel under Linf.

    Of a masked attack under L2 also over the pixels that the mask lets change; a soft edge allows less.

    Raises BadInputError as `Mask.render`.

    Examples
    --------
    >>> describe_grey_levels([1.0, 3.0], NormName.L2, side=224)
    'RMS 0.66, 2 grey levels at 224 × 224'
    >>> describe_grey_levels([3.0], NormName.L2, side=224, mask=Mask(box=(0.0, 0.0, 0.25, 1.0)))
    'RMS 2 grey levels at 224 × 224, 3.9 inside the mask'
    """

    def write(n_values: int) -> str:
        values = [GREY_LEVELS * epsilon / math.sqrt(n_values) for epsilon in epsilons]
        return ", ".join(f"{value:.2g}" if value < 100 else f"{value:.0f}" for value in values)

    if norm is NormName.LINF:
        return f"at most {write(1)} grey levels a pixel"
    most = "at most " if mask is not None and mask.is_soft else ""
    inside = "" if mask is None else f", {write(3 * mask.count_inside(side))} inside the mask"
    return f"RMS {most}{write(3 * side**2)} grey levels at {side} × {side}{inside}"


MOST_TO_GAIN = 0.05
"""An attack has converged where more steps would gain at most this share of its shift."""


def write_convergence(to_gain: float) -> str:
    """A convergence figure in words; NaN is that of fewer than 45 steps and of version 0.3.

    Examples
    --------
    >>> write_convergence(0.012), write_convergence(0.21)
    ('converged to 2 %', 'not converged: more steps would gain 21 %')
    """
    if math.isnan(to_gain):
        return "convergence not known"
    share = math.ceil(100 * to_gain)
    return f"converged to {share} %" if to_gain <= MOST_TO_GAIN else f"not converged: more steps would gain {share} %"


def doubt_convergence(to_gain: float) -> str:
    """The note of a table's cell: "" where the attack has converged, "not converged" or "convergence not known"."""
    return "" if to_gain <= MOST_TO_GAIN else write_convergence(to_gain).partition(":")[0]
