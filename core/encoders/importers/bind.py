"""Ties a readout of another program to a network, a layer and a subject, checks it and keeps it.

Checked in this order, before anything runs: features against the layer, voxels against the subject, the folded factors
against the source's own arithmetic. Then reference images are shown to the network, because shifts are given in SDs of
the clean responses; of a subject with recordings its test images also score the encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.checks import refusal
from core.datasets.subject import ImageSource, SubjectHeader
from core.datasets.subject_files import check_new, save_bare_subject
from core.encoders.card import EncoderCard, EncoderData, Provenance
from core.encoders.config import POOL_SIDES, EncoderConfig
from core.encoders.files import check_free, save_encoder, seal, user_encoders_folder
from core.encoders.importers.readout import Centre, Project, Readout, compare_predictions, fold
from core.encoders.scores import rate
from core.errors import WeightsError
from core.progress import Progress
from core.surfaces.store import FSAVERAGE5
from core.types import FloatArray, VoxelTable

if TYPE_CHECKING:
    from core.datasets.subject import Subject
    from core.networks.network import Network

LARGEST_RANK = 8192
"""Features an encoder without a reducer may read at once: their covariance is rank x rank."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a readout is tied to.

    Parameters
    ----------
    network : Id of the network the weights read.
    layer : Its layer, several joined by + (default: the network's usual one).
    subject : A subject that is there, with as many voxels; "" to make one from the encoder.
    new_subject : Id of a subject to make from the encoder.
    pool : Side of the pooled grid; by default the one that gives as many features.
    response_unit : Unit of the responses of a new subject.
    kind : Of a new subject; "simulated" if the encoder was fitted to made-up responses.
    source : Whose work it is, in place of what the file says.
    licence : Under which terms, in place of what the file says.
    note : Added to what the file states.
    n_reference : Reference images at most; 0 for unknown SDs.
    replaces : Replace an encoder of the same subject, network and layer.
    """

    network: str
    layer: str
    subject: str = ""
    new_subject: str = ""
    pool: int | None = None
    response_unit: str = "not stated"
    kind: Literal["measured", "simulated"] = "measured"
    source: str = ""
    licence: str = ""
    note: str = ""
    n_reference: int = 120
    replaces: bool = False

    def __post_init__(self) -> None:
        if bool(self.subject) == bool(self.new_subject):
            got = f"subject {self.subject!r} and new subject {self.new_subject!r}"
            advice = "Name a subject that is there, or the id of one to make from the encoder."
            raise refusal("subject", allowed="one of the two", got=got, advice=advice)


@dataclass(frozen=True, eq=False)
class ImportProgress(Progress[EncoderCard]):
    """Progress of an import: `stage` is "check", "reference" or "done"; the last record has the card and the file."""

    difference: float = 0.0
    path: Path | None = None


def iter_import(
    readout: Readout,
    request: ImportRequest,
    *,
    network: Network,
    files: tuple[tuple[str, str], ...],
    folder: Path | None = None,
) -> Iterator[ImportProgress]:
    """Check, complete and save an encoder; to cancel, stop iterating: nothing is saved before the last record.

    Parameters
    ----------
    network : Cut at the layer.
    files : (name, sha256) of the files it was read from.
    folder : Where the encoder is saved; by default the user's encoders.

    Raises BadInputError if the subject does not exist, or the new one does, or the encoder is there and may not be
    replaced; WeightsError if features, voxels or predictions do not agree.
    """
    from core.encoders.importers.reference import iter_reference

    readout, subject = find_subject(readout, request)
    pool = find_pool(readout, network.feature_shape, request)
    folded = fold(readout)
    difference = compare_predictions(readout, folded)
    yield ImportProgress(0, 1, stage="check", difference=difference)
    source, licence = request.source or readout.source, request.licence or readout.licence
    note = " ".join(part for part in (readout.note, request.note) if part)
    provenance = Provenance(readout.kind, source, licence, files, note=note)
    data = build_data(folded, request, subject=subject, pool=pool, network_sha256=network.sha256, provenance=provenance)
    target = user_encoders_folder() if folder is None else folder
    if not request.replaces:
        check_free(data.card.config, target)
    for record in iter_reference(data, subject, network=network, most=request.n_reference):
        if record.result is None:
            yield ImportProgress(record.done, record.total, stage="reference", difference=difference)
        else:
            data = record.result
    sealed = seal(data)
    path = save_encoder(sealed, target)
    if request.new_subject and readout.voxels is not None:
        keep_subject(readout.voxels, request, provenance)
    yield ImportProgress(1, 1, result=sealed.card, stage="done", difference=difference, path=path)


def find_subject(readout: Readout, request: ImportRequest) -> tuple[Readout, Subject | None]:
    """The readout and the subject that is there, checked; None if one is to be made from the readout.

    Voxels without weights are left out, unless the subject has these too: then they predict 0. Raises BadInputError or
    WeightsError if either cannot be.
    """
    from core.datasets.subject import load_subject

    if not request.subject:
        check_new(request.new_subject)
        if readout.voxels is None:
            raise WeightsError(
                "The file does not say where its voxels lie. Choose a subject that has the same voxels, or add "
                "`vertex` and `hemisphere`, or `roi`, to the arrays."
            )
        return readout.without_missing(), None
    subject = load_subject(request.subject)
    if subject.voxels.n_voxels != readout.n_voxels:
        readout = readout.without_missing()
    if subject.voxels.n_voxels != readout.n_voxels:
        raise WeightsError(
            f"The weights predict {readout.n_voxels:,} voxels, subject {subject.id!r} has {subject.voxels.n_voxels:,}. "
            "Choose the subject they were fitted to, or make one from the encoder."
        )
    return readout, subject


def find_pool(readout: Readout, feature_shape: tuple[int, ...], request: ImportRequest) -> int:
    """The pooling under which the layer gives as many features as the weights take. Raises WeightsError if none."""
    from core.encoders.pooling import count_pooled

    asked = request.pool if request.pool is not None else readout.pool
    sides = (0, *POOL_SIDES) if asked is None else (asked,)
    fitting = [side for side in sides if len(feature_shape) != 3 or side <= min(feature_shape[1:])]
    counts = {side: count_pooled(feature_shape, side) for side in fitting}
    for side, count in counts.items():
        if count == readout.n_features:
            return side
    if asked is not None and asked not in counts:
        count_pooled(feature_shape, asked)  # has the words for a grid finer than the map
    given = ", ".join(f"{count:,} (pool {side})" for side, count in counts.items())
    raise WeightsError(
        f"The weights are for {readout.n_features:,} features, {request.network} {request.layer} gives {given}. "
        "Choose the network, layer and pooling they were fitted on."
    )


def build_data(
    readout: Readout,
    request: ImportRequest,
    *,
    subject: Subject | None,
    pool: int,
    network_sha256: str,
    provenance: Provenance,
) -> EncoderData:
    """The encoder of a folded readout with everything but its reference SDs and scores, which are NaN."""
    components, weights = choose_factors(readout)
    card = build_card(
        request,
        readout.scores,
        n_voxels=readout.n_voxels,
        subject=subject,
        pool=pool,
        reducer="none" if components is None else "pca",
        network_sha256=network_sha256,
        provenance=provenance,
    )
    mean = next(step.mean for step in readout.steps if isinstance(step, Centre))
    parts = (mean, components, weights, readout.intercept, np.full((len(weights), len(weights)), np.nan))
    numbers: list[Any] = [None if one is None else np.ascontiguousarray(one, np.float32) for one in parts]
    return EncoderData(card, *numbers)


def build_card(
    request: ImportRequest,
    scores: Mapping[str, FloatArray],
    *,
    n_voxels: int,
    subject: Subject | None,
    network_sha256: str,
    provenance: Provenance,
    pool: int = 0,
    reducer: str = "none",
) -> EncoderCard:
    """The card of an encoder fitted elsewhere; what `scores`, by name (n_voxels,), do not hold is NaN."""
    unknown: Any = np.full(n_voxels, np.nan, dtype=np.float32)
    known = {name: np.asarray(values, np.float32) for name, values in scores.items()}
    ceiling = known.get("noise_ceiling", subject.voxels.noise_ceiling if subject is not None else unknown)
    names = (request.subject or request.new_subject, request.network, request.layer)
    return EncoderCard(
        config=EncoderConfig(*names, pool=pool, n_components=0, reducer=reducer),
        sha256="",
        network_sha256=network_sha256,
        response_unit=subject.response_unit if subject is not None else request.response_unit,
        n_train=0,
        n_test=0,
        alpha=known.get("alpha", unknown),
        cv_r=known.get("cv_r", unknown),
        reference_sd=unknown,
        noise_ceiling=np.asarray(ceiling, np.float32),
        provenance=provenance,
        **rate(known.get("r", unknown), ceiling),
    )


def choose_factors(folded: Readout) -> tuple[FloatArray | None, FloatArray]:
    """Components and weights as they are kept. Weights on more features than voxels become components, exactly.

    x @ W = (x @ W) @ 1: with fewer voxels than features the covariance is then voxels x voxels.

    Raises WeightsError if both are too many.
    """
    for step in folded.steps:
        if isinstance(step, Project):
            return step.components, folded.weights
    n_features, n_voxels = folded.weights.shape
    if min(n_features, n_voxels) > LARGEST_RANK:
        raise WeightsError(
            f"The weights are {n_features:,} features x {n_voxels:,} voxels without a reducer; at most "
            f"{LARGEST_RANK:,} of either are read. Add `components` (a PCA) or choose fewer voxels."
        )
    if n_voxels < n_features:
        return folded.weights, np.eye(n_voxels)
    return None, folded.weights


def keep_subject(
    voxels: VoxelTable, request: ImportRequest, provenance: Provenance, *, surface: str = FSAVERAGE5
) -> Path:
    """Write the subject made from an encoder, whose voxels lie on `surface`; returns its folder."""
    header = SubjectHeader(
        id=request.new_subject,
        title=f"{request.new_subject} (from an imported encoder)",
        note=f"Made from an imported encoder ({provenance.kind}); it has no recordings. {provenance.note}".strip(),
        citation=provenance.source,
        licence=provenance.licence,
        surface=surface,
        response_unit=request.response_unit,
        kind=request.kind,
        rois=voxels.roi_names,
        images=(),
        image_source=ImageSource("files", Path(), ()),
    )
    return save_bare_subject(header, voxels)
