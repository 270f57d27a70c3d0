"""Where the picture lies in features: against timm's and torchvision's own modules, hooked and turned by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from core.errors import BadInputError, WeightsError
from core.files import hash_file
from core.networks.catalog import find_network
from core.networks.import_options import NetworkImportOptions
from core.networks.importing import import_network
from core.networks.load import load_network
from core.networks.locality import measure_concentration, measure_locality, moved_patches
from core.networks.manage import check_network, describe_layers
from core.networks.network import Network
from core.networks.open_body import fingerprint, list_layers
from core.networks.spec import NetworkSpec
from core.networks.tokens import Treatment, _to_device, find_treatment

Make = Callable[..., tuple[NetworkSpec, nn.Module]]
CONVNEXT, TINY_VIT, HIERA, SWIN = "convnext_tiny", "tiny_vit_5m_224", "hiera_tiny_224", "swin_tiny_patch4_window7_224"
REGISTERS, DISTILLED = "vit_little_patch16_reg4_gap_256", "deit_tiny_distilled_patch16_224"


def draw(spec: NetworkSpec, count: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, spec.input_size, spec.input_size, generator=torch.Generator().manual_seed(1))


def watch(whole: nn.Module, spec: NetworkSpec, layer: str, *, pixels: torch.Tensor) -> list[torch.Tensor]:
    """What each call of a layer of the untouched network gives."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    kept: list[torch.Tensor] = []
    handle = whole.get_submodule(layer).register_forward_hook(lambda _m, _a, output: kept.append(output.clone()))
    with torch.no_grad():
        whole((pixels - mean) / std)
    handle.remove()
    return kept


def open_at(make: Make, family: str, architecture: str, layer: str, **fields: object) -> tuple[Network, nn.Module]:
    spec, whole = make(family, architecture, layer)
    return load_network(replace(spec, **fields)), whole  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "architecture", "layer", "shape"),
    [
        ("torchvision", CONVNEXT, "features.7.2.block.4", (3072, 7, 7)),
        ("timm", TINY_VIT, "stages.3.blocks", (320, 7, 7)),
        ("timm", "pvt_v2_b0", "patch_embed", (32, 56, 56)),
        ("timm", "swinv2_cr_tiny_224", "stages.1.downsample", (192, 28, 28)),
    ],
)
def test_channels_last_inside_any_network_become_channels_first(
    make_network: Make, family: str, architecture: str, layer: str, shape: tuple[int, ...]
) -> None:
    network, whole = open_at(make_network, family, architecture, layer, input_size=224)
    pixels = draw(network.spec)
    (wanted,) = watch(whole, network.spec, layer, pixels=pixels)
    assert network.feature_shape == shape
    torch.testing.assert_close(network(pixels), wanted.permute(0, 3, 1, 2), rtol=1e-3, atol=1e-4)


def test_convolutions_keep_their_channels_first_in_networks_with_channels_last(make_network: Make) -> None:
    network, whole = open_at(make_network, "timm", SWIN, "patch_embed.proj", input_size=224)
    pixels = draw(network.spec)
    (wanted,) = watch(whole, network.spec, "patch_embed.proj", pixels=pixels)
    torch.testing.assert_close(network(pixels), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("block", "stage"), [(2, 1), (9, 2)])
def test_tokens_out_of_order_are_rolled_back(make_network: Make, block: int, stage: int) -> None:
    network, whole = open_at(make_network, "timm", HIERA, f"blocks.{block}", tokens="grid", input_size=224)
    pixels = draw(network.spec, 2)
    with torch.no_grad():
        values = (pixels - network.mean) * network.inverse_std  # type: ignore[operator]
        wanted = whole.forward_intermediates(values, indices=[stage], output_fmt="NCHW", intermediates_only=True)
    torch.testing.assert_close(network(pixels), wanted[0], rtol=1e-3, atol=1e-4)


def test_a_patch_that_changes_stays_where_it_is_in_the_map(make_network: Make) -> None:
    network, _ = open_at(make_network, "timm", HIERA, "blocks.1", tokens="grid", input_size=224)
    pixels = draw(network.spec)
    changed = pixels.clone()
    changed[:, :, 32:64, 160:192] = 1 - changed[:, :, 32:64, 160:192]  # rows 4 to 8 and columns 20 to 24 of 28
    _to_device.cache_clear()
    with torch.inference_mode():
        energy = (network(changed) - network(pixels)).square().sum(1)[0]
    network(changed.clone().requires_grad_()).sum().backward()
    assert energy[4:8, 20:24].sum() > 0.8 * energy.sum()
    assert energy[3:9, 19:25].sum() > 0.99 * energy.sum(), "the first convolution overlaps"


@pytest.mark.parametrize(("architecture", "size", "n_prefix"), [(REGISTERS, 256, 4), (DISTILLED, 224, 2)])
def test_class_distillation_and_register_tokens_are_no_part_of_the_picture(
    make_network: Make, architecture: str, size: int, n_prefix: int
) -> None:
    grid, whole = open_at(make_network, "timm", architecture, "blocks.2", tokens="grid", input_size=size)
    pixels = draw(grid.spec, 2)
    patches = watch(whole, grid.spec, "blocks.2", pixels=pixels)[0][:, n_prefix:]
    side = int(patches.shape[1] ** 0.5)
    wanted = patches.unflatten(1, (side, side)).permute(0, 3, 1, 2)
    torch.testing.assert_close(grid(pixels), wanted, rtol=1e-3, atol=1e-4)
    mean = load_network(replace(grid.spec, tokens="mean"))
    torch.testing.assert_close(mean(pixels), patches.mean(1), rtol=1e-3, atol=1e-4)


def test_a_class_token_is_there_or_refused(make_network: Make) -> None:
    network, whole = open_at(make_network, "timm", DISTILLED, "blocks.2", tokens="class", input_size=224)
    pixels = draw(network.spec)
    (wanted,) = watch(whole, network.spec, "blocks.2", pixels=pixels)
    torch.testing.assert_close(network(pixels), wanted[:, 0], rtol=1e-4, atol=1e-5)
    with pytest.raises(WeightsError, match="its 260 tokens have no class token. Choose tokens grid, mean or all"):
        open_at(make_network, "timm", REGISTERS, "blocks.2", tokens="class", input_size=256)
    with pytest.raises(WeightsError, match=r"its features \(28, 28, 192\) have no class token"):
        open_at(make_network, "timm", SWIN, "layers.1", tokens="class", input_size=224)


def test_a_class_token_is_refused_before_a_download() -> None:
    with pytest.raises(WeightsError, match="its 260 tokens have no class token"):
        find_network(f"timm:{REGISTERS}@class")
    with pytest.raises(WeightsError, match="its 260 tokens have no class token"):
        import_network(f"timm:{REGISTERS}", NetworkImportOptions(tokens="class"))


def test_tokens_of_which_nothing_tells_which_are_patches_are_no_grid() -> None:
    features = torch.rand(3, 60, 8, generator=torch.Generator().manual_seed(0))
    spec = replace(find_network("alexnet"), tokens="grid")
    with pytest.raises(WeightsError, match="its 60 tokens form no square. Choose tokens mean or all."):
        find_treatment(nn.Identity(), spec, features)
    assert find_treatment(nn.Identity(), replace(spec, tokens="mean"), features) == Treatment("mean")


def test_torchvision_s_class_token_is_known(make_network: Make) -> None:
    layer = "encoder.layers.encoder_layer_0"
    network, whole = open_at(make_network, "torchvision", "vit_b_32", layer, tokens="class", input_size=224)
    pixels = draw(network.spec)
    (tokens,) = watch(whole, network.spec, layer, pixels=pixels)
    torch.testing.assert_close(network(pixels), tokens[:, 0], rtol=1e-4, atol=1e-5)
    grid = load_network(replace(network.spec, tokens="grid"))
    torch.testing.assert_close(grid(pixels), tokens[:, 1:].mT.unflatten(2, (7, 7)), rtol=1e-4, atol=1e-5)


class Shuffled(nn.Module):
    """Tokens of patches behind one that says nothing of itself; mixed in one order; attention of all to all."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.proj = nn.Conv2d(3, 12, 8, stride=8)
        self.rows = nn.Flatten(2)
        self.tag = nn.Parameter(torch.ones(1, 1, 12))
        self.tagged, self.mixed = nn.Identity(), nn.Identity()
        self.attention = nn.Softmax(-1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        tokens = self.rows(self.proj(values))
        tagged = self.tagged(torch.cat([self.tag.expand(len(tokens), -1, -1), tokens.mT], 1))
        order = torch.randperm(tokens.shape[2], generator=torch.Generator().manual_seed(2))
        mixed = self.mixed(tagged[:, 1 + order])
        return self.attention(mixed[:, None] @ mixed[:, None].mT)


def make_shuffled() -> nn.Module:
    return Shuffled()


@pytest.fixture
def shuffled() -> NetworkSpec:
    """At 64 px: 8 x 8 patches."""
    function = f"{__name__}:make_shuffled"
    options = NetworkImportOptions(id="shuffled", trusted=True, layers=("proj", "mixed"), input_size=64)
    return import_network(function, options)


def test_tokens_in_an_unknown_order_are_no_map(shuffled: NetworkSpec) -> None:
    pixels = draw(shuffled, 2)
    with pytest.raises(WeightsError, match="its 64 tokens do not lie as the picture does. Choose tokens mean or all."):
        load_network(replace(shuffled, tokens="grid"))
    whole = make_shuffled()
    (tokens,) = watch(whole, shuffled, "mixed", pixels=pixels)
    torch.testing.assert_close(load_network(replace(shuffled, tokens="mean"))(pixels), tokens.mean(1))


@pytest.mark.parametrize("layer", ["rows", "tagged"])
def test_tokens_are_found_behind_their_channels_and_behind_another_token(shuffled: NetworkSpec, layer: str) -> None:
    pixels = draw(shuffled, 2)
    (maps,) = watch(make_shuffled(), shuffled, "proj", pixels=pixels)
    for tokens, wanted in (("grid", maps), ("mean", maps.mean((2, 3)))):
        network = load_network(replace(shuffled, tokens=tokens), layer)
        torch.testing.assert_close(network(pixels), wanted, rtol=1e-4, atol=1e-5)


def test_attention_of_tokens_to_tokens_is_no_map(shuffled: NetworkSpec) -> None:
    network = load_network(shuffled, "attention")
    assert network.feature_shape == (64 * 64,)
    said = {what for what, _ in check_network("shuffled", "attention").checks}
    assert any("no map: every number is a feature of its own" in what for what in said)


@pytest.mark.parametrize("mix", [lambda m: m.mT, lambda m: m.flip(2), lambda m: m.roll(m.shape[3] // 2, 3)])
def test_a_map_that_lies_otherwise_is_not_local(mix: Callable[[torch.Tensor], torch.Tensor]) -> None:
    maps = nn.functional.avg_pool2d(moved_patches(64), 4)
    assert measure_locality(maps) > 0.9
    assert measure_locality(mix(maps)) < 0 and measure_concentration(mix(maps)) > 0.9
    assert measure_locality(torch.zeros(3, 1, 4, 4)) == 0 == measure_locality(torch.rand(3, 8, 1, 1))


def test_only_features_that_were_wrong_are_named_anew(make_network: Make) -> None:
    """Encoders of version 0.3 open where their features were right, and are refused where they were not."""
    spec, _ = make_network("timm", HIERA, "blocks.2")
    file = hash_file(Path(spec.weights))
    mean, grid = (replace(spec, input_size=224, tokens=tokens) for tokens in ("mean", "grid"))
    assert load_network(mean).sha256 == fingerprint(mean, file)
    assert load_network(grid).sha256 != fingerprint(grid, file)
    spec, _ = make_network("timm", TINY_VIT, "stages.2", "stages.3.blocks")
    spec = replace(spec, input_size=224)
    file = hash_file(Path(spec.weights))
    assert load_network(spec, "stages.2").sha256 == file != load_network(spec, "stages.3.blocks").sha256


REPEATED = "layer4.1.relu"
A_RELU_BEHIND, NOTHING_BEHIND = "features.0+features.3", "features.2+features.5"


@pytest.fixture
def exported(tmp_path: Path, make_network: Make) -> tuple[NetworkSpec, NetworkSpec, nn.Module]:
    """A ResNet-18 by its state dict and by its torch.export file, and the untouched network."""
    spec, whole = make_network("torchvision", "resnet18", "layer4")
    path = tmp_path / "net.pt2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(whole, (draw(spec),)), path)
    options = NetworkImportOptions(trusted=True, mean=spec.mean, std=spec.std)
    return spec, import_network(str(path), options), whole


def test_a_layer_that_is_called_twice_means_its_first_call(
    exported: tuple[NetworkSpec, NetworkSpec, nn.Module], pixels: torch.Tensor
) -> None:
    *specs, whole = exported
    first, second = watch(whole, specs[0], REPEATED, pixels=pixels)
    assert not torch.allclose(first, second)
    for spec in specs:
        for layer, wanted in ((REPEATED, first), (f"{REPEATED}#2", second)):
            torch.testing.assert_close(load_network(spec, layer)(pixels), wanted, rtol=1e-3, atol=1e-3)
        calls = {info.name: info.call for info in list_layers(spec)}
        assert (calls[REPEATED], calls[f"{REPEATED}#2"], calls["layer4.1.conv1"]) == ("1 of 2", "2 of 2", "")
        with pytest.raises(BadInputError, match=f"got '{REPEATED}#3'. Did you mean '{REPEATED}#2'"):
            load_network(spec, f"{REPEATED}#3")
    (before,) = watch(whole, specs[0], "layer4.1.bn2", pixels=pixels)  # a sum is written into it, then a ReLU
    for spec in specs:
        torch.testing.assert_close(load_network(spec, "layer4.1.bn2")(pixels), before, rtol=1e-3, atol=1e-3)
    joined = load_network(specs[0], f"{REPEATED}#2+layer1.0.relu+{REPEATED}")(pixels)
    early = watch(whole, specs[0], "layer1.0.relu", pixels=pixels)[0]
    parts = torch.cat([part.flatten(1) for part in (second, early, first)], 1)
    torch.testing.assert_close(joined, parts, rtol=1e-3, atol=1e-3)


def test_a_repeated_layer_of_an_exported_file_is_named_anew(
    exported: tuple[NetworkSpec, NetworkSpec, nn.Module],
) -> None:
    """Version 0.3 gave its last call, and for others what an operation in place made of them."""
    spec = exported[1]
    layers = ("layer4.1.conv1", f"{REPEATED}#2", "layer4.1", REPEATED, "layer4.1.bn2")
    plain, last, block, first, overwritten = (load_network(spec, layer).sha256 for layer in layers)
    assert plain == last == block
    assert first != plain != overwritten, "of its last call, and of the sum written into it"
    assert [row.call for row in describe_layers(spec.id) if row.name.startswith(REPEATED)] == ["1 of 2", "2 of 2"]


def test_joined_layers_are_named_anew_where_one_was_overwritten() -> None:
    whole, changed, same = (
        load_network("alexnet", one).sha256 for one in ("features.2", A_RELU_BEHIND, NOTHING_BEHIND)
    )
    assert same == whole != changed


def test_attention_that_reads_weights_without_calling_their_part_is_kept(make_network: Make) -> None:
    with pytest.MonkeyPatch.context() as patch:
        build = timm.create_model
        small = {"img_size": 64, "embed_dim": 32, "depth": 2, "num_heads": 2}
        patch.setattr(timm, "create_model", lambda name, **settings: build(name, **(settings | small)))
        network, whole = open_at(make_network, "timm", "beit_base_patch16_224", "blocks.0", tokens="all")
        pixels = draw(network.spec, 2)
        (wanted,) = watch(whole, network.spec, "blocks.0", pixels=pixels)
        torch.testing.assert_close(network(pixels), wanted, rtol=1e-4, atol=1e-5)


def test_parts_that_do_not_give_features_image_by_image_are_no_layers() -> None:
    spec = find_network(f"timm:{SWIN}")
    inside = [info.name for info in list_layers(spec) if info.name.endswith("layers.0.blocks.0.attn.qkv")]
    assert not inside, "its rows are windows"


def test_a_definition_that_computes_with_tensors_is_built(make_network: Make) -> None:
    network, whole = open_at(make_network, "torchvision", "regnet_y_400mf", "trunk_output.block3")
    pixels = draw(network.spec)
    (wanted,) = watch(whole, network.spec, "trunk_output.block3", pixels=pixels)
    torch.testing.assert_close(network(pixels), wanted, rtol=1e-3, atol=1e-4)
