"""Plain arrays: the documented formula, by hand; and every way they can be wrong, one sentence each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.encoders.importers.arrays import read_arrays
from core.encoders.importers.open import looks_like_encoder, read_readout
from core.encoders.importers.readout import fold
from core.errors import BadInputError, WeightsError
from core.surfaces.atlas import load_atlas

GENERATOR = np.random.default_rng(0)
FULL: dict[str, Any] = {
    "mean": GENERATOR.standard_normal(6),
    "scale": GENERATOR.uniform(0.5, 2, 6),
    "components": GENERATOR.standard_normal((6, 4)),
    "weights": GENERATOR.standard_normal((4, 3)),
    "intercept": GENERATOR.standard_normal(3),
}
FEATURES = GENERATOR.standard_normal((5, 6)).astype(np.float32)


def save_npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_all_arrays_follow_the_documented_formula(tmp_path: Path) -> None:
    readout = read_arrays(save_npz(tmp_path / "a.npz", **FULL))
    by_hand = ((FEATURES - FULL["mean"]) / FULL["scale"]) @ FULL["components"] @ FULL["weights"] + FULL["intercept"]
    np.testing.assert_allclose(readout.predict(FEATURES), by_hand, rtol=1e-12)
    np.testing.assert_allclose(fold(readout).predict(FEATURES, dtype=np.float32), by_hand, atol=1e-4)


def test_safetensors_and_names_of_scikit_learn_are_the_same_map(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    renamed = {
        "mean_": FULL["mean"],
        "scale_": FULL["scale"],
        "components_": np.ascontiguousarray(FULL["components"].T),
        "coef_": np.ascontiguousarray(FULL["weights"].T),
        "intercept_": FULL["intercept"],
    }
    save_file(renamed, path)
    first = read_arrays(path).predict(FEATURES)
    np.testing.assert_array_equal(first, read_arrays(save_npz(tmp_path / "a.npz", **FULL)).predict(FEATURES))


def test_arrays_of_unknown_names_are_told(tmp_path: Path) -> None:
    assert read_arrays(save_npz(tmp_path / "a.npz", **FULL)).note == ""
    readout = read_arrays(save_npz(tmp_path / "a.npz", weights=FULL["weights"], offset=FULL["intercept"]))
    assert readout.note == "Arrays that are not used: offset."
    assert read_arrays(save_npz(tmp_path / "a.npz", **FULL, bias=np.ones(3))).note == "Arrays that are not used: bias."


def test_bias_and_std_are_what_they_say_and_an_intercept_may_lie_along_any_axis(tmp_path: Path) -> None:
    first = read_arrays(save_npz(tmp_path / "a.npz", **FULL)).predict(FEATURES)
    named = {name: value for name, value in FULL.items() if name not in ("intercept", "scale")}
    named |= {"bias": FULL["intercept"][:, np.newaxis], "std": FULL["scale"]}
    np.testing.assert_array_equal(first, read_arrays(save_npz(tmp_path / "a.npz", **named)).predict(FEATURES))
    weights = FULL["components"] @ FULL["weights"]
    readout = read_arrays(save_npz(tmp_path / "a.npz", weights=weights, intercept=np.float64(2)))
    np.testing.assert_allclose(readout.predict(FEATURES), FEATURES @ weights + 2)


def test_weights_alone_are_enough(tmp_path: Path) -> None:
    weights = GENERATOR.standard_normal((6, 3))
    readout = read_arrays(save_npz(tmp_path / "a.npz", weights=weights))
    np.testing.assert_allclose(readout.predict(FEATURES), FEATURES @ weights, rtol=1e-6)


def test_rois_without_vertices_are_painted_on_their_parcels(tmp_path: Path) -> None:
    arrays = FULL | {"roi": np.array(["FFA", "V1", "nowhere"]), "hemisphere": np.array([1, 0, 0])}
    voxels = read_arrays(save_npz(tmp_path / "a.npz", **arrays)).voxels
    atlas = load_atlas()
    assert voxels is not None
    for voxel, (side, roi) in enumerate([(1, "FFA"), (0, "V1")]):
        painted = voxels.paint[voxels.paint[:, 2] == voxel]
        assert painted[:, 1].tolist() == atlas.vertices_in(side, roi).tolist()
        assert set(painted[:, 0].tolist()) == {side}
    assert voxels.vertex[2] == -1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weights": None}, "holds no `weights`"),
        ({"weights": np.ones((5, 3))}, r"the weights have the shape \(5, 3\), 4 features come in"),
        ({"intercept": np.ones(2)}, r"3 voxels have weights, the intercept has the shape \(2,\)"),
        ({"weights": np.where(np.eye(4, 3) > 0, np.nan, 1.0)}, "3 of 12 numbers of weights are NaN or infinite"),
        ({"scale": np.zeros(6)}, "a scale of 0 cannot be divided by"),
        ({"components": np.ones((7, 4))}, r"step 2 takes 6 features, but has the shape \(7, 4\)"),
        ({"weights": np.array([["a", "b"]] * 4)}, "weights holds <U1, not numbers"),
        ({"vertex": np.array([0, 1])}, "`vertex` has 2 entries, the encoder predicts 3 voxels"),
        ({"vertex": np.array([0, 1, 10_242])}, "`vertex` must be whole numbers from -1 to 10241, got 0 to 10242"),
        ({"weights": np.array([{}], dtype=object)}, "holds objects besides numbers"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    arrays = {key: value for key, value in (FULL | change).items() if value is not None}
    with pytest.raises(WeightsError, match=text):
        read_arrays(save_npz(tmp_path / "a.npz", **arrays))


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_truncated_file_is_refused(tmp_path: Path, ending: str) -> None:
    path = save_npz(tmp_path / "a.npz", **FULL)
    content = path.read_bytes()[:-200]
    cut = tmp_path / f"cut{ending}"
    cut.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"cut\{ending} is truncated or no"):
        read_arrays(cut)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`file` must be an existing file"):
        read_readout([tmp_path / "none.npz"])
    other = tmp_path / "a.txt"
    other.write_text("1")
    with pytest.raises(BadInputError, match=r"`file` must be a file of \.npz.*got 'a\.txt'"):
        read_readout([other])
    with pytest.raises(BadInputError, match="`kind` must be one of auto"):
        read_readout([other], kind="arrrays")


def test_files_that_are_encoders_are_told_by_their_content(tmp_path: Path) -> None:
    yes = [save_npz(tmp_path / "a.npz", **FULL), tmp_path / "b.safetensors", tmp_path / "c.npy", tmp_path / "d.pkl"]
    save_file({"coef_": np.ones((2, 3))}, yes[1])
    np.save(yes[2], {"scaler_param": {}}, allow_pickle=True)  # type: ignore[arg-type]
    yes[3].write_bytes(b"")
    no = [save_npz(tmp_path / "e.npz", betas=np.ones(3)), tmp_path / "f.safetensors", tmp_path / "g.npy", tmp_path]
    save_file({"features.0.weight": np.ones(3)}, no[1])
    np.save(no[2], np.ones(3))
    broken = tmp_path / "h.npz"
    broken.write_bytes(b"none")
    assert [looks_like_encoder(path) for path in yes] == [True] * 4
    assert [looks_like_encoder(path) for path in [*no, broken, tmp_path / "missing.npz"]] == [False] * 6


def test_the_side_of_an_roi_is_in_its_name_or_it_is_painted_on_both(tmp_path: Path) -> None:
    arrays = FULL | {"roi": np.array(["rh.FFA", "FFA", "nowhere"])}
    voxels = read_arrays(save_npz(tmp_path / "a.npz", **arrays)).voxels
    assert voxels is not None and voxels.sides.tolist() == ["right", "", ""]
    for voxel, sides in enumerate([(1,), (0, 1)]):
        painted = voxels.paint[voxels.paint[:, 2] == voxel]
        for side in (0, 1):
            wanted = load_atlas().vertices_in(side, "FFA").tolist() if side in sides else []
            assert painted[painted[:, 0] == side, 1].tolist() == wanted
    placed = FULL | {"vertex": np.array([4, -1, -1])}
    with pytest.raises(WeightsError, match="`vertex` needs `hemisphere` beside it"):
        read_arrays(save_npz(tmp_path / "a.npz", **placed))


def test_voxels_without_weights_are_left_out_and_told(tmp_path: Path) -> None:
    weights, intercept = FULL["weights"].copy(), FULL["intercept"].copy()
    weights[:, 1] = intercept[1] = np.nan
    arrays = FULL | {"weights": weights, "intercept": intercept, "roi": np.array(["V1", "V2", "FFA"])}
    readout = read_arrays(save_npz(tmp_path / "a.npz", **arrays))
    assert "1 of 3 voxels have no weights (all NaN) and are left out." in readout.note
    whole = read_arrays(save_npz(tmp_path / "b.npz", **FULL)).predict(FEATURES)
    np.testing.assert_array_equal(readout.predict(FEATURES), whole * [1, 0, 1])
    kept = readout.without_missing()
    np.testing.assert_array_equal(kept.predict(FEATURES), whole[:, [0, 2]])
    assert kept.voxels is not None and kept.voxels.roi == ("V1", "FFA") and set(kept.voxels.paint[:, 2]) == {0, 1}
    with pytest.raises(WeightsError, match="12 of 12 numbers of weights are NaN"):
        read_arrays(save_npz(tmp_path / "c.npz", **(FULL | {"weights": np.full((4, 3), np.nan)})))
