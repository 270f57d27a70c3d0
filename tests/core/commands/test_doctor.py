"""`main.py doctor`: its table can be read, and what it says of torch is what a probe would meet."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.commands.doctor import WHAT_WIDTH, check_torch
from core.errors import ProbeError
from core.networks.build import build_architecture
from core.networks.catalog import find_network, list_networks
from core.networks.named import find_named


def test_the_names_of_the_embedded_weights_do_not_touch_what_was_found() -> None:
    shipped = [spec.id for spec in list_networks() if not spec.url]
    assert shipped and all(len(f"weights of {name}") <= WHAT_WIDTH for name in shipped)


def test_a_torchvision_of_another_build_than_torch_is_told_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "operator torchvision::nms does not exist"  # as it is when its operators cannot be loaded
    (tmp_path / "torchvision.py").write_text(f"raise RuntimeError({reason!r})")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    told = check_torch()
    assert reason in told.found and "Install both again" in told.cure
    for refused in (
        lambda: build_architecture(find_network("mobilenet_v2")),
        lambda: find_named("timm", "resnet10t"),
        lambda: find_named("torchvision", "shufflenet_v2_x0_5"),
    ):
        with pytest.raises(ProbeError, match=f"{reason}. Install both again"):
            refused()
