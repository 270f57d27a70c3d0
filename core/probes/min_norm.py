"""Searches the smallest budget that shifts a target by a wanted number of SDs, then probes with it.

First along the epsilon grid until a budget reaches the shift, then between it and the largest that does not by halving
the interval of log epsilon; each try keeps what was found at the largest budget that failed. The final probe uses
exactly the budgets that led to the answer, so it is an ordinary probe and reproduces as one.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import replace

from core.attacks.epsilon_grid import BudgetResult, fit_to_budget
from core.attacks.pgd import AttackStep
from core.attacks.rules import check_scale
from core.encoders.encoder import Encoder
from core.images.stimulus import Stimulus
from core.probes.probe import MIN_NORM_TOLERANCE, ProbeConfig, ProbeProgress
from core.probes.run import Others, Running, iter_probe
from core.progress import ShouldStop

QUARTERINGS = 8
"""Where even the lowest budget reaches the shift, it is quartered up to so many times to find one that does not."""


def iter_min_norm(
    encoder: Encoder, stimulus: Stimulus, config: ProbeConfig, *, should_stop: ShouldStop, others: Others = ()
) -> Iterator[ProbeProgress]:
    """Search, then probe; the last record's probe has the budget found, or the largest if none reaches the shift.

    `config`: with `wanted_shift_sd` above 0; `attack.epsilon` is the largest budget allowed. `others`: the further
    encoders of the ensemble.

    Raises BadInputError as `iter_probe`, and if the target's SD over the reference images is not known; Cancelled as
    soon as `should_stop()` is true.
    """
    search = _Search(encoder, stimulus, config, should_stop=should_stop, others=others)
    yield from search.run()
    for progress in iter_probe(encoder, stimulus, search.answer, should_stop=should_stop, others=others):
        done = search.n_steps - progress.n_steps + progress.step
        yield replace(progress, step=done, n_steps=search.n_steps)


class _Search(Running):
    """The interval that holds the answer, and the budgets attacked on the way to its lower end."""

    def _prepare(self) -> int:
        config, encoder = self._config, self._encoder
        self._epsilons = tuple(epsilon for epsilon in config.ladder if epsilon > 0)
        sd = check_scale(encoder.target_sd(config.target.vector(encoder.n_voxels)))
        self._wanted = config.wanted_shift_sd * sd
        self._path: list[float] = []
        self._below: BudgetResult | None = None
        self._reached = False
        self.answer = config
        """The probe to make in the end."""
        tries = len(self._epsilons) + QUARTERINGS + math.ceil(math.log2(math.log(4) / math.log1p(MIN_NORM_TOLERANCE)))
        return 2 * tries  # search and probe together

    def iterate(self) -> Iterator[ProbeProgress]:
        """Along the epsilon grid, below it until a budget fails, then between the two; `answer` is set in the end."""
        self._take_clean(self._own.score(self._pixels))
        for upper in self._epsilons:
            if (yield from self._attack(upper)):
                break
        else:
            return
        for _ in range(0 if self._path else QUARTERINGS):
            if not (yield from self._attack(upper / 4)):
                break
            upper = upper / 4
        while self._path and upper / self._path[-1] > 1 + MIN_NORM_TOLERANCE:
            middle = math.sqrt(upper * self._path[-1])
            if (yield from self._attack(middle)):
                upper = middle

    def _attack(self, epsilon: float) -> Generator[ProbeProgress, None, bool]:
        """Try a budget; whether it reaches the shift.

        One that does is the answer so far, one that does not is where to go on from.
        """
        config = self._config

        def is_enough(step: AttackStep) -> bool:
            self._reached = self._moved(step.scores) >= self._wanted
            return self._reached and self._objective is self._own and config.objective.is_linear

        # What is attacked is then the shift itself, so the whole attack reaches it too.
        last = yield from self._attack_under(epsilon, self._below, attack=config.attack, ends=is_enough)
        if last.convergence is not None:
            self._reached = self._moved(self._own.score(last.best.pixels)) >= self._wanted
        if self._reached:
            attack = fit_to_budget(config.attack, epsilon)
            self.answer = replace(config, attack=attack, ladder=(*self._path, epsilon))
        else:
            self._below = BudgetResult(epsilon, last.best)
            self._path.append(epsilon)
        return self._reached
