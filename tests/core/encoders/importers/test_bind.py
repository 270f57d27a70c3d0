"""Importing for real: kept on disk, run by the network, in SDs of its own responses; else refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from core.datasets.photos import list_images, load_stimulus
from core.datasets.subject import load_responses, load_subject
from core.encoders.card import EncoderCard
from core.encoders.encoder import Encoder
from core.encoders.files import find_encoder, load_encoder_data
from core.encoders.importers.arrays import read_arrays
from core.encoders.importers.berg import build_berg
from core.encoders.importers.bind import ImportRequest, choose_factors, iter_import
from core.encoders.importers.open import hash_files
from core.encoders.importers.readout import Readout
from core.encoders.importers.reference import iter_renew_reference
from core.encoders.scores import correlate
from core.errors import BadInputError, WeightsError
from core.networks.load import load_network
from core.networks.network import Network
from core.probes.probe import in_reference_sds

LAYER, N_FEATURES = "features.18", 1280
GENERATOR = np.random.default_rng(0)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("mobilenet_v2", LAYER)


def write_arrays(folder: Path, n_voxels: int = 4, **changes: Any) -> Path:
    path = folder / "mine.npz"
    generator = np.random.default_rng(n_voxels)
    arrays = {
        "weights": generator.standard_normal((N_FEATURES, n_voxels)),
        "intercept": generator.standard_normal(n_voxels),
        "vertex": np.arange(n_voxels),
        "hemisphere": np.arange(n_voxels) % 2,
        "roi": np.array(["V1", "FFA"] * n_voxels)[:n_voxels],
    }
    np.savez(path, **{key: value for key, value in (arrays | changes).items() if value is not None})
    return path


def take_in(path: Path, network: Network, **options: Any) -> tuple[EncoderCard, Path]:
    options = {"new_subject": "lab1", "n_reference": 6} | options
    request = ImportRequest(network.spec.id, network.layer, **options)
    (*_, last) = iter_import(read_arrays(path), request, network=network, files=hash_files([path]))
    assert last.result is not None
    assert last.path is not None
    return last.result, last.path


def pooled(network: Network, pixels: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(pixels)).mean(dim=(2, 3)).numpy()


def test_the_imported_encoder_predicts_what_its_arrays_say(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path)
    card, saved = take_in(path, network, response_unit="z")
    encoder = Encoder(network, load_encoder_data(saved.with_suffix(".json")))
    names = [info.id for info in list_images()]
    pixels = np.stack([load_stimulus(name, 224).pixels for name in names[:3]])
    arrays = np.load(path)
    wanted = pooled(network, pixels) @ arrays["weights"] + arrays["intercept"]
    with torch.no_grad():
        found = encoder(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    assert (card.config.pool, card.config.subject, card.response_unit) == (1, "lab1", "z")


def test_reference_sds_are_those_of_its_predictions_of_the_reference_images(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path)
    card, saved = take_in(path, network, n_reference=5)
    names = [info.id for info in list_images()]
    chosen = [names[index * len(names) // 5] for index in range(5)]
    predicted = pooled(network, np.stack([load_stimulus(name, 224).pixels for name in chosen]))
    predicted = predicted.astype(np.float64) @ np.load(path)["weights"]
    np.testing.assert_allclose(card.reference_sd, predicted.std(axis=0), rtol=1e-3)
    encoder = Encoder(network, load_encoder_data(saved.with_suffix(".json")))
    target = np.array([0.5, 0, 0.5, 0])
    assert encoder.target_sd(target) == pytest.approx((predicted @ target).std(), rel=1e-3)
    assert card.provenance is not None
    assert (card.provenance.reference, card.provenance.n_reference) == ("5 shipped photographs", 5)


def test_provenance_names_source_licence_and_hash(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path)
    card, saved = take_in(path, network, source="Our lab", licence="CC-BY-4.0", note="From the pilot.")
    loaded = load_encoder_data(saved.with_suffix(".json")).card.provenance
    assert loaded == card.provenance
    assert loaded is not None
    assert (loaded.kind, loaded.source, loaded.licence, loaded.note) == (
        "arrays",
        "Our lab",
        "CC-BY-4.0",
        "From the pilot.",
    )
    assert loaded.files == hash_files([path])
    assert "not known" in card.describe()


def test_the_subject_made_from_it_has_its_voxels(network: Network, tmp_path: Path) -> None:
    take_in(write_arrays(tmp_path), network)
    subject = load_subject("lab1")
    assert subject.voxels.roi == ("V1", "FFA", "V1", "FFA")
    assert subject.voxels.vertex.tolist() == [0, 1, 2, 3]
    assert subject.image_ids == ()
    with pytest.raises(BadInputError, match="`new_subject` must be an id not in use, got 'lab1'"):
        take_in(write_arrays(tmp_path), network)


def test_without_reference_images_the_sds_are_unknown(network: Network, tmp_path: Path) -> None:
    card, _ = take_in(write_arrays(tmp_path), network, n_reference=0)
    assert np.isnan(card.reference_sd).all()
    assert card.provenance is not None
    assert card.provenance.reference.startswith("unknown")


def test_on_a_subject_with_recordings_its_test_images_score_it(network: Network, tmp_path: Path) -> None:
    subject = load_subject("kay2017")
    path = write_arrays(tmp_path, n_voxels=subject.voxels.n_voxels, vertex=None, hemisphere=None, roi=None)
    card, _ = take_in(path, network, subject="kay2017", new_subject="", n_reference=9)
    rows = np.flatnonzero(subject.test)
    rows = rows[[index * len(rows) // 9 for index in range(9)]] if len(rows) > 9 else rows
    from core.datasets.image_store import open_image_store

    store = open_image_store(subject)
    pixels = np.stack([store.load(subject.image_ids[row], 224).pixels for row in rows])
    predicted = pooled(network, pixels).astype(np.float64) @ np.load(path)["weights"]
    measured = np.nanmean(load_responses("kay2017")[rows].astype(np.float64), axis=1)
    np.testing.assert_allclose(card.r, correlate(predicted, measured), atol=2e-3)
    assert (card.n_test, card.scored_on) == (len(rows), "test-image")


def test_a_pca_chain_stays_factored(network: Network, tmp_path: Path) -> None:
    features = GENERATOR.standard_normal((30, N_FEATURES)).astype(np.float32)
    scaler = StandardScaler().fit(features)
    pca = PCA(5).fit(scaler.transform(features))
    ridge = Ridge().fit(pca.transform(scaler.transform(features)), GENERATOR.standard_normal((30, 8)))
    half = {"coef_": ridge.coef_[:4], "intercept_": ridge.intercept_[:4]}
    other = {"coef_": ridge.coef_[4:], "intercept_": ridge.intercept_[4:]}
    weights = {
        "scaler_param": {"mean_": scaler.mean_, "scale_": scaler.scale_},
        "pca_param": {"mean_": pca.mean_, "components_": pca.components_},
        "lh_reg_param": half,
        "rh_reg_param": other,
    }
    readout = build_berg(weights, "w.npy")
    request = ImportRequest("mobilenet_v2", LAYER, new_subject="berg1", pool=1, n_reference=3)
    (*_, last) = iter_import(readout, request, network=network, files=())
    assert last.path is not None
    data = load_encoder_data(last.path.with_suffix(".json"))
    assert data.components is not None
    assert (data.components.shape, data.weights.shape) == ((N_FEATURES, 5), (5, 8))


@pytest.mark.parametrize(("n_features", "n_voxels", "rank"), [(6, 3, 3), (3, 6, 3)])
def test_unreduced_weights_are_kept_at_the_smaller_rank(n_features: int, n_voxels: int, rank: int) -> None:
    weights = GENERATOR.standard_normal((n_features, n_voxels))
    components, kept = choose_factors(Readout("arrays", (), weights, np.zeros(n_voxels), "arrays"))
    assert len(kept) == rank
    np.testing.assert_array_equal(kept if components is None else components @ kept, weights)


def test_weights_for_another_number_of_features_are_refused_with_both(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path, weights=np.ones((512, 4)))
    text = r"The weights are for 512 features, mobilenet_v2 features\.18 gives 62,720 \(pool 0\), .*1,280 \(pool 1\)\."
    with pytest.raises(WeightsError, match=text):
        take_in(path, network)


def test_another_number_of_voxels_is_refused_with_both(network: Network, tmp_path: Path) -> None:
    n_voxels = load_subject("simulated").voxels.n_voxels
    text = rf"The weights predict 4 voxels, subject 'simulated' has {n_voxels:,}\."
    with pytest.raises(WeightsError, match=text):
        take_in(write_arrays(tmp_path), network, subject="simulated", new_subject="")


def test_voxels_without_a_place_need_a_subject(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path, vertex=None, hemisphere=None, roi=None)
    with pytest.raises(WeightsError, match="does not say where its voxels lie"):
        take_in(path, network)


def test_a_subject_must_be_named_once() -> None:
    with pytest.raises(BadInputError, match="`subject` must be one of the two"):
        ImportRequest("mobilenet_v2", LAYER)


def test_an_encoder_of_other_weights_is_refused(network: Network, tmp_path: Path) -> None:
    _, saved = take_in(write_arrays(tmp_path), network)
    state = {name: tensor * 1.001 for name, tensor in load_state(network).items()}
    other = tmp_path / "other.safetensors"
    save_file(state, other)
    with pytest.raises(WeightsError, match=r"The encoder was fitted on mobilenet_v2 features\.18 \(weights"):
        Encoder(load_network("mobilenet_v2", LAYER, weights=other), load_encoder_data(saved.with_suffix(".json")))


def load_state(network: Network) -> dict[str, torch.Tensor]:
    from core.networks.files.checkpoint import read_state

    return {
        name: tensor for name, tensor in read_state(network.spec.weights_path).items() if tensor.is_floating_point()
    }


def test_stopping_early_keeps_nothing(network: Network, tmp_path: Path) -> None:
    from core.encoders.files import user_encoders_folder

    path = write_arrays(tmp_path)
    request = ImportRequest("mobilenet_v2", LAYER, new_subject="lab1")
    records = iter_import(read_arrays(path), request, network=network, files=())
    next(records)
    next(records)
    records.close()
    assert not list(user_encoders_folder().glob("*"))
    with pytest.raises(BadInputError, match="subject"):
        load_subject("lab1")


def test_unknown_sds_can_be_computed_later(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path)
    known, _ = take_in(path, network, n_reference=6)
    unknown, saved = take_in(path, network, new_subject="lab2", n_reference=0)
    assert np.isnan(unknown.reference_sd).all()
    (*_, last) = iter_renew_reference(saved.with_suffix(".json"), network=network, most=6)
    assert last.result is not None
    renewed = load_encoder_data(saved.with_suffix(".json")).card
    np.testing.assert_allclose(renewed.reference_sd, known.reference_sd, rtol=1e-6)
    assert renewed.provenance is not None
    assert renewed.provenance.n_reference == 6


def test_the_sds_of_an_encoder_fitted_here_are_not_replaced(network: Network) -> None:
    header = find_encoder("simulated", "mobilenet_v2", LAYER)
    with pytest.raises(BadInputError, match="`encoder` must be an imported one"):
        next(iter_renew_reference(header, network=network, most=3))


def test_made_up_responses_make_a_simulated_subject(network: Network, tmp_path: Path) -> None:
    take_in(write_arrays(tmp_path), network, kind="simulated")
    assert load_subject("lab1").kind == "simulated"


def test_a_probe_of_unknown_sds_says_so_instead_of_nothing(network: Network, tmp_path: Path) -> None:
    card, _ = take_in(write_arrays(tmp_path), network, n_reference=0)
    assert np.isnan(in_reference_sds(np.ones(4, np.float32), card.reference_sd)).all()
    mixed = in_reference_sds(np.array([1.0, 1.0, 1.0]), np.array([0.0, 2.0, np.nan]))
    assert mixed[:2].tolist() == [0.0, 0.5]
    assert np.isnan(mixed[2])


def test_a_subject_without_recordings_cannot_be_fitted_to(network: Network, tmp_path: Path) -> None:
    take_in(write_arrays(tmp_path), network)
    with pytest.raises(BadInputError, match="made from an imported encoder: it can be probed, not fitted to"):
        load_responses("lab1")


def test_an_import_replaces_an_encoder_only_if_it_may(network: Network, tmp_path: Path) -> None:
    path = write_arrays(tmp_path)
    _, saved = take_in(path, network)
    before = saved.read_bytes()
    (tmp_path / "other").mkdir()
    other = write_arrays(tmp_path / "other", weights=np.ones((N_FEATURES, 4), np.float32))
    with pytest.raises(BadInputError, match="`encoder` must be a new one, got 'lab1-mobilenet_v2-"):
        take_in(other, network, new_subject="", subject="lab1")
    assert saved.read_bytes() == before
    take_in(other, network, new_subject="", subject="lab1", replaces=True)
    assert saved.read_bytes() != before


def test_voxels_without_weights_have_no_place_in_a_new_subject_and_predict_nothing_of_one_that_has_them(
    network: Network, tmp_path: Path
) -> None:
    weights = np.random.default_rng(4).standard_normal((N_FEATURES, 4))
    weights[:, 2] = np.nan
    card, saved = take_in(write_arrays(tmp_path, weights=weights), network)
    assert load_subject("lab1").voxels.roi == ("V1", "FFA", "FFA") and card.n_voxels == 3
    np.testing.assert_array_equal(load_encoder_data(saved.with_suffix(".json")).weights.shape[1], 3)
    assert card.provenance is not None and "1 of 4 voxels have no weights" in card.provenance.note
    path = write_arrays(tmp_path, n_voxels=2, weights=weights[:, 1:3], vertex=None, hemisphere=None, roi=None)
    both, _ = take_in(path, network, subject="kay2017", new_subject="")
    assert both.n_voxels == 2 and both.reference_sd[1] == 0 and both.r[1] == 0 < abs(both.r[0])
