"""First-order sensitivity of the whole cortex: the size of every voxel's exact gradient at one stimulus.

All voxels read the same reduced features, so as many backward passes as there are reduced features give the exact
gradients of any number of voxels. Light: torch is imported when the atlas is computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.images.stimulus import Stimulus
from core.progress import Progress, ShouldStop, Stopwatch, check_stop
from core.types import FloatArray, NormName

if TYPE_CHECKING:
    import torch

    from core.encoders.encoder import Encoder
    from core.probes.jacobian import GradientSizes


@dataclass(frozen=True, slots=True, eq=False)
class GradientAtlas:
    """Sizes of the gradients of all voxels at one stimulus.

    Parameters
    ----------
    l2, l1 : (n_voxels,) float32. ||gradient||_2 and ||gradient||_1, in response units a pixel unit of [0, 1].
    """

    stimulus_id: str
    l2: FloatArray
    l1: FloatArray

    def first_order(self, norm: NormName, epsilon: float) -> FloatArray:
        """The largest first-order shift of every voxel in a ball: epsilon ||g||_2 for L2, epsilon ||g||_1 for Linf."""
        return np.asarray(epsilon * (self.l2 if norm is NormName.L2 else self.l1))


def iter_gradient_atlas(
    encoder: Encoder, stimulus: Stimulus, *, should_stop: ShouldStop
) -> Iterator[Progress[GradientAtlas]]:
    """Compute the atlas, one record a backward pass and a chunk of pixels.

    Raises BadInputError if the stimulus is not of the network's input size; Cancelled as soon as `should_stop()` is
    true.
    """
    from core.device import exact_arithmetic
    from core.probes.respond import check_pixels, to_tensor

    check_pixels(encoder, stimulus.pixels[np.newaxis])
    with encoder.network.interruptible(should_stop), exact_arithmetic():
        pixels = to_tensor(encoder, stimulus.pixels[np.newaxis])
        yield from _iterate(encoder, pixels, stimulus.id, should_stop=should_stop)


def _iterate(
    encoder: Encoder, pixels: torch.Tensor, stimulus_id: str, *, should_stop: ShouldStop
) -> Iterator[Progress[GradientAtlas]]:
    from core.probes.jacobian import count_chunks, iter_rows, iter_sizes, stack_rows

    n_steps = encoder.rank + count_chunks(pixels.numel())
    watch, step, rows = Stopwatch(n_steps), 0, []
    for row in iter_rows(encoder, pixels):
        rows.append(row)
        step += 1
        yield Progress(step, n_steps, watch.seconds_left(step))
    for sizes in iter_sizes(stack_rows(rows), encoder.weights):
        check_stop(should_stop)
        step += 1
        atlas = _wrap(stimulus_id, sizes) if step == n_steps else None
        yield Progress(step, n_steps, watch.seconds_left(step), atlas)


def _wrap(stimulus_id: str, sizes: GradientSizes) -> GradientAtlas:
    l2, l1 = (values.float().cpu().numpy() for values in (sizes.squares.sqrt(), sizes.absolutes))
    return GradientAtlas(stimulus_id, l2, l1)
