"""The script that makes the embedded networks: it opens plain arrays and nothing else."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

PACKAGING = Path(__file__).resolve().parents[3] / "packaging"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PACKAGING))
    for name in ("make_demo_networks", "teacher"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import make_demo_networks

    return make_demo_networks


def test_a_pickle_that_names_a_function_is_refused(script: ModuleType) -> None:
    with pytest.raises(pickle.UnpicklingError, match="only arrays are allowed"):
        script.ArrayUnpickler(io.BytesIO(pickle.dumps(print))).load()


def test_the_hash_goes_into_one_section_only(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "networks.toml"
    path.write_text('[network.a]\ntitle = "A"\nsha256 = ""\n\n[network.a_b]\ntitle = "B"\nsha256 = "00"\n')
    monkeypatch.setattr(script, "CATALOG", path)
    script.stamp_catalog("a_b", "ff")
    assert path.read_text() == '[network.a]\ntitle = "A"\nsha256 = ""\n\n[network.a_b]\ntitle = "B"\nsha256 = "ff"\n'
    with pytest.raises(ValueError, match=r"no section \[network\.c\]"):
        script.stamp_catalog("c", "ff")


def test_a_bias_before_batchnorm_goes_into_its_mean(script: ModuleType) -> None:
    import teacher

    rng = np.random.default_rng(0)
    arrays = {
        "conv1/kernel": rng.normal(size=(3, 3, 2, 4)),
        "conv1/bias": rng.normal(size=4),
        "bn_conv1/gamma": rng.normal(size=4),
        "bn_conv1/beta": rng.normal(size=4),
        "bn_conv1/moving_mean": rng.normal(size=4),
        "bn_conv1/moving_variance": rng.uniform(1, 2, size=4),
    }
    state = teacher._map_convolution(arrays, "conv1", "bn_conv1", into=("conv1", "bn1"))
    values = torch.tensor(rng.normal(size=(1, 2, 3, 3)))
    made = torch.nn.functional.conv2d(values, state["conv1.weight"])
    found = torch.nn.functional.batch_norm(
        made,
        state["bn1.running_mean"],
        state["bn1.running_var"],
        state["bn1.weight"],
        state["bn1.bias"],
        eps=teacher.BATCHNORM_EPSILON,
    )
    summed = np.einsum("hwio,ihw->o", arrays["conv1/kernel"], values[0].numpy()) + arrays["conv1/bias"]
    scale = arrays["bn_conv1/gamma"] / np.sqrt(arrays["bn_conv1/moving_variance"] + 1e-3)
    wanted = (summed - arrays["bn_conv1/moving_mean"]) * scale + arrays["bn_conv1/beta"]
    assert found.flatten().numpy() == pytest.approx(wanted)
