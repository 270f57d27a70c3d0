"""Bad weights files get one sentence; good ones of every kind give the same network."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from core.errors import BadInputError, StorageError, WeightsError
from core.files import hash_file
from core.networks.files.torch_pickle import read_torch
from core.networks.load import load_network
from core.networks.spec import NetworkSpec

Tiny = tuple[NetworkSpec, nn.Module]


class RunsCode:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_the_hash_of_the_catalogue_is_checked(tiny: Tiny) -> None:
    spec, _ = tiny
    digest = hash_file(spec.weights_path)
    assert load_network(replace(spec, sha256=digest)).sha256 == digest
    with pytest.raises(WeightsError, match=f"begins with {digest[:12]}, the catalogue says 000000000000"):
        load_network(replace(spec, sha256="0" * 64))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_truncated_file_is_refused(tiny: Tiny, tmp_path: Path, suffix: str) -> None:
    spec, whole = tiny
    path = tmp_path / f"short{suffix}"
    if suffix == ".pth":
        torch.save(whole.state_dict(), path)
    else:
        path.write_bytes(spec.weights_path.read_bytes())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match=f"short{suffix} is truncated or no"):
        load_network(spec, weights=path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_of_something_else_is_refused(tiny: Tiny, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_text("these are no weights")
    with pytest.raises(WeightsError, match=f"text{suffix}"):
        load_network(tiny[0], weights=path)


def test_a_missing_file_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.safetensors cannot be read: No such file"):
        load_network(tiny[0], weights=tmp_path / "gone.safetensors")


@pytest.mark.parametrize("way", ["torch", "plain"])
def test_a_pickle_with_code_is_refused_and_not_run(tiny: Tiny, tmp_path: Path, way: str) -> None:
    path, trap = tmp_path / "trap.pth", tmp_path / "sprung"
    if way == "torch":
        torch.save({"state_dict": RunsCode(trap)}, path)
    else:
        path.write_bytes(pickle.dumps({"state_dict": RunsCode(trap)}))
    with pytest.raises(WeightsError, match=r"trap\.pth holds code or objects besides tensors"):
        read_torch(path)
    with pytest.raises(WeightsError, match=r"trap\.pth (holds no table of tensors|is truncated or no weights file)"):
        load_network(tiny[0], weights=path)
    assert not trap.exists()


def test_another_architecture_names_the_first_tensor_and_both_shapes(
    tiny: Tiny, make_network: Callable[..., Tiny]
) -> None:
    other, _ = make_network("torchvision", "resnet50", "layer1")
    sentence = (
        r"resnet50\.safetensors the tensor 'layer1\.0\.conv1\.weight' "
        r"has shape \(64, 64, 1, 1\), this network needs \(64, 64, 3, 3\)"
    )
    with pytest.raises(WeightsError, match=sentence):
        load_network(tiny[0], weights=other.weights_path)


def test_missing_and_unknown_tensors_are_named(tiny: Tiny, tmp_path: Path) -> None:
    spec, _ = tiny
    state, path = load_file(spec.weights_path), tmp_path / "odd.safetensors"
    save_file({name: value for name, value in state.items() if name != "conv1.weight"}, path)
    with pytest.raises(WeightsError, match=r"lacks the tensor 'conv1\.weight' of shape \(64, 3, 7, 7\)"):
        load_network(spec, weights=path)
    save_file(state | {"extra": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="holds a tensor 'extra' that this architecture has not"):
        load_network(spec, weights=path)


def test_tensors_behind_the_cut_and_counters_may_be_missing(tiny: Tiny, tmp_path: Path, pixels: torch.Tensor) -> None:
    spec, _ = tiny
    path = tmp_path / "part.safetensors"
    state = load_file(spec.weights_path)
    save_file({n: v for n, v in state.items() if not n.startswith("fc") and "num_batches" not in n}, path)
    assert torch.equal(load_network(spec, weights=path)(pixels), load_network(spec)(pixels))


@pytest.mark.parametrize("wrap", [dict, lambda s: {"state_dict": {f"module.{n}": v for n, v in s.items()}, "epoch": 3}])
def test_torch_files_give_the_same_network(
    tiny: Tiny, tmp_path: Path, wrap: Callable[[dict[str, torch.Tensor]], object], pixels: torch.Tensor
) -> None:
    spec, whole = tiny
    path = tmp_path / "state.pth"
    torch.save(wrap(whole.state_dict()), path)
    assert torch.equal(load_network(spec, weights=path)(pixels), load_network(spec)(pixels))


def test_damaged_weights_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    spec, _ = tiny
    state, path = load_file(spec.weights_path), tmp_path / "damaged.safetensors"
    state["conv1.weight"][0, 0, 0, 0] = float("nan")
    save_file(state, path)
    with pytest.raises(WeightsError, match="its features are not finite"):
        load_network(spec, weights=path)


def test_unknown_names_get_the_nearest(tiny: Tiny) -> None:
    spec, _ = tiny
    with pytest.raises(BadInputError, match="got 'mobilnet_v2'. Did you mean 'mobilenet_v2'"):
        load_network("mobilnet_v2")
    with pytest.raises(BadInputError, match="got 'layer33'. Did you mean 'layer3"):
        load_network(spec, "layer33")
    with pytest.raises(BadInputError, match="`tiny.architecture` must be .* got 'resnet19'"):
        load_network(replace(spec, architecture="resnet19"))
    with pytest.raises(BadInputError, match="`tiny.architecture` must be .* got 'resnet19'"):
        load_network(replace(spec, family="timm", architecture="resnet19"))
