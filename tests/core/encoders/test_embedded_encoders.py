"""The embedded encoders: one for each subject, network and layer, belonging to the embedded weights, predictive."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets.subject import list_subjects, load_subject
from core.encoders.config import encoder_stem
from core.encoders.files import list_encoders, load_card
from core.encoders.scores import summarise_by_roi
from core.networks.catalog import list_networks
from core.paths import demo_folder

FOLDERS = (demo_folder() / "encoders",)
EMBEDDED = [spec for spec in list_networks() if not spec.url]
NAMES = [(who.id, spec, layer) for who in list_subjects() for spec in EMBEDDED for layer in spec.layers]


def test_there_is_one_for_every_subject_network_and_layer() -> None:
    found = {encoder_stem(one.subject, one.network, one.layer) for one in list_encoders(folders=FOLDERS)}
    assert found == {encoder_stem(subject, spec.id, layer) for subject, spec, layer in NAMES}


@pytest.mark.parametrize(("subject", "spec", "layer"), NAMES, ids=lambda value: getattr(value, "id", value))
def test_it_belongs_to_the_embedded_network_and_subject(subject, spec, layer) -> None:  # type: ignore[no-untyped-def]
    card = load_card(subject, spec.id, layer, folders=FOLDERS)
    assert card.network_sha256 == spec.sha256
    assert card.n_voxels == load_subject(subject).voxels.n_voxels
    assert card.n_train + card.n_test == len(load_subject(subject).image_ids)
    assert np.isfinite(card.r).all() and (card.reference_sd > 0).all()


def test_late_layers_predict_face_areas_and_early_layers_v1() -> None:
    voxels = load_subject("simulated").voxels
    for spec in EMBEDDED:
        early, late = (
            {score.roi: score.r_median for score in summarise_by_roi(card, voxels)}
            for card in (
                load_card("simulated", spec.id, layer, folders=FOLDERS) for layer in (spec.layers[0], spec.layers[-1])
            )
        )
        assert late["FFA"] > early["FFA"] > 0.4
        assert early["V1"] > late["V1"] > 0.3


def test_the_measured_face_area_is_predicted() -> None:
    for spec in EMBEDDED:
        card = load_card("kay2017", spec.id, spec.default_layer, folders=FOLDERS)
        assert card.r[load_subject("kay2017").voxels.voxels_in("FFA")].min() > 0.8


def test_they_are_small_enough_to_embed() -> None:
    assert sum(path.stat().st_size for path in FOLDERS[0].iterdir()) < 5.5e6 * len(EMBEDDED)
