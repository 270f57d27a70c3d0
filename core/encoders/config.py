"""What an encoder is asked to be, as one frozen, checked record. Never touches features, responses or torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.checks import check_count, check_positive, describe_refusal
from core.errors import BadInputError

DEFAULT_ALPHAS = tuple(10.0 ** (exponent / 2) for exponent in range(-2, 13))
"""Ridge penalties tried, in units of the reduced features' mean variance times an image: 0.1 to 1e6, two a decade."""

LARGEST_POOLED = 6400
"""Most pooled features an encoder keeps by default: 100 components of that many make a 2.6 MB file."""

POOL_SIDES = (14, 8, 7, 4, 3, 2, 1)
"""Sides of the pooled grid tried by `suggest_pool`, finest first."""


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """One encoder to fit: whose responses, which features, which reduction, which penalties.

    Parameters
    ----------
    subject, network, layer : str
        Catalogue ids; together they name the encoder.
    pool : int
        Side of the grid the feature map is average-pooled to; 0 keeps every position. Ignored by layers without one.
    n_components : int
        At most so many principal components are kept; 0 keeps all that the training images span.
    alphas : tuple of float
        Ridge penalties to choose from, voxel by voxel; ascending, above 0.
    n_folds : int
        Folds of the cross-validation that chooses them, at least 2.
    seed : int
        Seed of the folds.

    Raises
    ------
    BadInputError
        If a value is out of its range.
    """

    subject: str
    network: str
    layer: str
    pool: int = 0
    n_components: int = 100
    alphas: tuple[float, ...] = DEFAULT_ALPHAS
    n_folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "alphas", tuple(float(alpha) for alpha in self.alphas))
        check_count("pool", self.pool, least=0, advice="0 keeps every position of the feature map.")
        check_count("n_components", self.n_components, least=0, advice="0 keeps all components.")
        check_count("n_folds", self.n_folds, least=2)
        check_count("seed", self.seed, least=0)
        for alpha in self.alphas:
            check_positive("alphas", alpha)
        if not self.alphas or list(self.alphas) != sorted(set(self.alphas)):
            allowed = "one or more ascending penalties"
            raise BadInputError(describe_refusal("alphas", allowed=allowed, got=self.alphas))

    def describe(self) -> str:
        """One line for captions: "simulated · mobilenet_v2 features.18 · 7 x 7 pooled, 100 components"."""
        grid = f"{self.pool} x {self.pool} pooled" if self.pool else "not pooled"
        kept = f"{self.n_components} components" if self.n_components else "all components"
        return f"{self.subject} · {self.network} {self.layer} · {grid}, {kept}"


def encoder_stem(subject: str, network: str, layer: str) -> str:
    """The file name, without ending, of an encoder: "simulated-mobilenet_v2-features.18"."""
    return "-".join(part.replace("/", "_") for part in (subject, network, layer))


def suggest_pool(feature_shape: tuple[int, ...], *, largest: int = LARGEST_POOLED) -> int:
    """The finest grid that keeps at most `largest` pooled features; 0 where the layer has no map or need not be pooled.

    Parameters
    ----------
    feature_shape : (channels, height, width) or (channels,)
    largest : int
        Most features after pooling.
    """
    if len(feature_shape) != 3 or math.prod(feature_shape) <= largest:
        return 0
    channels, *sides = feature_shape
    fitting = (side for side in POOL_SIDES if side < min(sides) and channels * side * side <= largest)
    return next(fitting, 1)
