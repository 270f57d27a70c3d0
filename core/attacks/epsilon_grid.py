"""One attack under ascending budgets: the whole curve, which never falls.

The probe scores the delivered pixels again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.objective import Objective
from core.attacks.pgd import WARM_START, AttackStep, Best, iter_pgd


@dataclass(frozen=True, slots=True, eq=False)
class EpsilonStep:
    """A step under one budget; `number` counts the budgets from 0. A `convergence` marks the last of each."""

    number: int
    epsilon: float
    attack: AttackStep


def iter_epsilon_grid(
    objective: Objective,
    clean: torch.Tensor,
    config: AttackConfig,
    *,
    epsilons: Sequence[float],
    keys: Sequence[str] | None = None,
) -> Iterator[EpsilonStep]:
    """Attack under each budget in ascending order.

    Each budget keeps the result of the one before until it finds a better one, so the objective never falls along the
    epsilon grid. Falling steps start from the clean image each time, which leads farther than the smaller budget's
    result does, and lets separate probes agree at the budgets they share. Steps of other kinds start from that result,
    rescaled; FGSM takes its step from the clean image each time.

    Parameters
    ----------
    clean : (n, 3, height, width). Pixels in [0, 1].
    config : Of the highest budget; a given `step_size` is scaled with the budget.
    epsilons : Ascending budgets in [0, 1] pixel units, the last one `config.epsilon`.
    keys : sequence of n str, optional. Names of the images' random streams.
    """
    below: BudgetResult | None = None
    for number, epsilon in enumerate(epsilons):
        step: AttackStep | None = None
        for step in iter_budget(objective, clean, config, epsilon=epsilon, below=below, keys=keys):
            yield EpsilonStep(number, epsilon, step)
        below = None if step is None else BudgetResult(epsilon, step.best)


@dataclass(frozen=True, slots=True, eq=False)
class BudgetResult:
    """A budget that was attacked, and the best points found under it."""

    epsilon: float
    best: Best


def iter_budget(
    objective: Objective,
    clean: torch.Tensor,
    config: AttackConfig,
    *,
    epsilon: float,
    below: BudgetResult | None,
    keys: Sequence[str] | None = None,
) -> Iterator[AttackStep]:
    """Attack under one budget, where less was attacked before; `iter_epsilon_grid` says from where."""
    attack = fit_to_budget(config, epsilon)
    if below is None or config.method is AttackMethod.FGSM:
        yield from iter_pgd(objective, clean, attack, keys=keys)
        return
    best = replace(below.best, restart=torch.full_like(below.best.restart, WARM_START))
    start = None if config.falls else (best.pixels - clean) * (epsilon / below.epsilon if below.epsilon > 0 else 1.0)
    yield from iter_pgd(objective, clean, attack, start=start, incumbent=best, keys=keys)


def fit_to_budget(config: AttackConfig, epsilon: float) -> AttackConfig:
    """The same attack under another budget; a given step size keeps its share of the budget."""
    if config.step_size is None or epsilon == 0 or config.epsilon == 0:
        return replace(config, epsilon=epsilon)
    return replace(config, epsilon=epsilon, step_size=config.step_size * epsilon / config.epsilon)
