"""The catalogue against the files beside it, and bad entries against their sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torchvision

from core.errors import BadInputError, WeightsError
from core.files import hash_file
from core.networks.catalog import are_related, find_network, list_ancestors, list_networks
from core.networks.load import load_network
from core.networks.named import find_named
from core.networks.open_body import list_layers
from core.networks.spec import catalog_path, downloads_folder, read_catalog, weights_folder

LARGEST_FOLDER = 61e6


EMBEDDED = [spec for spec in list_networks() if not spec.url]
FOURTEEN = set(
    """alexnet vgg16 vgg16_bn_l2_3 resnet18 resnet50 resnet50_l2_0.1 resnet50_l2_1 resnet50_l2_3 resnet50_l2_5
    resnet50_linf_4 densenet161 densenet161_l2_3 wide_resnet50_2_l2_3 vit_b16 convnext_b clip_vit_b32
    dinov2_vit_b14""".split()  # noqa: SIM905
)
LIBRARY_FILES = {"vgg16": "VGG16", "resnet18": "ResNet18", "resnet50": "ResNet50", "densenet161": "DenseNet161"}


@pytest.mark.parametrize("spec", EMBEDDED, ids=lambda spec: spec.id)
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
    assert shapes["features.18"].shape == (1280, 7, 7)


def test_the_folder_stays_small_and_offers_a_robust_network() -> None:
    assert sum(path.stat().st_size for path in weights_folder().iterdir()) <= LARGEST_FOLDER
    assert [spec.id for spec in EMBEDDED if spec.robust] == [
        "mobilenet_v2_robust",
        "alexnet_robust",
        "efficientnet_lite0_robust",
    ]


def test_the_promised_networks_are_offered_with_five_robust_architectures() -> None:
    known = {spec.id: spec for spec in list_networks()}
    assert set(known) >= FOURTEEN
    assert len({spec.architecture for spec in known.values() if spec.robust}) >= 5
    for spec in known.values():
        assert spec.licence and spec.source and spec.layers
        assert not spec.url or spec.url.startswith("https://")


@pytest.mark.parametrize("network", LIBRARY_FILES)
def test_addresses_checksums_and_normalisation_are_those_of_the_library(network: str) -> None:
    weights = getattr(torchvision.models, f"{LIBRARY_FILES[network]}_Weights").IMAGENET1K_V1
    spec, how = find_network(network), weights.transforms()
    assert spec.url == weights.url
    assert spec.sha256 == weights.url[-12:-4] and len(spec.sha256) == 8
    assert (list(spec.mean), list(spec.std)) == (how.mean, how.std)
    assert spec.size_mb == pytest.approx(weights.meta["_file_size"], abs=0.1)


@pytest.mark.parametrize("network", ["vit_b16", "convnext_b", "clip_vit_b32", "dinov2_vit_b14"])
def test_timm_entries_have_the_library_s_repository_and_normalisation(network: str) -> None:
    spec = find_network(network)
    cfg = timm.get_pretrained_cfg(spec.architecture)
    assert spec.url == f"https://huggingface.co/{cfg.hf_hub_id}/resolve/main/model.safetensors"
    assert (spec.mean, spec.std) == (cfg.mean, cfg.std)


def test_listing_needs_no_file_and_no_torch() -> None:
    spec = find_network("resnet50_l2_3")
    assert not spec.installed and spec.weights_path.parent == downloads_folder()
    with pytest.raises(WeightsError, match="not on this computer.*networks download resnet50_l2_3"):
        load_network(spec)


def test_an_unknown_network_gets_the_nearest_id() -> None:
    with pytest.raises(BadInputError, match=r"got 'alexnett'. Did you mean 'alexnet'\?"):
        find_network("alexnett")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('family = "timm"', 'family = "keras"', r"`efficientnet_lite0\.family` must be one of torchvision, timm"),
        ('default_layer = "bn2"', 'default_layer = "bn3"', r"`efficientnet_lite0\.default_layer` must be one of"),
        ('architecture = "tf_', 'arch = "tf_', r"unknown key `[a-z_0-9]+\.arch` \(did you mean 'architecture'"),
        ("[network.alexnet]", "[network.alexnet", "is not the catalogue of networks, or is cut short"),
    ],
)
def test_a_bad_entry_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "networks.toml"
    path.write_text(catalog_path().read_text().replace(old, new, 1))
    with pytest.raises(BadInputError, match=sentence):
        read_catalog(path)


def test_no_two_networks_share_a_file_even_if_their_servers_call_it_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    by_url = {spec.url: spec.weights_path for spec in list_networks() if spec.url}
    assert len(set(by_url.values())) == len(by_url)
    cfg = timm.get_pretrained_cfg("resnet18.a1_in1k")
    paths = set()
    for hub, name in (("timm/resnet18", "resnet18.a1_in1k"), ("someone/resnet18", "resnet18.a2_in1k")):
        there = replace(cfg, hf_hub_id=hub, hf_hub_filename="model.safetensors")
        monkeypatch.setattr(timm, "get_pretrained_cfg", lambda _name, there=there: there)
        paths.add(find_named("timm", name).weights_path)
    assert len(paths) == 2


def test_relatives_are_known_by_their_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list_ancestors("mobilenet_v2_robust") == ("mobilenet_v2_robust", "mobilenet_v2")
    assert are_related("mobilenet_v2", "mobilenet_v2_robust") and are_related("mobilenet_v2_robust", "mobilenet_v2")
    assert not are_related("mobilenet_v2", "mobilenet_v2_l2_3"), "trained from scratch"
    mine = replace(find_network("alexnet"), id="mine", parent="mobilenet_v2_robust")
    before = replace(mine, id="old", parent="", source="AlexNet, fine-tuned by `main.py robustify`")
    lost = replace(mine, id="lost", parent="gone")
    monkeypatch.setattr("core.networks.catalog.list_user_networks", lambda: (mine, before, lost))
    assert list_ancestors("mine") == ("mine", "mobilenet_v2_robust", "mobilenet_v2")
    assert are_related("mine", "mobilenet_v2") and not are_related("mine", "alexnet")
    assert are_related("old", "alexnet"), "entries of 0.3 name their original in their source"
    assert list_ancestors("lost") == ("lost", "gone"), "an original that was removed is remembered"
