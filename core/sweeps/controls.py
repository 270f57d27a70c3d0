"""Controls of a perturbation at its own realised norm, against which transfer is read.

random direction · sign flip · phase-scrambled delta · delta of another image · contrast blend.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.attacks.ball import Ball
from core.attacks.control import draw_control
from core.attacks.norms import NORMS
from core.seeds import make_stream
from core.types import FloatArray, NormName


def make_controls(
    clean: torch.Tensor, delta: torch.Tensor, *, norm: NormName, seed: int, keys: Sequence[str]
) -> dict[str, torch.Tensor]:
    """Pixels of every control, each (n, 3, height, width) and moved by the size of `delta` under the norm.

    Where the pixel bounds leave no room for that size, all of the room is used.

    Parameters
    ----------
    clean, delta : (n, 3, height, width)
    norm : NormName
    seed : int
    keys : sequence of n str
        Names of the images' random streams.
    """
    measure = NORMS[norm]
    size = measure.size(delta.double()).to(clean)
    fill = Ball(measure, clean, size).scale_to_budget
    scrambled = np.stack(
        [scramble_phase(one, make_stream(seed, "phase", key)) for one, key in zip(_array(delta), keys, strict=True)]
    )
    grey = clean.mean(dim=(1, 2, 3), keepdim=True)
    return {
        "random": draw_control(clean, size, measure, quantise=False, seed=seed, keys=keys),
        "sign flip": fill(-delta),
        "phase-scrambled": fill(torch.from_numpy(scrambled).to(clean)),
        "other image": fill(delta.roll(1, dims=0)),
        "contrast blend": fill(grey - clean),
    }


def scale_delta(clean: FloatArray, delta: FloatArray, *, norm: NormName, epsilon: float) -> FloatArray:
    """Perturbations (n, 3, height, width) brought to the budget, or as near below as the pixel bounds leave room."""
    pixels = torch.from_numpy(np.asarray(clean, dtype=np.float32))
    ball = Ball(NORMS[norm], pixels, torch.full((len(clean),), epsilon))
    return np.asarray((ball.scale_to_budget(torch.from_numpy(np.asarray(delta))) - pixels).numpy())


def scramble_phase(delta: FloatArray, stream: np.random.Generator) -> FloatArray:
    """The same amplitude spectrum with random phases, added alike to the three channels: (3, height, width).

    The phases are those of white noise, so they have the symmetry of a real image. Frequencies that are their own
    mirror image, the mean among them, keep their phase. Amplitudes, and with them the L2 norm, are kept.
    """
    height, width = delta.shape[1:]
    noise = np.fft.fft2(stream.standard_normal((height, width)))
    turn = noise / np.abs(noise)
    for row in {0, height // 2} if height % 2 == 0 else {0}:
        for column in {0, width // 2} if width % 2 == 0 else {0}:
            turn[row, column] = 1.0
    return np.asarray(np.fft.ifft2(np.fft.fft2(delta, axes=(1, 2)) * turn, axes=(1, 2)).real)


def _array(values: torch.Tensor) -> FloatArray:
    return np.asarray(values.detach().cpu().double().numpy())
