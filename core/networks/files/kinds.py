"""Says what a file of weights is by what it holds, whatever its ending. Runs nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from core.errors import WeightsError
from core.networks.files.torch_pickle import is_torchscript, list_entries

Kind = Literal["safetensors", "torchscript", "export", "torch", "pickle"]
EXPORT_MARKS = ("/archive_format", "serialized_exported_program.json")
"""What only archives of torch.export hold, of today's torch and of older ones."""
GIVE_TORCH = "Give weights of PyTorch (a state dict or safetensors)."
FOREIGN = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself. Get it with `git lfs pull`.",
    b"<": "is a web page, no weights file. Get the file itself, by its download link.",
    b"{": "is JSON, no weights file. Give the file that holds the weights.",
    b"\x89HDF": f"is an HDF5 file, as Keras writes them. {GIVE_TORCH}",
    b"\x1f\x8b": "is compressed by gzip. Unpack it first.",
}
"""How what is no weights file begins, and what to say of it."""
PICKLE, OF_TORCH = b"\x80", b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""How pickles begin, and torch's number that follows in those of `torch.save` before 1.6."""


def find_kind(path: Path) -> Kind:
    """What a file holds; its ending decides where the content does not.

    Raises WeightsError for a file that is empty, or known to be something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    if not start.strip():
        raise WeightsError(f"{path.name} is empty. Get the file again.")
    header = int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and header < path.stat().st_size:
        return "safetensors"
    for mark, said in FOREIGN.items():
        if start.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(mark):
            raise WeightsError(f"{path.name} {said}")
    if start.startswith(PICKLE) and OF_TORCH not in start:
        return "pickle"
    if is_torchscript(path):
        return "torchscript"
    names = list_entries(path)
    if any(name.endswith(EXPORT_MARKS) for name in names):
        return "export"
    if names and all(name.endswith(".npy") for name in names):
        raise WeightsError(f"{path.name} is an archive of NumPy. {GIVE_TORCH}")
    if names and not any(name.endswith("data.pkl") for name in names):
        raise WeightsError(f"{path.name} is an archive of other files, such as {names[0]}. Unpack it first.")
    return "export" if path.suffix == ".pt2" and not names else "torch"  # for their readers to refuse
