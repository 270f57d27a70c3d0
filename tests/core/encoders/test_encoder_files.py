"""Encoders on disk: identical after a round trip, and refused with one clear sentence when anything is off."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.encoders.card import EncoderData, LayerScore, OutsideScore, RoiInterval
from core.encoders.config import EncoderConfig, RoiRegion
from core.encoders.encoder import Encoder
from core.encoders.files import (
    find_encoder,
    list_encoders,
    load_card,
    load_encoder,
    load_encoder_data,
    save_encoder,
    seal,
    user_encoders_folder,
)
from core.encoders.scored import ScoredImages
from core.errors import BadInputError, StorageError, WeightsError
from tests.helpers.tiny_encoders import fit_encoder

NAMES = ("someone", "tiny", "second")


@pytest.fixture
def data(config: EncoderConfig, scored: ScoredImages) -> EncoderData:
    return fit_encoder(config, scored)


@pytest.fixture
def saved(data: EncoderData, tmp_path: Path) -> Path:
    return save_encoder(data, tmp_path)


def test_round_trip_is_identical_bit_for_bit(data: EncoderData, saved: Path, tiny: Any) -> None:
    loaded = load_encoder(*NAMES, network_module=tiny, n_voxels=7, folders=(saved.parent,))
    pixels = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(pixels), Encoder(tiny, data)(pixels))
    for field in dataclasses.fields(data.card):
        before, after = getattr(data.card, field.name), getattr(loaded.card, field.name)
        assert np.array_equal(before, after, equal_nan=True) if isinstance(before, np.ndarray) else before == after


def test_saving_twice_gives_the_same_files(data: EncoderData, saved: Path, tmp_path: Path) -> None:
    again = save_encoder(data, tmp_path / "again")
    assert again.read_bytes() == saved.read_bytes()
    assert again.with_suffix(".json").read_bytes() == saved.with_suffix(".json").read_bytes()
    assert sorted(path.name for path in again.parent.iterdir()) == [
        "someone-tiny-second.json",
        "someone-tiny-second.safetensors",
    ]


def test_listed_found_and_read_without_torch(data: EncoderData, saved: Path, config: EncoderConfig) -> None:
    assert list_encoders(folders=(saved.parent,)) == (config,)
    assert load_card(*NAMES, folders=(saved.parent,)).sha256 == data.card.sha256
    code = (
        "import sys; from pathlib import Path; from core.encoders.files import load_card, list_encoders;"
        f"folder = Path({str(saved.parent)!r}); list_encoders(folders=(folder,));"
        f"load_card(*{NAMES!r}, folders=(folder,)); sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root, timeout=120).returncode == 0


def test_the_users_own_encoder_goes_first(data: EncoderData, saved: Path) -> None:
    own = save_encoder(data, user_encoders_folder())
    assert find_encoder(*NAMES) == own.with_suffix(".json")


def test_one_that_is_not_fitted_is_refused_with_the_nearest(saved: Path) -> None:
    with pytest.raises(BadInputError, match=r"Did you mean 'someone-tiny-second'\? Fit it with .*--layer secnd"):
        find_encoder("someone", "tiny", "secnd", folders=(saved.parent,))


def test_an_encoder_of_another_network_is_refused(saved: Path, other_tiny: Any) -> None:
    with pytest.raises(WeightsError, match="was fitted on tiny second"):
        load_encoder(*NAMES, network_module=other_tiny, folders=(saved.parent,))


def test_another_voxel_count_is_refused(saved: Path, tiny: Any) -> None:
    with pytest.raises(WeightsError, match="predicts 7 voxels, subject 'someone' has 9"):
        load_encoder(*NAMES, network_module=tiny, n_voxels=9, folders=(saved.parent,))


def test_a_truncated_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="is truncated or was altered"):
        load_card(*NAMES, folders=(saved.parent,))


def test_one_changed_bit_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(WeightsError, match="is truncated or was altered"):
        load_card(*NAMES, folders=(saved.parent,))


def test_a_missing_file_is_refused(saved: Path) -> None:
    saved.unlink()
    with pytest.raises(StorageError, match=r"second\.safetensors cannot be read: No such file"):
        load_card(*NAMES, folders=(saved.parent,))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"version": 99}, "is probescope-encoder version 99; this program reads probescope-encoder versions 1 and 2"),
        ({"n_voxels": 8}, r"holds weights of shape \(12, 7\), its header says \(12, 8\)"),
        ({"config": {"subject": "someone"}}, "lacks `config.network`"),
        ({"sha256": "0" * 64}, "its hash differs"),
    ],
)
def test_a_changed_header_is_refused(saved: Path, change: dict[str, Any], text: str) -> None:
    path = saved.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsError, match=text):
        load_encoder_data(path)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", "{}"])
def test_a_header_that_is_none_is_refused_and_left_out_of_the_list(saved: Path, content: str) -> None:
    path = saved.with_suffix(".json")
    path.write_text(content)
    with pytest.raises(WeightsError, match="is not the header of an encoder"):
        load_encoder_data(path)
    assert list_encoders(folders=(saved.parent,)) == ()


def test_a_header_without_a_needed_entry_is_refused(saved: Path) -> None:
    path = saved.with_suffix(".json")
    header = json.loads(path.read_text())
    del header["rank"]
    path.write_text(json.dumps(header))
    with pytest.raises(WeightsError, match="lacks `rank`"):
        load_encoder_data(path)


def test_a_folder_that_cannot_be_written_leaves_nothing(data: EncoderData, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError, match=r"cannot be written .*Choose another folder"):
        save_encoder(data, blocked)


def test_a_full_disk_keeps_the_old_encoder(data: EncoderData, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def fill(path: Path, content: bytes) -> int:
        with path.open("wb") as opened:
            opened.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(StorageError, match="No space is left"):
        save_encoder(data, saved.parent)
    assert saved.read_bytes() == before
    assert not list(saved.parent.glob("*.part"))


def test_every_optional_score_comes_back(data: EncoderData, tmp_path: Path) -> None:
    half = np.full(7, 0.5, dtype=np.float32)
    outside = OutsideScore("category", "face", 9, 12, (), half, half + 1)
    card = dataclasses.replace(
        data.card,
        config=dataclasses.replace(data.card.config, reducer="none", regions=(RoiRegion("V1", -1, -1, 0, 1),)),
        scored_on="nested",
        n_bootstrap=100,
        r_low=half,
        r_high=half,
        nested_r=half,
        sparsity=half,
        roi_intervals=(RoiInterval("V1", 0.1, 0.2),),
        outside=(outside, dataclasses.replace(outside, kind="second-set", rois=("V1",), r=half[:1])),
        layer_curve=(LayerScore("second", "V1", 0.3),),
    )
    weights, covariance = np.ones((45, 7), np.float32), np.eye(45, dtype=np.float32)
    whole = seal(dataclasses.replace(data, card=card, components=None, weights=weights, covariance=covariance))
    path = save_encoder(whole, tmp_path)
    loaded = load_encoder_data(path.with_suffix(".json"))
    assert loaded.components is None and loaded.rank == 45
    assert json.loads(path.with_suffix(".json").read_text())["version"] == 2
    for name in ("config", "scored_on", "n_bootstrap", "confidence", "roi_intervals", "layer_curve", "sha256"):
        assert getattr(loaded.card, name) == getattr(whole.card, name)
    for name in ("r_low", "r_high", "nested_r", "sparsity"):
        np.testing.assert_array_equal(getattr(loaded.card, name), half)
    for one, two in zip(loaded.card.outside, card.outside, strict=True):
        assert (one.kind, one.name, one.n_images, one.n_within, one.rois) == (
            two.kind,
            two.name,
            two.n_images,
            two.n_within,
            two.rois,
        )
        np.testing.assert_array_equal(one.r, two.r)
        np.testing.assert_array_equal(one.r_within, two.r_within)


def test_an_encoder_of_the_first_kind_is_written_as_before(saved: Path) -> None:
    header = json.loads(saved.with_suffix(".json").read_text())
    assert header["version"] == 1
    assert set(header["config"]) == {"subject", "network", "layer", "pool", "n_components", "alphas", "n_folds", "seed"}
