"""The `fit` command over a tiny network and subject: what it plans, prints and refuses."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.commands import fit
from core.commands.cli import prepare
from core.commands.fit import EXPLANATION
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
        id=subject,
        image_ids=names,
        test=np.arange(N_IMAGES) % 4 == 0,
        voxels=table,
        response_unit="SD",
        categories=tuple("dark" if number % 3 else "light" for number in range(N_IMAGES)),
    )
    return FitSource(record, responses.astype(np.float32), draw)


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [
        SimpleNamespace(id=name, layers=("early", "late"), default_layer="late", installed=name != "three")
        for name in ("one", "two", "three")
    ]
    monkeypatch.setattr(fit, "list_networks", lambda: tuple(specs))
    monkeypatch.setattr(fit, "find_network", lambda name: {spec.id: spec for spec in specs}[name])
    monkeypatch.setattr(fit, "list_subjects", lambda: (SimpleNamespace(id="someone"), SimpleNamespace(id="other")))
    monkeypatch.setattr("core.sweeps.search.hash_networks", dict.fromkeys)
    monkeypatch.setattr("core.cluster.run.time_cells", lambda *_: lambda _cell: 1.0)
    monkeypatch.setattr("core.sweeps.search.load_responses", lambda subject: make_source(subject).responses)
    for place in ("core.commands.fit", "core.datasets.subject", "core.sweeps.search"):
        monkeypatch.setattr(f"{place}.load_subject", lambda subject: make_source(subject).subject)
    monkeypatch.setattr("core.encoders.fit_request.open_source", lambda subject, size, **_: make_source(subject))
    monkeypatch.setattr("core.networks.load.load_network", lambda name, layer, **_options: Means(name, layer))
    monkeypatch.setattr("core.encoders.fit.open_source", lambda subject, size, **_: make_source(subject))


def run(*words: str) -> int:
    return prepare(["fit", *words])()


def test_json_is_one_object_with_the_documented_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--subject", "someone", "--network", "one", "--components", "0", "--pool", "0", "--out", str(tmp_path)]
    assert run(*words, "--json") == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    (encoder,) = answer["encoders"]
    assert (encoder["layer"], encoder["n_train"], encoder["n_test"], encoder["n_voxels"]) == ("late", 30, 10, 2)
    assert encoder["r_median"] > 0.5
    assert [roi["roi"] for roi in encoder["rois"]] == ["V1", "FFA"]
    assert Path(encoder["file"]).is_file()
    assert all_keys(answer) <= documented_keys()


def documented_keys() -> set[str]:
    return set(re.findall(r'"([a-z0-9_]+)"', EXPLANATION))


def all_keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in all_keys(inner)}
    return {key for inner in value for key in all_keys(inner)} if isinstance(value, list) else set()


def test_every_option_at_once_gives_every_documented_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--subject", "someone", "--network", "one", "--layers", "early,late", "--out", str(tmp_path)]
    words += ["--pool", "0", "--components", "10", "--readout", "elastic-net", "--l1-ratio", "0.7"]
    words += ["--alphas", "0.01,0.1", "--nested", "3", "--holdout-category", "all", "--second-set", "other"]
    words += ["--bootstrap", "50", "--confidence", "0.9", "--region", "V1=-1,-1,0,1", "--folds", "3"]
    assert run(*words, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    estimates = {"estimates"} | {"n_cached", "image_seconds", "features_seconds", "readout_seconds", "n_images"}
    assert documented_keys() - estimates - {"cache_bytes", "memory_bytes"} <= all_keys(answer) | {"nested"}
    encoder = answer["encoders"][0]
    assert [one["name"] for one in encoder["outside"]] == ["dark", "light", "other"]
    assert [roi["roi"] for roi in encoder["outside"][0]["rois"]] == ["(all)", "V1", "FFA"]
    assert encoder["outside"][0]["n_images"] == 26 and encoder["outside"][0]["n_within"] == 4
    assert encoder["rois"][0]["r_low"] <= encoder["rois"][0]["r_median"] <= encoder["rois"][0]["r_high"]
    assert {one["roi"] for one in answer["layers"]["best"]} == {"(all)", "V1", "FFA"}
    assert len(answer["layers"]["curve"]) == 6
    assert json.loads(Path(answer["layers"]["table"]).read_text())["best"] == answer["layers"]["best"]
    assert run(*words) == 0
    printed = capsys.readouterr().out
    assert "90 % interval" in printed and "Best layer" in printed and "% of the weights are 0" in printed
    assert "without category dark" in printed and "second set other" in printed


def test_an_estimate_fits_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--subject", "someone", "--network", "one", "--out", str(tmp_path), "--estimate"]
    assert run(*words, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    (estimate,) = answer["estimates"]
    assert (estimate["n_images"], estimate["n_cached"]) == (40, 0)
    assert estimate["cache_bytes"] == 40 * 48 * 4
    assert all_keys(answer) <= documented_keys() and not list(tmp_path.iterdir())
    assert run(*words) == 0
    assert "40 images" in capsys.readouterr().out


def test_a_fixed_penalty_is_the_only_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--subject", "someone", "--network", "one", "--out", str(tmp_path), "--alpha", "7") == 0
    assert list_encoders(folders=(tmp_path,))[0].alphas == (7.0,)
    with pytest.raises(BadInputError, match="`alpha` must be left out with --alphas, got 7.0"):
        run("--subject", "someone", "--network", "one", "--alpha", "7", "--alphas", "1,2")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--holdout-category", "darc"), "must be one of dark, light, got 'darc'. Did you mean 'dark'"),
        (("--layers", "late"), "`layers` must be two different layers or more"),
        (("--layers", "search", "--layer", "late"), "`layers` must be given with one --subject and one --network"),
        (("--reducer", "projection", "--projected", "64"), "`n_projected` must be below the number of pooled"),
        (("--region", "V9=-1,-1,1,1"), "`region` must be one of V1, FFA, got 'V9'"),
        (("--bootstrap", "-1"), "`n_bootstrap` must be a whole number of at least 0"),
        (("--nested", "1"), "`n_outer` must be 0 or at least 2, got 1"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_sentence(words: tuple[str, ...], text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=text):
        run("--subject", "someone", "--network", "one", "--out", str(tmp_path), *words)
    assert not list(tmp_path.iterdir())


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
    jobs = fit.plan_fits(None, "one", layer=None, everything=True, options=fit.FitOptions())
    assert [job.layers for job in jobs] == [("early",), ("early",), ("late",), ("late",)]


def test_what_is_not_named_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"`subject` must be named, got None. Add --subject ID, or --all\."):
        run("--network", "one")
    with pytest.raises(BadInputError, match="Add --network ID, or --all"):
        run("--subject", "someone")


def test_penalties_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(BadInputError, match="`alphas` must be numbers separated by commas, got '1,x'"):
        run("--subject", "someone", "--network", "one", "--alphas", "1,x")
    with pytest.raises(BadInputError, match="`alphas` must be numbers separated by commas, got '1,1_0'"):
        run("--subject", "someone", "--network", "one", "--alphas", "1,1_0")


@pytest.mark.parametrize(
    ("words", "folds"), [((), 0), (("--nested",), 5), (("--nested", "3"), 3), (("--nested=4",), 4)]
)
def test_nested_folds_have_a_number_of_their_own_when_none_is_said(
    words: tuple[str, ...], folds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(fit, "iter_fits", lambda _engine, jobs, **_more: asked.append(jobs[0].options) or [])
    run("--subject", "someone", "--network", "one", *words, "--folds", "3")
    assert (asked[0].scoring.n_outer, asked[0].n_folds) == (folds, 3)


def test_the_estimate_of_a_search_costs_every_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--subject", "someone", "--network", "one", "--out", str(tmp_path), "--layers", "search", "--estimate"]
    assert run(*words, "--json") == 0
    estimates = json.loads(capsys.readouterr().out)["estimates"]
    assert [one["layer"] for one in estimates] == ["early", "late"]
    assert [one["n_images"] for one in estimates] == [40, 40] and not list(tmp_path.iterdir())
    assert run(*words) == 0
    assert re.search(r"All 2: about .* 80 images; 80 x", capsys.readouterr().out)
