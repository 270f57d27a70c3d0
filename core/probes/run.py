"""Runs one probe from clean image to finished record, as a generator of progress.

clean image -> attack along the epsilon grid -> controls -> everything scored again from the delivered pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from core.attacks.ball import apply_mask
from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.control import draw_control, flip_sign
from core.attacks.epsilon_grid import BudgetResult, EpsilonStep, iter_budget, iter_epsilon_grid
from core.attacks.norms import NORMS
from core.attacks.objective import Scores
from core.attacks.pgd import AttackStep
from core.checks import refusal
from core.encoders.encoder import Encoder
from core.errors import NoGradientError
from core.images.stimulus import GREY_LEVELS, Stimulus
from core.probes.evaluate import Delivered, evaluate
from core.probes.objectives import build_own, build_together, check_named, guarded
from core.probes.probe import UNKNOWN_PAIR, Probe, ProbeConfig, ProbeProgress, StepHistory
from core.probes.respond import check_pixels, to_tensor
from core.progress import ShouldStop, Stopwatch, check_stop
from core.types import ByteArray, FloatArray

MOST_STEPS = 400
"""Steps kept of a probe (60 MB of 224 x 224 pictures); longer attacks keep every k-th step and each run's last."""
MOST_RESPONSES = 2**25
"""Responses kept with them, 134 MB: of 330,000 voxels those to 101 steps."""

Others = Sequence[Encoder]
"""The further encoders of a probe."""


def iter_probe(
    encoder: Encoder, stimulus: Stimulus, config: ProbeConfig, *, should_stop: ShouldStop, others: Others = ()
) -> Iterator[ProbeProgress]:
    """Probe an encoder with one stimulus.

    Parameters
    ----------
    encoder : The one that `config` names.
    stimulus : At the network's input size.
    should_stop : Asked before every layer of every pass.
    others : The further encoders that `config.ensemble` names, in its order, or the one of `config.against`; all show
        images of one size.

    Yields
    ------
    ProbeProgress
        One after the clean pass, one a step, one before the controls, and the last with the finished `Probe`.

    Raises BadInputError if the encoder is another than the one named, or the stimulus has another size; Cancelled as
    soon as `should_stop()` is true, within a layer's time.
    """
    yield from _ProbeRun(encoder, stimulus, config, should_stop=should_stop, others=others).run()


class Running:
    """What a probe or a search for one keeps while it runs, and how it tells of a step.

    Each kind has a `_prepare`, which returns the budgets it attacks at most, and an `iterate`.
    """

    def __init__(
        self, encoder: Encoder, stimulus: Stimulus, config: ProbeConfig, *, should_stop: ShouldStop, others: Others = ()
    ) -> None:
        check_named(encoder, config, others=others)
        check_pixels(encoder, stimulus.pixels[np.newaxis])
        self._encoder, self._stimulus, self._config = encoder, stimulus, config
        self._should_stop, self._others = should_stop, others
        self._norm = NORMS[config.attack.norm]

    def run(self) -> Iterator[ProbeProgress]:
        """Every record; each pass stops within a layer's time and computes the same bits each time."""
        config = self._config
        with guarded((self._encoder, *self._others), self._should_stop):
            self._pixels = to_tensor(self._encoder, self._stimulus.pixels[np.newaxis])
            self._own = build_own(self._encoder, config, self._pixels)
            self._objective = build_together(self._own, config, self._pixels, others=self._others)
            self.n_steps = self._prepare() * config.attack.n_restarts * config.attack.steps_taken
            self._watch, self._taken = Stopwatch(self.n_steps), 0
            yield from self.iterate()

    def _prepare(self) -> int:
        raise NotImplementedError

    def iterate(self) -> Iterator[ProbeProgress]:
        """From the clean pass on."""
        raise NotImplementedError

    def _take_clean(self, scores: Scores) -> None:
        self._clean_value, self._clean = float(self._own.reported(scores)), self._responses(scores)
        check_finite(self._clean)

    def _responses(self, scores: Scores) -> FloatArray:
        with torch.no_grad():
            return np.asarray(self._encoder.responses_of(scores.reduced)[0].float().cpu().numpy())

    def _slope(self, gradient: torch.Tensor) -> float:
        """The first-order gain of a unit budget, where the mask lets it lie."""
        return float(self._norm.dual_size(apply_mask(gradient, self._config.attack.mask)))

    def _moved(self, scores: Scores) -> float:
        """The shift in the direction wanted."""
        return self._config.direction.sign * (float(self._own.reported(scores)) - self._clean_value)

    def _attack_under(
        self, epsilon: float, below: BudgetResult | None, *, attack: AttackConfig, ends: Callable[[AttackStep], bool]
    ) -> Generator[ProbeProgress, None, AttackStep]:
        """Attack under a budget, from what a lower one found, until `ends` or to the end; returns the last step."""
        last, keys = None, (self._stimulus.sha256,)
        for last in iter_budget(self._objective, self._pixels, attack, epsilon=epsilon, below=below, keys=keys):
            self._taken += 1
            yield self._tell("search", last.pixels, last.scores, epsilon)
            if ends(last):
                break
        if last is None:
            raise RuntimeError("An attack ended without a step.")
        return last

    def _evaluate(self, delivered: Delivered, history: StepHistory, *, dual_size: float) -> Probe:
        asked, watch = (self._encoder, self._stimulus, self._config), self._watch
        return evaluate(
            *asked, delivered=delivered, dual_size=dual_size, history=history, watch=watch, others=self._others
        )

    def _tell(self, stage: str, pixels: torch.Tensor, scores: Scores, epsilon: float) -> ProbeProgress:
        """Bring pixels and scores off the device once."""
        shift, responses = float(self._objective.reported(scores)) - self._clean_value, self._responses(scores)
        against, moved = self._config.against, scores.shifts
        pair = UNKNOWN_PAIR
        if against is not None and moved is not None:
            own, second = (np.asarray(moved[0].cpu()) * against.signs(self._config.direction)).tolist()
            pair = own, second
        told = (stage, self._taken, self.n_steps, epsilon, shift, to_levels(pixels), self._clean, responses, None)
        return ProbeProgress(*told, shifts_sd=pair)


class RecordedStep(NamedTuple):
    """One step: its restart, budget, the target's shift, pixels (height, width, 3) uint8, responses (n_voxels,).

    Last the shift in a second encoder in SDs, NaN without one. After the restart in the order of `StepHistory`.
    """

    restart: int
    epsilon: float
    shift: float
    pixels: ByteArray
    responses: FloatArray
    second_shift_sd: float


class HistoryRecorder:
    """Takes every step of every budget and gives back the history of the kept runs.

    `steps_of_run`: steps of one run on one budget. `n_voxels`: of each step's responses.
    """

    def __init__(self, n_budgets: int, steps_of_run: int, *, n_voxels: int) -> None:
        self._stride = -(-n_budgets * steps_of_run // min(MOST_STEPS, max(1, MOST_RESPONSES // n_voxels)))
        self._steps_of_run = steps_of_run
        self._kept: list[RecordedStep] = []
        self._budget: list[RecordedStep] = []

    def add(self, step: RecordedStep, *, taken: int, ends_run: bool) -> None:
        """Record step `taken` (from 1) of the current budget, if it falls into the stride or ends a run."""
        within = (taken - 1) % self._steps_of_run + 1
        if within % self._stride == 0 or ends_run:
            self._budget.append(step)

    def end_run(self, restart: int) -> None:
        """Keep the steps of the run that found the best point so far and drop the other runs of this budget."""
        kept = max(restart, 0)  # No run here beat the warm start: the first run, which began there, is shown.
        self._budget = [step for step in self._budget if step.restart == kept]

    def end_budget(self) -> None:
        """Keep what is left of a budget whose last run ended."""
        self._kept += self._budget
        self._budget = []

    def finish(self) -> StepHistory:
        """The kept steps in the order taken."""
        _, *columns = zip(*self._kept, strict=True)
        return StepHistory(*(np.stack(column) for column in columns))


class _ProbeRun(Running):
    """The state of one probe while it runs."""

    def _prepare(self) -> int:
        self._history = HistoryRecorder(
            len(self._config.ladder), self._config.attack.steps_taken, n_voxels=self._encoder.n_voxels
        )
        self._budgets: list[torch.Tensor] = []
        self._convergence: list[FloatArray] = []
        return len(self._config.ladder)

    def iterate(self) -> Iterator[ProbeProgress]:
        """Clean pass, attack, controls, evaluation."""
        scores, dual_size = self._score_clean()
        self._take_clean(scores)
        last = self._tell("clean", self._pixels, scores, 0.0)
        yield last
        for last in self._run_attack():
            yield last
        yield replace(last, stage="controls", seconds_left=None)
        probe = self._finish(dual_size=dual_size)
        yield replace(
            last,
            stage="done",
            shift=float(probe.curve.shift[-1]),
            pixels=to_levels(self._budgets[-1]),
            clean=probe.clean,
            responses=probe.perturbed,
            seconds_left=0.0,
            result=probe,
        )

    def _score_clean(self) -> tuple[Scores, float]:
        """The clean scores and the dual norm of the gradient there; NaN if there is none and none is needed.

        NaN of a controversial probe too: it does not follow that gradient.
        """
        try:
            scores, gradient = self._own.value_and_gradient(self._pixels)
        except NoGradientError:
            check_finite(self._responses(self._own.score(self._pixels)))
            if self._config.attack.method is not AttackMethod.SQUARE:
                raise
            return self._own.score(self._pixels), float("nan")
        return scores, float("nan") if self._config.against else self._slope(gradient)

    def _run_attack(self) -> Iterator[ProbeProgress]:
        config = self._config
        names = (self._stimulus.sha256,)
        steps = iter_epsilon_grid(self._objective, self._pixels, config.attack, epsilons=config.ladder, keys=names)
        for step in steps:
            attack = step.attack
            record = self._record(step)
            if (convergence := attack.convergence) is not None:
                self._convergence.append(convergence.to_array())
                self._history.end_budget()
                self._budgets.append(attack.best.pixels)
            yield record

    def _record(self, step: EpsilonStep) -> ProbeProgress:
        """A step, kept in the history and told to whoever watches."""
        attack = step.attack
        self._taken = step.number * attack.n_steps + attack.step
        told = self._tell("attack", attack.pixels, attack.scores, step.epsilon)
        moved = (told.shift, told.pixels, told.responses, told.shifts_sd[1])
        recorded = RecordedStep(attack.restart, step.epsilon, *moved)
        self._history.add(recorded, taken=attack.step, ends_run=attack.ends_run)
        if attack.ends_run:
            self._history.end_run(int(attack.best.restart))
        return replace(told, seconds_left=self._watch.seconds_left(self._taken))

    def _finish(self, *, dual_size: float) -> Probe:
        perturbed = torch.cat(self._budgets)
        check_stop(self._should_stop)
        attack, key = self._config.attack, self._stimulus.sha256
        made = [make_controls(self._pixels, pixels[None], attack, key=key) for pixels in perturbed]
        controls, flips = zip(*made, strict=True)
        delivered = Delivered(
            clean=to_array(self._pixels),
            perturbed=to_array(perturbed),
            control=to_array(torch.cat(controls)),
            sign_flip=to_array(torch.cat(flips)),
            convergence=np.concatenate(self._convergence, axis=1),
        )
        return self._evaluate(delivered, self._history.finish(), dual_size=dual_size)


def make_controls(
    clean: torch.Tensor, perturbed: torch.Tensor, attack: AttackConfig, *, key: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """The random control and the sign flip of one perturbed image, both (1, 3, height, width), at its norm."""
    delta = perturbed - clean
    return draw_control(clean, delta, attack, keys=(key,)), flip_sign(clean, delta, attack)


def check_finite(responses: FloatArray) -> None:
    """Raise BadInputError if a response is infinite or NaN: nothing can be said about its shift."""
    if not np.isfinite(responses).all():
        advice = "The network or the readout overflows on this image; choose another layer or image."
        raise refusal("response", allowed="finite", got="inf or NaN", advice=advice)


def to_levels(pixels: torch.Tensor) -> ByteArray:
    """Grey levels round(255 x), (height, width, 3) uint8, of a batch of one image; rounded on its device."""
    levels = torch.round(pixels[0] * GREY_LEVELS).to(torch.uint8).permute(1, 2, 0).contiguous()
    return np.asarray(levels.cpu().numpy())


def to_array(pixels: torch.Tensor) -> FloatArray:
    """Pixels as float32 numpy, (n, 3, height, width), in C order."""
    return np.ascontiguousarray(pixels.detach().float().cpu().numpy())
