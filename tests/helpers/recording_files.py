"""Writes tiny recordings in the documented layouts, byte orders and types. Never uses the importers."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import nibabel
import numpy as np
from nibabel.freesurfer.mghformat import MGHImage
from PIL import Image
from scipy.io import savemat

N_FSAVERAGE = 163_842
NSD_SHAPE = (3, 4, 2)
NSD_TRIALS = 6
"""Trials a session in tests; the real number is 750."""
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0]) + np.array([[0, 0, 0, -2.5], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
"""x = -2.5, -0.5, 1.5 mm: the first two slabs are left."""


def write_picture(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)


def write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def save_volume(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def write_nsd_design(root: Path, order: list[int], images: list[int], shared: list[int]) -> None:
    """`order`: 1-based numbers into `images`, the 1-based stimuli of subject 1; `shared` 1-based stimuli."""
    folder = root / "nsddata" / "experiments" / "nsd"
    folder.mkdir(parents=True)
    subjectim = np.tile(np.asarray(images, dtype=np.float64), (8, 1))
    content = {"masterordering": np.array([order], dtype=np.float64), "subjectim": subjectim}
    savemat(folder / "nsd_expdesign.mat", content | {"sharedix": np.array([shared], dtype=np.float64)})
    stimuli = root / "nsddata_stimuli" / "stimuli" / "nsd"
    stimuli.mkdir(parents=True)
    with h5py.File(stimuli / "nsd_stimuli.hdf5", "w") as file:
        levels = np.arange(20, dtype=np.uint8)[:, None, None, None]
        file["imgBrick"] = np.broadcast_to(levels, (20, 40, 40, 3))


def nsd_betas_folder(root: Path, space: str = "func1pt8mm") -> Path:
    folder = root / "nsddata_betas" / "ppdata" / "subj01" / space / "betas_fithrf_GLMdenoise_RR"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_nsd_hdf5(root: Path, session: int, betas: np.ndarray) -> None:
    """`betas` int16 (x, y, z, trial); MATLAB's axes come out reversed in HDF5."""
    with h5py.File(nsd_betas_folder(root) / f"betas_session{session:02d}.hdf5", "w") as file:
        file["betas"] = betas.transpose(3, 2, 1, 0)


def write_nsd_maps(root: Path, maps: dict[str, np.ndarray], ncsnr: np.ndarray) -> None:
    """ROI volumes and ncsnr."""
    for name, values in maps.items():
        save_volume(root / "nsddata" / "ppdata" / "subj01" / "func1pt8mm" / "roi" / f"{name}.nii.gz", values)
    save_volume(nsd_betas_folder(root) / "ncsnr.nii.gz", ncsnr.astype(np.float32))


def save_mgh(path: Path, values: np.ndarray) -> None:
    """Values (n_vertices,) or (n_vertices, n_maps) as FreeSurfer writes them, big-endian."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shaped = values.reshape(len(values), 1, 1, -1) if values.ndim == 2 else values.reshape(-1, 1, 1)
    nibabel.save(MGHImage(shaped, np.eye(4)), path)


def write_algonauts(folder: Path, left: np.ndarray, right: np.ndarray, vertices: tuple[list[int], list[int]]) -> None:
    """One subject's folder; floc-faces calls the first left vertex OFA, prf-visualrois the last right one V1v."""
    for side, values, shown in zip(("lh", "rh"), (left, right), vertices, strict=True):
        fmri, masks = folder / "training_split" / "training_fmri", folder / "roi_masks"
        fmri.mkdir(parents=True, exist_ok=True)
        masks.mkdir(exist_ok=True)
        np.save(fmri / f"{side}_training_fmri.npy", values)
        mask = np.zeros(N_FSAVERAGE)
        mask[shown] = 1
        np.save(masks / f"{side}.all-vertices_fsaverage_space.npy", mask)
        faces, early = np.zeros((2, values.shape[1]))
        if side == "lh":
            faces[0] = 1
        else:
            early[-1] = 1
        np.save(masks / f"{side}.floc-faces_challenge_space.npy", faces)
        np.save(masks / f"{side}.prf-visualrois_challenge_space.npy", early)
    np.save(folder / "roi_masks" / "mapping_floc-faces.npy", {0: "Unknown", 1: "OFA"}, allow_pickle=True)  # type: ignore[arg-type]
    np.save(folder / "roi_masks" / "mapping_prf-visualrois.npy", {0: "Unknown", 1: "V1v"}, allow_pickle=True)  # type: ignore[arg-type]
    for number in range(1, len(left) + 1):
        write_picture(folder / "training_split" / "training_images" / f"train-{number:04d}_nsd-{number * 7:05d}.png")


def write_pandas_table(path: Path, values: np.ndarray, *, with_number: bool = False) -> None:
    """A table (n_voxels, n_trials) as pandas' fixed format stores it; `with_number`: voxel_id among the floats."""
    n_voxels, n_trials = values.shape
    with h5py.File(path, "w") as file:
        group = file.create_group("ResponseData")
        group["axis0"], group["axis1"] = np.arange(n_trials + 1), np.arange(n_voxels)
        numbers = np.arange(n_voxels)[:, np.newaxis]
        if with_number:
            group["block0_values"] = np.concatenate([numbers.astype(np.float64), values], axis=1)
        else:
            group["block0_values"], group["block1_values"] = values.astype(np.float64), numbers
