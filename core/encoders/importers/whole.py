"""Takes a whole encoder in: a torch module from pixels to the responses of voxels, with a table of these voxels.

The module becomes a network of the user's whose one layer is its output, the encoder the identity behind it. Nothing is
kept before everything was checked and the reference images were shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.checks import refusal
from core.containers import load_arrays
from core.datasets.subject import list_subjects, load_subject
from core.datasets.subject_files import check_new
from core.datasets.tables import Table, read_table
from core.encoders.card import WHOLE, EncoderData, Provenance
from core.encoders.files import save_encoder, seal, user_encoders_folder
from core.encoders.importers.bind import ImportProgress, ImportRequest, build_card, keep_subject
from core.encoders.importers.reference import iter_reference
from core.errors import BadInputError
from core.files import hash_file
from core.types import FloatArray, VoxelTable

if TYPE_CHECKING:
    from core.networks.import_options import NetworkImportOptions

SCORES = {"r": -1.0, "cv_r": -1.0, "noise_ceiling": 0.0}
"""Columns of scores, and the least each can be; at most 1."""
WITHOUT_TABLE = "No table of voxels was given: they are reached by their number, and not drawn."


@dataclass(frozen=True, slots=True)
class WholeOptions:
    """What a whole encoder gives.

    Parameters
    ----------
    voxels : Table of the voxels, a line for each response in their order: CSV, TSV, or an npz of arrays. Columns:
        hemisphere and vertex, or x, y, z in mm; roi, r, cv_r, noise_ceiling.
    surface : The surface of its vertices: fsaverage5, fsaverage6, fsaverage7, or one that was imported.
    key : Of a module that gives a dictionary: the name of the responses in it.
    """

    voxels: Path | None = None
    surface: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What a table says of the voxels: where they lie, on which surface, their scores, and what to know of them."""

    voxels: VoxelTable
    surface: str
    scores: dict[str, FloatArray]
    remark: str


def iter_whole(
    source: str, options: NetworkImportOptions, whole: WholeOptions, request: ImportRequest, *, device: str = "cpu"
) -> Iterator[ImportProgress]:
    """Check and keep a whole encoder; to cancel, stop iterating: nothing is kept before the last record.

    Parameters
    ----------
    source : "package.module:function", "entry:NAME", or a TorchScript or torch.export file.
    options : Its id, title, input size, licence, and whether it is trusted.
    request : Whose voxels they are, and how they are shown; its network and layer are not looked at.

    Raises BadInputError if trust is missing, or the table, key, subject or an id cannot be; WeightsError if the module
    cannot be probed; StorageError if a file cannot be read or written.
    """
    from core.networks.catalog import save_user_network
    from core.networks.whole import take_whole

    table = None if whole.voxels is None else read_voxels(whole.voxels, whole.surface)
    if whole.surface and table is None:
        raise refusal("surface", allowed="given with a table of voxels", got=whole.surface)
    if request.new_subject:
        check_new(request.new_subject)
    subject = load_subject(request.subject) if request.subject else None
    options = replace(options, licence=request.licence)
    network = take_whole(source, options, key=whole.key, device=device)
    spec, n_voxels = network.spec, network.n_features
    table = table or _describe({}, "", n_voxels)
    if whole.voxels is not None and table.voxels.n_voxels != n_voxels:
        got = f"{table.voxels.n_voxels:,}"
        raise refusal(whole.voxels.name, allowed=f"a line for each of the {n_voxels:,} responses", got=got)
    if subject is not None and subject.voxels.n_voxels != n_voxels:
        got = f"{subject.id} with {subject.voxels.n_voxels:,}"
        raise refusal("subject", allowed=f"one with {n_voxels:,} voxels, as many as responses", got=got)
    request = replace(request, network=spec.id, layer=network.layer)
    files = [(spec.source, network.sha256)] if spec.family == "python" else []
    paths = (Path(spec.weights) if spec.weights else None, whole.voxels)
    files += [(path.name, hash_file(path)) for path in paths if path is not None]
    remark = WITHOUT_TABLE if whole.voxels is None else table.remark
    notes = (request.note, remark if subject is None else "")
    provenance = Provenance(WHOLE, request.source, request.licence, tuple(files), note=" ".join(filter(None, notes)))
    zeros, unknown = np.zeros(n_voxels, np.float32), np.full((1, n_voxels), np.nan, np.float32)
    card = build_card(
        request, table.scores, n_voxels=n_voxels, subject=subject, network_sha256=network.sha256, provenance=provenance
    )
    data = EncoderData(card, zeros, None, None, zeros, unknown)
    for record in iter_reference(data, subject, network=network, most=request.n_reference):
        data = record.result or data
        yield ImportProgress(record.done, record.total, stage="reference")
    sealed = seal(data)
    save_user_network(spec, Path(spec.weights) if spec.weights else None)
    if request.new_subject:
        keep_subject(table.voxels, request, provenance, surface=table.surface)
    path = save_encoder(sealed, user_encoders_folder())
    yield ImportProgress(1, 1, result=sealed.card, stage="done", path=path)


def read_voxels(path: Path, surface: str) -> Described:
    """Read a table of voxels, CSV, TSV or npz. Raises BadInputError if a column, side, vertex or score cannot be."""
    from core.datasets.readers.generic import describe_unused

    table = _read_columns(path)
    n_voxels = len(next(iter(table.values()), []))
    if not n_voxels:
        raise refusal(path.name, allowed="a line for each voxel", got="none")
    if "vertex" in table and not surface:
        advice = "Add --surface fsaverage5, fsaverage6, fsaverage7, or the name of an imported one."
        raise refusal("surface", allowed="named for a table of vertices", got=None, advice=advice)
    used = ("hemisphere", "vertex", "x", "y", "z", "roi", *SCORES)
    found = _describe(table, surface, n_voxels)
    return replace(found, remark=" ".join(filter(None, (found.remark, *describe_unused(path, table, used)))))


def _describe(table: Table, surface: str, n_voxels: int) -> Described:
    from core.datasets.readers.generic import place_table, read_column, without_missing

    places, every = place_table(table, surface, n_voxels), np.ones(n_voxels, dtype=bool)
    found = {name: read_column(table, name, every, most=1.0, least=least) for name, least in SCORES.items()}
    scores = {name: values for name, values in found.items() if values is not None}
    ceiling = scores.get("noise_ceiling", np.full(n_voxels, np.nan)).astype(np.float32)
    rois = without_missing(table.get("roi", [""] * n_voxels))
    voxels = VoxelTable(places.hemisphere, places.vertex, rois, ceiling, places.paint)
    return Described(voxels, places.surface, scores, places.remark)


def _read_columns(path: Path) -> Table:
    from core.datasets.readers.generic import VOXEL_COLUMNS

    if path.suffix.lower() != ".npz":
        return read_table(path, usual=(*VOXEL_COLUMNS, *SCORES))
    arrays = load_arrays(path, error=BadInputError, advice="Save it again.")
    lengths = {len(values) if values.ndim == 1 else values.shape for values in arrays.values()}
    if len(lengths) > 1 or not all(isinstance(length, int) for length in lengths):
        got = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
        raise refusal(path.name, allowed="arrays of one number or word a voxel", got=got)
    return {name: [str(value) for value in values.tolist()] for name, values in arrays.items()}


def suggest_subject(source: str) -> str:
    """A free id for the subject made from a whole encoder: that of its function or file, and a number if taken."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(source.rpartition(":")[2]).stem).strip("_")[:50] or "encoder"
    taken = {info.id for info in list_subjects()}
    return next(one for one in (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3))) if one not in taken)
