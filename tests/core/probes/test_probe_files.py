"""Probe files: exact round trips, bit-for-bit repetition, damaged files refused, nothing half-written left."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.encoders.encoder import Encoder
from core.errors import BadInputError, StorageError
from core.headers import split_arrays
from core.probes.files import load_probe, save_probe
from core.probes.probe import Probe
from core.probes.reproduce import compare, iter_reproduce
from core.probes.run import iter_probe
from core.types import NormName
from tests.helpers.tiny_encoders import make_config, make_conv_encoder, make_photo


def make_probe(encoder: Encoder, *, seed: int = 0, quantise: bool = False) -> Probe:
    attack = AttackConfig(
        norm=NormName.LINF, epsilon=8 / 255, n_steps=3, random_start=True, n_restarts=2, seed=seed, quantise=quantise
    )
    *_, last = iter_probe(encoder, make_photo(), make_config(encoder, attack, voxel=3), should_stop=lambda: False)
    assert last.result is not None
    return last.result


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return make_conv_encoder()


@pytest.fixture(scope="module")
def probe(encoder: Encoder) -> Probe:
    return make_probe(encoder)


@pytest.mark.parametrize("ending", ["", ".json", ".safetensors"])
def test_round_trip_keeps_every_bit(probe: Probe, tmp_path: Path, ending: str) -> None:
    written = save_probe(probe, tmp_path / "new" / f"face-raise-l2-0.5{ending}")
    assert (
        sorted(path.name for path in written.parent.iterdir())
        == ["face-raise-l2-0.5.json", "face-raise-l2-0.5.safetensors"]
        or ending == ""
    )
    loaded = load_probe(written)
    assert compare(probe, loaded).identical
    assert loaded.config == probe.config
    for field in dataclasses.fields(Probe):
        if field.name not in {*split_arrays(probe)[1], "curve", "history"}:
            assert getattr(loaded, field.name) == getattr(probe, field.name), field.name


@pytest.mark.parametrize("quantise", [False, True])
def test_a_loaded_probe_reproduces_bit_for_bit(encoder: Encoder, tmp_path: Path, quantise: bool) -> None:
    loaded = load_probe(save_probe(make_probe(encoder, quantise=quantise), tmp_path / "probe"))
    *_, last = iter_reproduce(encoder, loaded, should_stop=lambda: False)
    assert last.result is not None
    assert last.result.identical and last.result.largest_shift_change == 0
    assert last.result.describe() == "Reproduced bit for bit."


def test_a_repetition_that_differs_says_where_and_why(encoder: Encoder, probe: Probe) -> None:
    changed = dataclasses.replace(probe, perturbed=probe.perturbed + np.float32(0.25), device="cuda")
    *_, last = iter_reproduce(encoder, changed, should_stop=lambda: False)
    assert last.result is not None
    assert last.result.differing == ("perturbed",)
    assert last.result.describe() == "Not identical: the shift differs by up to 0.25 (device cpu instead of cuda)."


@pytest.mark.parametrize("name", ["network", "encoder"])
def test_another_network_or_encoder_is_refused(encoder: Encoder, probe: Probe, name: str) -> None:
    other = dataclasses.replace(probe, **{f"{name}_sha256": "f" * 64})
    with pytest.raises(BadInputError, match=rf"The {name} here \(.*\) is not the one that was probed \(ffffffffffff\)"):
        list(iter_reproduce(encoder, other, should_stop=lambda: False))


@pytest.mark.parametrize("kept", [0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("ending", [".json", ".safetensors"])
def test_truncated_files_are_refused(probe: Probe, tmp_path: Path, kept: float, ending: str) -> None:
    path = save_probe(probe, tmp_path / "probe").with_suffix(ending)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInputError, match=r"probe\.(json|safetensors).*Run the probe again"):
        load_probe(path)


def test_an_edited_header_is_refused(probe: Probe, tmp_path: Path) -> None:
    path = save_probe(probe, tmp_path / "probe")
    header = json.loads(path.read_text())
    header["config"]["attack"]["epsilon"] = 0.02
    path.write_text(json.dumps(header))
    with pytest.raises(BadInputError, match=r"probe\.json was edited after writing: its hash differs"):
        load_probe(path)


def test_edited_arrays_are_refused(probe: Probe, tmp_path: Path) -> None:
    path = save_probe(probe, tmp_path / "probe")
    arrays = path.with_suffix(".safetensors")
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.write_bytes(bytes(content))
    with pytest.raises(BadInputError, match=r"probe\.safetensors is truncated or was edited"):
        load_probe(path)


def test_another_version_is_refused_by_name(probe: Probe, tmp_path: Path) -> None:
    path = save_probe(probe, tmp_path / "probe")
    path.write_text(path.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(
        BadInputError, match=r"probescope-probe version 9; this program reads probescope-probe version 1"
    ):
        load_probe(path)


@pytest.mark.parametrize("content", ["[]", '"text"', "{}", "null"])
def test_json_that_is_no_probe_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "probe.json").write_text(content)
    with pytest.raises(BadInputError, match=r"probe\.json is not the header of a probe"):
        load_probe(tmp_path / "probe.json")


def test_missing_files_are_named(probe: Probe, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.json cannot be read: No such file"):
        load_probe(tmp_path / "nothing")
    path = save_probe(probe, tmp_path / "probe")
    path.with_suffix(".safetensors").unlink()
    with pytest.raises(StorageError, match=r"probe\.safetensors cannot be read"):
        load_probe(path)


def fill_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["write", "first rename", "second rename"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_full_disk_leaves_nothing_half_written(
    encoder: Encoder, probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, overwrite: bool
) -> None:
    if overwrite:
        save_probe(probe, tmp_path / "probe")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    rename, renamed = os.replace, 0

    def replace_once(source: object, target: object) -> None:
        nonlocal renamed
        renamed += 1
        if renamed > 1 or where == "first rename":
            fill_disk()
        rename(source, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        if where == "write":
            patch.setattr(Path, "write_bytes", fill_disk)
        else:
            patch.setattr(os, "replace", replace_once)
        with pytest.raises(StorageError, match=r"probe.* cannot be written: No space left on device\. Free some space"):
            save_probe(make_probe(encoder, seed=1), tmp_path / "probe")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_folder_that_is_a_file_is_refused(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        save_probe(probe, tmp_path / "taken" / "probe")
