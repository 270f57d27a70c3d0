"""The library of encoders: named, exported so that plain numpy gives the same numbers, taken in again, removed."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.subject import load_subject
from core.encoders.card_table import roi_table, share_at_edge, summarise_card, voxel_table
from core.encoders.config import EncoderConfig, encoder_stem
from core.encoders.files import find_encoder, load_encoder_data, user_encoders_folder
from core.encoders.importers.arrays import read_arrays
from core.encoders.library import (
    adopt_encoder,
    cards_of,
    export_encoder,
    find_entry,
    list_library,
    pack_arrays,
    read_encoder_file,
    remove_encoder,
)
from core.errors import BadInputError, WeightsError

NAME = "simulated-mobilenet_v2-features.18"
KEY = ("simulated", "mobilenet_v2", "features.18")


def embedded() -> Any:
    return load_encoder_data(find_encoder(*KEY))


def predict(features: np.ndarray) -> np.ndarray:
    data = embedded()
    return ((features - data.mean) @ data.components) @ data.weights + data.intercept


def test_every_embedded_encoder_is_in_the_library_once() -> None:
    names = [entry.config.name for entry in list_library()]
    assert NAME in names
    assert len(names) == len(set(names))
    assert not any(entry.is_own for entry in list_library())


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(BadInputError, match=re.escape(f"Did you mean '{NAME}'?")):
        find_entry("simulated-mobilenet_v2-features.8")


def test_the_exported_folder_is_the_encoder_bit_for_bit_and_can_be_taken_in(tmp_path: Path) -> None:
    files = export_encoder(NAME, tmp_path / "out")
    assert sorted(path.name for path in files) == ["README.txt", f"{NAME}.json", f"{NAME}.safetensors"]
    assert read_encoder_file(tmp_path / "out").card.sha256 == embedded().card.sha256
    assert "main.py probe --encoder" in (tmp_path / "out" / "README.txt").read_text()
    card, saved = adopt_encoder(tmp_path / "out")
    assert saved.parent == user_encoders_folder()
    assert card.sha256 == embedded().card.sha256
    assert find_entry(NAME).is_own
    with pytest.raises(BadInputError, match=f"`encoder` must be a new one, got '{NAME}'"):
        adopt_encoder(tmp_path / "out")
    assert adopt_encoder(tmp_path / "out", replace=True)[1] == saved


def test_the_npz_says_how_to_use_it_and_its_three_lines_are_right(tmp_path: Path) -> None:
    (path,) = export_encoder(NAME, tmp_path / "mine.npz", form="npz")
    features = np.random.default_rng(0).standard_normal((3, len(embedded().mean))).astype(np.float32)
    with np.load(path, allow_pickle=False) as stored:
        about = json.loads(str(stored["about"]))
    assert about["config"]["network"] == "mobilenet_v2"
    lines = [about["use"][0].replace("mine.npz", str(path)), about["use"][2]]
    names: dict[str, Any] = {"features": features}
    exec("\n".join(lines), names)
    wanted = predict(features)
    np.testing.assert_allclose(names["responses"], wanted, atol=1e-4 * np.abs(wanted).max())


def test_our_own_npz_can_be_imported(tmp_path: Path) -> None:
    (path,) = export_encoder(NAME, tmp_path / "mine", form="npz")
    features = np.random.default_rng(0).standard_normal((3, len(embedded().mean))).astype(np.float32)
    readout = read_arrays(path)
    np.testing.assert_allclose(readout.predict(features), predict(features), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(readout.scores["r"], embedded().card.r)


def test_weights_are_multiplied_out_only_where_that_is_smaller() -> None:
    data = embedded()
    assert "components" in pack_arrays(data, file="a.npz")
    few = dataclasses.replace(data, weights=data.weights[:, :2], intercept=data.intercept[:2])
    packed = pack_arrays(few, file="a.npz")
    assert "components" not in packed
    assert packed["weights"].shape == (len(data.mean), 2)
    np.testing.assert_allclose(packed["weights"], data.components @ data.weights[:, :2], atol=1e-5)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    taken = tmp_path / "taken.npz"
    taken.write_bytes(b"mine")
    with pytest.raises(BadInputError, match="`out` must be a new file"):
        export_encoder(NAME, taken, form="npz")
    with pytest.raises(BadInputError, match="`out` must be a new or an empty folder"):
        export_encoder(NAME, tmp_path)
    assert taken.read_bytes() == b"mine"
    with pytest.raises(BadInputError, match="`format` must be one of probescope, npz, got 'npy'"):
        export_encoder(NAME, tmp_path / "new", form="npy")


def test_only_ones_own_encoders_are_removed(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="It came with the program"):
        remove_encoder(NAME)
    export_encoder(NAME, tmp_path / "out")
    _, saved = adopt_encoder(tmp_path / "out")
    assert {path.name for path in remove_encoder(NAME)} == {saved.name, f"{NAME}.json"}
    assert not saved.exists()
    assert not find_entry(NAME).is_own


def test_an_altered_folder_is_refused(tmp_path: Path) -> None:
    export_encoder(NAME, tmp_path / "out")
    path = tmp_path / "out" / f"{NAME}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(WeightsError, match="is truncated or was altered"):
        adopt_encoder(tmp_path / "out")
    with pytest.raises(BadInputError, match="`encoder` must be an encoder of this program"):
        adopt_encoder(tmp_path)


def test_the_cards_of_a_network_are_those_of_every_layer_fitted() -> None:
    layers = {card.config.layer for card in cards_of("simulated", "mobilenet_v2")}
    assert layers == {"features.3", "features.13", "features.18"}


def test_a_long_name_stays_one_and_fits_a_file_system() -> None:
    joined = "+".join(f"encoder.layers.encoder_layer_{number}" for number in range(12))
    names = {encoder_stem("a", "vit", joined), encoder_stem("a", "vit", joined + "0")}
    assert len(names) == 2
    assert max(map(len, names)) < 200


def test_the_voxel_table_holds_the_cards_numbers() -> None:
    card, subject = embedded().card, load_subject("simulated")
    lines = voxel_table(card, subject.voxels).splitlines()
    assert len(lines) == card.n_voxels + 1
    row = dict(zip(lines[0].split(","), lines[8].split(","), strict=True))
    assert (int(row["voxel"]), row["roi"]) == (7, subject.voxels.roi[7])
    assert float(row["r"]) == pytest.approx(float(card.r[7]), rel=1e-5)
    assert row["hemisphere"] == ("left", "right")[int(subject.voxels.hemisphere[7])]


def test_the_roi_table_holds_medians_and_leaves_the_unknown_empty() -> None:
    card, voxels = embedded().card, load_subject("simulated").voxels
    unknown = dataclasses.replace(card, r2_ceiling=np.full_like(card.r, np.nan))
    lines = roi_table(unknown, voxels).splitlines()
    row = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(row["r_median"]) == pytest.approx(np.median(card.r[voxels.voxels_in(row["roi"])]), rel=1e-5)
    assert row["r2_ceiling_median"] == ""


def test_the_share_at_the_edge_is_counted() -> None:
    card = embedded().card
    alphas = np.float32(card.config.alphas)
    by_hand = np.mean((card.alpha == alphas[0]) | (card.alpha == alphas[-1]))
    assert share_at_edge(card) == pytest.approx(float(by_hand))
    half = np.where(np.arange(card.n_voxels) % 2 == 0, alphas[-1], alphas[3])
    assert share_at_edge(dataclasses.replace(card, alpha=half)) == pytest.approx(0.5, abs=1e-3)


def test_the_summary_names_subject_kind_and_hashes() -> None:
    card = embedded().card
    facts = summarise_card(card, subject_title="Sim", subject_kind="simulated")
    assert facts["Subject"] == "Sim (simulated)"
    assert facts["Encoder SHA-256"] == card.sha256[:16]
    assert facts["Reducer"] == f"up to {card.config.n_components} principal components"


def test_a_random_projection_is_not_exported_to_numpy() -> None:
    data = embedded()
    config = EncoderConfig(*KEY, reducer="projection", n_projected=4)
    projected = dataclasses.replace(data, card=dataclasses.replace(data.card, config=config))
    with pytest.raises(BadInputError, match="without a random projection"):
        pack_arrays(projected, file="a.npz")
