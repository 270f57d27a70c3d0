"""Checkpoints read beside other objects: what a pickle inside names can neither be run nor changed for the process."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from core.networks.files.checkpoint import is_torchscript
from core.networks.files.pickled_state import read_pickled

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
    read_pickled(write_old_checkpoint(tmp_path, b"\x80\x02" + f"c{module}\n{name}\n".encode() + set_attribute))
    assert not hasattr(getattr(torch, name), "altered")


def test_a_pickle_cannot_ask_for_memory_by_a_number(tmp_path: Path) -> None:
    call = b"\x80\x02ctorch\nUntypedStorage\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R."
    with pytest.raises(TypeError, match="not callable"):
        read_pickled(write_old_checkpoint(tmp_path, call))


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_every_kind_come_back_as_they_were(tmp_path: Path, zipped: bool) -> None:
    state = {str(kind): torch.arange(6).to(kind).reshape(2, 3).T for kind in (torch.float16, torch.int64, torch.uint8)}
    torch.save(state, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    found = read_pickled(tmp_path / "a.ckpt")
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
