"""Square attack: maximises an objective by trying random squares and keeping those that help: no gradient needed.

Andriushchenko et al. 2020, arXiv 1912.00049. Every forward pass is a query; the budget is `config.n_queries` a run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from core.attacks.ball import Ball
from core.attacks.objective import Differentiable, Points, Scores
from core.attacks.run_context import RunContext
from core.attacks.squares import SQUARES, changed_share


@dataclass(frozen=True, slots=True, eq=False)
class _SquareState:
    """The best perturbation of every image so far, with its pixels and scores."""

    delta: torch.Tensor
    pixels: torch.Tensor
    scores: Scores

    def update(self, delta: torch.Tensor, pixels: torch.Tensor, scores: Scores) -> _SquareState:
        better = scores.values > self.scores.values
        wide, row = better.view(-1, 1, 1, 1), better.view(-1, 1)
        values = torch.where(better, scores.values, self.scores.values)
        kept = replace(self.scores, values=values, reduced=torch.where(row, scores.reduced, self.scores.reduced))
        if scores.shifts is not None and self.scores.shifts is not None:
            kept = replace(kept, shifts=torch.where(row, scores.shifts, self.scores.shifts))
        return _SquareState(torch.where(wide, delta, self.delta), torch.where(wide, pixels, self.pixels), kept)


def run_square(objective: Differentiable, ball: Ball, delta: torch.Tensor, *, context: RunContext) -> Points:
    """The start, then the best point so far at `steps_taken` moments evenly spread over the queries.

    A start without a perturbation begins with stripes or bumps, which cost the first query.
    """
    config = context.config
    squares, streams = SQUARES[config.norm], context.make_streams("square")
    pixels = ball.to_pixels(delta)
    at = _SquareState(delta, pixels, objective.score(pixels))
    yield at.pixels, at.scores
    shape, budgets = tuple(delta.shape[1:]), ball.epsilon.tolist()
    unperturbed = delta.flatten(1).abs().amax(dim=1) == 0
    for step in range(config.steps_taken):
        first, stop = (count * config.n_queries // config.steps_taken for count in (step, step + 1))
        for query in range(first, stop):
            fresh = unperturbed if query == 0 else torch.zeros_like(unperturbed)
            share = changed_share(squares.first_share, query, config.n_queries)
            proposed = [
                squares.begin(shape, budget, stream).to(own)
                if is_fresh
                else squares.change(own, budget, share, stream=stream)
                for own, budget, is_fresh, stream in zip(at.delta, budgets, fresh.tolist(), streams, strict=True)
            ]
            allowed = ball.project(torch.stack(proposed))
            pixels = ball.to_pixels(allowed)
            at = at.update(allowed, pixels, objective.score(pixels))
        yield at.pixels, at.scores
