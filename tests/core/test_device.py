"""The device and the chunks: every item is done once, whatever fits into memory."""

from __future__ import annotations

import errno
import os

import pytest
import torch

from core.containers import reading
from core.device import choose_device, describe_device, list_devices, run_in_chunks, set_threads
from core.errors import BadInputError, is_out_of_memory


def run_with_room(room: int, done: list[tuple[int, int]]) -> object:
    def run(start: int, stop: int) -> list[int]:
        if stop - start > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        done.append((start, stop))
        return list(range(start, stop))

    return run


@pytest.mark.parametrize("room", [1, 2, 3, 7, 100])
def test_every_item_is_done_once_and_in_order(room: int) -> None:
    done: list[tuple[int, int]] = []
    parts = run_in_chunks(run_with_room(room, done), 13, chunk=8)
    assert [item for part in parts for item in part] == list(range(13))
    assert max(stop - start for start, stop in done) <= min(room, 8)


def test_one_item_too_large_is_refused() -> None:
    with pytest.raises(BadInputError, match="Not even one stimulus at a time fits into memory"):
        run_in_chunks(run_with_room(0, []), 3, chunk=2)


def test_other_errors_pass() -> None:
    def run(start: int, stop: int) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run_in_chunks(run, 2, chunk=2)
    assert is_out_of_memory(MemoryError()) and not is_out_of_memory(ValueError("x"))


def test_a_library_that_cannot_be_mapped_is_memory_and_an_absent_one_is_not() -> None:
    assert is_out_of_memory(ImportError("libtorch_cpu.so: failed to map segment from shared object"))
    assert not is_out_of_memory(ImportError("No module named 'torch'"))


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),  # a file that cannot be mapped
        OSError("Can't synchronously read data (memory allocation failed for raw data chunk)"),  # HDF5
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_files_and_libraries_say_in_their_own_words_that_memory_ran_out(error: Exception) -> None:
    def run(start: int, stop: int) -> int:
        if stop - start > 1:
            raise error
        return start

    assert run_in_chunks(run, 3, chunk=2) == [0, 1, 2]
    told = r"^file does not fit into memory: .*Close other programs\.$"
    with pytest.raises(BadInputError, match=told), reading("file", "array"):
        raise error
    assert not is_out_of_memory(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def test_the_device_is_one_of_this_machine() -> None:
    assert choose_device() == list_devices()[0] and choose_device("cpu") == "cpu"
    assert list_devices()[-1] == "cpu"
    with pytest.raises(BadInputError, match="`device` must be one of .*, got 'gpu'"):
        choose_device("gpu")


def test_a_device_that_is_not_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInputError, match="got 'cuda': torch sees no NVIDIA GPU here"):
        choose_device("cuda")


def test_one_of_several_gpus_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInputError, match="got 'cuda:1': torch sees no NVIDIA GPU here"):
        choose_device("cuda:1")
    with pytest.raises(BadInputError, match="got 'cpu:0'"):
        choose_device("cpu:0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(name) for name in ("cuda", "cuda:0", "cuda:1")] == ["cuda", "cuda:0", "cuda:1"]
    for wrong in ("cuda:2", "cuda:-1", "cuda:", "cuda:one", "cuda:01"):
        with pytest.raises(BadInputError, match=f"`device` must be one of cuda:0, cuda:1, got '{wrong}'"):
            choose_device(wrong)


def test_cores_are_spared_but_never_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("PROBESCOPE_THREADS", raising=False)
        monkeypatch.setattr("os.cpu_count", lambda: 4)
        torch.set_num_threads(4)
        assert set_threads(spare=1) == 3 and set_threads(spare=1) == 3
        assert set_threads(spare=9) == 1
        monkeypatch.setenv("PROBESCOPE_THREADS", "2")
        assert set_threads(spare=9) == 2, "what the user asks for is not lessened"
    finally:
        torch.set_num_threads(before)


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("PROBESCOPE_THREADS", "")  # as SLURM leaves the number of cores where none was asked for
        for n_processes, n_threads in ((2, 4), (3, 2), (9, 1), (1, 8)):
            torch.set_num_threads(8)
            monkeypatch.setattr("os.cpu_count", lambda: 8)
            assert set_threads(n_processes=n_processes) == n_threads
        monkeypatch.setenv("PROBESCOPE_THREADS", "3")
        assert set_threads(n_processes=2) == 3, "what the user asks for is not lessened"
    finally:
        torch.set_num_threads(before)


def test_threads_come_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("PROBESCOPE_THREADS", "1")
        assert set_threads() == 1 and describe_device("cpu") == "CPU, 1 thread"
        monkeypatch.setenv("PROBESCOPE_THREADS", "many")
        with pytest.raises(BadInputError, match="It was set to 'many'"):
            set_threads()
    finally:
        torch.set_num_threads(before)
