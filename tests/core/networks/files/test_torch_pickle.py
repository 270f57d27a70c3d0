"""Checkpoints read beside other objects: what a pickle inside names can neither be run nor changed for the process."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from core.errors import WeightsError
from core.networks.files.checkpoint import read_state
from core.networks.files.torch_pickle import is_torchscript, read_torch
from core.pickled_values import Inert

HEADER = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}})
"""What torch writes before the content of a file of its old format."""


def write_old_checkpoint(folder: Path, content: bytes) -> Path:
    file = folder / "model.ckpt"
    file.write_bytes(b"".join(pickle.dumps(part, 2) for part in HEADER) + content + pickle.dumps([], 2))
    return file


@pytest.mark.parametrize("module", ["torch", "torch.storage"])
@pytest.mark.parametrize("name", ["UntypedStorage", "TypedStorage"])
def test_a_pickle_cannot_set_an_attribute_of_a_class_of_torch(tmp_path: Path, module: str, name: str) -> None:
    set_attribute = b"(N}X\x06\x00\x00\x00alteredK\x01stb.".replace(b"\x06", b"\x07", 1)
    read_torch(
        write_old_checkpoint(tmp_path, b"\x80\x02" + f"c{module}\n{name}\n".encode() + set_attribute), lenient=True
    )
    assert not hasattr(getattr(torch, name), "altered")


def test_a_pickle_cannot_ask_for_memory_by_a_number(tmp_path: Path) -> None:
    call = b"\x80\x02ctorch\nUntypedStorage\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R."
    assert isinstance(read_torch(write_old_checkpoint(tmp_path, call), lenient=True), Inert)
    described = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
    store = described + b"\x8a\x05" + (10**11).to_bytes(5, "little") + b"NtQ."
    with pytest.raises(WeightsError, match="a storage is cut short"):
        read_torch(write_old_checkpoint(tmp_path, b"\x80\x02" + store))


def text(word: str) -> bytes:
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


NESTED = {"deep": b")" + b"\x85" * 300_000, "doubled": b")" + b"2\x86" * 60}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
@pytest.mark.parametrize("around", [(b"", b"."), (b"}", b"K\x01s."), (b"", b"Q."), (b"cos\nsystem\n", b"\x85R.")])
@pytest.mark.parametrize("suffix", [".pth", ".ckpt"])
def test_tuples_in_tuples_neither_hang_nor_end_the_process(
    tmp_path: Path, nested: bytes, around: tuple[bytes, bytes], suffix: str
) -> None:
    """As a value, a key, the name of a storage, and an argument; compressed such a file has a few hundred bytes."""
    path = tmp_path / f"evil{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evil/data.pkl", b"\x80\x02" + around[0] + nested + around[1])
        archive.writestr("evil/version", b"3\n")
    with pytest.raises(WeightsError, match=r"evil\.(pth|ckpt) (is truncated or no weights file|holds )"):
        read_state(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_every_kind_come_back_as_they_were(tmp_path: Path, zipped: bool) -> None:
    state = {str(kind): torch.arange(6).to(kind).reshape(2, 3).T for kind in (torch.float16, torch.int64, torch.uint8)}
    torch.save(state, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    found = read_torch(tmp_path / "a.ckpt")
    assert all(found[name].dtype == value.dtype and torch.equal(found[name], value) for name, value in state.items())


def test_a_torchscript_file_hidden_behind_a_plain_archive_is_recognised(tmp_path: Path) -> None:
    """torch.load opens whatever torch's reader finds, and that may be another archive than Python's finds."""
    plain, script = tmp_path / "plain", tmp_path / "script"
    for path, last in ((plain, "constantz.pkl"), (script, "constants.pkl")):
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("data.pkl", "version", last):
                archive.writestr(f"net/{name}", b"3\n")
    assert not is_torchscript(plain) and is_torchscript(script)
    script.write_bytes(script.read_bytes()[:-END_OF_ARCHIVE] + plain.read_bytes())
    with zipfile.ZipFile(script) as archive:
        assert "net/constants.pkl" not in archive.namelist()
    assert is_torchscript(script)


END_OF_ARCHIVE = 22
"""Bytes of the record that ends an archive."""
