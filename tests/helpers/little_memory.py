"""A pretended memory too small for more than some images at once: a network runs out of it as torch does on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import nn

ERRORS = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    MemoryError(),
)


@contextmanager
def room_for(n_images: int, error: BaseException = ERRORS[0]) -> Iterator[list[int]]:
    """Inside, the first layers of networks raise for more images than that; gives the sizes that fitted."""
    seen: list[int] = []
    convolve = nn.Conv2d.forward

    def forward(self: nn.Conv2d, values: torch.Tensor) -> torch.Tensor:
        if len(values) > n_images:
            raise error
        seen.append(len(values))
        return convolve(self, values)

    with patch.object(nn.Conv2d, "forward", forward):
        yield seen
