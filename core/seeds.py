"""Derives independent random streams from one seed and the names of what they are for. Never keeps a global stream.

The draws come from numpy on the CPU, so that they are the same on every device.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *words: str | int) -> int:
    """A whole number in [0, 2^63) that depends on the seed and on every word, in order."""
    text = "\x1f".join([str(seed), *map(str, words)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_stream(seed: int, *words: str | int) -> np.random.Generator:
    """A random stream of its own for one use: the same seed and words always give the same draws."""
    return np.random.default_rng(derive_seed(seed, *words))
