"""Every kind of file the program reads: how a small whole one is made, and what reads it to its last number."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import joblib
import nibabel
import numpy as np
import torch
import zarr
from PIL import Image
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors
from scipy.io import savemat
from sklearn.linear_model import Ridge
from torch import nn

from core.array_cache import ArrayCache, save_arrays
from core.containers import load_arrays
from core.datasets.array_files import open_array, open_images
from core.datasets.description import TEMPLATE, read_description
from core.datasets.photos import _read as read_photos
from core.datasets.readers.nsd import read_design
from core.datasets.readers.things_fmri import find_block, read_columns
from core.datasets.subject import _map_means, read_subject_header
from core.datasets.summary import load_summary
from core.datasets.surface_choice import chosen_surface
from core.datasets.tables import read_table
from core.encoders.files import load_encoder_data
from core.encoders.importers.berg import read_berg
from core.encoders.importers.open import looks_like_encoder, read_readout
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import read_trials
from core.experiments.packages.template import read_template
from core.images.read import read_image
from core.networks.catalog import HEADER as ENTRY
from core.networks.files.checkpoint import read_state
from core.networks.files.export_file import load_export
from core.networks.files.script_file import load_script
from core.networks.spec import read_entries
from core.paths import data_folder
from core.probes.files import load_probe
from core.probes.target import read_numbers
from core.session.files import read_session
from core.stimuli.manifest import check_files, read_rows
from core.stimuli.plan import read_plan, resolve_plan
from core.surfaces.freesurfer import read_curvature, read_patch, read_triangles
from core.surfaces.gifti import read_gifti_labels, read_gifti_shape, read_gifti_surface
from core.surfaces.labels import _read_annot, read_label
from core.surfaces.store import load_atlases, load_surface
from core.surfaces.volumes import count_trials, grid_of, iter_trials, load_volume, read_labels, read_map
from tests.helpers.recording_files import save_mgh, write_nsd_design, write_pandas_table
from tests.helpers.surface_files import (
    SURFACE,
    write_gifti,
    write_gifti_labels,
    write_patch,
    write_shape,
    write_subject,
)

DATA = Path(__file__).parents[1] / "data" / "version_0_3"
DRAW = np.random.default_rng(7)
ROWS = DRAW.standard_normal((12, 5)).astype(np.float32)
LEVELS = DRAW.integers(0, 256, (40, 48, 3), dtype=np.uint8)
KNOWN = frozenset(("a", "b", "c"))


@dataclass(frozen=True)
class Kind:
    """A kind of file: `make(folder)` writes a whole one and gives the file that is damaged, `read` takes its path."""

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    slow: bool = False


def placed(name: str, write: Callable[[Path], object]) -> Callable[[Path], Path]:
    """Make a file of that name."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        return path

    return make


def copied(place: str) -> Callable[[Path], Path]:
    """A file of version 0.3 with what lies around it, the user's own where the program looks for it."""

    def make(folder: Path) -> Path:
        if place.startswith("home/"):
            shutil.copytree(DATA / "home" / "data", data_folder(), dirs_exist_ok=True)
            return data_folder() / Path(place).relative_to("home/data")
        shutil.copytree(DATA, folder / "v03", dirs_exist_ok=True)
        return folder / "v03" / place

    return make


def read_rows_of(path: Path) -> None:
    opened = open_array(path, key="x" if path.suffix in (".npz", ".h5", ".mat") else "")
    if opened.shape:
        opened.read(0, min(opened.shape[0], 100))


def read_zarr(path: Path) -> None:
    read_rows_of(next(one for one in (path, *path.parents) if one.suffix == ".zarr"))


def write_hdf5(path: Path, **options: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=ROWS, **options)
        file["group/y"] = np.arange(3)


def write_matlab_7_3(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["x"] = ROWS.T
        file["x"].attrs["MATLAB_class"] = np.bytes_("single")


def make_zarr(folder: Path) -> Path:
    array = zarr.create_array(str(folder / "x.zarr"), shape=ROWS.shape, dtype=ROWS.dtype, chunks=(4, 5))
    array[:] = ROWS
    return folder / "x.zarr" / "zarr.json"


def make_zarr_chunk(folder: Path) -> Path:
    make_zarr(folder)
    return folder / "x.zarr" / "c" / "1" / "0"


def read_volume(path: Path) -> None:
    grid = grid_of(path)
    if count_trials(path) == 1:
        read_map(path, grid)
        read_labels(path, grid)
    for _ in iter_trials(path, grid, np.arange(3)):
        pass


def write_volume(path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(DRAW.integers(0, 9, (6, 5, 4)).astype(np.int16), np.diag([2, 2, 2, 1])), path)


def read_surface_file(_: Path) -> None:
    load_surface("sub-01")
    load_atlases("sub-01")


def from_subject(place: str) -> Callable[[Path], Path]:
    return lambda folder: write_subject(folder / "fs", SURFACE) / place


def read_encoder(path: Path) -> None:
    looks_like_encoder(path)
    read_readout([path])


def write_berg(path: Path) -> None:
    part = {"coef_": np.ones((6, 3)), "intercept_": np.ones(6)}
    content: Any = {
        "scaler_param": {"mean_": np.zeros(8), "scale_": np.ones(8)},
        "pca_param": {"mean_": np.zeros(8), "components_": np.ones((3, 8))},
        "lh_reg_param": part,
        "rh_reg_param": part,
    }
    np.save(path, content, allow_pickle=True)


def make_body() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5)).eval()


def write_export(path: Path) -> None:
    torch.export.save(torch.export.export(make_body(), (torch.zeros(1, 3, 8, 8),)), str(path))


def write_script(path: Path) -> None:
    torch.jit.save(torch.jit.script(make_body()), str(path))  # type: ignore[no-untyped-call]


def read_measured(path: Path) -> None:
    read_trials([path], ReadOptions(), known=KNOWN, n_voxels=None)


def write_trial_table(path: Path) -> None:
    separator = "\t" if path.suffix == ".tsv" else ","
    rows = [("stimulus_id", "V1", "FFA"), ("a", "0.5", "1"), ("b", "-1", "n/a"), ("c", "2", "3")]
    path.write_text("".join(separator.join(row) + "\n" for row in rows))


def write_trial_json(path: Path) -> None:
    path.write_text(json.dumps([{"stimulus_id": name, "V1": 0.5, "note": [1, {"a": None}]} for name in "abc"]))


def write_trial_arrays(path: Path) -> None:
    np.savez_compressed(path, x=ROWS[:3], ids=np.array(["a", "b", "c"]), columns=np.array(list("pqrst")))


def read_partial(path: Path) -> None:
    ArrayCache(path.parent).get(path.stem)


def write_partial(path: Path) -> None:
    ArrayCache(path.parent).put(path.stem, {"r": ROWS})


def read_design_of(path: Path) -> None:
    read_design(path.parents[3], 1)


def make_design(folder: Path) -> Path:
    write_nsd_design(folder, [1, 2, 3, 1], [4, 5, 6], [4])
    return folder / "nsddata" / "experiments" / "nsd" / "nsd_expdesign.mat"


def read_pandas(path: Path) -> None:
    block, skipped = find_block(path, n_voxels=5, n_trials=12)
    read_columns(path, block, np.arange(12) + skipped, kept=np.ones(5, dtype=bool))


def write_levels(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"] = LEVELS[np.newaxis]


def read_own_surface(path: Path) -> None:
    os.utime(path, ns=(0, hash(path.read_bytes()) % 2**40))  # files are kept in memory by their time
    read_surface_file(path)


def read_set(path: Path) -> None:
    check_files(read_rows(path))


def arrays() -> Iterator[Kind]:
    table = "\n".join(",".join(f"{value:.3f}" for value in row) for row in ROWS)
    fields = np.zeros(4, dtype=[("a", "f4"), ("b", "i2")])
    whole = {
        "plain.npy": lambda path: np.save(path, ROWS),
        "turned.npy": lambda path: np.save(path, np.asfortranarray(ROWS.astype(">f8"))),
        "fields.npy": lambda path: np.save(path, fields),
        "plain.npz": lambda path: np.savez(path, x=ROWS, y=fields),
        "packed.npz": lambda path: np.savez_compressed(path, x=ROWS),
        "plain.h5": write_hdf5,
        "packed.h5": lambda path: write_hdf5(path, chunks=(4, 5), compression="gzip", shuffle=True, fletcher32=True),
        "old.mat": lambda path: savemat(path, {"x": ROWS, "s": {"inner": ROWS}}),
        "packed.mat": lambda path: savemat(path, {"x": ROWS}, do_compression=True),
        "fourth.mat": lambda path: savemat(path, {"x": ROWS}, format="4"),
        "new.mat": write_matlab_7_3,
        "table.csv": lambda path: path.write_text(table),
        "table.tsv": lambda path: path.write_text(table.replace(",", "\t")),
    }
    for name, write in whole.items():
        yield Kind(name, placed(name, write), read_rows_of)
    yield Kind("zarr", make_zarr, read_zarr)
    yield Kind("zarr chunk", make_zarr_chunk, read_zarr)
    yield Kind("numbers.npy", placed("n.npy", lambda path: np.save(path, ROWS[0])), lambda p: read_numbers("w", p))
    yield Kind("numbers.txt", placed("n.txt", lambda path: np.savetxt(path, ROWS[0])), lambda p: read_numbers("w", p))
    yield Kind("names.csv", placed("t.csv", write_trial_table), read_table)
    yield Kind("images.h5", placed("i.h5", write_levels), lambda path: open_images(path, key="x").read(0))
    yield Kind("nsd design", make_design, read_design_of)
    yield Kind("things table", placed("t.h5", lambda path: write_pandas_table(path, ROWS.T)), read_pandas)


def brains() -> Iterator[Kind]:
    maps = nibabel.Nifti1Image(DRAW.standard_normal((4, 3, 2, 5)).astype(np.float32), np.diag([2, 2, 2, 1]))
    for name in ("maps.nii", "maps.nii.gz"):
        yield Kind(name, placed(name, lambda path: nibabel.save(maps, path)), read_volume)
    for name in ("maps.mgh", "maps.mgz"):
        yield Kind(name, placed(name, lambda path: save_mgh(path, ROWS)), read_volume)
    for name in ("one.nii", "one.nii.gz"):
        yield Kind(name, placed(name, write_volume), load_volume)
    half = SURFACE.side(0)
    surface = placed("lh.surf.gii", lambda path: write_gifti(path, half, "pial"))
    shape = placed("lh.shape.gii", lambda path: write_shape(path, half.curvature))
    names = {0: "a", 1: "b"}
    labels = placed("lh.label.gii", lambda path: write_gifti_labels(path, np.zeros(9), names))
    yield Kind("surf.gii", surface, read_gifti_surface)
    yield Kind("shape.gii", shape, read_gifti_shape)
    yield Kind("label.gii", labels, lambda path: read_gifti_labels(path, []))
    yield Kind("lh.pial", from_subject("surf/lh.pial"), read_triangles)
    yield Kind("lh.curv", from_subject("surf/lh.curv"), read_curvature)
    yield Kind("patch", placed("lh.patch.3d", lambda path: write_patch(path, half)), read_patch)
    yield Kind("annot", from_subject("label/lh.aparc.annot"), lambda path: _read_annot(path, []))
    yield Kind("label", from_subject("label/lh.V1_exvivo.label"), lambda p: read_label(p, SURFACE.side(0).n_vertices))


def encoders() -> Iterator[Kind]:
    weights = {"weights": ROWS, "intercept": ROWS[0], "roi": np.array(["V1"] * 5)}
    tensors = {"weights": ROWS, "intercept": ROWS[0].copy()}
    ridge = Ridge().fit(ROWS, ROWS[:, :2])
    state = make_body().state_dict()
    yield Kind("encoder.npz", placed("e.npz", lambda path: np.savez(path, **weights)), read_encoder)
    yield Kind("encoder.safetensors", placed("e.safetensors", lambda path: save_file(tensors, path)), read_encoder)
    yield Kind("encoder.pkl", placed("e.pkl", lambda path: path.write_bytes(pickle.dumps(ridge))), read_encoder)
    yield Kind("encoder.joblib", placed("e.joblib", lambda path: joblib.dump(ridge, path)), read_encoder)
    yield Kind("packed.joblib", placed("p.joblib", lambda path: joblib.dump(ridge, path, compress=3)), read_encoder)
    yield Kind("berg.npy", placed("weights_subject-01.npy", write_berg), read_berg)
    yield Kind("state.safetensors", placed("s.safetensors", lambda path: save_tensors(state, path)), read_state)
    for name in ("state.pth", "state.ckpt"):
        yield Kind(name, placed(name, lambda path: torch.save(state, path)), read_state)
    old = placed("old.pth", lambda path: torch.save(state, path, _use_new_zipfile_serialization=False))
    yield Kind("old.pth", old, read_state)
    yield Kind("network.pt2", placed("n.pt2", write_export), load_export, slow=True)
    yield Kind("script.pt", placed("n.pt", write_script), load_script, slow=True)


def own() -> Iterator[Kind]:
    yield Kind("probe.json", copied("probe.json"), load_probe)
    yield Kind("probe arrays", copied("probe.safetensors"), load_probe)
    for name in ("body", "full"):
        yield Kind(f"encoder {name}", copied(f"encoders/tiny_subject-tiny-{name}.json"), load_encoder_data)
    arrays_of = copied("encoders/tiny_subject-tiny-full.safetensors")
    yield Kind("encoder arrays", arrays_of, lambda path: load_encoder_data(path.with_suffix(".json")))
    yield Kind("session", copied("session/mine.probescope"), read_session)
    yield Kind("manifest", copied("set/manifest.json"), read_set)
    yield Kind("plan", copied("plan.json"), lambda path: resolve_plan(read_plan(path)))
    yield Kind("template", copied("timing.toml"), read_template)
    yield Kind("network entry", copied("home/data/networks/mine/network.toml"), lambda p: read_entries(p, ENTRY))
    yield Kind("subject", copied("home/data/subjects/bare/subject.json"), lambda p: read_subject_header(p.parent))
    yield Kind("summary", copied("home/data/subjects/bare/summary.json"), lambda _: load_summary("bare"))
    yield Kind("uses", copied("home/data/surfaces/uses.json"), lambda _: chosen_surface("bare"))
    yield Kind("surface", copied("home/data/surfaces/sub-01.npz"), read_own_surface)
    yield Kind("description", placed("subject.toml", lambda path: path.write_text(TEMPLATE)), read_description)
    yield Kind("photos", placed("photos.json", lambda path: path.write_text('{"images": []}')), read_photos)
    yield Kind("means", placed("responses.npy", lambda path: np.save(path, ROWS)), lambda p: _map_means(p.parent))
    yield Kind(
        "cell",
        placed("cell.npz", lambda path: save_arrays(path, {"r": ROWS})),
        partial(load_arrays, advice="Delete it and resume."),
    )
    yield Kind("batch", placed("batch.npz", write_partial), read_partial)


def pictures_and_trials() -> Iterator[Kind]:
    picture = Image.fromarray(LEVELS)
    for ending in ("png", "jpg", "webp", "tif", "gif", "bmp"):
        name = f"picture.{ending}"
        yield Kind(name, placed(name, lambda path: picture.save(path)), lambda path: read_image(path, size=32))
    for ending in ("csv", "tsv"):
        yield Kind(f"trials.{ending}", placed(f"trials.{ending}", write_trial_table), read_measured)
    yield Kind("trials.json", placed("trials.json", write_trial_json), read_measured)
    yield Kind("trials.npz", placed("trials.npz", write_trial_arrays), read_measured)


def all_kinds() -> dict[str, Kind]:
    """Every kind by its name."""
    kinds = (*arrays(), *brains(), *encoders(), *own(), *pictures_and_trials())
    assert len({kind.name for kind in kinds}) == len(kinds)
    return {kind.name: kind for kind in kinds}


def repack(whole: bytes, change: Callable[[bytes], bytes], number: int) -> bytes | None:
    """A zip or gzip file with one member changed under right checksums; None for other files."""
    import gzip
    import io

    if whole.startswith(b"\x1f\x8b"):
        return gzip.compress(change(gzip.decompress(whole)))
    if not whole.startswith(b"PK"):
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, "w") as new:
        members = old.infolist()
        for place, member in enumerate(members):
            content = old.read(member)
            new.writestr(member, change(content) if place == number % len(members) else content)
    return buffer.getvalue()
