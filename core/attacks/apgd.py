"""Projected gradient ascent (APGD) that adapts its step length: long at first, halved wherever it stops gaining.

Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks",
arXiv 2003.01690, algorithm 1. Article and the authors' own program differ in rounding: the program counts the spans
between checkpoints in whole steps, rounded down, and halves where the share of rises is exactly 0.75 too. That checks
short runs earlier and raises more in them (by a tenth in 20 steps, 4 % in 40), so it is what is done here.

It needs steps to find its length: in 10 it stays behind plain PGD, from about 20 on it is ahead.
"""

from __future__ import annotations

import torch

from core.attacks.ball import Ball
from core.attacks.falling import pick
from core.attacks.objective import Differentiable, Points
from core.attacks.run_context import RunContext

MOMENTUM = 0.75
"""Share of the new step; the rest repeats the last one."""

LEAST_RISES = 0.75
"""Share of steps since the last checkpoint of which more must have gained, or the step is halved."""

FIRST_STEP = 2.0
"""First step, in budgets: across the whole ball."""

FIRST_SPAN, SHORTENING, LEAST_SPAN = 0.22, 0.03, 0.06
"""Steps between checkpoints as shares of all: the first span, how much each is shorter than the last, the shortest."""


def place_checkpoints(n_steps: int) -> tuple[int, ...]:
    """Steps at which the step length is checked: spans of max(1, floor(share n)), each max(last - d, least)."""
    span, shorter, least = (
        max(1, int(round(share * n_steps, 6))) for share in (FIRST_SPAN, SHORTENING, LEAST_SPAN)
    )  # 0.06 x 50 is 3, not 2.9999
    found, step = [], span
    while step <= n_steps:
        found.append(step)
        span = max(span - shorter, least)
        step += span
    return tuple(found)


class _Search:
    """Where every image stands: its best point with its gradient, its step and what the last checkpoint saw."""

    def __init__(self, step: torch.Tensor, values: torch.Tensor, delta: torch.Tensor, gradient: torch.Tensor) -> None:
        self.step = step
        self.values = self.top = self.top_then = values
        self.top_delta, self.top_gradient = delta, gradient
        self.rises = torch.zeros_like(values, dtype=torch.int64)
        # Before the first checkpoint there is no earlier one to compare with.
        self.halved_then = torch.ones_like(values, dtype=torch.bool)

    def take(self, values: torch.Tensor, delta: torch.Tensor, gradient: torch.Tensor) -> None:
        self.rises += values > self.values
        better = values > self.top
        self.values, self.top = values, torch.where(better, values, self.top)
        self.top_delta = pick(better, delta, self.top_delta)
        self.top_gradient = pick(better, gradient, self.top_gradient)

    def halve_stalled(self, span: int) -> torch.Tensor:
        """Halve the step of images that gained too rarely, or not at all since an unhalved step; says which."""
        rare = self.rises <= LEAST_RISES * span
        stalled = rare | (~self.halved_then & (self.top_then >= self.top))
        self.step = torch.where(stalled, self.step / 2, self.step)
        self.halved_then, self.top_then, self.rises = stalled, self.top, torch.zeros_like(self.rises)
        return stalled


def run_apgd(objective: Differentiable, ball: Ball, delta: torch.Tensor, *, context: RunContext) -> Points:
    """The start and the n_steps points after it, each with its scores.

    z = project(delta + step steepest(gradient)); delta' = project(delta + 0.75 (z - delta) + 0.25 (delta - last)).
    """
    pixels = ball.to_pixels(delta)
    scores, gradient = objective.value_and_gradient(pixels)
    yield pixels, scores
    search = _Search(FIRST_STEP * ball.epsilon, scores.values, delta, gradient)
    n_steps, checked, last = context.config.steps_taken, 0, delta
    checkpoints = place_checkpoints(n_steps)
    for step in range(1, n_steps + 1):
        ahead = ball.project(delta + search.step.view(-1, 1, 1, 1) * ball.steepest(gradient))
        if step > 1:
            ahead = ball.project(delta + MOMENTUM * (ahead - delta) + (1 - MOMENTUM) * (delta - last))
        last, delta = delta, ahead
        pixels = ball.to_pixels(delta)
        if step == n_steps:
            yield pixels, objective.score(pixels)
            return
        scores, gradient = objective.value_and_gradient(pixels)
        yield pixels, scores
        search.take(scores.values, delta, gradient)
        if step in checkpoints:
            stalled = search.halve_stalled(step - checked)
            checked = step
            delta = pick(stalled, search.top_delta, delta)
            gradient = pick(stalled, search.top_gradient, gradient)
