"""Files and functions of the user: each kind gives the network it came from; a bad one is a sentence, no code runs."""

from __future__ import annotations

import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dill
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from core.errors import BadInputError, Cancelled, StorageError, WeightsError
from core.networks import named
from core.networks.catalog import find_network, list_networks, list_user_networks, user_networks_folder
from core.networks.files.script_file import list_script_layers
from core.networks.import_options import NetworkImportOptions
from core.networks.importing import import_network
from core.networks.load import load_network
from core.networks.manage import check_network, remove_network
from core.networks.network import Network
from core.networks.open_body import list_layers
from core.networks.truncate import leave_network, run_to_exit
from tests.core.networks.conftest import build_random
from tests.helpers.user_network import Small, make_normalised_by_torchvision, make_normalising

SIZE = 64
RESNET = "torchvision:resnet18.IMAGENET1K_V1"
FUNCTIONS = "tests.helpers.user_network"


class Options:
    """What the `robustness` package keeps beside the weights: an object of a class nobody else has."""

    def __init__(self) -> None:
        self.params = {"eps": 3.0}


class TouchesFile:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def options(**given: Any) -> NetworkImportOptions:
    return NetworkImportOptions(**({"input_size": SIZE} | given))


def expected(whole: nn.Module, layer: str, pixels: torch.Tensor) -> torch.Tensor:
    """Features of the untouched network, by a hook of the test."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (named.IMAGENET_MEAN, named.IMAGENET_STD))
    handle = whole.get_submodule(layer).register_forward_hook(leave_network)
    try:
        with torch.no_grad():
            return run_to_exit(whole, (pixels - mean) / std)
    finally:
        handle.remove()


def save_robustness(
    path: Path, whole: nn.Module, *, inner: str = "", extra: object = None, zipped: bool = True
) -> Path:
    """A checkpoint as the `robustness` package writes it: dill, a second copy in the attacker, normalisers, options."""
    state = {}
    for name, value in whole.state_dict().items():
        state[f"module.model.{inner}{name}"] = value
        state[f"module.attacker.model.{inner}{name}"] = value + 1 if value.is_floating_point() else value
    for owner in ("module.normalizer", "module.attacker.normalize"):
        state[f"{owner}.new_mean"] = torch.tensor(named.IMAGENET_MEAN).view(3, 1, 1)
        state[f"{owner}.new_std"] = torch.tensor(named.IMAGENET_STD).view(3, 1, 1)
    content = {
        "model": state,
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "schedule": Options(),
        "log": lambda epoch: epoch + 1,
        "epoch": 89,
        "extra": extra,
    }
    torch.save(content, path, pickle_module=dill, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inner", ["", "model."])
def test_a_robustness_checkpoint_gives_the_network_inside(
    tmp_path: Path, pixels: torch.Tensor, zipped: bool, inner: str
) -> None:
    whole = build_random("torchvision", "resnet18")
    path = save_robustness(tmp_path / "resnet18_l2_eps3.ckpt", whole, inner=inner, zipped=zipped)
    spec = import_network(str(path), options(robust=True))
    assert spec.user and spec.robust and spec.architecture == "resnet18"
    torch.testing.assert_close(
        load_network(spec, "layer3")(pixels), expected(whole, "layer3", pixels), rtol=1e-3, atol=1e-4
    )


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    whole = build_random("torchvision", "resnet18")
    path = save_robustness(tmp_path / "mine.ckpt", whole, extra=TouchesFile(trap))
    spec = import_network(str(path), options(architecture=RESNET, layers=("layer1",)))
    assert load_network(spec).feature_shape == (64, 16, 16)
    assert not trap.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_is_all_code_is_one_sentence_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    trap, path = tmp_path / "sprung", tmp_path / "evil.ckpt"
    path.write_bytes(pickle.dumps({"model": TouchesFile(trap)}, protocol=protocol))
    with pytest.raises(WeightsError, match=r"evil\.ckpt"):
        import_network(str(path), options(architecture=RESNET))
    assert not trap.exists() and list_user_networks() == ()


def test_a_truncated_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    path = save_robustness(tmp_path / "short.ckpt", build_random("torchvision", "resnet18"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match=r"short\.ckpt is truncated or no weights file"):
        import_network(str(path), options(architecture=RESNET))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_is_kept_and_found_by_its_id(tmp_path: Path, pixels: torch.Tensor, suffix: str) -> None:
    whole = build_random("torchvision", "resnet18")
    path = tmp_path / f"my net{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": {f"module.{k}": v for k, v in whole.state_dict().items()}}, path)
    else:
        save_file(whole.state_dict(), path)
    given = options(architecture=RESNET, layers=("layer2", "layer3"), title="Mine", parent="resnet18")
    spec = import_network(str(path), given)
    path.unlink()
    assert spec == find_network("my_net") and spec in list_networks()
    found = (spec.title, spec.layers, spec.default_layer, spec.parent, len(spec.sha256))
    assert found == ("Mine", ("layer2", "layer3"), "layer3", "resnet18", 64)
    torch.testing.assert_close(load_network("my_net")(pixels), expected(whole, "layer3", pixels), rtol=1e-3, atol=1e-4)
    assert "Removed my_net" in remove_network("my_net") and list_user_networks() == ()


def test_weights_without_a_definition_ask_for_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(build_random("torchvision", "resnet18").state_dict(), path)
    with pytest.raises(BadInputError, match="Say which network they belong to"):
        import_network(str(path))
    with pytest.raises(BadInputError, match=r"got 'resnet81'\. Did you mean 'resnet"):
        import_network(str(path), options(architecture="timm:resnet81"))
    with pytest.raises(BadInputError, match="`network` must be one of.*resnet18"):
        import_network(str(path), options(architecture=RESNET, parent="resnet8"))
    with pytest.raises(WeightsError, match="lacks the tensor|has shape|holds a tensor"):
        import_network(str(path), options(architecture="torchvision:resnet50"))
    with pytest.raises(BadInputError, match=r"got 'layer9'\. Did you mean 'layer"):
        import_network(str(path), options(architecture=RESNET, layers=("layer9",)))
    with pytest.raises(BadInputError, match="`id` must be an id not in use, got 'alexnet'"):
        import_network(str(path), options(architecture=RESNET, id="alexnet"))
    with pytest.raises(BadInputError, match=r"`id` must be 1 to 80 letters.*got '\.'"):
        import_network(str(path), options(architecture=RESNET, id="."))
    with pytest.raises(StorageError, match="does not exist"):
        import_network(str(tmp_path / "gone.pth"))
    assert not user_networks_folder().exists() or not list(user_networks_folder().iterdir())


def save_script(path: Path, architecture: str, *, traced: bool) -> nn.Module:
    whole = build_random("torchvision", architecture)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.rand(1, 3, SIZE, SIZE)
        (torch.jit.trace(whole, example) if traced else torch.jit.script(whole)).save(str(path))
    return whole


@pytest.mark.parametrize("traced", [True, False])
def test_a_torchscript_file_is_cut_where_its_parts_are_a_chain(
    tmp_path: Path, pixels: torch.Tensor, traced: bool
) -> None:
    path = tmp_path / "net.pt"
    whole = save_script(path, "resnet18", traced=traced)
    with pytest.raises(BadInputError, match="a program that runs with your rights .* only if you trust whoever"):
        import_network(str(path), options())
    spec = import_network(str(path), options(trusted=True))
    names = [info.name for info in list_layers(spec)]
    assert names[0] == "conv1" and "layer3.1" in names and names[-1] == "output"
    torch.testing.assert_close(
        load_network(spec, "layer3.1")(pixels), expected(whole, "layer3", pixels), rtol=1e-3, atol=1e-4
    )
    assert check_network(spec.id).passed
    check_stops(load_network(spec, "layer3.1"), pixels)


def test_a_part_that_flattens_its_own_output_stays_whole(tmp_path: Path) -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, 2)

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return self.conv(values).flatten(1)

    torch.manual_seed(0)
    whole, path = nn.Sequential(Flat(), nn.Linear(4 * 7 * 7, 5)).eval(), tmp_path / "net.pt"
    example = torch.rand(1, 3, 16, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(whole, example).save(str(path))
    assert list_script_layers(path, example) == {"0": (196,), "1": (5,), "output": (5,)}


def check_stops(network: Network, pixels: torch.Tensor) -> None:
    """A pass forward and one backward end at the next place to look, and leave no hook."""
    wanted, before = pixels.clone().requires_grad_(True), count_hooks(network)
    asked: list[bool] = []

    def stop_later() -> bool:
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(Cancelled), network.interruptible(stop_later):
        network(pixels)
    assert len(asked) == 4
    answers = iter([False] * 1000)
    with pytest.raises(Cancelled), network.interruptible(lambda: next(answers)):
        features = network(wanted)
        answers = iter([False, True])
        torch.autograd.grad(features.sum(), wanted)
    assert count_hooks(network) == before


def count_hooks(network: Network) -> int:
    """torch.export leaves one of its own on a graph."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in network.modules())


def test_a_torchscript_file_without_a_chain_gives_its_output_only(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(Small().eval(), torch.rand(1, 3, SIZE, SIZE)).save(str(path))
    spec = import_network(str(path), options(trusted=True))
    assert spec.layers == ("output",)
    with pytest.raises(BadInputError, match="`layer` must be one of output, got 'first'"):
        load_network(spec, "first")


def save_export(path: Path, architecture: str, *, batches: bool) -> nn.Module:
    whole = build_random("torchvision", architecture)
    shapes = {"x": {0: torch.export.Dim("batch")}} if batches else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.rand(2 if batches else 1, 3, SIZE, SIZE)
        torch.export.save(torch.export.export(whole, (example,), dynamic_shapes=shapes), path)
    return whole


@pytest.mark.parametrize("batches", [True, False])
def test_an_exported_file_is_cut_at_any_of_its_modules(tmp_path: Path, pixels: torch.Tensor, batches: bool) -> None:
    path = tmp_path / "net.pt2"
    whole = save_export(path, "squeezenet1_1", batches=batches)
    spec = import_network(str(path), options(trusted=True))
    shapes = {info.name: info.shape for info in list_layers(spec)}
    wanted = expected(whole, "features.7", pixels)
    assert shapes["features.7"] == tuple(wanted.shape[1:]) and shapes["output"] == (1000,)
    network = load_network(spec, "features.7")
    torch.testing.assert_close(network(pixels), wanted, rtol=1e-3, atol=1e-4)
    first, before = load_network(spec, "features.0"), expected(whole, "features.0", pixels)  # its ReLU works in place
    torch.testing.assert_close(first(pixels), before, rtol=1e-3, atol=1e-4)
    assert (before < 0).any() and network.body.batch == (0 if batches else 1)
    check_stops(network, pixels)
    with pytest.raises(BadInputError, match=r"got 'features.33'\. Did you mean 'features"):
        load_network(spec, "features.33")


def hide_pickle(path: Path, flag: Path) -> None:
    save_export(path, "squeezenet1_1", batches=True)
    evil = pickle.dumps(TouchesFile(flag))
    rewrite(path, lambda name, content: evil if name.endswith(".pt") else content)


def call_loader(path: Path, _flag: Path) -> None:
    save_export(path, "squeezenet1_1", batches=True)
    rewrite(path, lambda _name, content: content.replace(b"torch.ops.aten.relu_.default", b"torch.hub.load"))


def hide_library(path: Path, _flag: Path) -> None:
    save_export(path, "squeezenet1_1", batches=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/data/aotinductor/net/net.wrapper.so", b"{}")


@pytest.mark.parametrize("make", [hide_pickle, call_loader, hide_library])
def test_no_program_is_opened_before_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, Path], None]
) -> None:
    path, flag = tmp_path / "net.pt2", tmp_path / "flag"
    make(path, flag)
    monkeypatch.setattr(torch.export, "load", lambda *_: pytest.fail("torch opened it"))
    monkeypatch.setattr(torch.jit, "load", lambda *_: pytest.fail("torch opened it"))
    with pytest.raises(
        BadInputError, match=r"net\.pt2 is a torch\.export file, a program .*: `--trust` on the command"
    ):
        import_network(str(path), options())
    path.rename(tmp_path / "net.pt")
    with pytest.raises((BadInputError, WeightsError), match=r"net\.pt "):
        import_network(str(tmp_path / "net.pt"), options(architecture=RESNET))
    assert not flag.exists() and list_user_networks() == ()


def rewrite(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in entries:
            archive.writestr(info, change(info.filename, content))


class Keyword(nn.Module):
    """Takes its image by a keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2)

    def forward(self, *, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image)


class Two(Keyword):
    """Takes two images."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.conv(first + second)


class Pair(nn.Module):
    """Flattens batches of two images only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, 2)
        self.last = nn.Linear(4 * 15 * 15, 5)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.last(self.conv(values).reshape(2, 4 * 15 * 15))


def save_program(path: Path, whole: nn.Module, *examples: torch.Tensor, **named_examples: torch.Tensor) -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if path.suffix == ".pt2":
            torch.export.save(torch.export.export(whole.eval(), examples, kwargs=named_examples or None), path)
        else:
            torch.jit.trace(whole.eval(), examples).save(str(path))
    return whole


def small(channels: int = 3, dtype: torch.dtype = torch.float32) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 6, 3, 2)).to(dtype)


def images(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("suffix", [".pt2", ".pt"])
@pytest.mark.parametrize("n_images", [1, 2, 3, 5])
def test_a_program_made_for_two_images_gives_each_image_its_features(
    tmp_path: Path, suffix: str, n_images: int
) -> None:
    path = tmp_path / f"net{suffix}"
    whole = save_program(path, Pair(), images(2, 3, 32, 32))
    spec = import_network(str(path), options(input_size=32, trusted=True, layers=("output",)))
    network, pixels = load_network(spec), images(n_images, 3, 32, 32)
    assert network.body.batch == 2
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.no_grad():
        wanted = [whole(((one - mean) / std).expand(2, -1, -1, -1))[0] for one in pixels.split(1)]
    torch.testing.assert_close(network(pixels), torch.stack(wanted), rtol=1e-4, atol=1e-5)


def test_an_exported_file_says_its_size_and_takes_its_image_by_any_name(tmp_path: Path, pixels: torch.Tensor) -> None:
    path = tmp_path / "net.pt2"
    whole = save_program(path, Keyword(), image=images(1, 3, 64, 64))
    spec = import_network(str(path), NetworkImportOptions(trusted=True))
    assert spec.input_size == 64
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.no_grad():
        wanted = whole(image=(pixels - mean) / std)
    torch.testing.assert_close(load_network(spec, "output")(pixels), wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(WeightsError, match=r"takes images of 64 pixels, not of 32\. Give 64 as input size"):
        import_network(str(path), options(input_size=32, trusted=True))


@pytest.mark.parametrize("suffix", [".pt2", ".pt"])
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: save_program(path, small(1), images(1, 1, 64, 64)), "1 channel"),
        (lambda path: save_program(path, small(dtype=torch.half), images(1, 3, 64, 64, dtype=torch.half)), "float16"),
        (
            lambda path: save_program(path, small(dtype=torch.double), images(1, 3, 64, 64, dtype=torch.double)),
            "computes in torch.float64, not torch.float32",
        ),
        (lambda path: save_program(path, Two(), images(1, 3, 64, 64), images(1, 3, 64, 64)), "takes 2 inputs, not one"),
    ],
    ids=["one channel", "half", "double", "two inputs"],
)
def test_a_program_for_anything_else_is_one_sentence(
    tmp_path: Path, suffix: str, make: Callable[[Path], nn.Module], sentence: str
) -> None:
    path = tmp_path / f"net{suffix}"
    make(path)
    with pytest.raises(WeightsError, match=sentence) as caught:
        import_network(str(path), options(trusted=True))
    assert "\n" not in str(caught.value) and list_user_networks() == ()


def test_an_exported_file_for_images_that_are_not_square_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    save_program(path, small(), images(1, 3, 64, 32))
    with pytest.raises(WeightsError, match="takes images of 64 x 32 pixels; stimuli are square"):
        import_network(str(path), NetworkImportOptions(trusted=True))


def test_a_text_file_is_no_exported_file(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    path.write_text("no archive")
    with pytest.raises(WeightsError, match=r"net\.pt2 is truncated or no torch\.export file"):
        import_network(str(path), options(trusted=True))


def test_a_function_is_a_network_once_it_is_trusted(pixels: torch.Tensor) -> None:
    with pytest.raises(BadInputError, match="is Python code, a program that runs with your rights"):
        import_network(f"{FUNCTIONS}:make_small")
    spec = import_network(f"{FUNCTIONS}:make_small", NetworkImportOptions(id="small", trusted=True))
    assert (spec.title, spec.input_size, spec.layers, spec.installed) == ("Small", 32, ("second", "last"), True)
    network = load_network("small")
    assert network.feature_shape == (8, 3, 3) and len(network.sha256) == 64
    assert load_network("small").sha256 == network.sha256
    assert next(status for status in list_networks() if status.id == "small").state == "yours"


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("make_batch", "the features of one image depend on the other images of its batch"),
        ("make_training", "its part 'body.*' is in training mode"),
        ("make_random", "gives other weights at each call"),
        ("make_dropping", "its features differ from pass to pass: it draws random numbers"),
        ("make_grey", "make_grey does not run on an RGB image of 64 x 64 pixels: .*expected input"),
        ("make_pair", "make_pair does not run on an RGB image of 64 x 64 pixels: .*missing 1 required positional"),
        ("make_broken", "user_network:make_broken cannot be made: no such checkpoint"),
        ("make_nothing", "gave a str, not a torch.nn.Module"),
        ("make_missing", "cannot be imported"),
    ],
)
def test_a_function_that_cannot_be_probed_is_one_sentence_and_is_not_kept(function: str, sentence: str) -> None:
    with pytest.raises((WeightsError, BadInputError), match=sentence):
        import_network(f"{FUNCTIONS}:{function}", options(trusted=True, layers=("last",)))
    assert list_user_networks() == ()


def test_a_compiled_function_is_the_network_inside(pixels: torch.Tensor) -> None:
    spec = import_network(f"{FUNCTIONS}:make_compiled", options(trusted=True, layers=("module.last",), id="d"))
    torch.testing.assert_close(load_network(spec)(pixels), expected(Small().eval(), "last", pixels))


def test_a_network_that_normalises_by_itself_is_not_normalised_twice(tmp_path: Path, pixels: torch.Tensor) -> None:
    whole = make_normalising().eval()
    with torch.no_grad():
        wanted = whole(pixels)
    path = tmp_path / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(whole, pixels).save(str(path))
    save_program(tmp_path / "net.pt2", whole, pixels)
    for source in (f"{FUNCTIONS}:make_normalising", str(path), str(tmp_path / "net.pt2")):
        layer = "last" if ":" in source else "output"
        spec = import_network(source, options(trusted=True, layers=(layer,), tokens="all"))
        assert "It normalises pixels itself, mean 0.4, 0.5, 0.6 and SD 0.2, 0.25, 0.3 (mean)" in spec.note
        torch.testing.assert_close(load_network(spec)(pixels), wanted, rtol=1e-5, atol=1e-5)
    given = options(trusted=True, layers=("last",), mean=(0.1, 0.1, 0.1), std=(0.5, 0.5, 0.5))
    assert import_network(f"{FUNCTIONS}:make_normalising", given).mean == (0.1, 0.1, 0.1)


@pytest.mark.parametrize(
    ("function", "layer"),
    [("make_normalised_by_torchvision", "1.last"), ("make_normalised_outside_its_tensors", "last")],
)
def test_mean_and_sd_that_are_in_no_state_dict_are_found(function: str, layer: str, pixels: torch.Tensor) -> None:
    with torch.no_grad():
        wanted = make_normalising().eval()(pixels)
    spec = import_network(f"{FUNCTIONS}:{function}", options(trusted=True, layers=(layer,), tokens="all"))
    assert "It normalises pixels itself, mean 0.4, 0.5, 0.6 and SD 0.2, 0.25, 0.3" in spec.note
    torch.testing.assert_close(load_network(spec)(pixels), wanted, rtol=1e-5, atol=1e-5)


def test_a_program_that_says_nothing_of_its_pixels_is_told_how_they_are_normalised(
    tmp_path: Path, pixels: torch.Tensor
) -> None:
    path, whole = tmp_path / "net.pt", make_normalised_by_torchvision().eval()
    with torch.no_grad():
        wanted = whole(pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(whole).save(str(path))
    spec = import_network(str(path), options(trusted=True, layers=("output",)))
    assert spec.note.startswith("Pixels get mean 0.485, 0.456, 0.406 and SD 0.229, 0.224, 0.225 first; if the network")
    given = options(trusted=True, layers=("output",), mean=(0.0,) * 3, std=(1.0,) * 3, id="given")
    right = import_network(str(path), given)
    assert not right.note
    torch.testing.assert_close(load_network(right)(pixels), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("suffix", [".pt2", ".pt"])
@pytest.mark.parametrize("part", [nn.BatchNorm2d(4), nn.Dropout(0.3)])
@pytest.mark.parametrize("n_images", [1, 2])
def test_a_program_saved_in_training_mode_is_one_sentence_and_keeps_what_is_before(
    tmp_path: Path, pixels: torch.Tensor, suffix: str, part: nn.Module, n_images: int
) -> None:
    torch.manual_seed(0)
    whole, path = nn.Sequential(nn.Conv2d(3, 4, 3, 2), part, nn.Conv2d(4, 6, 3, 2)).train(), tmp_path / f"net{suffix}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix == ".pt2":
            torch.export.save(torch.export.export(whole, (images(n_images, 3, 64, 64),)), path)
        else:
            torch.jit.trace(whole, images(n_images, 3, 64, 64), check_trace=False).save(str(path))
    last = "2" if suffix == ".pt2" or isinstance(part, nn.BatchNorm2d) else "output"
    with pytest.raises(WeightsError, match=r"was saved in training mode: its aten.* after \.eval\(\)"):
        import_network(str(path), options(trusted=True, layers=(last,)))
    if last == "2":
        spec = import_network(str(path), options(trusted=True, layers=("0",)))
        torch.testing.assert_close(load_network(spec)(pixels), expected(whole.eval(), "0", pixels))


def test_a_check_names_what_passed_before_the_failure() -> None:
    spec = import_network(f"{FUNCTIONS}:make_batch", options(trusted=True, layers=("second",), id="d"))
    report = check_network(spec.id, "last")
    assert not report.passed
    assert [bool(problem) for _, problem in report.checks] == [False] * 6 + [True]


def test_a_network_without_gradients_is_taken_and_says_so() -> None:
    spec = import_network(f"{FUNCTIONS}:make_detaching", options(trusted=True, layers=("last",), id="d"))
    report = check_network(spec.id, "last")
    assert report.passed
    assert report.checks[-1][0].endswith("only square search can attack it")


def test_entry_points_of_installed_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "list_entry_points", lambda: {"small": f"{FUNCTIONS}:make_small"})
    named.find_named.cache_clear()
    spec = find_network("entry:small")
    assert (spec.id, spec.family, spec.title) == ("entry:small", "python", "Small")
    with pytest.raises(BadInputError, match="`entry point` must be one of small, got 'smal'. Did you mean 'small'"):
        find_network("entry:smal")


def test_library_names_take_size_and_normalisation_from_the_library() -> None:
    spec = find_network(RESNET)
    weights = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    assert (spec.url, list(spec.mean), spec.input_size) == (weights.url, weights.transforms().mean, 224)
    assert spec.url.endswith(f"-{spec.sha256}.pth")
    with pytest.raises(BadInputError, match=r"one of IMAGENET1K_V1, got 'V9'"):
        find_network("torchvision:resnet18.V9")
    with pytest.raises(BadInputError, match=r"got 'resnet19'\. Did you mean 'resnet1"):
        find_network("torchvision:resnet19")


def test_a_library_name_can_be_kept_before_its_weights_are_there() -> None:
    spec = import_network("timm:vit_tiny_patch16_224@class", NetworkImportOptions(title="Tiny transformer"))
    assert not spec.installed and find_network(spec.id) == spec
    assert (spec.tokens, spec.title) == ("class", "Tiny transformer")
    with pytest.raises(WeightsError, match="not on this computer"):
        load_network(spec)


def test_an_entry_that_cannot_be_read_is_left_out() -> None:
    folder = user_networks_folder() / "broken"
    folder.mkdir(parents=True)
    (folder / "network.toml").write_text(json.dumps({"network": 1}))
    assert list_user_networks() == ()
