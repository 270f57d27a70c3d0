"""Random networks: reproducible, different by seed, BatchNorm measured as torch does in training, files refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import BadInputError
from core.networks.catalog import find_network
from core.networks.untrained import measure_batchnorm, open_untrained

SMALL = replace(find_network("mobilenet_v2"), input_size=64)


def test_the_seed_decides_the_weights() -> None:
    pixels = np.random.default_rng(0).random((4, 3, 64, 64)).astype(np.float32)
    first, again, other = (open_untrained(SMALL, "features.3", seed=seed, pixels=pixels) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256
    shown = torch.from_numpy(pixels)
    assert torch.equal(first(shown), again(shown))
    assert not torch.allclose(first(shown), other(shown))


def test_batchnorm_holds_the_mean_and_variance_of_its_inputs() -> None:
    norm = nn.BatchNorm2d(3).eval()
    values = torch.from_numpy(np.random.default_rng(0).normal(2, 3, (5, 3, 4, 4)).astype(np.float32))
    measure_batchnorm(nn.Sequential(norm), values)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    columns = values.permute(1, 0, 2, 3).flatten(1)
    assert torch.allclose(norm.running_mean, columns.mean(1), atol=1e-5)
    assert torch.allclose(norm.running_var, columns.var(1), rtol=1e-4)
    assert not norm.training


def test_a_network_that_is_a_file_is_refused() -> None:
    spec = replace(SMALL, family="torchscript")
    with pytest.raises(BadInputError, match="a definition of torchvision or timm"):
        open_untrained(spec, "output", seed=0, pixels=np.zeros((1, 3, 64, 64), np.float32))
