"""Makes images from scratch that drive a target: no start image, no budget, and so never called a perturbation.

An image is sigmoid(C F^-1(s / f)): the spectrum s, drawn at random and then optimised by Adam, falls as 1 / f as that
of natural images does, and C mixes three channels into the correlated colours of photographs (Olah, Mordvintsev &
Schubert 2017, doi 10.23915/distill.00007, whose matrix and scales are taken). Each step sees the image moved by a few
pixels, so that no single pixel counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from core.attacks.objective import LinearObjective
from core.encoders.encoder import Encoder
from core.images.stimulus import from_uint8, to_uint8
from core.probes.objectives import guarded
from core.probes.respond import respond
from core.probes.synthesis_config import SynthesisConfig, check_synthesised
from core.probes.target import Target
from core.progress import Progress, ShouldStop, Stopwatch, check_stop
from core.seeds import make_stream
from core.types import ByteArray, Direction, FloatArray

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the covariance of the colours of photographs, as published."""
START_SD, SHRINKING = 0.01, 4.0
"""SD of the first spectrum, and what the inverse transform is divided by."""


@dataclass(frozen=True, slots=True, eq=False)
class Synthesis:
    """Images from scratch, best first.

    Parameters
    ----------
    levels : (n_restarts, height, width, 3) uint8
    responses : (n_restarts,) float64. The target's predicted response to these very levels, in `unit`.
    trace : (n_restarts, n_steps) float64. The same of the moved, unrounded image of every step.
    mean, sd : Of the predicted response over the encoder's clean reference images; NaN where they are not known.
    sha256 : Of the encoder.
    """

    config: SynthesisConfig
    target: Target
    direction: Direction
    levels: ByteArray
    responses: FloatArray
    trace: FloatArray
    unit: str
    mean: float
    sd: float
    sha256: str

    @property
    def responses_sd(self) -> FloatArray:
        """Responses in SDs from the mean of the clean reference images."""
        return (self.responses - self.mean) / self.sd

    def beats(self, natural: FloatArray) -> list[bool]:
        """Whether each image is a super-stimulus: it passes the best of natural images' predicted responses (n,)."""
        sign = self.direction.sign
        best = float(np.max(sign * natural))
        return [bool(one > best) for one in sign * self.responses]


@dataclass(frozen=True, eq=False)
class SynthesisStep(Progress[Synthesis]):
    """A step: `levels` (n_restarts, height, width, 3) uint8 are the images so far, `values` (n_restarts,) responses."""

    levels: ByteArray = field(default_factory=lambda: np.zeros((0, 1, 1, 3), dtype=np.uint8))
    values: FloatArray = field(default_factory=lambda: np.zeros(0))


def iter_synthesis(
    encoder: Encoder, target: Target, direction: Direction, config: SynthesisConfig, *, should_stop: ShouldStop
) -> Iterator[SynthesisStep]:
    """Make the images, a record a step; the last holds the finished `Synthesis`.

    Raises BadInputError if the target is a pattern; Cancelled as soon as `should_stop()` is true.
    """
    check_synthesised(target)
    vector, side = target.vector(encoder.n_voxels), encoder.network.input_size
    objective = LinearObjective(encoder, vector, direction.sign)
    spectrum = draw_spectra(config, side).to(encoder.network.device).requires_grad_(True)
    adam = torch.optim.Adam([spectrum], lr=config.step_size)
    moves = make_stream(config.seed, "synthesis", "jitter")
    watch, trace = Stopwatch(config.n_steps), []
    with guarded((encoder,), should_stop):
        for step in range(1, config.n_steps + 1):
            check_stop(should_stop)
            down, right = moves.integers(-config.jitter, config.jitter + 1, 2).tolist()
            moved = torch.roll(paint(spectrum, config), (down, right), (2, 3))
            scores, gradient = objective.value_and_gradient(moved.detach())
            adam.zero_grad()
            torch.autograd.backward(moved, -gradient)
            adam.step()
            trace.append(direction.sign * scores.values.detach().cpu().double().numpy())
            with torch.no_grad():
                shown = paint(spectrum, config)
            levels = np.stack([to_uint8(one) for one in shown.float().cpu().numpy()])
            yield SynthesisStep(step, config.n_steps, watch.seconds_left(step), levels=levels, values=trace[-1])
    responses = respond(encoder, np.stack([from_uint8(one) for one in levels])).astype(np.float64) @ vector
    best = np.argsort(-direction.sign * responses, kind="stable")
    sd = encoder.target_sd(vector)
    facts = encoder.card.response_unit, encoder.target_mean(vector), sd if sd > 0 else np.nan, encoder.card.sha256
    found = Synthesis(config, target, direction, levels[best], responses[best], np.stack(trace, axis=1)[best], *facts)
    yield SynthesisStep(config.n_steps, config.n_steps, 0.0, found, levels=found.levels, values=found.responses)


def draw_spectra(config: SynthesisConfig, side: int) -> torch.Tensor:
    """The first spectra, (n_restarts, channels, side, side // 2 + 1, 2) float32, before they fall as 1 / f."""
    shape = (1 if config.grey else 3, side, side // 2 + 1, 2)
    streams = [make_stream(config.seed, "synthesis", number) for number in range(config.n_restarts)]
    return torch.from_numpy(np.stack([START_SD * one.standard_normal(shape, dtype=np.float32) for one in streams]))


def paint(spectrum: torch.Tensor, config: SynthesisConfig) -> torch.Tensor:
    """The images of spectra, (n, 3, side, side) in [0, 1]."""
    side = spectrum.shape[2]
    down, right = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    fall = 1 / np.maximum(np.hypot(down, right), 1 / side)
    scale = torch.from_numpy(fall.astype(np.float32)).to(spectrum)[..., None]
    values = torch.fft.irfft2(torch.view_as_complex(spectrum * scale), s=(side, side), norm="ortho") / SHRINKING
    if config.grey:
        values = values.expand(-1, 3, -1, -1)
    else:
        matrix = np.asarray(COLOURS) / np.linalg.norm(COLOURS, axis=0).max()
        values = torch.einsum("rc,nchw->nrhw", torch.from_numpy(matrix.astype(np.float32)).to(spectrum), values)
    return set_tone(torch.sigmoid(values), config.mean, config.contrast)


def set_tone(pixels: torch.Tensor, mean: float | None, contrast: float | None) -> torch.Tensor:
    """Pixels (n, 3, height, width) with the mean and the SD asked of each image, cut at black and white."""
    if mean is None and contrast is None:
        return pixels
    own = pixels.mean(dim=(1, 2, 3), keepdim=True)
    away = pixels - own
    if contrast is not None:
        sizes = away.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        away = away * (contrast / sizes.clamp_min(torch.finfo(pixels.dtype).tiny))
    return ((own if mean is None else mean) + away).clamp(0, 1)
