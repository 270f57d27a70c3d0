"""The catalogue against the files beside it, and bad entries against their sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInputError
from core.networks.catalog import catalog_path, find_network, list_networks, read_catalog, weights_folder
from core.networks.checkpoint import hash_file
from core.networks.layers import list_layers

LARGEST_FOLDER = 48e6


@pytest.mark.parametrize("spec", list_networks(), ids=lambda spec: spec.id)
def test_every_embedded_file_has_the_hash_of_the_catalogue(spec: object) -> None:
    assert hash_file(spec.weights_path) == spec.sha256
    assert spec.weights in (weights_folder() / "LICENCES.md").read_text()
    assert spec.title in spec.describe() and ("robust" in spec.describe()) == (spec.robust or "robust" in spec.title)


@pytest.mark.parametrize("spec", list_networks(), ids=lambda spec: spec.id)
def test_offered_layers_exist_and_run_from_early_to_late(spec: object) -> None:
    names = [info.name for info in list_layers(spec)]
    places = [names.index(layer) for layer in spec.layers]
    assert places == sorted(places)


def test_shapes_are_those_of_the_published_architecture() -> None:
    shapes = {info.name: info for info in list_layers("mobilenet_v2")}
    assert shapes["features.18"].shape == (1280, 7, 7) and shapes["classifier.1"].shape == (1000,)
    assert shapes["features.18"].describe() == "features.18 (1280 x 7 x 7)"


def test_the_folder_stays_small_and_offers_a_robust_network() -> None:
    assert sum(path.stat().st_size for path in weights_folder().iterdir()) <= LARGEST_FOLDER
    assert [spec.id for spec in list_networks() if spec.robust] == ["mobilenet_v2_robust"]


def test_an_unknown_network_gets_the_nearest_id() -> None:
    with pytest.raises(BadInputError, match=r"got 'alexnett'. Did you mean 'alexnet'\?"):
        find_network("alexnett")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('family = "timm"', 'family = "keras"', r"`efficientnet_lite0\.family` must be one of torchvision, timm"),
        ('default_layer = "bn2"', 'default_layer = "bn3"', r"`efficientnet_lite0\.default_layer` must be one of"),
        ('architecture = "tf_', 'arch = "tf_', "Look at 'arch'"),
        ("[network.alexnet]", "[network.alexnet", "cannot be read"),
    ],
)
def test_a_bad_entry_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "networks.toml"
    path.write_text(catalog_path().read_text().replace(old, new, 1))
    with pytest.raises(BadInputError, match=sentence):
        read_catalog(path)
