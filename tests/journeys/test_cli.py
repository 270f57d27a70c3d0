"""The command line as a user types it: real processes, exit codes, one clear line for each bad input."""

from __future__ import annotations

import builtins
import csv
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import main
from core.encoders.files import find_encoder
from core.networks.catalog import find_network

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "--subject": "simulated",
    "--network": "mobilenet_v2",
    "--voxel": "5",
    "--image": "astronaut_eileen",
    "--norm": "l2",
    "--epsilon": "3",
    "--steps": "2",
}
DOCUMENTED = {
    *("voxel", "roi", "clean", "perturbed", "shift", "shift_sd", "control_shift"),
    *("l2", "linf", "epsilon", "norm", "n_steps", "seconds", "files"),
}


def command(**changes: str | None) -> list[str]:
    """`probe` with everything right, but for some options; None leaves one out."""
    options = GOOD | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return ["probe", *(word for name, value in options.items() if value is not None for word in (name, value))]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "main.py", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(arguments: list[str]) -> tuple[int, str, str]:
    process = start(arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command line inside this process: (exit code, stdout, stderr)."""

    def type_command(arguments: list[str]) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["main.py", *arguments])
        try:
            code = main.main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return type_command


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """One real probe through a real process."""
    folder = tmp_path_factory.mktemp("probed") / "out"
    code, out, err = run([*command(out=str(folder)), "--json", "--transfer"])
    assert code == 0, err
    return json.loads(out), folder


def test_a_probe_prints_one_object_with_the_documented_keys(probed: tuple[dict, Path]) -> None:
    told, _ = probed
    assert set(told) >= DOCUMENTED
    assert told["voxel"] == 5
    assert (told["norm"], told["epsilon"], told["n_steps"]) == ("l2", 3.0, 2)
    assert told["shift"] == pytest.approx(told["perturbed"] - told["clean"], abs=1e-5)
    assert 0 < told["l2"] <= 3.0 + 1e-4
    assert told["shift"] > abs(told["control_shift"])


def test_its_files_are_there_and_its_manifest_says_the_same(probed: tuple[dict, Path]) -> None:
    told, folder = probed
    assert set(told["files"]) == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["role"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"original", "raise", "control_random", "control_sign_flip"}
    assert float(rows["raise"]["shift_before_saving"]) == pytest.approx(told["shift"], abs=1e-4)
    assert float(rows["raise"]["shift"]) == pytest.approx(told["shift"], rel=0.2)
    assert any(name.startswith("transfer_shift.alexnet ") for name in rows["raise"])


def test_the_saved_probe_is_reproduced_bit_for_bit(probed: tuple[dict, Path]) -> None:
    _, folder = probed
    header = next(path for path in folder.glob("*.json") if path.name != "manifest.json")
    code, out, err = run(["reproduce", str(header)])
    assert (code, err) == (0, "")
    assert "bit for bit" in out


def test_a_second_probe_does_not_overwrite_the_first(probed: tuple[dict, Path], type_in) -> None:
    _, folder = probed
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, _, err = type_in(command(out=str(folder)))
    assert code == 2
    assert "holds another set of stimuli" in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


BAD_VALUES = {
    "unknown subject": ({"subject": "simulatd"}, "Did you mean 'simulated'?"),
    "unknown network": ({"network": "mobilnet_v2"}, "Did you mean 'mobilenet_v2'?"),
    "unknown layer": ({"layer": "features.99"}, "features.99"),
    "voxel beyond the last": ({"voxel": "99999"}, "`voxel` must be a voxel from 0 to"),
    "negative voxel": ({"voxel": "-1"}, "voxel"),
    "no voxel": ({"voxel": "five"}, "five"),
    "unknown ROI": ({"voxel": None, "roi": "v11"}, "Did you mean 'V1'?"),
    "unknown image": ({"image": "astronaut_elieen"}, "Did you mean 'astronaut_eileen'?"),
    "grey levels": ({"norm": "linf", "epsilon": "8"}, "Did you mean 8/255?"),
    "negative epsilon": ({"epsilon": "-3"}, "epsilon"),
    "NaN": ({"epsilon": "nan"}, "`epsilon` must be in"),
    "no number": ({"epsilon": "three"}, "a number or a fraction such as 8/255"),
    "no steps": ({"steps": "-1"}, "`n_steps` must be a whole number of at least 0"),
    "unknown norm": ({"norm": "l1"}, "l1"),
    "unknown direction": ({"direction": "raize"}, "Did you mean 'raise'?"),
    "unknown device": ({"device": "tpu"}, "tpu"),
    "no target": ({"voxel": None}, "--voxel"),
    "two targets": ({"roi": "V1"}, "--roi"),
    "unknown option": ({"epsilonn": "3"}, "unknown option '--epsilonn'. Did you mean '--epsilon'?"),
    "no weights file": ({"voxel": None, "weights": "nowhere.npy"}, "nowhere.npy"),
}


@pytest.mark.parametrize(("changes", "clue"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_bad_value_gets_one_line_and_leaves_nothing(changes: dict, clue: str, type_in, tmp_path: Path) -> None:
    expect_refusal(type_in, clue=clue, out=tmp_path / "out", changes=changes)


def expect_refusal(type_in, *, clue: str, out: Path, changes: dict) -> None:
    code, printed, err = type_in(command(**({"out": str(out)} | changes)))
    assert code == 2, err
    assert clue in err
    assert len(err.strip().splitlines()) == 1, err
    assert "Traceback" not in err
    assert printed == ""
    assert not out.exists()


def save_text(path: Path) -> None:
    path.write_text("no picture")


def save_tiny(path: Path) -> None:
    Image.new("RGB", (8, 8)).save(path)


def save_cut(path: Path) -> None:
    Image.effect_noise((200, 200), 50).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize("save", [save_text, save_tiny, save_cut])
def test_a_bad_image_gets_one_line(save, type_in, tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    expect_refusal(type_in, clue="a.png", out=tmp_path / "out", changes={"image": str(tmp_path / "a.png")})


ODD_IMAGES = {
    "CMYK": (lambda path: Image.new("CMYK", (300, 200), (10, 20, 30, 40)).save(path), "odd.jpg"),
    "16-bit": (lambda path: Image.fromarray(np.full((200, 300), 40_000, np.uint16)).save(path), "odd.png"),
    "transparent": (lambda path: Image.new("RGBA", (300, 200), (9, 9, 9, 90)).save(path), "odd.png"),
}


@pytest.mark.parametrize(("save", "name"), ODD_IMAGES.values(), ids=ODD_IMAGES)
def test_an_odd_image_is_taken_and_what_was_changed_is_said(save, name: str, type_in, tmp_path: Path) -> None:
    save(tmp_path / name)
    code, _, err = type_in(command(image=str(tmp_path / name), out=str(tmp_path / "out"), steps="1"))
    assert code == 0, err
    assert "Note: " in err


def save_pickle(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def save_too_short(path: Path) -> None:
    np.save(path, np.ones(3))


def save_zeros(path: Path) -> None:
    np.save(path, np.zeros(1844))


@pytest.mark.parametrize("save", [save_pickle, save_too_short, save_zeros])
def test_bad_voxel_weights_get_one_line(save, type_in, tmp_path: Path) -> None:
    save(tmp_path / "w.npy")
    changes = {"voxel": None, "weights": str(tmp_path / "w.npy")}
    expect_refusal(type_in, clue="weights", out=tmp_path / "out", changes=changes)


def save_truncated_network(path: Path) -> None:
    path.write_bytes(find_network("mobilenet_v2").weights_path.read_bytes()[:100_000])


def save_other_architecture(path: Path) -> None:
    shutil.copy(find_network("alexnet").weights_path, path)


class _Code:
    def __reduce__(self) -> tuple:
        return os.system, ("touch executed",)


def save_code(path: Path) -> None:
    path.with_suffix(".pth").write_bytes(pickle.dumps(_Code()))


@pytest.mark.parametrize("save", [save_truncated_network, save_other_architecture, save_code])
def test_a_bad_network_file_gets_one_line_and_runs_no_code(save, type_in, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "net.safetensors")
    given = next(tmp_path.iterdir())
    changes = {"network_weights": str(given)}
    expect_refusal(type_in, clue=given.name, out=tmp_path / "out", changes=changes)
    assert not (tmp_path / "executed").exists()


def test_an_encoder_of_another_network_is_refused(type_in, tmp_path: Path, monkeypatch) -> None:
    """The same layer names, other weights: only the hash tells."""
    own = find_encoder("simulated", "mobilenet_v2_robust", "features.18")
    header = json.loads(own.read_text())
    header["config"]["network"] = "mobilenet_v2"
    folder = tmp_path / "home" / "data" / "encoders"
    folder.mkdir(parents=True)
    stem = "simulated-mobilenet_v2-features.18"
    (folder / f"{stem}.json").write_text(json.dumps(header))
    shutil.copy(own.with_suffix(".safetensors"), folder / f"{stem}.safetensors")
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    expect_refusal(type_in, clue="was fitted on", out=tmp_path / "out", changes={})


def test_a_truncated_encoder_is_refused(type_in, tmp_path: Path, monkeypatch) -> None:
    own = find_encoder("simulated", "mobilenet_v2", "features.18")
    folder = tmp_path / "home" / "data" / "encoders"
    folder.mkdir(parents=True)
    shutil.copy(own, folder / own.name)
    packed = own.with_suffix(".safetensors").read_bytes()
    (folder / own.with_suffix(".safetensors").name).write_bytes(packed[: len(packed) // 2])
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    expect_refusal(type_in, clue="is truncated or was altered", out=tmp_path / "out", changes={})


def test_a_folder_that_cannot_be_written_gets_one_line(type_in, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    expect_refusal(type_in, clue="cannot be written", out=tmp_path / "file" / "out", changes={})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_command_is_refused_by_a_real_process() -> None:
    code, out, err = run(["prob"])
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "Did you mean 'probe'?" in err


def test_help_lists_every_sub_command() -> None:
    code, out, _ = run(["--help"])
    assert code == 0
    assert all(f"    {name} " in out for name in ("probe", "fit", "list", "reproduce", "robustify", "doctor", "demo"))


def test_ctrl_c_during_a_probe_is_130_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(command(out=str(tmp_path / "out"), steps="100000", method="pgd"))
    wait_for_torch(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def wait_for_torch(process: subprocess.Popen[str]) -> None:
    """Until the attack is under way: torch is loaded and some time was computed."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc to see how far another process is")
    ticks = os.sysconf("SC_CLK_TCK")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        loaded = "libtorch_cpu" in Path(f"/proc/{process.pid}/maps").read_text()
        if loaded and (int(fields[11]) + int(fields[12])) / ticks > 6:
            return
        time.sleep(0.05)
    pytest.fail(f"the probe never got under way: {process.communicate()}")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    process = start(["list", "images"])
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=120), err) == (0, "")


def test_doctor_finds_no_problem_here(type_in) -> None:
    code, out, _ = type_in(["doctor", "--json"])
    assert code == 0, out
    told = json.loads(out)
    assert any("torch" in str(finding) for finding in (told if isinstance(told, list) else told["findings"]))


def test_a_probe_of_weights_moves_their_weighted_sum(type_in, tmp_path: Path) -> None:
    encoder = load_file(find_encoder("simulated", "mobilenet_v2", "features.18").with_suffix(".safetensors"))
    weights = np.zeros(encoder["intercept"].shape)
    weights[[3, 9]] = 2.0, -1.0
    (tmp_path / "w.txt").write_text("\n".join(map(str, weights)))
    changes = {"voxel": None, "weights": str(tmp_path / "w.txt"), "out": str(tmp_path / "out"), "direction": "lower"}
    code, out, err = type_in([*command(**changes), "--json"])
    assert code == 0, err
    told = json.loads(out)
    assert told["shift"] < 0
    assert told["voxel"] is None


@pytest.mark.parametrize(
    "words",
    [["stimuli", "check"], ["sessions", "check"], ["rebuild"], ["stimuli", "plan", "--rois", "FFA", "--images"]],
)
def test_a_name_longer_than_any_file_can_have_gets_one_line(words: list[str], type_in) -> None:
    code, printed, err = type_in([*words, "n" * 300])
    assert (code, printed) == (2, "")
    assert "File name too long" in err
    assert len(err.strip().splitlines()) == 1


def test_ctrl_c_while_the_program_is_read_is_130_without_a_traceback(monkeypatch, capsys) -> None:
    def interrupt(name: str, *rest: object, **more: object) -> object:
        if name == "core.commands.cli":
            raise KeyboardInterrupt
        return real(name, *rest, **more)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", interrupt)
    assert main.main() == 130
    assert capsys.readouterr().err == "Cancelled.\n"
