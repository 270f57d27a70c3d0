"""PGD whose steps fall from the whole budget to a small part of it, in phases, until a further phase gains too little.

delta <- project(delta + a_t epsilon steepest(v_t)), v_t = mu v_(t-1) + gradient / ||gradient||_1, a_t half a cosine.
Steps of one length go on jumping over the kinks of a network and never settle. Falling ones always do, whatever is left
to gain: only the next phase tells, which starts from the best point with raised steps and is twice as long. What it
gained, and how much less than the phase before, foretells what another one would: the convergence figure.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from core.attacks.ball import Ball
from core.attacks.gradient_rule import GradientRule
from core.attacks.objective import Differentiable, Points
from core.attacks.run_context import RunContext

FIRST_PHASE = 15
"""Steps of the first phase; each further one is twice as long."""

FIRST_STEP, LAST_STEP = 1.0, 0.03
"""Steps in budgets at the beginning of every phase and at the end of the first; each further phase ends at half."""

LEAST_RATIO = 0.6
"""A phase is foretold to gain at least this part of what the one before gained; .38 to .84 were measured.

Chosen on 22 runs of the shipped networks: 20 are told rightly whether twice the steps gain over 5 %, two are called
unconverged at 3.6 and 3.9 %. With .5 two that gained 6 and 7 % passed as converged.
"""

LEAST_GAIN = 0.015
"""The search ends where the next phase is foretold to gain less than this share of the whole gain.

All further phases together then gain 0.015 / (1 - `LEAST_RATIO`) = 4 %, should each gain the least part of the last.
With 0.025 two of 114 attacks on the shipped networks ended below 95 % of the best known for it, with 0.02 one.
"""

LEAST_STEPS = 45
"""What more steps would gain is foretold from the first two whole phases; of fewer steps it is not known (NaN)."""


def place_phases(n_steps: int) -> tuple[int, ...]:
    """Lengths of the phases of `n_steps` steps: 15, 30, 60 and so on, or a third and two thirds of fewer than 45.

    Examples
    --------
    >>> place_phases(105), place_phases(60), place_phases(10), place_phases(1)
    ((15, 30, 60), (15, 45), (3, 7), (1,))
    """
    first = min(FIRST_PHASE, max(n_steps // 3, 1))
    lengths = [first]
    while (left := n_steps - sum(lengths)) > 0:
        following = 2 * lengths[-1]
        lengths.append(left if left < 3 * following else following)
    return tuple(lengths)


def foretell(tops: Sequence[torch.Tensor]) -> torch.Tensor:
    """What another phase would gain, (n,), from the best values at the start (first) and after every phase.

    The last gain times its ratio to the one before, from `LEAST_RATIO` to 1. After a single phase that is its own gain:
    nothing is known yet.
    """
    gains = [after - before for before, after in itertools.pairwise(tops)]
    if len(gains) < 3:
        return gains[-1] * LEAST_RATIO ** (len(gains) - 1)
    tiny = torch.finfo(gains[-1].dtype).tiny
    return gains[-1] * (gains[-1] / gains[-2].clamp_min(tiny)).clamp(LEAST_RATIO, 1)


def run_falling(objective: Differentiable, ball: Ball, delta: torch.Tensor, *, context: RunContext) -> Points:
    """The start and every point after it, each with its scores; the context's report tells how it ended.

    Where no number of steps is asked, each image ends by itself, so that none depends on its neighbours: its later
    points have the value -inf.
    """
    config, report = context.config, context.report
    gradient_rule, span = GradientRule(objective, context), ball.epsilon.view(-1, 1, 1, 1)
    top, top_delta = torch.full_like(context.origin, -torch.inf), delta
    tops: list[torch.Tensor] = []
    ended = torch.zeros_like(top, dtype=torch.bool)
    report.to_gain, report.n_steps = top, torch.zeros_like(top, dtype=torch.int64)
    for number, length in enumerate(phases := place_phases(config.steps_taken)):
        delta, least = top_delta, LAST_STEP / 2**number
        gradient_rule.forget()
        for step in range(length + 1):
            pixels = ball.to_pixels(delta)
            if step < length:
                scores, gradient = gradient_rule.gradient_at(pixels)
                share = least + (FIRST_STEP - least) * (1 + math.cos(math.pi * step / length)) / 2
                ahead = ball.project(delta + share * span * ball.steepest(gradient))
            else:
                scores = objective.score(pixels)
            scores = replace(scores, values=torch.where(ended, -torch.inf, scores.values))
            better = scores.values > top
            top, top_delta = torch.where(better, scores.values, top), pick(better, delta, top_delta)
            if not tops or step == length:
                tops.append(top)
            if step == length:
                report.n_steps = torch.where(ended, report.n_steps, report.n_steps + length)
                to_gain = foretell(tops) if sum(phases) >= LEAST_STEPS else torch.full_like(top, torch.nan)
                report.to_gain = torch.where(ended, report.to_gain, to_gain)
                ended = ended | (
                    (to_gain <= LEAST_GAIN * (top - context.origin)) & (number > 0) & (config.n_steps == 0)
                )
                report.is_over = number + 1 == len(phases) or bool(ended.all())
            if number == 0 or step > 0:  # a later phase starts from a point that was told already
                yield pixels, scores
            delta = ahead
        if report.is_over:
            return


def pick(where: torch.Tensor, yes: torch.Tensor, no: torch.Tensor) -> torch.Tensor:
    """The images (n, 3, height, width) of `yes` where (n,) is true, else those of `no`."""
    return torch.where(where.view(-1, 1, 1, 1), yes, no)
