"""What an encoder is to be, as one frozen, checked record. Never touches features, responses or torch.

network -> pooling -> sparse random projection (if `n_projected`) -> principal components (if `reducer` is "pca") ->
readout: ridge, lasso or elastic net. Fields added after the first version have defaults that mean what that version
did, so that its files still say the same.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import NamedTuple

from core.checks import check_choice, check_count, check_positive, check_rules, refusal

DEFAULT_ALPHAS = tuple(10.0 ** (exponent / 2) for exponent in range(-2, 13))
"""Ridge penalties tried, in units of the reduced features' mean variance times an image: 0.1 to 1e6, two a decade."""

DEFAULT_FRACTIONS = tuple(10.0 ** (exponent / 3) for exponent in range(-9, 1))
"""Sparse penalties tried, as parts of the smallest one that silences the voxel: 0.001 to 1, three a decade."""

REDUCERS = ("pca", "projection", "none")
READOUTS = ("ridge", "lasso", "elastic-net")

MOST_COMPONENTS = 1000
"""Principal components kept by default: all features of up to as many training images, on which fewer predict worse;
of more images only the leading ones, which keeps files, memory and maps of gradients affordable."""

PROJECTION_BLOCKS = 4
"""Entries of each feature in a sparse random projection, one in each of as many blocks of projected features."""

LARGEST_POOLED = 6400
"""Most pooled features an encoder keeps by default: 1,000 components of that many make a 26 MB file."""

POOL_SIDES = (14, 8, 7, 4, 3, 2, 1)
"""Sides of the pooled grid tried by `suggest_pool`, finest first."""


class RoiRegion(NamedTuple):
    """The part of the visual field one ROI's voxels respond to, in half image sides from fixation at the centre.

    left and right along x, bottom and top along y (up is positive), each in [-1, 1].
    """

    roi: str
    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """One encoder to fit: whose responses, which features, which reduction, which readout, which penalties.

    Parameters
    ----------
    subject, network, layer : Catalogue ids; together they name the encoder.
    pool : Side of the grid the feature map is average-pooled to; 0 keeps every position. Ignored by layers without one.
    n_components : At most so many principal components are kept; 0 keeps all that the training images span.
    alphas : Penalties to choose from, voxel by voxel; ascending, above 0; a single one is fixed. Of ridge in units of
        the reduced features' mean variance times an image; of lasso and elastic net as parts, at most 1, of the
        smallest penalty that silences the voxel.
    n_folds : Folds of the cross-validation that chooses them, at least 2.
    seed : Seed of the folds and of the projection.
    reducer : "pca"; "projection", the sparse random projection alone; "none", the pooled features as they are.
    n_projected : Features left by the sparse random projection, a multiple of `PROJECTION_BLOCKS`; 0 for no projection.
    readout : "ridge", "lasso" or "elastic-net".
    l1_ratio : Part of the elastic net's penalty that is on absolute weights, in (0, 1); ignored by the others.
    regions : ROIs whose voxels read only a part of the feature map; all other voxels read the whole.
    balanced : Of joined layers each counts alike: its features are divided by one number, so that their variances over
        the training images add up to 1. A random projection is then one of each layer. Without it, as once was so, the
        features stand as they are, and a layer that varies more, or has more features, counts more.

    Raises BadInputError if a value is out of its range.
    """

    subject: str
    network: str
    layer: str
    pool: int = 0
    n_components: int = MOST_COMPONENTS
    alphas: tuple[float, ...] = DEFAULT_ALPHAS
    n_folds: int = 5
    seed: int = 0
    reducer: str = "pca"
    n_projected: int = 0
    readout: str = "ridge"
    l1_ratio: float = 0.5
    regions: tuple[RoiRegion, ...] = ()
    balanced: bool = False

    def __post_init__(self) -> None:
        alphas = DEFAULT_FRACTIONS if self.is_sparse and self.alphas == DEFAULT_ALPHAS else self.alphas
        object.__setattr__(self, "alphas", tuple(float(alpha) for alpha in alphas))
        object.__setattr__(self, "regions", tuple(RoiRegion(*region) for region in self.regions))
        check_count("pool", self.pool, least=0, advice="0 keeps every position of the feature map.")
        check_count("n_components", self.n_components, least=0, advice="0 keeps all components.")
        check_count("n_folds", self.n_folds, least=2)
        check_count("seed", self.seed, least=0)
        check_count("n_projected", self.n_projected, least=0, advice="0 for no projection.")
        check_choice("reducer", self.reducer, REDUCERS)
        check_choice("readout", self.readout, READOUTS)
        for alpha in self.alphas:
            check_positive("alphas", alpha)
        self._check_combination()
        for region in self.regions:
            inside = all(math.isfinite(edge) and -1 <= edge <= 1 for edge in region[1:])
            if not (region.roi and inside and region.left < region.right and region.bottom < region.top):
                allowed = "ROI, left < right, bottom < top, all edges in [-1, 1] (half image sides from fixation)"
                raise refusal("regions", allowed=allowed, got=tuple(region))

    def _check_combination(self) -> None:
        alphas, projected = self.alphas, self.n_projected
        sorts = bool(alphas) and list(alphas) == sorted(set(alphas))
        most = "at most 1 for a sparse readout, a part of the penalty that silences a voxel"
        needed = "above 0 with the reducer 'projection'"
        rois, mixes = [region.roi for region in self.regions], "empty with a projection, which mixes all positions"
        check_rules(
            (not 0 < self.l1_ratio < 1, "l1_ratio", "in (0, 1)", self.l1_ratio, "1 is the lasso, 0 is ridge."),
            (not sorts, "alphas", "one or more ascending penalties", alphas, ""),
            (self.is_sparse and max(alphas, default=0) > 1, "alphas", most, max(alphas, default=0), ""),
            (projected % PROJECTION_BLOCKS, "n_projected", f"a multiple of {PROJECTION_BLOCKS}", projected, ""),
            (self.reducer == "projection" and not projected, "n_projected", needed, 0, "2048 is usual."),
            (self.reducer == "none" and projected, "n_projected", "0 with the reducer 'none'", projected, ""),
            (rois and projected, "regions", mixes, rois, "Use the reducer 'pca'."),
        )

    @property
    def name(self) -> str:
        """What it is called in the library and its files, without ending: "simulated-mobilenet_v2-features.18"."""
        return encoder_stem(self.subject, self.network, self.layer)

    @property
    def is_sparse(self) -> bool:
        """Whether the readout sets weights to zero."""
        return self.readout in ("lasso", "elastic-net")

    @property
    def l1_share(self) -> float:
        """Part of the penalty on absolute weights: 1 for lasso, 0 for ridge."""
        return {"ridge": 0.0, "lasso": 1.0}.get(self.readout, self.l1_ratio)

    def describe(self) -> str:
        """One line for captions: "simulated · mobilenet_v2 features.18 · 7 x 7 pooled, up to 100 components"."""
        parts = [f"{self.pool} x {self.pool} pooled" if self.pool else "not pooled"]
        if self.n_projected:
            parts.append(f"{self.n_projected} random projections")
        if self.reducer == "pca":
            parts.append(f"up to {self.n_components} components" if self.n_components else "all components")
        if self.reducer == "none":
            parts.append("not reduced")
        if self.balanced:
            parts.append("layers of equal variance")
        if self.is_sparse:
            parts.append("lasso" if self.readout == "lasso" else f"elastic net {self.l1_ratio:g}")
        if self.regions:
            parts.append(f"regions for {', '.join(region.roi for region in self.regions)}")
        return f"{self.subject} · {self.network} {self.layer} · {', '.join(parts)}"


LONGEST_STEM = 160


def encoder_stem(*names: str) -> str:
    """The file name, without ending, of subject, network and layer: "simulated-mobilenet_v2-features.18"."""
    stem = "-".join(part.replace("/", "_").replace(":", "_") for part in names)
    if len(stem) <= LONGEST_STEM:
        return stem
    # Many joined layers: file systems take 255 bytes a name.
    return f"{stem[:LONGEST_STEM]}-{hashlib.sha256(stem.encode()).hexdigest()[:12]}"


def suggest_pool(feature_shape: tuple[int, ...], *, largest: int = LARGEST_POOLED) -> int:
    """The finest grid that keeps at most `largest` pooled features; 0 where the layer has no map or need not be pooled.

    `feature_shape` (channels, height, width) or (channels,). `largest`: most features after pooling.
    """
    if len(feature_shape) != 3 or math.prod(feature_shape) <= largest:
        return 0
    channels, *sides = feature_shape
    fitting = (side for side in POOL_SIDES if side < min(sides) and channels * side * side <= largest)
    return next(fitting, 1)


@dataclass(frozen=True, slots=True)
class ScoringConfig:
    """Which scores an encoder card gets beside r, r2 and r2 / noise ceiling on the held-out images.

    Parameters
    ----------
    n_bootstrap : Resamples of the scored images for the interval of r; 0 for none.
    confidence : Coverage of the interval, in (0, 1).
    n_outer : Outer folds of the nested cross-validation over the training images; 0 for none, needed where nothing is
        held out.
    categories : Categories left out one at a time.
    second_sets : Ids of other records whose images and responses are scored too.
    seed : Of the resamples and of the outer folds.

    Raises BadInputError if a value is out of its range.
    """

    n_bootstrap: int = 0
    confidence: float = 0.95
    n_outer: int = 0
    categories: tuple[str, ...] = ()
    second_sets: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("n_bootstrap", self.n_bootstrap, least=0, advice="0 for no interval.")
        check_count("n_outer", self.n_outer, least=0, advice="0 for no nested cross-validation.")
        check_count("seed", self.seed, least=0)
        if self.n_outer == 1:
            raise refusal("n_outer", allowed="0 or at least 2", got=1)
        if not 0 < self.confidence < 1:
            raise refusal("confidence", allowed="in (0, 1)", got=self.confidence)
