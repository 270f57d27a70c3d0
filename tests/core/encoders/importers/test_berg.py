"""BERG's weights, in files made by hand in its exact layout: predictions are those of its own scikit-learn chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from core.encoders.importers.berg import NETWORKS, read_berg
from core.encoders.importers.readout import CHECK_TOLERANCE, Project, compare_predictions, fold
from core.errors import WeightsError

N_IMAGES, N_FEATURES, N_VERTICES, RANK = 60, 30, 10_300, 8
KEPT = 10_242


class Chain:
    """Fits as BERG's train_encoding.py does and predicts as its model does."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        features = (generator.standard_normal((N_IMAGES, N_FEATURES)) * 4 + 1).astype(np.float32)
        self.scaler = StandardScaler().fit(features)
        self.pca = PCA(RANK, random_state=20200220).fit(self.scaler.transform(features))
        reduced = self.pca.transform(self.scaler.transform(features)).astype(np.float32)
        betas = generator.standard_normal((2, N_IMAGES, N_VERTICES)).astype(np.float32)
        self.left, self.right = (LinearRegression().fit(reduced, side) for side in betas)

    def predict(self, features: np.ndarray) -> np.ndarray:
        reduced = self.pca.transform(self.scaler.transform(features)).astype(np.float32)
        return np.hstack([self.left.predict(reduced)[:, :KEPT], self.right.predict(reduced)[:, :KEPT]])

    def weights(self) -> dict[str, Any]:
        names = {
            "scaler_param": (self.scaler, ("scale_", "mean_", "var_", "n_features_in_", "n_samples_seen_")),
            "pca_param": (
                self.pca,
                (
                    "components_",
                    "explained_variance_",
                    "explained_variance_ratio_",
                    "singular_values_",
                    "mean_",
                    "n_components_",
                    "n_samples_",
                    "noise_variance_",
                    "n_features_in_",
                ),
            ),
            "lh_reg_param": (self.left, ("coef_", "intercept_", "n_features_in_")),
            "rh_reg_param": (self.right, ("coef_", "intercept_", "n_features_in_")),
        }
        return {key: {field: getattr(part, field) for field in fields} for key, (part, fields) in names.items()}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def save(content: Any, path: Path) -> Path:
    np.save(path, content, allow_pickle=True)
    return path


def test_predictions_are_those_of_bergs_own_chain(chain: Chain, tmp_path: Path) -> None:
    readout = read_berg(save(chain.weights(), tmp_path / "weights_subject-01.npy"))
    new = (np.random.default_rng(1).standard_normal((5, N_FEATURES)) * 4).astype(np.float32)
    wanted = chain.predict(new)
    np.testing.assert_allclose(readout.predict(new), wanted, atol=1e-5 * np.abs(wanted).max())
    folded = fold(readout)
    found = folded.predict(new, dtype=np.float32)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
    assert compare_predictions(readout, folded) < CHECK_TOLERANCE
    _, last = folded.steps
    assert isinstance(last, Project) and last.components.shape == (N_FEATURES, RANK)  # kept factored
    assert folded.weights.shape == (RANK, 2 * KEPT)


def test_vertices_are_the_first_of_each_hemisphere_left_before_right(chain: Chain, tmp_path: Path) -> None:
    voxels = read_berg(save(chain.weights(), tmp_path / "w.npy")).voxels
    assert voxels is not None
    assert voxels.vertex.tolist() == 2 * list(range(KEPT))
    assert voxels.hemisphere.tolist() == [0] * KEPT + [1] * KEPT
    assert voxels.paint.shape == (2 * KEPT, 3)


def test_with_metadata_only_vertices_in_an_roi_are_kept_and_named(chain: Chain, tmp_path: Path) -> None:
    metadata = {
        "fmri": {
            "lh_fsaverage_rois": {"V1v": np.array([3, 5, 10_250]), "FFA-1": np.array([7])},
            "rh_fsaverage_rois": {"V1v": np.array([2]), "FFA-1": np.array([], dtype=int)},
        }
    }
    readout = read_berg(save(chain.weights(), tmp_path / "w.npy"), save(metadata, tmp_path / "m.npy"))
    assert readout.voxels is not None
    assert readout.voxels.vertex.tolist() == [3, 5, 7, 2]
    assert readout.voxels.roi == ("V1v", "V1v", "FFA-1", "V1v")
    new = np.ones((1, N_FEATURES), np.float32)
    wanted = chain.predict(new)[:, [3, 5, 7, KEPT + 2]]
    np.testing.assert_allclose(readout.predict(new), wanted, atol=1e-5 * np.abs(wanted).max())


def test_the_two_networks_of_berg_are_known_by_their_number_of_features() -> None:
    from core.networks.open_body import list_layers
    from core.networks.truncate import split_layers

    shapes = {info.name: info.shape for info in list_layers("alexnet")}
    (count,) = [count for count, (network, _) in NETWORKS.items() if network == "torchvision:alexnet"]
    assert sum(int(np.prod(shapes[name])) for name in split_layers(NETWORKS[count][1])) == count


@pytest.mark.parametrize("missing", ["scaler_param", "pca_param", "lh_reg_param", "rh_reg_param"])
def test_a_missing_part_is_named(chain: Chain, tmp_path: Path, missing: str) -> None:
    weights = chain.weights()
    del weights[missing]
    with pytest.raises(WeightsError, match=rf"^w\.npy lacks {missing}: BERG's weights have scaler_param"):
        read_berg(save(weights, tmp_path / "w.npy"))


def test_a_truncated_file_is_refused(chain: Chain, tmp_path: Path) -> None:
    path = save(chain.weights(), tmp_path / "w.npy")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match=r"w\.npy is truncated"):
        read_berg(path)


def test_nan_weights_are_refused(chain: Chain, tmp_path: Path) -> None:
    weights = chain.weights()
    weights["lh_reg_param"] = weights["lh_reg_param"] | {"intercept_": np.full(N_VERTICES, np.nan)}
    with pytest.raises(WeightsError, match=f"{KEPT} of {2 * KEPT} numbers of intercept are NaN"):
        read_berg(save(weights, tmp_path / "w.npy"))


def test_metadata_without_rois_is_refused(chain: Chain, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"m\.npy names no ROIs"):
        read_berg(save(chain.weights(), tmp_path / "w.npy"), save({"fmri": {}}, tmp_path / "m.npy"))
