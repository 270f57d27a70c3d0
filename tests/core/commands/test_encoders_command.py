"""The `encoders` command, from import to probe to removal, and every refusal in one line."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from core.commands.cli import run_command_line

N_FEATURES = 1280


def run(*arguments: str) -> int:
    return run_command_line(arguments, open_window=lambda _device: 1, run_demonstration=lambda _out, _device: 1)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(*arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def ridge(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    model = Ridge().fit(generator.standard_normal((20, N_FEATURES)), generator.standard_normal((20, 3)))
    path = tmp_path / "ridge.pkl"
    path.write_bytes(pickle.dumps(model))
    return path


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    path = tmp_path / "mine.npz"
    np.savez(
        path,
        weights=generator.standard_normal((N_FEATURES, 4)),
        vertex=np.arange(4),
        hemisphere=np.array([0, 0, 1, 1]),
        roi=np.array(["V1", "V1", "FFA", "FFA"]),
    )
    return path


IMPORT = ("--network", "mobilenet_v2", "--layer", "features.18", "--reference", "4", "--device", "cpu")


def test_import_show_probe_export_and_remove(arrays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = answer(capsys, "encoders", "import", "arrays", str(arrays), "--new-subject", "lab1", "--unit", "z", *IMPORT)
    assert (taken["n_features"], taken["n_voxels"]) == (N_FEATURES, 4)
    assert taken["difference"] < 1e-5
    rows = answer(capsys, "encoders", "list")
    (row,) = [row for row in rows if row["name"] == taken["name"]]
    assert (row["own"], row["imported"], row["r_median"]) == (True, "arrays", None)
    shown = answer(capsys, "encoders", "show", taken["name"])
    assert shown["provenance"]["n_reference"] == 4
    assert [roi["roi"] for roi in shown["rois"]] == ["V1", "FFA"]
    probed = answer(
        capsys, "probe", "--subject", "lab1", "--network", "mobilenet_v2", "--layer", "features.18", "--roi", "FFA",
        "--image", "astronaut_eileen", "--steps", "2", "--epsilon", "1", "--device", "cpu",
        "--out", str(tmp_path / "p"),
    )  # fmt: skip
    assert probed["unit"] == "z"
    assert probed["shift"] > 0
    out = tmp_path / "away"
    assert answer(capsys, "encoders", "export", taken["name"], "--out", str(out))["files"]
    assert answer(capsys, "encoders", "remove", taken["name"])["files"]
    assert answer(capsys, "encoders", "import", "auto", str(out))["name"] == taken["name"]
    assert answer(capsys, "encoders", "remove", taken["name"])["files"]
    assert "must be fitted before it is used" in refused(
        capsys, "probe", "--subject", "lab1", "--network", "mobilenet_v2", "--voxel", "0",
        "--image", "astronaut_eileen",
        "--out", str(tmp_path / "p2"),
    )  # fmt: skip
    again = answer(
        capsys, "probe", "--encoder", str(out), "--voxel", "0", "--image", "astronaut_eileen", "--steps", "2",
        "--out", str(tmp_path / "p3"), "--device", "cpu",
    )  # fmt: skip
    assert (again["subject"], again["network"], again["layer"]) == ("lab1", "mobilenet_v2", "features.18")


def test_showing_an_encoder_as_text_names_its_scores(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("encoders", "show", "simulated-mobilenet_v2-features.18") == 0
    shown = capsys.readouterr().out
    assert "Alpha at edge" in shown
    assert "(simulated)" in shown
    assert "r_median" in shown


def test_refusals_are_one_line_each(
    ridge: Path, arrays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Calls:
        def __reduce__(self) -> Any:
            return os.system, ("true",)

    evil = tmp_path / "evil.pkl"
    evil.write_bytes(pickle.dumps(Calls()))
    new = ("--new-subject", "lab2")
    assert "asks to run 'posix.system'" in refused(capsys, "encoders", "import", "auto", str(evil), *new, *IMPORT)
    assert "does not say where its voxels lie" in refused(
        capsys, "encoders", "import", "auto", str(ridge), *new, *IMPORT
    )
    assert "`network` must be named" in refused(capsys, "encoders", "import", "auto", str(ridge), *new)
    assert "Did you mean 'mobilenet_v2'?" in refused(
        capsys, "encoders", "import", "auto", str(arrays), *new, "--network", "mobilenet_v1"
    )
    assert "`layer` must be one of" in refused(
        capsys, "encoders", "import", "auto", str(arrays), *new, "--network", "mobilenet_v2", "--layer", "features.99"
    )
    assert "`import` must be followed by KIND and FILE" in refused(capsys, "encoders", "import", "auto")
    assert "`ACTION` must be one of list" in refused(capsys, "encoders", "lists")
    assert "It came with the program" in refused(capsys, "encoders", "remove", "simulated-mobilenet_v2-features.18")
    assert "Add --out PATH" in refused(capsys, "encoders", "export", "simulated-mobilenet_v2-features.18")


def test_an_encoder_file_of_another_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "away"
    answer(capsys, "encoders", "export", "simulated-mobilenet_v2-features.18", "--out", str(out))
    said = refused(
        capsys, "probe", "--encoder", str(out), "--network", "alexnet", "--voxel", "0", "--image", "astronaut_eileen",
        "--out", str(tmp_path / "p"),
    )  # fmt: skip
    assert "`network` must be mobilenet_v2, got 'alexnet'" in said


def test_a_probe_of_unknown_sds_has_null_for_them(
    arrays: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--network", "mobilenet_v2", "--layer", "features.18", "--reference", "0", "--device", "cpu")
    taken = answer(capsys, "encoders", "import", "auto", str(arrays), "--new-subject", "lab1", *options)
    probe = (
        "probe", "--subject", "lab1", "--network", "mobilenet_v2", "--layer", "features.18", "--voxel", "0",
        "--image", "astronaut_eileen", "--steps", "2", "--device", "cpu", "--out",
    )  # fmt: skip
    found = answer(capsys, *probe, str(tmp_path / "unknown"))
    assert found["shift_sd"] is None
    manifest = json.loads((tmp_path / "unknown" / "manifest.json").read_text())
    assert [row["shift_sd"] for row in manifest["stimuli"]] == [None] * len(manifest["stimuli"])
    renewed = answer(capsys, "encoders", "reference", taken["name"], "--reference", "4", "--device", "cpu")
    assert renewed == {"name": taken["name"], "reference": "4 shipped photographs", "n_reference": 4}
    again = answer(capsys, *probe, str(tmp_path / "known"))
    assert again["shift"] == pytest.approx(found["shift"])
    assert again["shift_sd"] > 0
