"""How images are ranked and made from scratch, as frozen, checked records. Never imports torch."""

from __future__ import annotations

from dataclasses import dataclass

from core.checks import check_choice, check_count, check_fraction, check_positive, refusal
from core.probes.target import Target, TargetKind
from core.types import Direction

LARGEST_JITTER = 64
MOST_RESTARTS = 64
BY = ("predicted", "measured")


@dataclass(frozen=True, slots=True)
class SynthesisConfig:
    """How images are made.

    Parameters
    ----------
    n_steps : Steps of Adam.
    n_restarts : Images, each from its own random spectrum.
    step_size : Adam's, in units of the spectrum.
    jitter : Every step moves the image by up to so many pixels each way, around its edges.
    grey : One channel for all colours.
    mean : Mean of all colour values in [0, 1]; None leaves it free.
    contrast : RMS contrast: their SD; None leaves it free. Values beyond black and white are cut after both are set.
    seed : Of the spectra and of the moves.

    Raises BadInputError if a value is out of its range.
    """

    n_steps: int = 256
    n_restarts: int = 4
    step_size: float = 0.05
    jitter: int = 8
    grey: bool = False
    mean: float | None = None
    contrast: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("steps", self.n_steps)
        check_count("restarts", self.n_restarts)
        check_count("seed", self.seed, least=0)
        check_count("jitter", self.jitter, least=0, advice="0 leaves the image where it is.")
        check_fraction("jitter", self.jitter, largest=LARGEST_JITTER, advice="It is counted in pixels.")
        check_fraction("restarts", self.n_restarts, largest=MOST_RESTARTS, advice="Each is an image of its own.")
        check_positive("step_size", self.step_size)
        if self.mean is not None:
            check_fraction("mean", self.mean, advice="0 is black, 1 is white.")
        if self.contrast is not None:
            check_fraction("contrast", self.contrast, largest=0.5, advice="0.5 is black and white in equal parts.")


@dataclass(frozen=True, slots=True)
class ImagesConfig:
    """A target's best and worst natural images and, with `synthesis`, images made from scratch beside them.

    Parameters
    ----------
    images : As `choose_images` takes them; none are all that the subject saw.
    by : predicted or measured.
    top : best and worst images told.
    seed : of the draw of test:N.

    Raises BadInputError if a value is out of its range, or no images can be made for the target.
    """

    subject: str
    network: str
    layer: str
    target: Target
    direction: Direction = Direction.RAISE
    images: tuple[str, ...] = ()
    by: str = BY[0]
    top: int = 10
    seed: int = 0
    synthesis: SynthesisConfig | None = None

    def __post_init__(self) -> None:
        check_choice("by", self.by, BY)
        check_count("top", self.top)
        if self.synthesis is not None:
            check_synthesised(self.target)

    def describe(self) -> str:
        """Whose images they are, in one line."""
        return f"{self.direction} {self.target.label} · {self.network} {self.layer} · {self.subject}"


def check_synthesised(target: Target) -> None:
    """Raise BadInputError if no images can be made for a target."""
    if target.kind is TargetKind.PATTERN:
        advice = "Images are made for a voxel, an ROI, weights or a contrast."
        raise refusal("target", allowed="no pattern", got=target.label, advice=advice)
