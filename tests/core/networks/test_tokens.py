"""Transformers: each treatment of tokens against timm's own forward pass; cut, fold and channels last stay exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import timm
import torch
from torch import nn

from core.encoders.pooling import pool_features
from core.errors import Cancelled, WeightsError
from core.networks.load import load_network
from core.networks.locality import measure_locality, moved_patches
from core.networks.open_body import list_layers
from core.networks.spec import NetworkSpec
from core.networks.tokens import Treatment, find_map

SIZE = 64
VIT, SWIN, DINO = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "vit_small_patch14_dinov2"
Make = Callable[..., tuple[NetworkSpec, nn.Module]]


@pytest.fixture
def vit(make_network: Make, monkeypatch: pytest.MonkeyPatch) -> tuple[NetworkSpec, nn.Module]:
    """A random small transformer at 64 px: 16 patch tokens and a class token."""
    build = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, **kwargs: build(name, **(kwargs | {"img_size": SIZE})))
    return make_network("timm", VIT, "blocks.2", "blocks.3")


def own_tokens(whole: nn.Module, spec: NetworkSpec, pixels: torch.Tensor) -> torch.Tensor:
    """The tokens after block 3 by timm's own function."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.no_grad():
        found: torch.Tensor = whole.forward_intermediates(
            (pixels - mean) / std, indices=[3], output_fmt="NLC", intermediates_only=True, return_prefix_tokens=True
        )[0]
    patches, prefix = found
    return torch.cat([prefix, patches], 1)


@pytest.mark.parametrize(
    ("tokens", "treat"),
    [
        ("all", lambda t: t),
        ("class", lambda t: t[:, 0]),
        ("mean", lambda t: t[:, 1:].mean(1)),
        ("grid", lambda t: t[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)),
    ],
)
def test_each_treatment_is_that_of_the_library_s_tokens(
    vit: tuple[NetworkSpec, nn.Module], pixels: torch.Tensor, tokens: str, treat: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    spec, whole = vit
    network = load_network(replace(spec, tokens=tokens))
    wanted = treat(own_tokens(whole, spec, pixels))
    assert network.feature_shape == tuple(wanted.shape[1:])
    torch.testing.assert_close(network(pixels), wanted, rtol=1e-4, atol=1e-5)


def test_a_grid_pools_like_a_map_of_a_convolutional_network(
    vit: tuple[NetworkSpec, nn.Module], pixels: torch.Tensor
) -> None:
    spec, _ = vit
    grid, mean = (load_network(replace(spec, tokens=tokens))(pixels) for tokens in ("grid", "mean"))
    torch.testing.assert_close(pool_features(grid, 1), mean)
    assert pool_features(grid, 2).shape == (2, 192 * 4)


def test_treatments_of_one_file_never_share_features(vit: tuple[NetworkSpec, nn.Module]) -> None:
    hashes = {load_network(replace(vit[0], tokens=tokens)).sha256 for tokens in ("all", "grid", "class", "mean")}
    assert len(hashes) == 4


def test_the_class_token_is_asked_for_where_there_is_one(vit: tuple[NetworkSpec, nn.Module]) -> None:
    spec = replace(vit[0], tokens="class", layers=("patch_embed",), default_layer="patch_embed")
    with pytest.raises(WeightsError, match="its 16 tokens have no class token. Choose tokens grid"):
        load_network(spec)


def test_a_transformer_stops_within_a_pass(vit: tuple[NetworkSpec, nn.Module], pixels: torch.Tensor) -> None:
    network = load_network(replace(vit[0], tokens="grid"))
    asked = iter([False] * 5 + [True] * 1000)
    with pytest.raises(Cancelled), network.interruptible(lambda: next(asked)):
        network(pixels)
    assert network(pixels).shape[0] == 2


def test_position_codes_of_another_size_are_resampled_by_the_library(make_network: Make) -> None:
    spec, whole = make_network("timm", DINO, "blocks.3")
    network = load_network(replace(spec, input_size=56, tokens="grid"))
    assert whole.pos_embed.shape[1] == 37 * 37 + 1
    assert network.feature_shape == (384, 4, 4)
    wanted = timm.layers.resample_abs_pos_embed(whole.pos_embed, new_size=[4, 4], num_prefix_tokens=1)
    torch.testing.assert_close(network.body.pos_embed, wanted)


def test_maps_with_channels_last_become_maps_with_channels_first(make_network: Make) -> None:
    spec, whole = make_network("timm", SWIN, "layers.1", "layers.2")
    spec = replace(spec, input_size=224)
    raw = next(info.shape for info in list_layers(spec) if info.name == "layers.2")
    network = load_network(spec)
    assert (raw, network.feature_shape) == ((14, 14, 384), (384, 14, 14))
    pixels = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.no_grad():
        wanted = whole.forward_intermediates(
            (pixels - mean) / std, indices=[2], output_fmt="NCHW", intermediates_only=True
        )[0]
    torch.testing.assert_close(network(pixels), wanted, rtol=1e-4, atol=1e-5)


def test_windows_and_the_tokens_within_are_no_map_however_local_they_are() -> None:
    strips = nn.functional.avg_pool2d(moved_patches(64), (16, 4))  # (n, 3, 4 windows, 16 tokens)
    assert measure_locality(strips) > 0.9
    assert find_map(strips.permute(0, 2, 3, 1)) == Treatment(flat=True)
    assert find_map(strips) == Treatment()  # a map of a network with other strides along rows
