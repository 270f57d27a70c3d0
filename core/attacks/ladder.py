"""One attack under ascending budgets, each started where the last one ended: the whole curve from one run.

Never judges the curve; the delivered pixels are scored again by the probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.objective import Raised
from core.attacks.pgd import FROM_BELOW, AttackStep, Best, iter_pgd


@dataclass(frozen=True, slots=True, eq=False)
class LadderStep:
    """A step of the attack on one rung (counted from 0) under its budget."""

    rung: int
    epsilon: float
    attack: AttackStep

    @property
    def ends_rung(self) -> bool:
        """Whether this is the rung's last step, whose best pixels are its result."""
        return self.attack.step == self.attack.n_steps


def iter_ladder(
    objective: Raised,
    clean: torch.Tensor,
    config: AttackConfig,
    *,
    ladder: Sequence[float],
    keys: Sequence[str] | None = None,
) -> Iterator[LadderStep]:
    """Climb the budgets in ascending order.

    A rung starts from the last rung's perturbation, rescaled to the new budget, and keeps the last rung's result until
    it finds better, so the objective never falls along the ladder. FGSM takes its step from the clean image each time.

    Parameters
    ----------
    objective : Raised
    clean : (n, 3, height, width)
        Pixels in [0, 1].
    config : AttackConfig
        Of the highest rung; a given `step_size` is scaled with the budget.
    ladder : sequence of float
        Ascending budgets in [0, 1] pixel units, the last one `config.epsilon`.
    keys : sequence of n str, optional
        Names of the images' random streams.
    """
    below: Rung | None = None
    for rung, epsilon in enumerate(ladder):
        step: AttackStep | None = None
        for step in iter_rung(objective, clean, config, epsilon=epsilon, below=below, keys=keys):
            yield LadderStep(rung, epsilon, step)
        below = None if step is None else Rung(epsilon, step.best)


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """A budget that was climbed, and the best points found under it."""

    epsilon: float
    best: Best


def iter_rung(
    objective: Raised,
    clean: torch.Tensor,
    config: AttackConfig,
    *,
    epsilon: float,
    below: Rung | None,
    keys: Sequence[str] | None = None,
) -> Iterator[AttackStep]:
    """Attack under one budget, from what was found under a smaller one; FGSM always from the clean image."""
    attack = fit_to_rung(config, epsilon)
    if below is None or config.method is AttackMethod.FGSM:
        yield from iter_pgd(objective, clean, attack, keys=keys)
        return
    best = _hand_up(below.best)
    start = (best.pixels - clean) * (epsilon / below.epsilon if below.epsilon > 0 else 1.0)
    yield from iter_pgd(objective, clean, attack, start=start, incumbent=best, keys=keys)


def fit_to_rung(config: AttackConfig, epsilon: float) -> AttackConfig:
    """The attack under a rung's budget; a given step size keeps its share of the budget."""
    if config.step_size is None or epsilon == 0 or config.epsilon == 0:
        return config.with_epsilon(epsilon)
    return replace(config, epsilon=epsilon, step_size=config.step_size * epsilon / config.epsilon)


def _hand_up(best: Best) -> Best:
    """The same points, marked as found below."""
    return replace(best, restart=torch.full_like(best.restart, FROM_BELOW))
