"""img2fmri's package, made by hand in its layout: predictions of its ridges, and voxels where its masks are in MNI."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import joblib
import nibabel
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from core.encoders.importers.img2fmri import MNI305_TO_MNI152, ROIS, fit_affine, read_img2fmri
from core.encoders.importers.open import read_readout
from core.encoders.importers.readout import fold
from core.errors import BadInputError, WeightsError
from core.surfaces.mapping import middle_of_sheet
from core.surfaces.store import load_surface

SHAPE = (91, 109, 91)
MNI_AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
SHIFT = np.array([3.0, -4.0, 5.0])
"""Between the made-up subject's space and MNI, in mm."""

VERTICES = {(roi, side): np.arange(3) * 700 + 97 * number for number, roi in enumerate(ROIS) for side in (0, 1)}


def pack_mask(points: np.ndarray, affine: np.ndarray) -> bytes:
    volume = np.zeros(SHAPE, dtype=np.uint8)
    index = np.round((points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T).astype(int)
    volume[tuple(index.T)] = 1
    return gzip.compress(nibabel.Nifti1Image(volume, affine).to_bytes())


class Package:
    """Writes the wheel; remembers its models and how many voxels each mask really has."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        surface = load_surface("fsaverage5")
        self.files: dict[str, bytes] = {}
        self.models: dict[tuple[int, str], Ridge] = {}
        sizes = np.zeros((3, 5, 2))
        own_affine = MNI_AFFINE.copy()
        own_affine[:3, 3] += SHIFT
        for subject in (1, 2, 3):
            for number, roi in enumerate(ROIS):
                for side in (0, 1):
                    points = middle_of_sheet(surface, side)[VERTICES[roi, side]]
                    mni = points @ MNI305_TO_MNI152[:, :3].T + MNI305_TO_MNI152[:, 3]
                    mask = pack_mask(mni, MNI_AFFINE)
                    sizes[subject - 1, number, side] = self.count(mask)
                    name = f"{'LR'[side]}H{roi}"
                    own = f"derivatives_spm_sub-CSI{subject}_sub-CSI{subject}_mask-{name}.nii.gz"
                    self.files[f"derivatives/bool_masks/{own}"] = pack_mask(mni + SHIFT, own_affine)
                    self.files[f"derivatives/mni_bool_masks/sub{subject}_{name}_MNI.nii.gz"] = mask
                total = int(sizes[subject - 1, number].sum())
                model = Ridge().fit(generator.standard_normal((20, 512)), generator.standard_normal((20, total)))
                self.models[subject, roi] = model
                self.files[f"models/subj{subject}_{roi}_model.pkl"] = dump(model)
        array = io.BytesIO()
        np.save(array, sizes)
        self.files["derivatives/shape_array.npy"] = array.getvalue()

    @staticmethod
    def count(mask: bytes) -> int:
        return int((np.asanyarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(mask)).dataobj) > 0).sum())

    def write(self, folder: Path, **changes: bytes | None) -> Path:
        path = folder / "img2fmri-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name, content in (self.files | changes).items():
                if content is not None:
                    wheel.writestr(f"img2fmri/{name}", content)
        return path


def dump(thing: Any) -> bytes:
    opened = io.BytesIO()
    joblib.dump(thing, opened)
    return opened.getvalue()


@pytest.fixture(scope="module")
def package() -> Package:
    return Package()


def test_predictions_are_those_of_the_five_ridges_side_by_side(package: Package, tmp_path: Path) -> None:
    readout = read_readout([package.write(tmp_path)], member="CSI2")
    features = np.random.default_rng(1).standard_normal((4, 512)).astype(np.float32)
    wanted = np.hstack([package.models[2, roi].predict(features) for roi in ROIS])
    np.testing.assert_allclose(readout.predict(features), wanted, rtol=1e-6)
    np.testing.assert_allclose(
        fold(readout).predict(features, dtype=np.float32), wanted, atol=1e-5 * np.abs(wanted).max()
    )
    assert (readout.network, readout.layer, readout.licence) == ("resnet18", "avgpool", "MIT")


def test_voxels_lie_at_the_vertices_their_masks_were_made_from(package: Package, tmp_path: Path) -> None:
    """A translation between the spaces is undone exactly; the 2 mm grid leaves at most a grid step."""
    voxels = read_img2fmri(package.write(tmp_path)).voxels
    assert voxels is not None
    surface = load_surface("fsaverage5")
    for roi in ROIS:
        chosen = voxels.voxels_in(roi)
        assert voxels.hemisphere[chosen].tolist() == sorted(voxels.hemisphere[chosen].tolist())  # left before right
        for side in (0, 1):
            sheet = middle_of_sheet(surface, side)
            found = sheet[voxels.vertex[chosen[voxels.hemisphere[chosen] == side]]]
            wanted = sheet[VERTICES[roi, side]]
            distance = np.linalg.norm(found[:, None] - wanted[None], axis=2).min(axis=1)
            assert distance.max() < np.sqrt(3) * 2


def test_an_affine_is_found_from_its_points() -> None:
    generator = np.random.default_rng(0)
    points, affine = generator.standard_normal((10, 3)), generator.standard_normal((4, 3))
    np.testing.assert_allclose(fit_affine(points, points @ affine[:3] + affine[3]), affine, atol=1e-9)


def test_the_installed_folder_is_read_like_the_wheel(package: Package, tmp_path: Path) -> None:
    wheel = package.write(tmp_path)
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "site")
    from_folder = read_readout([tmp_path / "site" / "img2fmri"], member="CSI3")
    np.testing.assert_array_equal(from_folder.weights, read_img2fmri(wheel, "CSI3").weights)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"models/subj1_LOC_model.pkl": None}, r"no package with models/subj1_LOC_model\.pkl"),
        ({"models/subj1_LOC_model.pkl": b"\x80\x04cos\nsystem\n(S'true'\ntR."}, "asks to run 'os.system'"),
        ({"models/subj1_LOC_model.pkl": dump([1])}, "holds no estimator"),
    ],
)
def test_a_damaged_package_is_one_sentence(
    package: Package, tmp_path: Path, changes: dict[str, bytes | None], text: str
) -> None:
    with pytest.raises(WeightsError, match=text):
        read_img2fmri(package.write(tmp_path, **changes))


def test_models_that_do_not_fit_the_masks_are_refused(package: Package, tmp_path: Path) -> None:
    other = Ridge().fit(np.eye(3, 512), np.eye(3))
    with pytest.raises(WeightsError, match="the model of LOC has 3 voxels, its masks"):
        read_img2fmri(package.write(tmp_path, **{"models/subj1_LOC_model.pkl": dump(other)}))


def test_an_unknown_subject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`member` must be one of CSI1, CSI2, CSI3, got 'CSI4'"):
        read_img2fmri(tmp_path, "CSI4")


def test_a_truncated_wheel_is_refused(package: Package, tmp_path: Path) -> None:
    path = package.write(tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(WeightsError, match="is truncated or no package"):
        read_img2fmri(path)
