"""What an attack is asked to do, as one frozen, checked record. Never touches pixels or torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from core.checks import check_count, check_epsilon, check_positive, describe_refusal
from core.errors import BadInputError
from core.types import NormName

STEP_SIZE_RULE = 2.5
"""Default step = 2.5 epsilon / n_steps (Madry et al. 2018): the steps together can cross the ball."""

LARGEST_EPSILON = {NormName.L2: 1000.0, NormName.LINF: 1.0}
"""Beyond these no image has room: Linf 1 is black to white, L2 1000 is past the diagonal of 512 x 512 pixels."""


class AttackMethod(StrEnum):
    """How the perturbation is found."""

    FGSM = "fgsm"
    PGD = "pgd"


@dataclass(frozen=True, slots=True)
class AttackConfig:
    """One attack: norm, budget and schedule.

    Parameters
    ----------
    norm : NormName
        The norm that bounds the perturbation.
    epsilon : float
        The budget, in [0, 1] pixel units at the network's input resolution.
    method : AttackMethod
        FGSM takes one step of length epsilon; PGD takes `n_steps` and projects after each.
    n_steps : int
        Steps of each run; FGSM always takes one.
    step_size : float or None
        Length of a step in the same unit; None means 2.5 epsilon / n_steps.
    n_restarts : int
        Runs from different starts, the best kept.
    random_start : bool
        Start at a point drawn uniformly from the ball. Restarts after the first always do.
    quantise : bool
        Round every iterate to 8-bit grey levels, so that a saved PNG holds exactly the attacked pixels.
    seed : int
        Seed of the random starts and controls.

    Raises
    ------
    BadInputError
        If a value is out of its range.
    """

    norm: NormName = NormName.L2
    epsilon: float = 3.0
    method: AttackMethod = AttackMethod.PGD
    n_steps: int = 10
    step_size: float | None = None
    n_restarts: int = 1
    random_start: bool = False
    quantise: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", NormName(self.norm))
        object.__setattr__(self, "method", AttackMethod(self.method))
        check_epsilon("epsilon", self.epsilon, largest=LARGEST_EPSILON[self.norm])
        check_count("n_steps", self.n_steps, advice="One step is the least; 10 is a good start.")
        check_count("n_restarts", self.n_restarts)
        check_count("seed", self.seed, least=0)
        if self.step_size is not None:
            check_positive("step_size", self.step_size, advice="Leave it out for 2.5 epsilon / n_steps.")

    @property
    def steps_taken(self) -> int:
        """Steps of one run: 1 for FGSM."""
        return 1 if self.method is AttackMethod.FGSM else self.n_steps

    @property
    def step_length(self) -> float:
        """The step actually taken: epsilon for FGSM, else `step_size` or 2.5 epsilon / n_steps."""
        if self.method is AttackMethod.FGSM:
            return self.epsilon
        return STEP_SIZE_RULE * self.epsilon / self.n_steps if self.step_size is None else self.step_size

    def with_epsilon(self, epsilon: float) -> AttackConfig:
        """The same attack under another budget."""
        return replace(self, epsilon=epsilon)

    def describe(self) -> str:
        """One line for captions: "PGD, L2 epsilon 3, 10 steps of 0.75"."""
        return (
            f"{self.method.upper()}, {self.norm.capitalize()} epsilon {format_epsilon(self.epsilon, self.norm)}, "
            f"{self.steps_taken} step{'s' if self.steps_taken > 1 else ''} of {self.step_length:.3g}"
        )


def format_epsilon(epsilon: float, norm: NormName) -> str:
    """Write a budget as people say it: Linf as k/255 where it is one, L2 as a plain number."""
    levels = epsilon * 255
    if norm is NormName.LINF and abs(levels - round(levels)) < 1e-6 and round(levels) >= 1:
        return f"{round(levels)}/255"
    return f"{epsilon:.4g}"


def parse_epsilon(text: str, norm: NormName) -> float:
    """Read a budget as people write it: "8/255" or "0.03" for Linf, "3" for L2.

    Parameters
    ----------
    text : str
        A number, or a fraction of two numbers.
    norm : NormName
        Decides the largest budget allowed (`LARGEST_EPSILON`).

    Returns
    -------
    float
        The budget in [0, 1] pixel units.

    Raises
    ------
    BadInputError
        If the text is no number, or the number is NaN, negative or beyond the largest; Linf "8" is asked whether 8/255
        was meant.
    """
    upper, slash, lower = text.partition("/")
    try:
        value = float(upper) / float(lower) if slash else float(upper)
    except (ValueError, ZeroDivisionError) as error:
        refusal = describe_refusal("epsilon", allowed="a number or a fraction such as 8/255", got=text)
        raise BadInputError(refusal) from error
    return check_epsilon("epsilon", value, largest=LARGEST_EPSILON[NormName(norm)])
