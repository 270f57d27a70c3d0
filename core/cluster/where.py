"""Where cells are computed, as `--engine` and the window say it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.checks import check_choice, refusal
from core.device import count_cores

USUAL = "here"
ENGINES = (
    "here, local:N (N processes of this computer), local:gpus (one for each of its GPUs), ssh:hosts.toml, "
    "slurm:slurm.toml, or a scheduler: scheduler.json, tcp:// or tls://HOST:PORT"
)


class Place(StrEnum):
    """Kinds of places, as their text begins."""

    HERE, LOCAL, GPUS = "here", "local", "local:gpus"
    SSH, SLURM, SCHEDULER = "ssh", "slurm", "scheduler"


@dataclass(frozen=True, slots=True)
class Where:
    """A place; `n_processes` of this computer; file or address, and the device of the workers, of what is elsewhere."""

    place: Place = Place.HERE
    n_processes: int = 1
    target: str = ""
    device: str = "auto"

    @property
    def text(self) -> str:
        """As `--engine` says it, from any folder."""
        if self.place in (Place.HERE, Place.GPUS):
            return str(self.place)
        if self.place is Place.LOCAL:
            return f"{self.place}:{self.n_processes}"
        target = self.target if "://" in self.target else str(Path(self.target).expanduser().absolute())
        return target if self.place is Place.SCHEDULER else f"{self.place}:{target}"

    @property
    def is_elsewhere(self) -> bool:
        """Whether it goes on when this process ends."""
        return self.place in (Place.SSH, Place.SLURM, Place.SCHEDULER)


HERE = Where()


def parse_where(text: str, device: str = "auto") -> Where:
    """What `--engine` and `--device` ask for. Raises BadInputError."""
    kind, _, target = text.partition(":")
    if text in (Place.HERE, Place.GPUS):
        return Where(Place(text))
    is_scheduler = kind in ("tcp", "tls") or text.endswith(".json")
    if is_scheduler or (kind in (Place.SSH, Place.SLURM) and target):
        check_choice("device", device, ("auto", "cpu", "cuda"), advice="Each worker sees one GPU of its own.")
        place, target = (Place.SCHEDULER, text) if is_scheduler else (Place(kind), target)
        return Where(place, target=target, device=device)
    numbers = {str(number): number for number in range(1, count_cores() + 1)}
    if kind != Place.LOCAL or target not in numbers:
        raise refusal("engine", allowed=f"{ENGINES}; at most the {len(numbers)} cores that may be used here", got=text)
    return Where(Place.LOCAL if numbers[target] > 1 else Place.HERE, numbers[target])
