"""What training scripts save: each layout gives the features of torchvision's own network with the tensors put in.

Made here from the small ShuffleNet with seeded weights; the answer is that network run by hand, normalised by hand.
"""

from __future__ import annotations

import argparse
import copy
import math
import pickle
import re
import tarfile
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from core.errors import BadInputError, StorageError, WeightsError
from core.networks.catalog import find_network
from core.networks.import_options import NetworkImportOptions
from core.networks.importing import import_network
from core.networks.load import load_network
from core.networks.named import IMAGENET_MEAN, IMAGENET_STD
from core.networks.open_body import fingerprint, list_layers
from core.networks.spec import NetworkSpec
from core.networks.truncate import leave_network, run_to_exit
from tests.core.networks.conftest import build_random, randomise

ARCHITECTURE = "torchvision:shufflenet_v2_x0_5"
RESTRICTED = ((0.4717, 0.4499, 0.3837), (0.26, 0.2682, 0.2714))
"""Mean and SD of RestrictedImageNet, which its checkpoints hold."""
State = dict[str, torch.Tensor]


def make(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return randomise(torchvision.models.get_model("shufflenet_v2_x0_5", weights=None), seed=seed)


RIGHT, OTHER = make(1), make(2)


def table(prefix: str = "", of: nn.Module = RIGHT) -> State:
    return {f"{prefix}{name}": value.clone() for name, value in of.state_dict().items()}


def without_head(prefix: str = "", of: nn.Module = RIGHT) -> State:
    return {name: value for name, value in table(prefix, of).items() if not name.startswith(f"{prefix}fc.")}


def channels(values: tuple[float, ...], *shape: int) -> torch.Tensor:
    return torch.tensor(values).view(*shape)


def expected(
    whole: nn.Module, pixels: torch.Tensor, layer: str, normalisation: tuple[Any, Any] = (IMAGENET_MEAN, IMAGENET_STD)
) -> torch.Tensor:
    mean, std = (channels(values, 1, 3, 1, 1) for values in normalisation)
    whole = copy.deepcopy(whole)
    whole.get_submodule(layer).register_forward_hook(leave_network)
    with torch.no_grad():
        return run_to_exit(whole, (pixels - mean) / std)


def assert_same(found: torch.Tensor, wanted: torch.Tensor) -> None:
    assert found.shape == wanted.shape
    assert float((found - wanted).abs().max()) < 1e-5 * max(1.0, float(wanted.abs().max()))


def add(path: Path, content: Any, **given: Any) -> NetworkSpec:
    torch.save(content, path)
    return import_network(str(path), NetworkImportOptions(**({"architecture": ARCHITECTURE, "input_size": 64} | given)))


@dataclass
class Layout:
    """A file's name, what it holds, and what must be said and used."""

    name: str
    content: Any
    says: tuple[str, ...] = ()
    normalisation: tuple[Any, Any] = (IMAGENET_MEAN, IMAGENET_STD)
    given: dict[str, Any] = field(default_factory=dict)


def robust(mean: tuple[float, ...], std: tuple[float, ...], **more: Any) -> dict[str, Any]:
    """As the `robustness` package saves: a second copy in the attacker, and the normalisation twice."""
    state = table("module.model.") | table("module.attacker.model.")
    for owner in ("module.normalizer", "module.attacker.normalize"):
        state |= {f"{owner}.new_mean": channels(mean, 3, 1, 1), f"{owner}.new_std": channels(std, 3, 1, 1)}
    return {"model": state, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}} | more


def normalised(mean: str, std: str, inner: str = "") -> State:
    return {mean: channels(RESTRICTED[0], 1, 3, 1, 1), std: channels(RESTRICTED[1], 1, 3, 1, 1)} | table(inner)


USED = ("Pixels are normalised as the file says: mean 0.4717, 0.4499, 0.3837 and SD 0.26, 0.2682, 0.2714",)
LAYOUTS = {
    "compiled": Layout("a.pth", table("_orig_mod.")),
    "distributed and compiled": Layout("a.pth", {"state_dict": table("module._orig_mod.")}),
    "compiled and distributed": Layout("a.pth", {"model": table("_orig_mod.module.")}),
    "a compiled part": Layout(
        "a.pth", {name.replace("stage3.", "stage3._orig_mod."): one for name, one in table().items()}
    ),
    "a distributed part": Layout(
        "a.pth", {name.replace("stage2.", "stage2.module."): one for name, one in table("model.").items()}
    ),
    "sharded": Layout("a.pt", table("_fsdp_wrapped_module._checkpoint_wrapped_module.")),
    "pth.tar": Layout(
        "model_best.pth.tar",
        {"state_dict": table("module."), "optimizer": {"state": {}}, "best_acc1": torch.ones(1)},
        says=("Left out: best_acc1 (1 tensor).",),
    ),
    "no ending": Layout("weights", table()),
    "any ending": Layout("weights.v2-final", {"net": {"net": table("net.")}}),
    "wrapped thrice": Layout("a.bin", {"model": {"state_dict": table("model.module.backbone.")}}),
    "moco": Layout(
        "moco.pth.tar",
        {
            "arch": "shufflenet",
            "state_dict": without_head("module.encoder_q.")
            | {"module.encoder_q.fc.0.weight": torch.ones(4, 4), "module.encoder_q.fc.2.weight": torch.ones(4, 4)}
            | without_head("module.encoder_k.", OTHER)
            | {"module.queue": torch.ones(8, 9), "module.queue_ptr": torch.zeros(1)},
        },
        says=("encoder_q was taken, not encoder_k", "Left out: fc (2 tensors), queue (1 tensor), queue_ptr (1 tensor)"),
    ),
    "dino": Layout(
        "dino.pth",
        {
            "student": without_head("module.backbone.", OTHER) | {"module.head.mlp.0.weight": torch.ones(4, 4)},
            "teacher": without_head("backbone.") | {"head.mlp.0.weight": torch.ones(4, 4)},
            "args": argparse.Namespace(arch="shufflenet"),
        },
        says=("teacher was taken, not student", "head (1 tensor)"),
    ),
    "dino, student": Layout(
        "dino.pth",
        {"student": without_head("module.backbone."), "teacher": without_head("backbone.", OTHER)},
        says=("student was taken, not teacher",),
        given={"weights": "student"},
    ),
    "ema of timm": Layout(
        "a.pth.tar",
        {"state_dict": table(of=OTHER), "state_dict_ema": table(), "epoch": 3, "args": argparse.Namespace(lr=1)},
        says=("state_dict_ema was taken, not state_dict", "choose with `--weights`"),
    ),
    "raw of timm": Layout(
        "a.pth.tar",
        {"state_dict": table(), "state_dict_ema": table(of=OTHER)},
        says=("state_dict was taken, not state_dict_ema",),
        given={"weights": "raw"},
    ),
    "model_ema": Layout("a.pth", {"model": table(of=OTHER), "model_ema": table("module.")}, says=("model_ema was",)),
    "ema beside": Layout("a.ckpt", {"state_dict": table("net.", OTHER) | table("ema_net.module.")}, says=("ema_net",)),
    "swa": Layout(
        "a.pt", {"n_averaged": torch.tensor(7)} | table("module."), says=("Left out: n_averaged (1 tensor)",)
    ),
    "equal sets": Layout("a.pt", {"state_dict": table(), "best_state_dict": table()}),
    "robustness, its own normalisation": Layout("r.ckpt", robust(*RESTRICTED), says=USED, normalisation=RESTRICTED),
    "robustness, .pt with options": Layout(
        "r.pt", robust(IMAGENET_MEAN, IMAGENET_STD, args=argparse.Namespace(eps=3)), says=("normalizer.new_mean",)
    ),
    "normalize.": Layout("a.pt", normalised("normalize.mean", "normalize.std", "model."), USED, RESTRICTED),
    "mu and sigma": Layout("a.pt", normalised("mu", "sigma"), USED, RESTRICTED),
    "mu and sigma in a model": Layout("a.pt", {"model": normalised("mu", "sigma", "model.")}, USED, RESTRICTED),
    "0. and 1.": Layout("a.pt", normalised("0.mean", "0.std", "1."), USED, RESTRICTED),
    "distributed, 0. and 1.": Layout(
        "a.pt", {"state_dict": normalised("module.0.mu", "module.0.sigma", "module.1.")}, USED, RESTRICTED
    ),
    "pixel_mean": Layout("a.pt", normalised("model.pixel_mean", "model.pixel_std", "model."), USED, RESTRICTED),
    "another normalisation given": Layout(
        "a.pt",
        normalised("mu", "sigma"),
        ("Its file says mean 0.4717, 0.4499, 0.3837", "not used"),
        ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)},
    ),
    "variances": Layout(
        "a.pt",
        {"normalizer.mean": channels(RESTRICTED[0], 3, 1, 1)}
        | {"normalizer.var": channels(RESTRICTED[1], 3, 1, 1).double().square()}
        | table("model."),
        USED,
        RESTRICTED,
    ),
    "means and sds": Layout("a.pt", normalised("0.means", "0.sds", "1."), USED, RESTRICTED),
    "MEAN and STD": Layout("a.pt", normalised("net.MEAN", "net.STD", "net."), USED, RESTRICTED),
    "deeper elsewhere": Layout("a.pt", normalised("pre.1.mean", "pre.1.std", "net."), USED, RESTRICTED),
    "settings": Layout(
        "a.ckpt",
        {"state_dict": table("net."), "hyper_parameters": {"mean": RESTRICTED[0], "std": list(RESTRICTED[1])}},
        USED,
        RESTRICTED,
    ),
    "lists in lists": Layout(
        "a.ckpt",
        {"net": table(), "config": {"mean": [list(RESTRICTED[0])], "std": [[[value]] for value in RESTRICTED[1]]}},
        USED,
        RESTRICTED,
    ),
    "one number for all channels": Layout(
        "a.ckpt",
        {"net": table(), "config": {"data": {"mean": 0.5, "std": 0.25}, "init": {"mean": 0.0, "std": 0.02}}},
        ("Pixels are normalised as the file says: mean 0.5, 0.5, 0.5 and SD 0.25, 0.25, 0.25 (config.data.mean)",),
        ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    ),
    "grey levels, one number for all": Layout(
        "a.ckpt",
        {"net": table(), "cfg": {"mean": 102, "std": 63.75}},
        ("mean 0.4, 0.4, 0.4 and SD 0.25, 0.25, 0.25 (cfg.mean, divided by 255)",),
        ((0.4,) * 3, (0.25,) * 3),
    ),
    "grey levels in the text of a configuration, twice": Layout(
        "a.pth",
        {
            "state_dict": table("backbone."),
            "meta": {"config": "train = dict(mean=[102, 51.0, 76.5],\n std=[63.75, 51, 51], to_rgb=True)\n" * 2},
        },
        ("mean 0.4, 0.2, 0.3 and SD 0.25, 0.2, 0.2 (meta.config.0.mean, divided by 255)",),
        ((0.4, 0.2, 0.3), (0.25, 0.2, 0.2)),
    ),
    "averaged weights of a callback": Layout(
        "a.ckpt",
        {"state_dict": table("net.", OTHER), "callbacks": {"EMA": {"ema_weights": table("net.")}}},
        ("ema_weights", "was taken, not"),
    ),
    "a list of one channel": Layout(
        "a.ckpt",
        {"net": table(), "args": argparse.Namespace(image_mean=[0.45], image_std=[[0.225]])},
        ("mean 0.45, 0.45, 0.45 and SD 0.225, 0.225, 0.225",),
        ((0.45,) * 3, (0.225,) * 3),
    ),
    "one number for all in text and in a tensor": Layout(
        "a.ckpt",
        table("net.") | {"norm.mean": torch.tensor([0.5]), "norm.std": torch.tensor(0.5)},
        ("mean 0.5, 0.5, 0.5 and SD 0.5, 0.5, 0.5",),
        ((0.5,) * 3, (0.5,) * 3),
    ),
    "a pair of single numbers": Layout(
        "a.ckpt",
        {"net": table(), "transform": {"normalize": [[0.5], [0.25]]}, "noise": {"mean": 0.0, "std": 1.0}},
        ("mean 0.5, 0.5, 0.5 and SD 0.25, 0.25, 0.25",),
        ((0.5,) * 3, (0.25,) * 3),
    ),
    "lists in lists in one": Layout(
        "a.ckpt",
        {"net": table(), "cfg": {"mean_std": [[[[value] for value in values] for values in RESTRICTED]]}},
        USED,
        RESTRICTED,
    ),
    "a mean and an SD in one list": Layout(
        "a.ckpt",
        {"net": table(), "config": {"normalize": [list(RESTRICTED[0]), list(RESTRICTED[1])]}},
        USED,
        RESTRICTED,
    ),
    "mean and SD in one array": Layout(
        "a.ckpt", {"net": table(), "config": {"mean_std": np.array(RESTRICTED)}}, USED, RESTRICTED
    ),
    "mean and SD in one tensor, a pair a channel": Layout(
        "a.ckpt", {"net": table(), "normalize": torch.tensor(RESTRICTED, dtype=torch.double).T}, USED, RESTRICTED
    ),
    "as typed at a command line": Layout(
        "a.ckpt",
        {"net": table(), "args": {"mean": str(RESTRICTED[0]), "std": [str(value) for value in RESTRICTED[1]]}},
        USED,
        RESTRICTED,
    ),
    "of a data set": Layout(
        "a.ckpt", {"net": table(), "dataset_mean": RESTRICTED[0], "dataset_std": RESTRICTED[1]}, USED, RESTRICTED
    ),
    "of its RGB": Layout(
        "a.ckpt", {"net": table(), "mean_rgb": RESTRICTED[0], "std_rgb": RESTRICTED[1]}, USED, RESTRICTED
    ),
    "a list of that name that holds something else": Layout(
        "a.ckpt", {"net": table(), "config": {"normalize": [[0.5, 0.5, 0.5], {"by": "batch"}], "mean": "of all"}}
    ),
    "options": Layout(
        "a.pt",
        {"model": table(), "args": argparse.Namespace(mean=list(RESTRICTED[0]), std=np.array(RESTRICTED[1]))},
        USED,
        RESTRICTED,
    ),
    "saved whole behind torchvision's Normalize": Layout(
        "a.pt", nn.Sequential(torchvision.transforms.Normalize(*RESTRICTED), RIGHT), USED, RESTRICTED
    ),
    "of the responses": Layout(
        "a.ckpt",
        table("net.") | {"response_norm.mean": torch.tensor([0.3]), "response_norm.std": torch.tensor([1.2])},
        says=("Left out: response_norm (2 tensors).",),
    ),
    "scores of three folds": Layout(
        "a.pt",
        {"net": table(), "scores": {"mean": [0.7, 0.7, 0.8], "std": [0.1] * 3}},
        says=("Left out: scores (2 tensors).",),
    ),
    "counters of averaging": Layout(
        "a.pt",
        {"model": table(of=OTHER), "ema": table("module.") | {"updates": torch.tensor(3)}},
        says=("ema was taken, not model", "Left out: updates (1 tensor)."),
    ),
    "moments by name": Layout("a.pt", {"net": table(), "opt": {"exp_avg": table(of=OTHER)}}),
    "arrays of numpy": Layout("a.pt", {name: one.numpy() for name, one in table().items()}),
    "lightning": Layout(
        "epoch9.ckpt",
        {
            "state_dict": table("net.") | {"criterion.weight": torch.ones(5)},
            "pytorch-lightning_version": "2.1",
            "callbacks": {"best": torch.ones(1)},
            "hyper_parameters": {"lr": 1},
        },
        says=("Left out: callbacks (1 tensor), criterion (1 tensor).",),
    ),
    "thop": Layout(
        "a.pth",
        table()
        | {f"{name}total_{what}": torch.zeros(1) for name in ("", "conv1.", "stage2.0.") for what in ("ops", "params")},
        says=("Left out: total_ops (3 tensors), total_params (3 tensors).",),
    ),
    "saved whole": Layout("a.pth", RIGHT),
    "saved whole inside": Layout("a.pt", {"model": nn.DataParallel(RIGHT), "epoch": 3}),
    "double precision": Layout("a.pt", {name: one.double() for name, one in table().items()}),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_network_inside(tmp_path: Path, pixels: torch.Tensor, layout: Layout) -> None:
    spec = add(tmp_path / layout.name, layout.content, **layout.given)
    assert_same(load_network(spec, "stage3")(pixels), expected(RIGHT, pixels, "stage3", layout.normalisation))
    assert (spec.mean, spec.std) == layout.normalisation
    for text in layout.says:
        assert text in spec.note
    assert layout.says or not spec.note


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_float32(tmp_path: Path, pixels: torch.Tensor, dtype: torch.dtype) -> None:
    whole, path = copy.deepcopy(RIGHT).to(dtype), tmp_path / "half.safetensors"
    save_file(whole.state_dict(), path)
    spec = import_network(str(path), NetworkImportOptions(architecture=ARCHITECTURE, input_size=64))
    assert_same(load_network(spec, "stage3")(pixels), expected(whole.float(), pixels, "stage3"))


def test_two_sets_of_one_file_are_two_networks_and_an_entry_without_a_choice_is_the_plain_one(
    tmp_path: Path, pixels: torch.Tensor
) -> None:
    content = {"state_dict_ema": table(), "state_dict": table(of=OTHER)}
    averaged, raw = (add(tmp_path / "a.pth", content, weights=wanted, layers=("stage3",)) for wanted in ("ema", "raw"))
    assert averaged.table == "state_dict_ema." and raw.table == "state_dict."
    networks = [load_network(spec) for spec in (averaged, raw, replace(raw, table=""))]
    assert len({network.sha256 for network in networks}) == 3
    for network, whole in zip(networks, (RIGHT, OTHER, OTHER), strict=True):
        assert_same(network(pixels), expected(whole, pixels, "stage3"))


@pytest.mark.parametrize(
    ("content", "given", "sentence"),
    [
        ({"state_dict": table(), "state_dict_ema": table(of=OTHER)}, {"weights": "teacher"}, "got 'teacher'"),
        ({"a": table(), "b": table(of=OTHER), "c": table(of=make(3))}, {"weights": "raw"}, "one of a, b, c, got 'raw'"),
        (table() | {"mean": channels((124.0, 116.0, 104.0), 3), "std": torch.ones(3)}, {}, "Give them yourself"),
        (normalised("a.mu", "a.sigma", "c.") | {"b.mu": torch.zeros(3), "b.sigma": torch.ones(3)}, {}, "mean 0, 0, 0"),
        (normalised("mean", "std") | {"std": torch.full((3,), 0.07)}, {}, "so small that it may hold variances. Give"),
        (table() | {"mean": torch.tensor([-0.4, -0.5, -0.4]), "std": torch.ones(3)}, {}, "mean -0.4, .*Give"),
        (table() | {"mean": torch.tensor([0.4, math.nan, 0.4]), "std": torch.ones(3)}, {}, "nan, .*Give"),
        (
            {"net": table(), "cfg": "a: {mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2]}, b: {mean: [0, 0, 0]}"},
            {},
            "mean 0.5, 0.5, 0.5 and SD 0.2, .*cfg.0.mean.* and mean 0, 0, 0 and no SD .*Give",
        ),
        (table() | {"mean": torch.tensor([124, 116, 104])}, {}, "mean 124, 116, 104 and no SD (.mean.), and it cannot"),
        (table() | {"mean": channels((0.406, 0.456, 0.485), 3), "std": torch.ones(3)}, {}, "with blue first, mean 0.4"),
        (table() | {"pixel_mean": channels((103.53, 116.28, 123.675), 3)}, {}, "so the network takes blue, green, red"),
        ({name: one.to(torch.int8) for name, one in table().items()}, {}, "holds torch.int8, .* may be quantised"),
        ({name: one.to(torch.cfloat) for name, one in table().items()}, {}, "holds torch.complex64, this network"),
        (table() | {"stage2.0.se.weight": torch.ones(3)}, {}, "holds a tensor 'stage2.0.se.weight' that this"),
        (table() | {"reg_token": torch.ones(1, 4, 8)}, {}, "holds a tensor 'reg_token' that this architecture has not"),
        ({name: one for name, one in table().items() if "stage2.1" not in name}, {}, "lacks the tensor 'stage2.1."),
        ({"epoch": 3, "args": argparse.Namespace(lr=1)}, {}, "holds no table of tensors"),
        ([{"itself": None}], {}, "holds no table of tensors"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_or_does_not_fit_is_one_sentence(
    tmp_path: Path, content: Any, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((BadInputError, WeightsError), match=sentence) as caught:
        add(tmp_path / "a.pth", content, **given)
    assert "\n" not in str(caught.value)


def test_a_pickle_of_arrays_is_read_and_one_of_tensors_is_told_how_to_save(
    tmp_path: Path, pixels: torch.Tensor
) -> None:
    given = NetworkImportOptions(architecture=ARCHITECTURE, input_size=64)
    arrays = {"model": {name: one.numpy() for name, one in table().items()}, "author": "x"}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(arrays))
    spec = import_network(str(tmp_path / "a.pkl"), given)
    assert_same(load_network(spec, "stage3")(pixels), expected(RIGHT, pixels, "stage3"))
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(table()))
    with pytest.raises(WeightsError, match=r"b.pkl holds no table of tensors. .* with torch.save."):
        import_network(str(tmp_path / "b.pkl"), given)


def test_what_weights_lie_in_is_named(tmp_path: Path) -> None:
    torch.save(table(), tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.pth", "model.pth")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "a.pth", "model.pth")
    for name, sentence in {
        "a.zip": "is an archive of other files, such as model.pth. Unpack it first.",
        "a.tar": "a tar archive, of other files",
        "": "is a folder. Give the file of weights in it.",
    }.items():
        with pytest.raises((StorageError, WeightsError), match=sentence):
            import_network(str(tmp_path / name), NetworkImportOptions(architecture=ARCHITECTURE))


def test_a_head_of_other_classes_leaves_everything_below_it(tmp_path: Path, pixels: torch.Tensor) -> None:
    state = table() | {"fc.weight": torch.ones(10, 1024), "fc.bias": torch.ones(10)}
    spec = add(tmp_path / "ten.pth", state)
    assert_same(load_network(spec, "conv5")(pixels), expected(RIGHT, pixels, "conv5"))
    with pytest.raises(WeightsError, match=r"'fc.weight' has shape \(10, 1024\), this network needs \(1000, 1024\)"):
        load_network(spec, "fc")


def test_a_table_that_holds_itself_is_read_once(tmp_path: Path, pixels: torch.Tensor) -> None:
    content: dict[str, Any] = {"net": table()}
    content["again"], content["more"] = content, [content]
    spec = add(tmp_path / "loop.pth", content)
    assert_same(load_network(spec, "stage3")(pixels), expected(RIGHT, pixels, "stage3"))


FOREIGN = {
    "page": (b"<!DOCTYPE html><html>Sign in</html>", "is a web page, no weights file"),
    "spaces": (b"\n\n  <html></html>", "is a web page"),
    "empty": (b"", "is empty"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "keras": (b"\x89HDF\r\n\x1a\n" + bytes(600), "is an HDF5 file"),
    "json": (b'{"error": "not found"}', "is JSON"),
    "noise": (bytes(range(200)), "is truncated or no weights file"),
}


@pytest.mark.parametrize(("content", "sentence"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "a"])
def test_what_is_no_weights_file_is_named(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=sentence):
        import_network(str(tmp_path / name), NetworkImportOptions(architecture=ARCHITECTURE))


def test_safetensors_of_any_ending_are_read(tmp_path: Path, pixels: torch.Tensor) -> None:
    save_file(table("module."), tmp_path / "a.pth")
    spec = import_network(str(tmp_path / "a.pth"), NetworkImportOptions(architecture=ARCHITECTURE, input_size=64))
    assert_same(load_network(spec, "stage3")(pixels), expected(RIGHT, pixels, "stage3"))


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_inception_networks_get_the_pixels_their_weights_want(tmp_path: Path, name: str) -> None:
    pixels = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    whole, layer = build_random("torchvision", name), {"inception_v3": "Mixed_5b", "googlenet": "inception3a"}[name]
    whole.transform_input = True
    spec = add(
        tmp_path / "a.pth", whole.state_dict(), architecture=f"torchvision:{name}", layers=(layer,), input_size=96
    )
    assert_same(load_network(spec)(pixels), expected(whole, pixels, layer))


def test_a_transformer_says_the_size_it_was_made_for(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = torchvision.models.VisionTransformer(
        image_size=96, patch_size=32, num_layers=12, num_heads=12, hidden_dim=768, mlp_dim=3072
    ).eval()
    spec = add(tmp_path / "a.pth", table(of=whole), architecture="torchvision:vit_b_32", input_size=0)
    assert spec.input_size == 96
    layer = "encoder.layers.encoder_layer_0"
    pixels = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    network = load_network(replace(spec, tokens="all"), layer)
    assert_same(network(pixels), expected(whole, pixels, layer))


@pytest.mark.parametrize(
    ("name", "layer", "older"),
    [
        ("densenet121", "features.denseblock1", (r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2")),
        ("vit_b_32", "encoder.layers.encoder_layer_0", (r"mlp\.0\.", "mlp.linear_1.")),
    ],
)
def test_names_of_older_versions_of_torchvision_are_read(
    tmp_path: Path, name: str, layer: str, older: tuple[str, str]
) -> None:
    whole = build_random("torchvision", name)
    state = {
        f"module.{re.sub(*older, key).replace('mlp.3.', 'mlp.linear_2.')}": v for key, v in whole.state_dict().items()
    }
    side = 224 if name.startswith("vit") else 64
    spec = add(tmp_path / "a.pth", state, architecture=f"torchvision:{name}", input_size=side, tokens="all")
    pixels = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(3))
    assert_same(load_network(spec, layer)(pixels), expected(whole, pixels, layer))
    assert not spec.note


@pytest.mark.parametrize("prefix", ["", "module.backbone.", "teacher.backbone."])
def test_tables_of_timm_are_converted_behind_any_prefix(tmp_path: Path, pixels: torch.Tensor, prefix: str) -> None:
    torch.manual_seed(0)
    whole = timm.create_model("vit_tiny_patch16_224", img_size=64).eval()
    state = table(prefix, whole) | {f"{prefix}mask_token": torch.zeros(1, 192)}
    small = add(tmp_path / "a.pth", {"model": state}, architecture="timm:vit_tiny_patch16_224", input_size=64)
    network = load_network(replace(small, tokens="all"), "blocks.1")
    assert_same(network(pixels), expected(whole, pixels, "blocks.1", (small.mean, small.std)))
    large = add(tmp_path / "b.pth", {"model": state}, architecture="timm:vit_tiny_patch16_224", input_size=96)
    assert "Resized to this input size, as timm does: pos_embed." in large.note


@pytest.mark.parametrize("name", ["regnet_y_400mf", "vit_b_16.IMAGENET1K_SWAG_E2E_V1", "inception_v3"])
def test_networks_of_torchvision_have_layers_without_weights(name: str) -> None:
    size = 384 if "SWAG" in name else {"inception_v3": 299}.get(name, 224)
    spec = find_network(f"torchvision:{name}")
    assert spec.input_size == size and spec.default_layer in {info.name for info in list_layers(spec)}
    assert spec.default_layer != "avgpool"
    before = replace(spec, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    assert (fingerprint(spec, "0") != fingerprint(before, "0")) == (name == "inception_v3")


def test_a_regnet_computes_what_torchvision_computes(tmp_path: Path, pixels: torch.Tensor) -> None:
    whole = build_random("torchvision", "regnet_y_400mf")
    spec = add(tmp_path / "a.pth", table(of=whole), architecture="torchvision:regnet_y_400mf")
    assert_same(load_network(spec, "trunk_output.block2")(pixels), expected(whole, pixels, "trunk_output.block2"))


def test_a_segmentation_network_is_read_with_its_own_dilation(tmp_path: Path, pixels: torch.Tensor) -> None:
    torch.manual_seed(4)
    whole = torchvision.models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None)
    whole = randomise(whole, seed=4)
    spec = add(tmp_path / "a.pth", whole.state_dict(), architecture="torchvision:lraspp_mobilenet_v3_large")
    assert spec.default_layer == "backbone.16"
    found = load_network(spec, "backbone.15")(pixels)
    assert found.shape[1:] == (160, 4, 4), "stride 16 in place of 32"
    assert_same(found, expected(whole, pixels, "backbone.15"))


@pytest.mark.parametrize(("family", "stride"), [("torchvision", 8), ("torchvision", 16), ("timm", 8), ("timm", 32)])
def test_a_backbone_alone_has_the_strides_that_are_said(
    tmp_path: Path, pixels: torch.Tensor, family: str, stride: int
) -> None:
    deeplab = torchvision.models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=2)
    whole = randomise(deeplab.backbone if stride == 8 else torchvision.models.resnet50(weights=None), seed=5)
    if stride == 16:  # by hand: the last block without its stride, and its other convolutions as far apart
        whole.layer4[0].conv2.stride = whole.layer4[0].downsample[0].stride = (1, 1)
        for block in whole.layer4[1:]:
            block.conv2.dilation = block.conv2.padding = (2, 2)
    bare = {name: value for name, value in whole.state_dict().items() if not name.startswith("fc.")}
    given = {"architecture": f"{family}:resnet50"}
    with pytest.raises(BadInputError, match=r"ResNet without classifier, of which .*`--output-stride 32`, 16 or 8"):
        add(tmp_path / "bare.pth", bare, **given)
    spec = add(tmp_path / "bare.pth", bare, **given, output_stride=stride)
    found = load_network(spec, "layer4.2")
    assert found.feature_shape == (2048, 64 // stride, 64 // stride)
    whole.eval()
    assert_same(found(pixels), expected(whole, pixels, "layer4.2"))
    projected = add(tmp_path / "moco.pth", bare | {"fc.0.weight": torch.ones(4, 2048)}, **given)
    assert load_network(projected, "layer4.2").feature_shape == (2048, 2, 2)
    assert (projected.output_stride, fingerprint(projected, "a") == fingerprint(spec, "a")) == (0, stride == 32)


def test_an_output_stride_is_said_of_definitions_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`output_stride` must be 0, got 8"):
        add(tmp_path / "a.pth", table(), output_stride=8)
    with pytest.raises(BadInputError, match="`output_stride` must be 0, got 16"):
        import_network("timm:vit_tiny_patch16_224", NetworkImportOptions(output_stride=16))
    with pytest.raises(BadInputError, match="`output_stride` must be one of 0, 8, 16, 32, got '7'"):
        NetworkImportOptions(output_stride=7)


@pytest.mark.parametrize("head", ["classifier.4.weight", "decode_head.convs.0.conv.weight", "aux_classifier.0.weight"])
def test_a_backbone_that_was_trained_dilated_is_not_taken_for_one_with_strides(tmp_path: Path, head: str) -> None:
    content = table("backbone.") | {head: torch.ones(21, 8, 1, 1)}
    with pytest.raises(
        BadInputError, match=r"is of a segmentation network .*deeplabv3_resnet50`, or the weights of a backbone"
    ):
        add(tmp_path / "a.pth", content)
    add(tmp_path / "b.pth", content | {"decode_head.lateral_convs.0.conv.weight": torch.ones(4, 8, 1, 1)})
