"""What hosts.toml and slurm.toml say: where workers start, and what each of them has."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checks import check_count, refusal
from core.cluster.where import Place
from core.headers import HeaderKind, read_record

UNITS = {"": 2**20, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True, slots=True)
class Host:
    """A computer that `ssh NAME` reaches without a password: a worker for each of its GPUs, or so many without."""

    name: str
    gpus: tuple[int, ...] = ()
    workers: int = 1


@dataclass(frozen=True, slots=True)
class HostSettings:
    """hosts.toml.

    Parameters
    ----------
    folder : One that all computers see, for certificates and logs.
    python : The interpreter, by the same path on all of them.
    address : The name or address by which the others reach this computer; "" finds it.
    """

    folder: Path
    hosts: tuple[Host, ...]
    python: str = sys.executable
    address: str = ""
    prologue: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.hosts:
            raise refusal("hosts", allowed="one host or more", got="none", advice='Add [[hosts]] with name = "HOST".')

    @property
    def has_gpu(self) -> bool:
        """Whether a worker has a GPU of its own."""
        return any(host.gpus for host in self.hosts)

    @property
    def memory_bytes(self) -> int:
        """Of a worker; 0 where it is not known."""
        return 0

    @property
    def n_workers(self) -> int:
        """On all hosts."""
        return sum(len(host.gpus) or host.workers for host in self.hosts)


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """slurm.toml.

    Parameters
    ----------
    folder : One that all nodes see, for certificates and logs.
    gres : As of sbatch; "" for nodes without a GPU.
    cpus, memory, walltime : Of a job, which is one worker; as of sbatch.
    prologue : Lines of the job script before the worker starts.
    skip : What lines of the job script that contain it are left out by, as "--mem".
    extra : Further options of sbatch.
    jobs : How many jobs are kept running; with `adapt`, at most so many, as the work asks for.
    python : The interpreter on the nodes.
    interface, address : The network, as "ib0", or the address, by which nodes reach the scheduler; "" finds it.
    """

    folder: Path
    partition: str = ""
    account: str = ""
    gres: str = "gpu:1"
    cpus: int = 4
    memory: str = "16G"
    walltime: str = "01:00:00"
    prologue: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    jobs: int = 4
    adapt: bool = False
    python: str = sys.executable
    interface: str = ""
    address: str = ""

    def __post_init__(self) -> None:
        check_count("cpus", self.cpus)
        check_count("jobs", self.jobs)
        _ = self.memory_bytes
        if self.walltime_seconds < LEAST_WALLTIME:
            allowed = f"at least {LEAST_WALLTIME // 60} minutes, as workers end {EARLY_SECONDS // 60} minutes early"
            raise refusal("walltime", allowed=allowed, got=self.walltime)

    @property
    def has_gpu(self) -> bool:
        """Whether a worker has a GPU of its own."""
        return "gpu" in self.gres

    @property
    def memory_bytes(self) -> int:
        """Of a worker. Raises BadInputError."""
        found = re.fullmatch(r"(\d+)([KMGT]?)B?", self.memory.upper())
        if found is None or not int(found[1]):
            raise refusal("memory", allowed="as of sbatch, as 16G", got=self.memory)
        return int(found[1]) * UNITS[found[2]]

    @property
    def walltime_seconds(self) -> int:
        """Of a job. Raises BadInputError."""
        days, dash, rest = self.walltime.rpartition("-")
        parts = rest.split(":")
        if not all(part.isdecimal() for part in [*parts, days or "0"]) or len(parts) > 3:
            raise refusal("walltime", allowed="as of sbatch: HH:MM:SS, D-HH:MM:SS or minutes", got=self.walltime)
        numbers = [int(part) for part in parts]
        if dash:  # D-HH[:MM[:SS]]
            numbers += [0] * (3 - len(numbers))
        elif len(numbers) < 3:  # MM[:SS]
            numbers = [0, *numbers, *[0] * (2 - len(numbers))]
        hours, minutes, seconds = numbers
        return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds

    @property
    def n_workers(self) -> int:
        """A worker is a job."""
        return self.jobs


EARLY_SECONDS, STAGGER_SECONDS = 300, 60
"""Before the end of its walltime a worker gives its cell back and stops; not all of them at once."""
LEAST_WALLTIME = 600


KINDS: dict[Place, tuple[type[Any], str]] = {
    Place.SSH: (HostSettings, "a list of SSH hosts"),
    Place.SLURM: (SlurmSettings, "settings of SLURM"),
}


def read_settings(place: Place, path: Path) -> Any:
    """hosts.toml or slurm.toml, or the same as JSON. Raises BadInputError or StorageError if it cannot be used."""
    record, what = KINDS[place]
    kind = HeaderKind(what, "docs/cluster.md shows one.", syntax="json" if path.suffix == ".json" else "toml")
    return read_record(path.expanduser(), record, kind)
