"""Brings a target to a wanted level with the smallest perturbation it finds: what level sets are made of.

    y = mu + l sigma,    mu, sigma: mean and SD of c . f over the clean reference images

The first budget tried is the one a linear encoder needs, |y - c . f(x)| / ||gradient||_dual. A budget that does not
reach y is raised along the slope of what was found so far, up to the largest one allowed. What goes beyond y is taken
back along the segment to the clean image until it stands at y, and the attack is repeated at the size that is left: to
first order nothing is lost on that segment near the best perturbation, so the search ends once it is short.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from core.attacks.ball import Ball, render_mask, unmask, widen
from core.attacks.epsilon_grid import BudgetResult, fit_to_budget
from core.attacks.pgd import AttackStep
from core.attacks.rules import check_scale
from core.encoders.card import describe_unknown_mean
from core.encoders.encoder import Encoder
from core.errors import BadInputError
from core.images.stimulus import Stimulus
from core.probes.evaluate import Delivered
from core.probes.objectives import build_own
from core.probes.probe import LEVEL_TOLERANCE, MIN_NORM_TOLERANCE, Probe, ProbeConfig, ProbeProgress, StepHistory
from core.probes.run import Others, Running, iter_probe, make_controls, to_array
from core.progress import ShouldStop, check_stop
from core.seeds import make_stream
from core.types import Direction, FloatArray

TIGHT = 0.005
"""SDs to which a level is met before saving."""
SHORT = 1.05
"""The search ends once taking back shortens it by less than this factor: what is lost is of second order."""
MOST_TRIES = 16
"""Budgets attacked at most."""
LEAST_RISE, MOST_RISE, AHEAD = SHORT, 4.0, 1.02
"""From one budget to the next, in parts of the one that failed; and how far beyond the foretold one it goes."""
MOST_CUTS = 25


def iter_wanted(
    encoder: Encoder, stimulus: Stimulus, config: ProbeConfig, *, should_stop: ShouldStop, others: Others = ()
) -> Iterator[ProbeProgress]:
    """The probe of a config: the search for a level where it has one, else an ordinary probe (`iter_probe`)."""
    if config.level is None:
        yield from iter_probe(encoder, stimulus, config, should_stop=should_stop, others=others)
    else:
        yield from _LevelSearch(encoder, stimulus, config, should_stop=should_stop, others=others).run()


def check_mean(encoder: Encoder, direction: FloatArray) -> float:
    """The target's mean over the reference images. Raises BadInputError where it is not known."""
    mean = encoder.target_mean(direction)
    if not math.isfinite(mean):
        raise BadInputError(describe_unknown_mean(encoder.card.config))
    return mean


class _LevelSearch(Running):
    """One level of one image: the goal, and the best perturbation so far."""

    def _prepare(self) -> int:
        direction = self._config.target.vector(self._encoder.n_voxels)
        self._sd = check_scale(self._encoder.target_sd(direction))
        self._goal = check_mean(self._encoder, direction) + (self._config.level or 0.0) * self._sd
        self._largest = self._config.largest_epsilon
        self._size, self._best = math.inf, self._pixels
        self._convergence = np.array([[0.0], [math.nan], [0.0]])
        return MOST_TRIES

    def iterate(self) -> Iterator[ProbeProgress]:
        """Clean pass, search, controls, evaluation."""
        scores, gradient = self._own.value_and_gradient(self._pixels)
        self._take_clean(scores)
        way = Direction.RAISE if self._goal >= self._clean_value else Direction.LOWER
        self._config = replace(self._config, direction=way)
        self._own = self._objective = build_own(self._encoder, self._config, self._pixels)
        self._gap = abs(self._goal - self._clean_value)
        slope = self._slope(gradient)
        yield self._tell("clean", self._pixels, scores, 0.0)
        if self._gap > LEVEL_TOLERANCE * self._sd:
            first = min(self._largest, self._gap / slope) if slope > 0 else self._largest
            yield from self._search(first)
        size = min(self._measure(self._best), self._largest)
        last = self._tell("controls", self._best, self._own.score(self._best), size)
        yield last
        probe = self._finish(last, dual_size=slope)
        shift = float(probe.curve.shift[-1])
        yield replace(last, stage="done", step=self.n_steps, shift=shift, responses=probe.perturbed, result=probe)

    def _search(self, epsilon: float) -> Iterator[ProbeProgress]:
        attack = fit_to_budget(self._config.attack, self._largest)
        below: BudgetResult | None = None
        failed = (0.0, 0.0)
        for number in range(MOST_TRIES):
            last = yield from self._attack_under(epsilon, below, attack=attack, ends=lambda _: False)
            moved = self._moved_to(last.best.pixels)
            if moved >= self._gap - TIGHT * self._sd:
                is_beyond = moved > self._gap + TIGHT * self._sd
                pixels = self._take_back(last.best.pixels) if is_beyond else last.best.pixels
                if self._measure(pixels) < self._size:
                    self._deliver(pixels, last)
                if epsilon <= SHORT * self._size or self._size <= (1 + MIN_NORM_TOLERANCE) * failed[0]:
                    return
                below = below if below is not None and below.epsilon < self._size else None
                epsilon = self._size
                continue
            if epsilon >= self._largest or math.isfinite(self._size):
                if not math.isfinite(self._size):
                    self._deliver(last.best.pixels, last)
                return
            slope = (moved - failed[1]) / (epsilon - failed[0])
            ahead = AHEAD * (epsilon + (self._gap - moved) / slope) if slope > 0 else math.inf
            below, failed = BudgetResult(epsilon, last.best), (epsilon, moved)
            rise = min(max(ahead / epsilon, LEAST_RISE), MOST_RISE) if number < MOST_TRIES - 2 else math.inf
            epsilon = min(self._largest, rise * epsilon)

    def _deliver(self, pixels: torch.Tensor, last: AttackStep) -> None:
        self._best, self._size = pixels, self._measure(pixels)
        if last.convergence is not None:
            self._convergence = last.convergence.to_array()

    def _take_back(self, far: torch.Tensor) -> torch.Tensor:
        """The pixels on the segment from the clean image to `far` that stand at the level.

        Whole grey levels come in jumps, of all pixels at once under Linf: there a part of the pixels, drawn at random,
        is taken from the nearest image beyond the level, the others from the nearest before it.
        """
        delta = far - self._pixels
        ball = Ball(self._norm, self._pixels, self._norm.size(delta), quantise=self._config.attack.quantise)
        near, beyond = self._cross(
            lambda share: ball.enforce_exactly(ball.to_pixels(share * delta)), (self._pixels, far)
        )
        if near is not beyond and ball.quantise:
            stream = make_stream(self._config.attack.seed, "level", self._stimulus.sha256)
            ranks = torch.from_numpy(stream.random(near.shape[1:], dtype=np.float32)).to(near)
            start, end = near, beyond
            near, beyond = self._cross(lambda share: torch.where(ranks < share, end, start), (start, end))
        return min(near, beyond, key=lambda pixels: abs(self._moved_to(pixels) - self._gap))

    def _cross(
        self, make: Callable[[float], torch.Tensor], ends: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The images before and beyond the level, of those `make` gives for 0 to 1; the same one where it is met."""
        from scipy.optimize import brentq  # takes a while to import

        images = list(ends)

        def miss(share: float) -> float:
            check_stop(self._should_stop)
            pixels = make(share)
            found = self._moved_to(pixels) - self._gap
            if abs(found) <= TIGHT * self._sd:
                images[:] = pixels, pixels
                return 0.0
            images[int(found > 0)] = pixels
            return found

        brentq(miss, 0.0, 1.0, maxiter=MOST_CUTS, disp=False)
        return images[0], images[1]

    def _moved_to(self, pixels: torch.Tensor) -> float:
        """The shift in the direction of the level, in the response's unit."""
        return self._moved(self._own.score(pixels))

    def _measure(self, pixels: torch.Tensor) -> float:
        """The budget that a perturbation takes; of a soft mask more than its size."""
        delta = widen(pixels - self._pixels)
        return float(self._norm.size(unmask(delta, render_mask(self._config.attack.mask, delta))))

    def _finish(self, last: ProbeProgress, *, dual_size: float) -> Probe:
        size = last.epsilon
        attack = fit_to_budget(self._config.attack, size)
        self._config = replace(self._config, attack=attack, ladder=(size,), level_within=self._largest)
        control, flip = make_controls(self._pixels, self._best, attack, key=self._stimulus.sha256)
        self._convergence[2] = self._taken
        images = (to_array(self._pixels), to_array(self._best), to_array(control), to_array(flip))
        history = StepHistory(
            np.array([size]), np.array([last.shift]), last.pixels[np.newaxis], last.responses[np.newaxis]
        )
        return self._evaluate(Delivered(*images, self._convergence), history, dual_size=dual_size)
