"""Several layers at once: the same features as each layer alone, flattened and put one after the other."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torchvision.models import VisionTransformer

from core.errors import BadInputError
from core.networks.load import load_network
from core.networks.truncate import cut_after, run_to_exit, split_layers


def test_joined_layers_are_the_single_ones_in_the_order_named() -> None:
    pixels = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    names = ("features.7", "features.2")
    singles = [load_network("alexnet", name) for name in names]
    joined = load_network("alexnet", "+".join(names))
    with torch.no_grad():
        alone = [single(pixels).flatten(1) for single in singles]
        features = joined(pixels)
        again = joined(pixels)
    assert joined.feature_shape == (sum(part.shape[1] for part in alone),)
    np.testing.assert_allclose(features, torch.cat(alone, 1), atol=1e-5)
    assert torch.equal(features, again)


def test_a_layer_behind_does_not_write_into_the_one_before() -> None:
    pixels = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    alone, joined = load_network("alexnet", "features.0"), load_network("alexnet", "features.0+features.3")
    with torch.no_grad():
        first = alone(pixels).flatten(1)
        np.testing.assert_allclose(joined(pixels)[:, : first.shape[1]], first, atol=1e-5)
    assert (first < 0).any(), "its ReLU works in place"


def test_a_pass_that_was_broken_off_leaves_nothing_behind() -> None:
    joined = load_network("alexnet", "features.2+features.7")
    first, second = torch.rand(2, 1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    calls: list[int] = []

    def break_off(*_: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    handle = joined.body.get_submodule("features.5").register_forward_pre_hook(break_off)
    with pytest.raises(KeyboardInterrupt):
        joined(first)
    handle.remove()
    fresh = load_network("alexnet", "features.2+features.7")
    with torch.no_grad():
        assert torch.equal(joined(second), fresh(second))


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(BadInputError, match=r"got 'features\.99'"):
        load_network("alexnet", "features.2+features.99")


def test_names_are_split_at_the_plus() -> None:
    assert split_layers("a.1 + b") == ("a.1", "b")
    assert split_layers("a.1") == ("a.1",)


def test_attention_keeps_the_weights_it_reads_without_calling_them() -> None:
    sizes = {"image_size": 32, "patch_size": 16, "num_layers": 3, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16}
    torch.manual_seed(0)
    whole = VisionTransformer(**sizes).eval().requires_grad_(False)
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []
    names = ("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1")
    handles = [
        whole.get_submodule(name).register_forward_hook(lambda _module, _args, out: seen.append(out.flatten(1)))
        for name in names
    ]
    whole(pixels)
    for handle in handles:
        handle.remove()
    joined = cut_after(copy.deepcopy(whole), "+".join(names), example=pixels)
    torch.testing.assert_close(run_to_exit(joined, pixels), torch.cat(seen, 1))
    single = cut_after(copy.deepcopy(whole), names[1], example=pixels)
    torch.testing.assert_close(run_to_exit(single, pixels).flatten(1), seen[1])
