"""Predicts responses in a fixed order and arithmetic, so that the same pixels give the same bits."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
import torch

from core.checks import refusal
from core.device import exact_arithmetic, run_in_chunks
from core.encoders.encoder import Encoder
from core.types import FloatArray

BATCH = 16
"""Images a forward pass where they fit into memory: another batch may add the same numbers in another order."""

RECORDED_VERSIONS = ("torch", "torchvision", "timm", "numpy")


def respond(encoder: Encoder, pixels: FloatArray) -> FloatArray:
    """The predicted responses to pixels, in chunks of `BATCH`, or of less if memory runs out, and in their order.

    `pixels` (n, 3, height, width): in [0, 1], at the network's input size.

    Returns (n, n_voxels) float32, in the encoder's response unit.

    Raises BadInputError if the pixels have another shape.
    """
    check_pixels(encoder, pixels)

    def run(start: int, stop: int) -> FloatArray:
        return np.asarray(encoder(to_tensor(encoder, pixels[start:stop])).float().cpu().numpy())

    with torch.no_grad(), exact_arithmetic():
        return np.concatenate(run_in_chunks(run, len(pixels), chunk=BATCH))


def check_pixels(encoder: Encoder, pixels: FloatArray) -> None:
    """Raise BadInputError unless pixels are (n, 3, side, side) with n >= 1 and the side the network's input size."""
    side = encoder.network.input_size
    if pixels.ndim != 4 or pixels.shape[1:] != (3, side, side) or not len(pixels):
        allowed = f"of shape (n, 3, {side}, {side}) for {encoder.network.spec.id}"
        raise refusal("pixels", allowed=allowed, got=pixels.shape, advice="Resize the image.")


def to_tensor(encoder: Encoder, pixels: FloatArray) -> torch.Tensor:
    """Pixels as a tensor on the encoder's device and in its precision, in the memory order its network works in."""
    weights = next(iter(encoder.buffers()))
    tensor = torch.tensor(np.asarray(pixels), dtype=weights.dtype, device=encoder.network.device)
    return tensor.contiguous(memory_format=torch.channels_last)


def describe_versions() -> dict[str, str]:
    """What a bit-for-bit repetition needs to be the same: versions, processor, number of threads."""
    versions = {name: version(name) for name in RECORDED_VERSIONS}
    versions |= {"python": platform.python_version(), "machine": platform.machine()}
    return versions | {"threads": str(torch.get_num_threads())}
