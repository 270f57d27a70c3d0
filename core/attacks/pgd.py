"""The loop of every attack: restarts, the best point kept. Here also PGD of fixed steps, and FGSM as one step of it.

Madry et al. 2018, arXiv 1706.06083; Goodfellow et al. 2015, arXiv 1412.6572.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from core.attacks.apgd import run_apgd
from core.attacks.ball import Ball, render_mask, unmask
from core.attacks.config import STEP_SIZE_RULE, AttackConfig, AttackMethod
from core.attacks.falling import run_falling
from core.attacks.gradient_rule import GradientRule
from core.attacks.norms import NORMS
from core.attacks.objective import Differentiable, Points, Scores
from core.attacks.run_context import Convergence, RunContext, RunReport, measure_convergence, report_last_third
from core.attacks.square import run_square

WARM_START = -1
"""The `restart` of a warm start that no run has beaten."""


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best point of each image so far: values (n,), pixels (n, 3, height, width), restart (n,) that found it."""

    values: torch.Tensor
    pixels: torch.Tensor
    restart: torch.Tensor

    def update(self, values: torch.Tensor, pixels: torch.Tensor, *, restart: int) -> Best:
        """Take over the images whose value is higher; decided on the device, so that nothing waits for it."""
        better = values > self.values
        return Best(
            torch.where(better, values, self.values),
            # With weights 0 and 1 this picks exactly one of the two, fifteen times as fast as a mask.
            torch.lerp(self.pixels, pixels, better.to(pixels.dtype).view(-1, 1, 1, 1)),
            torch.where(better, restart, self.restart),
        )


@dataclass(frozen=True, slots=True, eq=False)
class AttackStep:
    """Where an attack stands after a step.

    `step` counts from 1 to `n_steps` over all restarts; `pixels` (n, 3, height, width) are the newest iterate, `scores`
    its own; `best` is the best so far, and on the last step keeps budget and bounds to the last bit. `ends_run` marks a
    restart's last step; where fewer are needed, numbers are left out. `convergence` comes with the last of all.
    """

    step: int
    n_steps: int
    restart: int
    pixels: torch.Tensor
    scores: Scores
    best: Best
    ends_run: bool = False
    convergence: Convergence | None = None


def iter_pgd(
    objective: Differentiable,
    clean: torch.Tensor,
    config: AttackConfig,
    *,
    start: torch.Tensor | None = None,
    incumbent: Best | None = None,
    keys: Sequence[str] | None = None,
) -> Iterator[AttackStep]:
    """Maximise the objective of every image within its ball, one record a step.

    PGD: delta <- project(delta + step * steepest(gradient)), the best iterate of each image kept.

    Parameters
    ----------
    clean : (n, 3, height, width). Pixels in [0, 1].
    config : FGSM takes one step of length epsilon and delivers where it leads, be it better or not. The others never
        deliver less than their best start. `step_size` holds for all images.
    start : (n, 3, height, width), optional. Perturbation the first run starts from, projected first.
    incumbent : Points inside the ball to be beaten.
    keys : sequence of n str, optional. Names of the images' random streams; by default the hash of their pixels.

    Raises BadInputError if 8-bit pixels are asked from clean ones that are not.
    """
    budgets = clean.new_full((len(clean),), config.epsilon)
    mask = render_mask(config.mask, clean)
    ball = Ball(NORMS[config.norm], clean, budgets, quantise=config.quantise, mask=mask)
    names = tuple(keys) if keys is not None else tuple(hash_image(image) for image in clean)
    best = incumbent
    if best is None:
        worst = torch.full_like(budgets, -torch.inf)
        best = Best(worst, clean, torch.full_like(worst, WARM_START, dtype=torch.int64))
    needs_origin = config.falls or start is not None  # else gains are counted from the first start
    origin = objective.score(clean).values if needs_origin else best.values
    tops: list[torch.Tensor] = []
    reports: list[RunReport] = []
    for restart in range(config.n_restarts):
        delta = _start(ball, config, start, restart=restart, keys=names)
        context = RunContext(config, restart, names, origin)
        run = (run_falling if config.falls else RUNS[config.method])(objective, ball, delta, context=context)
        trace: list[torch.Tensor] = []
        for taken, (pixels, scores) in enumerate(run):
            if not needs_origin and restart == taken == 0:
                origin = scores.values
            trace.append(torch.maximum(scores.values, trace[-1]) if trace else scores.values)
            if taken > 0 or config.method is not AttackMethod.FGSM:
                best = best.update(scores.values, pixels, restart=restart)
            if taken == 0:
                continue
            step, n_steps = restart * config.steps_taken + taken, config.n_restarts * config.steps_taken
            convergence: Convergence | None = None
            ends = context.report.is_over or taken == config.steps_taken
            if ends:
                tops.append(trace[-1])
                reports.append(context.report if config.falls else report_last_third(trace))
            if ends and restart + 1 == config.n_restarts:
                convergence = measure_convergence(origin, best.values, tops=tops, reports=reports)
                best = Best(best.values, ball.enforce_exactly(best.pixels), best.restart)
            yield AttackStep(step, n_steps, restart, pixels, scores, best, ends, convergence)


def hash_image(image: torch.Tensor) -> str:
    """SHA-256 of one image's float32 pixels (3, height, width), the same on every device."""
    return hashlib.sha256(image.detach().cpu().float().contiguous().numpy().tobytes()).hexdigest()


def run_pgd(objective: Differentiable, ball: Ball, delta: torch.Tensor, *, context: RunContext) -> Points:
    """The start and the n_steps points after it, each with its scores.

    When rounding to grey levels, the gradient is taken at the rounded point but added to the unrounded one, so that
    steps of less than a level add up instead of being rounded away.
    """
    config, stride = context.config, ball.epsilon
    if config.step_size is not None and config.method is not AttackMethod.FGSM:
        stride = torch.full_like(stride, config.step_size)
    elif config.method is not AttackMethod.FGSM:
        stride = STEP_SIZE_RULE * stride / config.steps_taken
    stride, gradient_rule = stride.view(-1, 1, 1, 1), GradientRule(objective, context)
    for _ in range(config.steps_taken):
        pixels = ball.to_pixels(delta)
        scores, gradient = gradient_rule.gradient_at(pixels)
        yield pixels, scores
        delta = ball.project(delta + stride * ball.steepest(gradient))
    pixels = ball.to_pixels(delta)
    yield pixels, objective.score(pixels)


AttackRun = Callable[..., Points]
"""One run of a method from a projected start `delta`: yields it and every point after it, each with its scores."""

RUNS: dict[AttackMethod, AttackRun] = {
    AttackMethod.FGSM: run_pgd,
    AttackMethod.PGD: run_pgd,
    AttackMethod.APGD: run_apgd,
    AttackMethod.SQUARE: run_square,
}
"""The run of each method; PGD takes `run_falling` unless its steps are fixed."""


def _start(
    ball: Ball, config: AttackConfig, start: torch.Tensor | None, *, restart: int, keys: Sequence[str]
) -> torch.Tensor:
    if restart == 0 and start is not None:
        return ball.project(unmask(start, ball.mask))
    if restart == 0 and not config.random_start:
        return torch.zeros_like(ball.clean)
    return ball.draw_start(config.seed, restart, keys)
