"""What networks see through their own classifiers, against the library's own whole network."""

from __future__ import annotations

import pytest
import torch
import torchvision

from core.datasets.photos import load_stimulus
from core.errors import WeightsError
from core.networks.catalog import find_network
from core.networks.classifier import find_base, open_classifier
from core.networks.files.checkpoint import read_state


def test_the_classes_are_those_of_the_librarys_own_network() -> None:
    spec = find_network("mobilenet_v2")
    pixels = torch.from_numpy(load_stimulus("cat_chelsea").pixels[None].copy())
    network = open_classifier(spec)
    whole = torchvision.models.mobilenet_v2()
    whole.load_state_dict(read_state(spec.weights_path), strict=False)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.no_grad():
        expected = whole.eval()((pixels - mean) / std).softmax(1)
    assert network.head == "own"
    assert torch.allclose(network.classify(pixels), expected, atol=1e-6)


def test_a_robustified_network_is_read_by_the_classifier_it_was_tuned_towards() -> None:
    spec = find_network("mobilenet_v2_robust")
    base = find_base(spec)
    assert base is not None
    assert base.id == "mobilenet_v2"
    network, own = open_classifier(spec), read_state(base.weights_path)
    assert network.head == "mobilenet_v2"
    held = dict(network.module.state_dict())
    assert torch.equal(held["classifier.1.weight"], own["classifier.1.weight"])
    assert not torch.equal(held["features.0.0.weight"], own["features.0.0.weight"])


@pytest.mark.parametrize(
    ("network", "reason"),
    [("alexnet", "holds no classifier"), ("timm:vit_base_patch32_clip_224.openai", "ends in an embedding")],
)
def test_a_network_without_classes_says_why(network: str, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        open_classifier(find_network(network))
