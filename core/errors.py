"""The exceptions of the engine; the family decides what the interface shows.

`ProbeError` carries one clear sentence for the user. `Cancelled` is silence. Anything else is a defect and gets
the crash report.
"""

from __future__ import annotations

from typing import Self


class ProbeError(Exception):
    """Something the user can fix: the text says what is wrong, the value, what is allowed and what to do.

    `plain` is the text for the window, which has no names of options.
    """

    _plain = ""

    @property
    def plain(self) -> str:
        """The text without names of the code."""
        return self._plain or str(self)

    def spoken(self, plain: str) -> Self:
        """The same error with a text of its own for the window."""
        self._plain = plain
        return self


class BadInputError(ProbeError, ValueError):
    """A value, name or file the user gave cannot be used."""


class NoGradientError(BadInputError):
    """A network has no gradient of its features with respect to its pixels."""


class WeightsError(ProbeError):
    """A weights or encoder file is truncated, of another architecture, altered, or holds code."""


class DownloadError(ProbeError):
    """A download failed: no connection, an HTTP error, an interruption, or a file that is not the one expected."""


class StorageError(ProbeError, OSError):
    """A folder cannot be written, a file cannot be read, or the disk is full."""


class Cancelled(BaseException):
    """The user asked to stop; raised inside a step, so it passes every `except Exception`."""


OUT_OF_MEMORY_WORDS = (
    "outofmemory",
    "out of memory",
    "allocate memory",
    "memory allocation",
    "not enough memory",
    "bad_alloc",
    "alloc_failed",
    "failed to map segment",  # of a library, such as torch's
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception, or what a sentence was made of, says that memory ran out; torch's type is only of GPUs."""
    if isinstance(error, ProbeError):
        return is_out_of_memory(error.__cause__)
    if isinstance(error, (RuntimeError, OSError, ImportError)):
        words = f"{type(error).__name__} {error}".casefold()
        return any(word in words for word in OUT_OF_MEMORY_WORDS)
    return isinstance(error, MemoryError)
