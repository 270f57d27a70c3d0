"""What a fitted encoder is and how well it predicts, as frozen records of numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.encoders.config import EncoderConfig
from core.types import FloatArray, MaybeNan

WHOLE = "whole"
"""The importer of encoders whose network gives the responses itself."""
UNKNOWN_REFERENCE = "unknown: no reference image was shown to it yet"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an encoder that was not fitted here came to be.

    Parameters
    ----------
    kind : Importer: arrays, sklearn, himalaya, berg, img2fmri or whole.
    source, licence : Whose work it is and under which terms; "" where neither the file nor the user says.
    files : Name and sha256 of each file it was read from.
    reference : The images `EncoderCard.reference_sd` is over.
    n_reference : How many these are; 0 while the SDs are unknown (NaN).
    note : What a reader must know, such as how voxels were placed.
    """

    kind: str
    source: str
    licence: str
    files: tuple[tuple[str, str], ...]
    reference: str = UNKNOWN_REFERENCE
    n_reference: int = 0
    note: str = ""

    def describe(self) -> str:
        """One line for captions."""
        names = ", ".join(f"{name} (SHA-256 {digest[:12]})" for name, digest in self.files)
        return f"Imported from {self.source or 'a source that is not named'} ({self.kind}): {names}"


ARRAYS = ("mean", "components", "weights", "intercept", "covariance")
"""Of the numbers of an encoder."""
ALL_VOXELS = "(all)"
"""Names the median over all voxels in the curve over layers; the choice where a subject has no ROI."""
FloatVector = npt.NDArray[np.float32]
FloatMatrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RoiInterval:
    """Bootstrap interval over images of the median r of an ROI's voxels: low to high at the card's confidence."""

    roi: str
    r_low: MaybeNan
    r_high: MaybeNan


@dataclass(frozen=True, slots=True)
class LayerScore:
    """One point of the curve over layers: the median cross-validated r of an ROI's voxels at a layer."""

    layer: str
    roi: str
    cv_r_median: MaybeNan


@dataclass(frozen=True, slots=True)
class BestLayer:
    """The layer chosen for an ROI, its median cross-validated r there, and the saved encoder."""

    roi: str
    layer: str
    cv_r_median: MaybeNan
    file: str


@dataclass(frozen=True, slots=True)
class LayerTable:
    """What a search over the layers of a network found for a subject: the best one by ROI, and the whole curve."""

    subject: str
    network: str
    best: tuple[BestLayer, ...]
    curve: tuple[LayerScore, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OutsideScore:
    """How well responses to images unlike the training images are predicted, beside images like them.

    Parameters
    ----------
    kind : "category": the readout was fitted again without that category. "second-set": the encoder as it is, on the
        images of another record.
    name : The category, or the other record's id.
    n_images, n_within : Images outside, and the held-out images inside that they are compared with.
    rois : Empty: `r` has one value a voxel. Else the ROIs whose mean responses were correlated, one value each.
    r, r_within : (n_voxels,) or (n_rois,)
        Pearson r on the outside images, and on held-out images of the training kind by the same fit.
    """

    kind: str
    name: str
    n_images: int
    n_within: int
    rois: tuple[str, ...]
    r: FloatVector
    r_within: FloatVector


@dataclass(frozen=True, slots=True, eq=False)
class EncoderCard:
    """An encoder's identity and its scores; every array is (n_voxels,) float32.

    Parameters
    ----------
    sha256, network_sha256 : Of the encoder's file and of the network's weights it was fitted on.
    response_unit : Unit of the responses, of `reference_sd` and of every shift.
    n_train, n_test : Images fitted on (also the reference images) and held out.
    alpha : the penalty chosen for each voxel: of ridge as in the config, of a sparse readout scikit-learn's `alpha`.
    cv_r : Pearson r of the predictions of the left-out folds, over the training images.
    r, r2 : Pearson r on the held-out images against the mean over repeats, and its square (0 where r is negative).
    r2_ceiling : r2 / noise ceiling; NaN where the ceiling is too near 0 to divide by.
    reference_sd : SD of the predicted response over the reference images, in `response_unit`.
    noise_ceiling : explainable part of the held-out variance, in [0, 1]; compare with r2, never with r.
    scored_on : "held-out"; "nested" where no image was held out: `r` comes from the outer folds of a cross-validation.
    n_bootstrap, confidence : int, float
        Resamples of the scored images and coverage behind `r_low`, `r_high` and `roi_intervals`; 0 resamples: none.
    r_low, r_high : percentile interval of r, or None.
    nested_r : r of the outer folds over the training images, or None.
    sparsity : part of each voxel's weights that is exactly 0, of sparse readouts only.
    outside : Scores on a left-out category or a second set of images.
    layer_curve : Cross-validated r of every layer tried, by ROI, where layers were searched.
    reference_mean : mean predicted response over the reference images, of an imported encoder that was shown them; None
        elsewhere. Of one fitted here the mean is its intercept (`core.encoders.encoder.Encoder.target_mean`).
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
    scored_on: str = "held-out"
    n_bootstrap: int = 0
    confidence: float = 0.95
    r_low: FloatVector | None = None
    r_high: FloatVector | None = None
    nested_r: FloatVector | None = None
    sparsity: FloatVector | None = None
    reference_mean: FloatVector | None = None
    roi_intervals: tuple[RoiInterval, ...] = ()
    outside: tuple[OutsideScore, ...] = ()
    layer_curve: tuple[LayerScore, ...] = ()
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
        return f"{self.config.describe()} · {self.scored_on} r {median:.2f} ({scored})"


@dataclass(frozen=True, slots=True, eq=False)
class EncoderData:
    """The numbers of a fitted encoder, all float32; `core.encoders.encoder` runs them.

    responses = ((inputs - mean) @ components) @ weights + intercept

    The inputs are the pooled features, or their sparse random projection where `config.n_projected` is set; the
    projection is made again from the config's seed and never stored.

    Parameters
    ----------
    mean : (n_inputs,). Mean input over the training images.
    components : (n_inputs, rank), or None for the identity (reducers "projection" and "none")
        Principal axes of the inputs, divided by one common scale. With regions, a block of axes each: entries of
        features outside a region are 0, and so are the weights of voxels that do not read it.
    weights : (rank, n_voxels), or None for the identity of a whole encoder, whose inputs are the responses.
    intercept : (n_voxels,)
    covariance : (rank, rank). Of the reduced features over the reference images, divided by their number. Of a whole
        encoder its factor R (n_reference, n_voxels), R^T R: the centred responses over the root of their number.
    """

    card: EncoderCard
    mean: FloatVector
    components: FloatMatrix | None
    weights: FloatMatrix | None
    intercept: FloatVector
    covariance: FloatMatrix

    @property
    def rank(self) -> int:
        """Number of reduced features."""
        return len(self.mean if self.weights is None else self.weights)

    def read_out(self, reduced: FloatArray) -> FloatArray:
        """Responses (n, n_voxels), without the intercept, of reduced features (n, rank)."""
        return reduced if self.weights is None else np.asarray(reduced @ self.weights)


def find_reference_mean(card: EncoderCard, intercept: FloatArray) -> FloatArray | None:
    """Mean predicted response of every voxel over the reference images, (n_voxels,); None where it is not known."""
    return intercept if card.provenance is None else card.reference_mean


def describe_unknown_mean(config: EncoderConfig) -> str:
    """The sentence for an encoder whose mean is not known, with what to do."""
    return (
        f"{config.network} {config.layer} does not know its mean response to the reference images, so levels have no "
        f"zero. Show it reference images: `main.py encoders reference {config.name}`."
    )
