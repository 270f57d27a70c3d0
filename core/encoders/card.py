"""What a fitted encoder is and how well it predicts, as frozen records of numpy arrays. Never computes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.encoders.config import EncoderConfig
from core.encoders.provenance import Provenance

FloatVector = npt.NDArray[np.float32]
FloatMatrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class EncoderCard:
    """An encoder's identity and its scores; every array is (n_voxels,) float32.

    Parameters
    ----------
    config : EncoderConfig
    sha256, network_sha256 : str
        Of the encoder's file and of the network's weights it was fitted on.
    response_unit : str
        Unit of the responses, of `reference_sd` and of every shift.
    n_train, n_test : int
        Images fitted on (also the reference images) and held out.
    alpha : the ridge penalty chosen for each voxel.
    cv_r : Pearson r of the predictions of the left-out folds, over the training images.
    r, r2 : Pearson r on the held-out images against the mean over repeats, and its square (0 where r is negative).
    r2_ceiling : r2 / noise ceiling; NaN where the ceiling is too near 0 to divide by.
    reference_sd : SD of the predicted response over the reference images, in `response_unit`.
    noise_ceiling : explainable part of the held-out variance, in [0, 1]; compare with r2, never with r.
    provenance : where it was imported from; None for an encoder fitted here. What an imported one does not say (alpha,
        scores, `n_train`) is NaN or 0.
    """

    config: EncoderConfig
    sha256: str
    network_sha256: str
    response_unit: str
    n_train: int
    n_test: int
    alpha: FloatVector
    cv_r: FloatVector
    r: FloatVector
    r2: FloatVector
    r2_ceiling: FloatVector
    reference_sd: FloatVector
    noise_ceiling: FloatVector
    provenance: Provenance | None = None

    @property
    def n_voxels(self) -> int:
        """Number of voxels predicted."""
        return len(self.r)

    def describe(self) -> str:
        """One line for captions: "... · held-out r 0.41 (median of 2,500 voxels, 300 images)"."""
        if not np.isfinite(self.r).any():
            return f"{self.config.describe()} · held-out r not known ({self.n_voxels:,} voxels)"
        median = float(np.nanmedian(self.r))
        scored = f"median of {self.n_voxels:,} voxels, {self.n_test} images"
        return f"{self.config.describe()} · held-out r {median:.2f} ({scored})"


@dataclass(frozen=True, slots=True, eq=False)
class EncoderData:
    """The numbers of a fitted encoder, all float32; `core.encoders.encoder` runs them.

    responses = ((pooled features - mean) @ components) @ weights + intercept

    Parameters
    ----------
    card : EncoderCard
    mean : (n_pooled,)
        Mean pooled feature over the training images.
    components : (n_pooled, rank)
        Principal axes of the pooled features, divided by one common scale.
    weights : (rank, n_voxels)
    intercept : (n_voxels,)
    covariance : (rank, rank)
        Of the reduced features over the reference images, divided by their number.
    """

    card: EncoderCard
    mean: FloatVector
    components: FloatMatrix
    weights: FloatMatrix
    intercept: FloatVector
    covariance: FloatMatrix

    @property
    def rank(self) -> int:
        """Number of reduced features."""
        return len(self.weights)
