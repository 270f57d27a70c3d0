"""The `fit` command over a tiny network and subject: what it plans, prints and refuses."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.commands import fit
from core.encoders.files import list_encoders
from core.encoders.fit import FitSource
from core.errors import BadInputError
from core.images.stimulus import Stimulus, make_stimulus
from core.types import VoxelTable

N_IMAGES = 40


class Means(torch.nn.Module):
    """Features that are the pixels themselves, at a quarter of the resolution."""

    def __init__(self, name: str, layer: str) -> None:
        super().__init__()
        self.spec = SimpleNamespace(id=name)
        self.layer, self.sha256, self.device, self.input_size = layer, "c" * 64, "cpu", 16
        self.feature_shape, self.n_features = (3, 4, 4), 48

    def interruptible(self, _should_stop: Any) -> Any:
        return nullcontext()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(pixels, 4)


def draw(name: str) -> Stimulus:
    levels = np.random.default_rng(int(name)).integers(0, 256, size=(4, 4, 3), dtype=np.uint8)
    return make_stimulus(name, np.kron(levels, np.ones((4, 4, 1), dtype=np.uint8)))


def make_source(subject: str) -> FitSource:
    names = tuple(str(number) for number in range(N_IMAGES))
    top_left = np.array([draw(name).pixels[0, 0, 0] for name in names])
    responses = top_left[:, None, None] + np.random.default_rng(1).normal(scale=0.01, size=(N_IMAGES, 2, 2))
    zeros = np.zeros(2, dtype=np.int32)
    table = VoxelTable(zeros.astype(np.int8), zeros, ("V1", "FFA"), np.ones(2, np.float32), np.zeros((0, 3), np.int32))
    record = SimpleNamespace(
        id=subject, image_ids=names, test=np.arange(N_IMAGES) % 4 == 0, voxels=table, response_unit="SD"
    )
    return FitSource(record, responses.astype(np.float32), draw)


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [SimpleNamespace(id=name, layers=("early", "late"), default_layer="late") for name in ("one", "two")]
    monkeypatch.setattr(fit, "list_networks", lambda: tuple(specs))
    monkeypatch.setattr(fit, "find_network", lambda name: {spec.id: spec for spec in specs}[name])
    monkeypatch.setattr(fit, "list_subjects", lambda: (SimpleNamespace(id="someone"), SimpleNamespace(id="other")))
    monkeypatch.setattr(fit, "open_source", lambda subject, size: make_source(subject))
    monkeypatch.setattr("core.networks.load.load_network", lambda name, layer, device: Means(name, layer))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    fit.add_parser(parser.add_subparsers())
    args = parser.parse_args(["fit", *words])
    code: int = args.run(args)
    return code


def test_json_is_one_object_with_the_documented_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--subject", "someone", "--network", "one", "--components", "0", "--pool", "0", "--out", str(tmp_path)]
    assert run(*words, "--json") == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    (encoder,) = answer["encoders"]
    assert (encoder["layer"], encoder["n_train"], encoder["n_test"], encoder["n_voxels"]) == ("late", 30, 10, 2)
    assert encoder["r_median"] > 0.5
    assert [roi["roi"] for roi in encoder["rois"]] == ["V1", "FFA"]
    assert Path(encoder["file"]).is_file()
    documented = fit.EXPLANATION.replace('"', " ").replace(",", " ").replace("[", " ").replace("{", " ").split()
    assert set(encoder) | set(encoder["rois"][0]) | set(answer) <= {word.strip(":]}.") for word in documented}


def test_table_names_every_roi(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--subject", "someone", "--network", "one", "--out", str(tmp_path), "--alphas", "1,100,10") == 0
    printed = capsys.readouterr().out
    assert "someone · one late" in printed and "V1" in printed and "FFA" in printed
    assert list_encoders(folders=(tmp_path,))[0].alphas == (1.0, 10.0, 100.0)


def test_all_fits_every_layer_of_every_network_for_every_subject(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--all", "--out", str(tmp_path), "--json") == 0
    fitted = {(one["subject"], one["network"], one["layer"]) for one in json.loads(capsys.readouterr().out)["encoders"]}
    assert fitted == {(s, n, m) for s in ("someone", "other") for n in ("one", "two") for m in ("early", "late")}


def test_a_plan_loads_each_network_once_a_layer() -> None:
    jobs = fit.plan_fits(None, "one", layer=None, everything=True)
    assert [job.layer for job in jobs] == ["early", "early", "late", "late"]


def test_what_is_not_named_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"`subject` must be named, got None. Add --subject ID, or --all\."):
        run("--network", "one")
    with pytest.raises(BadInputError, match="Add --network ID, or --all"):
        run("--subject", "someone")


def test_penalties_that_are_no_numbers_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("--alphas", "1,x")
    assert stopped.value.code == 2
    assert "must be numbers separated by commas, got '1,x'" in capsys.readouterr().err
