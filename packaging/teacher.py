"""The teacher of the simulated subject: a ResNet-50 of Keras v1, converted and loaded. Never offered as a network.

Keras v1 puts the stride of a stage into its first 1x1 convolution, gives every convolution a bias and trains on
BGR pixels from which only a mean is taken. The bias goes into the running mean of the BatchNorm that follows, so
torchvision's module can be used with two changes: the place of the stride and the epsilon of BatchNorm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import resnet50

BATCHNORM_EPSILON = 1e-3
BGR_MEAN = (103.939, 116.779, 123.68)
GREY_LEVELS = 255.0
STAGE_DEPTHS = (3, 4, 6, 3)
BRANCHES = ("2a", "2b", "2c")
Arrays = dict[str, npt.NDArray[np.float32]]


class Teacher(nn.Module):
    """ResNet-50 that takes pixels (n, 3, 224, 224), RGB in [0, 1], and gives the features of its four stages.

    `forward` returns a dict: layer1 (n, 256, 56, 56), layer2 (n, 512, 28, 28), layer3 (n, 1024, 14, 14),
    layer4 (n, 2048, 7, 7). `classify` returns the class scores (n, 1000) before softmax.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.mean: torch.Tensor
        self.register_buffer("mean", torch.tensor(BGR_MEAN).view(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Features of the four stages."""
        network: Any = self.network
        values = pixels.flip(1) * GREY_LEVELS - self.mean
        values = network.maxpool(network.relu(network.bn1(network.conv1(values))))
        features = {}
        for name in ("layer1", "layer2", "layer3", "layer4"):
            values = getattr(network, name)(values)
            features[name] = values
        return features

    def classify(self, pixels: torch.Tensor) -> torch.Tensor:
        """Class scores (n, 1000) in the order of ImageNet's 1,000 classes."""
        network: Any = self.network
        scores: torch.Tensor = network.fc(network.avgpool(self(pixels)["layer4"]).flatten(1))
        return scores


def build_teacher() -> Teacher:
    """The teacher's architecture with random weights, in eval mode, frozen."""
    network = resnet50(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = BATCHNORM_EPSILON
    for stage in (network.layer2, network.layer3, network.layer4):
        first = stage[0]
        first.conv1.stride, first.conv2.stride = (2, 2), (1, 1)
    return Teacher(network.eval()).requires_grad_(False).eval()


def load_teacher(path: Path | str) -> Teacher:
    """Load the converted teacher from a safetensors file; eval mode, frozen."""
    teacher = build_teacher()
    teacher.network.load_state_dict(load_file(str(path)))
    return teacher


def convert_teacher(folder: Path, out: Path) -> None:
    """Convert `folder`/model.json and its shards (tensorflow.js layers model) into the safetensors file `out`."""
    arrays = read_shards(folder)
    state = build_teacher().network.state_dict()
    for name, value in map_state(arrays).items():
        if state[name].shape != value.shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, the network wants {tuple(state[name].shape)}")
        state[name] = value
    save_file({name: value.contiguous() for name, value in state.items()}, str(out))


def read_shards(folder: Path) -> Arrays:
    """Every weight array of a tensorflow.js layers model, by its Keras name."""
    arrays: Arrays = {}
    for group in json.loads((folder / "model.json").read_text())["weightsManifest"]:
        raw = b"".join((folder / path).read_bytes() for path in group["paths"])
        flat = np.frombuffer(raw, dtype="<f4")
        start = 0
        for weight in group["weights"]:
            stop = start + int(np.prod(weight["shape"]))
            arrays[weight["name"]] = flat[start:stop].reshape(weight["shape"])
            start = stop
        if start != flat.size:
            raise ValueError(f"the shards hold {flat.size} numbers, the manifest names {start}")
    return arrays


def map_state(arrays: Arrays) -> dict[str, torch.Tensor]:
    """Keras arrays -> the state of torchvision's ResNet-50 (all but the counters of BatchNorm)."""
    state = _map_convolution(arrays, "conv1", "bn_conv1", into=("conv1", "bn1"))
    for stage, depth in enumerate(STAGE_DEPTHS, start=1):
        for block in range(depth):
            keras, own = f"{stage + 1}{'abcdef'[block]}_branch", f"layer{stage}.{block}"
            for index, branch in enumerate(BRANCHES, start=1):
                into = (f"{own}.conv{index}", f"{own}.bn{index}")
                state |= _map_convolution(arrays, f"res{keras}{branch}", f"bn{keras}{branch}", into=into)
            if block == 0:
                into = (f"{own}.downsample.0", f"{own}.downsample.1")
                state |= _map_convolution(arrays, f"res{keras}1", f"bn{keras}1", into=into)
    dense = next(name.rsplit("/", 1)[0] for name, array in arrays.items() if array.ndim == 2)
    state["fc.weight"] = torch.tensor(arrays[f"{dense}/kernel"].T.copy())
    state["fc.bias"] = torch.tensor(arrays[f"{dense}/bias"])
    return state


def _map_convolution(arrays: Arrays, conv: str, norm: str, *, into: tuple[str, str]) -> dict[str, torch.Tensor]:
    own_conv, own_norm = into
    mean = arrays[f"{norm}/moving_mean"] - arrays[f"{conv}/bias"]
    return {
        f"{own_conv}.weight": torch.tensor(arrays[f"{conv}/kernel"].transpose(3, 2, 0, 1).copy()),
        f"{own_norm}.weight": torch.tensor(arrays[f"{norm}/gamma"]),
        f"{own_norm}.bias": torch.tensor(arrays[f"{norm}/beta"]),
        f"{own_norm}.running_mean": torch.tensor(mean),
        f"{own_norm}.running_var": torch.tensor(arrays[f"{norm}/moving_variance"]),
    }
