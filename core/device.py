"""Chooses the device that computes and splits work that does not fit on it. Never imports torch before it is asked."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from core.checks import check_choice, check_count, refusal
from core.errors import BadInputError, ProbeError, is_out_of_memory

Part = TypeVar("Part")
DEVICES = ("auto", "cuda", "mps", "cpu")
THREADS_VARIABLE = "PROBESCOPE_THREADS"
"""Number of threads torch may use, for shared machines."""
CLOSE = "Close other programs, choose an earlier layer, fewer voxels or another device."
LONGEST_REASON = 200
MAY_BE_MEMORY = (RuntimeError, MemoryError, OSError, ProbeError)
"""What torch, numpy, and a file that cannot be mapped raise where memory runs out, among other reasons."""


def choose_device(wanted: str = "auto") -> str:
    """The device to use: "cuda", "cuda:1" (the second GPU), "mps" or "cpu"; "auto" takes the first that works here.

    Raises BadInputError if the device is unknown or this machine has none.
    """
    kind, colon, number = wanted.partition(":")
    check_choice("device", wanted if colon and kind != "cuda" else kind, DEVICES)
    present = list_devices()
    if colon and "cuda" in present:
        import torch

        numbers = [str(one) for one in range(torch.cuda.device_count())]
        if number not in numbers:
            known = ", ".join(f"cuda:{one}" for one in numbers)
            raise refusal("device", allowed=f"one of {known}", got=wanted, advice="GPUs are counted from 0.")
        return wanted
    if wanted == "auto":
        return present[0]
    if wanted not in present:
        reason = {"cuda": "torch sees no NVIDIA GPU", "mps": "torch sees no Apple GPU"}[kind]
        raise BadInputError(f"`device` must be one of {', '.join(('auto', *present))}, got {wanted!r}: {reason} here.")
    return wanted


def list_devices() -> tuple[str, ...]:
    """The devices of this machine, fastest first; always ends with "cpu"."""
    import torch

    found = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True)]
    return tuple(name for name, present in found if present)


def describe_device(name: str) -> str:
    """One line for people: what the device is, with its memory or threads."""
    import torch

    if name.startswith("cuda"):
        properties = torch.cuda.get_device_properties(name)
        return f"GPU {properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if name == "mps":
        return f"Apple GPU ({platform.machine()})"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads != 1 else ''}"


def list_gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs of this computer that may be used, as CUDA_VISIBLE_DEVICES names them.

    Raises BadInputError if there is none.
    """
    import torch

    named = tuple(filter(None, os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")))
    gpus = named or tuple(map(str, range(torch.cuda.device_count() if torch.cuda.is_available() else 0)))
    if not gpus:
        raise refusal("engine", allowed="local:N where torch sees no NVIDIA GPU, as here", got="local:gpus")
    return gpus


def measure_memory() -> int:
    """Bytes that this process has taken at most so far, on its GPU if it uses one; 0 where that is not known."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_reserved())
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def count_cores() -> int:
    """The cores that this process may use: those of its job on a shared machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(count: int | None = None, *, spare: int = 0, n_processes: int = 1) -> int:
    """Set how many threads torch uses and return it: `count`, else PROBESCOPE_THREADS, else torch's own choice.

    `spare` cores are left out of torch's choice, for a window to draw with: on two cores an attack on both of them took
    twice as long as on one, since each layer waits for the thread that was held up. `tests/benchmarks/bench_threads.py`
    measures steps and stalls together for every number of threads. Each of `n_processes` has an equal part.

    Raises BadInputError if `count` or PROBESCOPE_THREADS is no whole number above 0.
    """
    import torch

    wanted = _wanted_threads() if count is None else check_count("threads", count)
    if wanted is None and (spare or n_processes > 1):
        wanted = max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) - spare) // n_processes)
    if wanted is not None:
        torch.set_num_threads(wanted)
    return torch.get_num_threads()


def iter_chunks(run: Callable[[int, int], Part], n_items: int, *, chunk: int, what: str = "stimulus") -> Iterator[Part]:
    """What `run(start, stop)` gives over all items, at most `chunk` at a time, halving that when memory runs out.

    Parameters
    ----------
    run : Does the items start <= i < stop; must have no effect when it fails.
    n_items : How many items there are.
    chunk : How many to try at once.
    what : What an item is, for the message.

    Raises BadInputError if not even one item fits into memory.
    """
    check_count("chunk", chunk)
    start = 0
    while start < n_items:
        stop = min(start + chunk, n_items)
        try:
            part = run(start, stop)
        except MAY_BE_MEMORY as error:
            chunk = halve(stop - start, error, what=what)
            continue
        yield part
        start = stop


def run_in_chunks(run: Callable[[int, int], Part], n_items: int, *, chunk: int, what: str = "stimulus") -> list[Part]:
    """All parts of `iter_chunks`."""
    return list(iter_chunks(run, n_items, chunk=chunk, what=what))


def run_smaller(run: Callable[[int], Part], *, chunk: int) -> Part:
    """`run(chunk)`, which splits its own work and has no effect when it fails; with half the chunk if memory runs out.

    Raises BadInputError if not even one item at a time fits into memory.
    """
    while True:
        try:
            return run(chunk)
        except MAY_BE_MEMORY as error:
            chunk = halve(chunk, error)


TAKEN = "busy or unavailable"
"""What CUDA says where another program has a GPU for itself."""


def explain(error: Exception) -> Exception:
    """The same error; a BadInputError that says what to do where a GPU is taken or memory ran out."""
    if TAKEN in str(error):
        return BadInputError("The GPU is taken by another program. Choose another (--device cuda:N), or wait.")
    if isinstance(error, ProbeError) or not is_out_of_memory(error):
        return error
    said = f" ({str(error).splitlines()[0][:LONGEST_REASON]})" if str(error) else ""
    found = BadInputError(f"It does not fit into memory{said}. {CLOSE}")
    found.__cause__ = error
    return found


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Inside, cuDNN uses deterministic kernels in full float32, no TF32, and times no alternatives. CPUs need none."""
    import torch

    names = ("deterministic", "benchmark", "allow_tf32")
    before = {name: getattr(torch.backends.cudnn, name) for name in names}
    try:
        for name in names:
            setattr(torch.backends.cudnn, name, name == "deterministic")
        yield
    finally:
        for name, value in before.items():
            setattr(torch.backends.cudnn, name, value)


def halve(chunk: int, error: Exception, *, what: str = "stimulus") -> int:
    """Half of a chunk that did not fit into memory; another error, or one over a single item, is raised."""
    if not is_out_of_memory(error) or (chunk == 1 and isinstance(error, ProbeError)):
        raise error
    if chunk == 1:
        raise BadInputError(f"Not even one {what} at a time fits into memory. {CLOSE}") from error
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return chunk // 2


def _wanted_threads() -> int | None:
    text = os.environ.get(THREADS_VARIABLE)
    if not text:  # as SLURM leaves it where no number of cores was asked for
        return None
    return check_count(THREADS_VARIABLE, int(text) if text.isdecimal() else -1, advice=f"It was set to {text!r}.")
