"""Names of stimuli and sets that are safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from core.probes.probe import Probe, ProbeConfig, name_probe

LONGEST = 120
"""Characters; with folder, role and ending a name stays far below the 255 bytes of common file systems."""
DIGITS = 8
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""Names that Windows keeps for devices."""


def safe_name(text: str) -> str:
    """A name of ASCII letters, digits and . + - _ only; what was cut off a long one is told by a part of its hash.

    Examples
    --------
    >>> safe_name("FFA − 0.5 × PPA"), safe_name("con")
    ('FFA_0.5_PPA', 'set_con')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^\w.+-]+", "_", plain, flags=re.ASCII).strip("._ ")
    if not name or name.split(".")[0].casefold() in RESERVED:
        name = f"set_{name}".rstrip("_") if name else f"unnamed-{_digest(text)}"
    return name if len(name) <= LONGEST else f"{name[: LONGEST - DIGITS - 1]}-{_digest(text)}"


def name_pair(probe: Probe) -> str:
    """The name shared by the stimuli of one probe: "face_01-raise-FFA-l2-3"."""
    return safe_name(name_probe(probe.config, probe.stimulus_id))


def name_pairs(configs: Sequence[ProbeConfig], images: Sequence[str]) -> tuple[str, ...]:
    """A name for every probe of a set, no two alike even where a file system ignores case.

    `images`: ids of the images, one a probe.
    """
    several = len({(config.network, config.layer) for config in configs}) > 1
    names: list[str] = []
    taken: set[str] = set()
    for config, image in zip(configs, images, strict=True):
        end = f"-{config.network}-{config.layer}" if several else ""
        base = safe_name(name_probe(config, image) + end)
        name, count = base, 1
        while name.casefold() in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
