"""Writes tiny surfaces of unequal hemispheres as labs have them: FreeSurfer folders (patches by hand) and GIFTI."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
from nibabel.freesurfer import write_annot, write_geometry, write_morph_data
from nibabel.gifti import GiftiDataArray, GiftiImage, GiftiLabel

from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from tests.helpers.cortex import make_atlas, make_cortex

SURFACE = make_cortex()
CRAS = (3.0, -17.5, 21.0)
CONFORMED = {
    "head": np.array([2, 0, 20]),
    "valid": "1  # volume info valid",
    "filename": "orig.mgz",
    "volume": np.array([256, 256, 256]),
    "voxelsize": np.ones(3),
    "xras": np.array([-1.0, 0, 0]),
    "yras": np.array([0.0, 0, -1]),
    "zras": np.array([0.0, 1, 0]),
    "cras": np.array(CRAS),
}
"""The volume geometry of an ordinary FreeSurfer subject, whose surfaces are scanner RAS less c_ras."""

FOLDED = ("pial", "white", "inflated", "sphere")


def write_subject(folder: Path, surface: CorticalSurface = SURFACE, *, with_patch: bool = True) -> Path:
    """A FreeSurfer subject folder: surf/ and label/, an aparc annotation and two labels."""
    (folder / "surf").mkdir(parents=True)
    (folder / "label").mkdir()
    atlas = make_atlas(surface)
    for side, code in ((0, "lh"), (1, "rh")):
        half, labels = surface.side(side), atlas.labels(side)
        for name in FOLDED:
            points = half.geometries[name]
            write_geometry(folder / "surf" / f"{code}.{name}", points, half.faces, "test", volume_info=CONFORMED)
        write_morph_data(folder / "surf" / f"{code}.curv", half.curvature)
        write_morph_data(folder / "surf" / f"{code}.sulc", half.sulc)
        if with_patch:
            write_patch(folder / "surf" / f"{code}.full.flat.patch.3d", half)
        table = np.array([[25, 5, 25, 0, 0], [200, 10, 10, 0, 0], [10, 10, 200, 0, 0]])
        annot = folder / "label" / f"{code}.aparc.annot"
        write_annot(annot, labels.astype(np.int64), table, ["unknown", "pericalcarine", "fusiform"])
        write_label(folder / "label" / f"{code}.V1_exvivo.label", np.flatnonzero(labels == 1), value=0.9)
    return folder


def write_patch(
    path: Path, half: HemisphereSurface, *, order: str = ">", turn: float = 0.0, mirror: bool = False
) -> None:
    """The flat geometry as a patch by hand: int -1, count, then (number from 1, negative on the rim; x, y, z) each."""
    used = np.unique(half.flat_faces)
    edges = np.sort(
        np.concatenate([half.flat_faces[:, [0, 1]], half.flat_faces[:, [1, 2]], half.flat_faces[:, [2, 0]]])
    )
    unique, count = np.unique(edges, axis=0, return_counts=True)
    rim = set(unique[count == 1].ravel().tolist())
    flat = half.geometries["flat"].astype(np.float64)
    cosine, sine = np.cos(turn), np.sin(turn)
    x, y = flat[:, 0] * (-1 if mirror else 1), flat[:, 1]
    data = struct.pack(f"{order}2i", -1, len(used))
    for vertex in used:
        number = -(vertex + 1) if int(vertex) in rim else vertex + 1
        at = (cosine * x[vertex] - sine * y[vertex], sine * x[vertex] + cosine * y[vertex], 0.0)
        data += struct.pack(f"{order}i3f", int(number), *at)
    path.write_bytes(data)


def write_label(path: Path, vertices: np.ndarray, *, value: float) -> None:
    """A FreeSurfer label file by hand."""
    rows = [f"{vertex}  0.0  0.0  0.0 {value}" for vertex in vertices]
    path.write_text("\n".join(["#!ascii label, from subject test", str(len(rows)), *rows]) + "\n")


def write_gifti(path: Path, half: HemisphereSurface, name: str, *, meta: dict[str, str] | None = None) -> None:
    """A .surf.gii of one geometry."""
    points = GiftiDataArray(half.geometries[name].astype(np.float32), "NIFTI_INTENT_POINTSET", meta=meta or {})
    faces = GiftiDataArray(half.faces_of(name).astype(np.int32), "NIFTI_INTENT_TRIANGLE")
    nibabel.save(GiftiImage(darrays=[points, faces]), path)


def write_shape(path: Path, values: np.ndarray) -> None:
    """A .shape.gii."""
    nibabel.save(GiftiImage(darrays=[GiftiDataArray(values.astype(np.float32), "NIFTI_INTENT_SHAPE")]), path)


def write_gifti_labels(path: Path, labels: np.ndarray, names: dict[int, str]) -> None:
    """A .label.gii."""
    image = GiftiImage(darrays=[GiftiDataArray(labels.astype(np.int32), "NIFTI_INTENT_LABEL")])
    for key, name in names.items():
        label = GiftiLabel(key, 0.5, 0.5, 0.5, 1.0)
        label.label = name
        image.labeltable.labels.append(label)
    nibabel.save(image, path)
