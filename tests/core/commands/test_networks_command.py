"""The `networks` command: each action's output, exit code and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core.commands import doctor
from core.commands.cli import run_command_line
from core.networks import manage
from core.networks.catalog import find_network, list_networks, list_user_networks, user_networks_folder
from core.networks.files.download import DownloadProgress
from tests.core.networks.conftest import build_random

FUNCTIONS = "tests.helpers.user_network"


def run(words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = run_command_line(["networks", *words.split()], open_window=lambda _: 0, run_demonstration=lambda *_: 0)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_list_tells_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("list --json", capsys)
    rows = {row["id"]: row for row in json.loads(out)}
    assert code == 0 and list(rows) == [spec.id for spec in list_networks()]
    assert (rows["alexnet"]["state"], rows["resnet50"]["state"]) == ("embedded", "not downloaded")
    assert rows["resnet50"]["size_mb"] == 97.8 and rows["resnet50_l2_3"]["size_mb"] is None
    assert "not downloaded" in run("list", capsys)[1]


def test_a_function_is_added_checked_listed_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(f"add {FUNCTIONS}:make_small --trust --id small", capsys)
    assert code == 0 and out.startswith("Added small: Small (python tests.helpers.user_network:make_small, 32 px")
    code, out, _ = run("check small", capsys)
    assert code == 0 and "reaches the pixels is finite and not zero" in out and "It can be probed." in out
    code, out, _ = run("layers small --json", capsys)
    assert [(row["layer"], row["shape"]) for row in json.loads(out)] == [("second", [6, 7, 7]), ("last", [8, 3, 3])]
    assert run("remove small", capsys)[:2] == (0, f"Removed small ({user_networks_folder() / 'small'}).\n")
    assert list_user_networks() == ()


def test_a_set_of_weights_is_chosen_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, path = build_random("torchvision", "squeezenet1_1").state_dict(), tmp_path / "best.pth.tar"
    torch.save({"state_dict": {f"module.{k}": v + 1 for k, v in state.items()}, "state_dict_ema": state}, path)
    how = f"{path} --architecture torchvision:squeezenet1_1 --input-size 64 --layers features.3"
    code, out, _ = run(f"add {how}", capsys)
    assert code == 0 and "2 sets of weights: state_dict_ema was taken, not state_dict (choose with `--weights`" in out
    _, out, _ = run(f"add {how} --weights raw --id raw --json", capsys)
    assert "state_dict was taken, not state_dict_ema" in json.loads(out)["note"]
    assert "`weights` must be one of state_dict, state_dict_ema, got 'x'" in run(f"add {how} --weights x", capsys)[2]


def test_an_exported_file_is_a_program_that_must_be_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(b"never opened")
    code, _, told = run(f"add {path}", capsys)
    assert code == 2 and "net.pt2 is a torch.export file, a program" in told and "`--trust`" in told
    assert "net.pt2 is truncated or no torch.export file" in run(f"add {path} --trust", capsys)[2]


def test_a_network_that_cannot_be_probed_answers_2(capsys: pytest.CaptureFixture[str]) -> None:
    run(f"add {FUNCTIONS}:make_batch --trust --id bad --layers second --input-size 32", capsys)
    code, out, _ = run("check bad --layer last", capsys)
    assert code == 2 and "'bad' cannot be probed at layer 'last': the features of one image depend" in out
    report = json.loads(run("check bad --layer last --json", capsys)[1])
    assert not report["passed"] and report["layer"] == "last"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("list_all", "`ACTION` must be one of list, add, download, remove, check, layers, got 'list_all'"),
        ("check", "`check` must be followed by NETWORK, got ''"),
        ("check resnet51", "Did you mean 'resnet50'?"),
        ("check resnet50", "not on this computer. Get them: `python main.py networks download resnet50`"),
        ("download alexnet", "needs no download"),
        ("remove alexnet", "Embedded networks stay"),
        ("remove resnet50", "It is not downloaded"),
        ("add nothing.pth", "nothing.pth does not exist"),
        ("add timm:resnet50 --tokens first", "`tokens` must be one of all, grid, class, mean, got 'first'"),
        ("add timm:resnet50 --std 0 1 1", "`std` must be three numbers, std above 0"),
    ],
)
def test_bad_input_is_one_line_and_2(words: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(words, capsys)
    assert code == 2 and sentence in err and len(err.strip().splitlines()) == 1


def test_a_download_prints_its_hash_and_keeps_a_library_s_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    last = DownloadProgress(2**20, 2**20, 0.0, tmp_path / "w.safetensors", sha256="a" * 64, first=True)
    monkeypatch.setattr(manage, "iter_download", lambda _spec, **_kwargs: iter([last]))
    code, out, _ = run("download timm:vit_tiny_patch16_224", capsys)
    assert code == 0 and f"(1.0 MB); SHA-256 {'a' * 64}" in out and "expected from now on" in out
    assert [spec.id for spec in list_user_networks()] == ["timm:vit_tiny_patch16_224"]
    assert find_network("timm:vit_tiny_patch16_224").user


def test_doctor_takes_missing_downloads_for_no_problem_and_names_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(build_random("torchvision", "squeezenet1_1").state_dict(), path)
    from core.networks.import_options import NetworkImportOptions
    from core.networks.importing import import_network

    spec = import_network(str(path), NetworkImportOptions(architecture="torchvision:squeezenet1_1"))
    found = list(doctor.check_weights())
    assert not any(finding.cure for finding in found) and found[-1].what == "networks to download"
    spec.weights_path.write_bytes(b"changed")
    (bad,) = [finding for finding in doctor.check_weights() if finding.cure]
    assert "networks remove mine" in bad.cure and "was altered or is truncated" in bad.found
