"""Predicts responses in a fixed order and arithmetic, so that the same pixels give the same bits."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
import torch

from core.checks import refusal
from core.encoders.encoder import Encoder
from core.types import FloatArray

BATCH = 16
"""Images a forward pass. Fixed, because a different batch may add the same numbers in a different order."""

RECORDED_VERSIONS = ("torch", "torchvision", "timm", "numpy")


def respond(encoder: Encoder, pixels: FloatArray) -> FloatArray:
    """The predicted responses to pixels, in chunks of `BATCH` and in their order.

    `pixels` (n, 3, height, width): in [0, 1], at the network's input size.

    Returns (n, n_voxels) float32, in the encoder's response unit.

    Raises BadInputError if the pixels have another shape.
    """
    check_pixels(encoder, pixels)
    with torch.no_grad(), exact_arithmetic():
        chunks = [encoder(to_tensor(encoder, pixels[first : first + BATCH])) for first in range(0, len(pixels), BATCH)]
    return np.concatenate([chunk.float().cpu().numpy() for chunk in chunks])


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


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Inside, cuDNN uses deterministic kernels in full float32, no TF32, and times no alternatives. CPUs need none."""
    names = ("deterministic", "benchmark", "allow_tf32")
    before = {name: getattr(torch.backends.cudnn, name) for name in names}
    try:
        for name in names:
            setattr(torch.backends.cudnn, name, name == "deterministic")
        yield
    finally:
        for name, value in before.items():
            setattr(torch.backends.cudnn, name, value)


def describe_versions() -> dict[str, str]:
    """What a bit-for-bit repetition needs to be the same: versions, processor, number of threads."""
    versions = {name: version(name) for name in RECORDED_VERSIONS}
    versions |= {"python": platform.python_version(), "machine": platform.machine()}
    return versions | {"threads": str(torch.get_num_threads())}
