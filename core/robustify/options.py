"""The options of a robust fine-tuning, as one frozen, checked record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.checks import check_count, check_epsilon
from core.networks.catalog import folder_name
from core.paths import data_folder
from core.robustify.config import RobustifyConfig

LARGEST_EPSILON = 30.0
"""L2 at 224 x 224; human percepts move within this ball (Gaziv et al. 2023)."""


def robustify_folder() -> Path:
    """Where checkpoints of unfinished fine-tunings lie."""
    return data_folder() / "robustify"


@dataclass(frozen=True, slots=True)
class RobustifyOptions:
    """One fine-tuning.

    Parameters
    ----------
    network : str
        Id of the network to start from.
    images : Path
        Folder of photographs, searched through.
    epsilon : float
        L2 budget at 224 x 224, in [0, 1] pixel units.
    n_images : int
        Photographs to see in all, with repetition.
    layers : tuple of str
        Layers compared; () for the network's own.
    seed : int
        Of photographs, crops and random starts.
    id, title : str
        Of the new network; "" for names made from the original's.
    """

    network: str
    images: Path
    epsilon: float = RobustifyConfig().epsilon
    n_images: int = RobustifyConfig().n_images
    layers: tuple[str, ...] = ()
    seed: int = 0
    id: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        """Refuse values no training could run with."""
        check_epsilon("epsilon", self.epsilon, largest=LARGEST_EPSILON, unit="L2 at 224 x 224, [0, 1] pixel units")
        check_count("n_images", self.n_images)
        check_count("seed", self.seed, least=0)

    def checkpoint(self) -> Path:
        """The file this fine-tuning resumes from: the same options find it again."""
        what = f"{self.network} {self.images.absolute()} {self.epsilon} {self.n_images} {self.layers}"
        what += f" seed {self.seed}" if self.seed else ""  # without it, trainings of earlier versions go on
        digest = hashlib.sha256(what.encode()).hexdigest()[:10]
        return robustify_folder() / f"{folder_name(self.network)}-{digest}.checkpoint"
