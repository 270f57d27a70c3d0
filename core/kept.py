"""What is kept in memory so that it is not read or made twice, up to a number of bytes. Any thread may use it.

`docs/troubleshooting.md` lists every limit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import torch

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by key; where they take more than `most_bytes`, those used longest ago go. The newest always stays.

    Parameters
    ----------
    most_bytes : The limit.
    measure : Gives the bytes of a value, in whatever memory they lie.

    Examples
    --------
    >>> kept = Kept(5, measure=len)
    >>> for word in ("ab", "cde", "f"):
    ...     kept.put(word[0], word)
    >>> kept.get("a"), kept.get("c"), kept.n_bytes
    (None, 'cde', 4)
    """

    def __init__(self, most_bytes: int, *, measure: Callable[[Value], int]) -> None:
        self.most_bytes, self.n_bytes, self._measure = most_bytes, 0, measure
        self._held: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Key) -> Value | None:
        """The value of a key, which is now the last used; None if it is not kept."""
        with self._lock:
            if key not in self._held:
                return None
            self._held.move_to_end(key)
            return self._held[key][0]

    def put(self, key: Key, value: Value) -> None:
        """Keep a value in place of an older one of its key."""
        size = self._measure(value)
        with self._lock:
            self.drop(lambda other: other == key)
            self._held[key] = value, size
            self.n_bytes += size
            while len(self._held) > 1 and self.n_bytes > self.most_bytes:
                self._remove(next(iter(self._held)))

    def find(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of a key, made now if it is not kept; two threads at once may both make it."""
        found = self.get(key)
        if found is None:
            found = make()
            self.put(key, found)
        return found

    def drop(self, chosen: Callable[[Key], bool]) -> None:
        """Forget the values of the keys that are chosen."""
        with self._lock:
            for key in [key for key in self._held if chosen(key)]:
                self._remove(key)

    def _remove(self, key: Key) -> None:
        self.n_bytes -= self._held.pop(key)[1]


def measure_module(module: torch.nn.Module) -> int:
    """Bytes of the weights and other arrays of a module and of those inside it."""
    return sum(one.nbytes for one in (*module.parameters(), *module.buffers()))
