"""What a movie of a probe is to be, as frozen, checked records."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from core.checks import check_choice, check_count, check_fraction, check_positive, refusal
from core.errors import BadInputError
from core.probes.probe import Probe
from core.reports.inks import THEMES
from core.surfaces.mesh import GEOMETRIES

LARGEST_FPS, LONGEST_SECONDS = 60.0, 300.0
LEAST_SIZE, LARGEST_SIZE = (480, 360), (3840, 2160)
MOST_LOOPS = 1000
MAPS = ("shift", "clean", "perturbed", "control", "r", "noise_ceiling", "roi")
HEMISPHERES = ("both", "left", "right")
SIDES_SEEN = ("visual", "lateral", "medial", "ventral", "dorsal", "posterior", "anterior")


class MovieKind(StrEnum):
    """What moves."""

    STEPS = "steps"
    EPSILON = "epsilon"
    CORTEX = "cortex"


class MovieFormat(StrEnum):
    """What is written: H.264 in MP4, an animated GIF, or a folder of PNG files."""

    MP4 = "mp4"
    GIF = "gif"
    PNG = "png"


class Motion(StrEnum):
    """How the cortex moves: once around, or from the folded shape over the inflated one to the flat map."""

    TURN = "turn"
    UNFOLD = "unfold"


@dataclass(frozen=True, slots=True)
class CortexStyle:
    """How the cortex is shown in a movie or figure.

    Parameters
    ----------
    map : One of `MAPS`; while steps or budgets run, "shift" and "perturbed" follow them.
    geometry : One of `GEOMETRIES`.
    hemispheres : One of `HEMISPHERES`.
    view : One of `SIDES_SEEN`; a turn starts from it.
    motion : Of a movie of the cortex alone.
    outlines : Draw outlines of ROIs.
    labels : Write names of ROIs.
    path : Draw the path of the centre of |shift| over each hemisphere, up to the step shown.
    gate_r : Voxels whose encoder's held-out r is below this are dimmed; 0 dims none.
    """

    map: str = "shift"
    geometry: str = "inflated"
    hemispheres: str = "both"
    view: str = "visual"
    motion: Motion = Motion.TURN
    outlines: bool = True
    labels: bool = True
    path: bool = False
    gate_r: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "motion", Motion(check_choice("motion", self.motion, list(Motion))))
        check_choice("map", self.map, MAPS)
        check_choice("surface", self.geometry, GEOMETRIES)
        check_choice("hemispheres", self.hemispheres, HEMISPHERES)
        check_choice("view", self.view, SIDES_SEEN)
        check_fraction("gate", self.gate_r, advice="It is a correlation.")


@dataclass(frozen=True, slots=True)
class MovieConfig:
    """One movie.

    Parameters
    ----------
    kind : What moves.
    fps : Frames a second.
    seconds : Length of one showing, with the end standing still.
    hold : Seconds the end stands still; a turning cortex ignores it, so that it turns on without a stop.
    width, height : Pixels; even, as H.264 wants it.
    loops : Showings. 0: a GIF repeats for ever, an MP4 holds one (players can repeat it). PNG files hold one.
    theme : "light" or "dark".
    with_cortex : Let the cortical map follow the steps; the responses at lower budgets are not saved with a probe.
    """

    kind: MovieKind = MovieKind.STEPS
    fps: float = 20.0
    seconds: float = 8.0
    hold: float = 1.0
    width: int = 1280
    height: int = 720
    loops: int = 0
    theme: str = "light"
    with_cortex: bool = False
    style: CortexStyle = field(default_factory=CortexStyle)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", MovieKind(check_choice("kind", self.kind, list(MovieKind))))
        check_choice("theme", self.theme, THEMES)
        check_positive("fps", self.fps, advice="20 is smooth enough for most movies.")
        check_fraction("fps", self.fps, largest=LARGEST_FPS, advice="No screen shows more.")
        check_positive("seconds", self.seconds)
        check_fraction("seconds", self.seconds, largest=LONGEST_SECONDS)
        check_fraction("hold", self.hold, largest=LONGEST_SECONDS)
        check_count("loops", self.loops, least=0)
        check_fraction("loops", self.loops, largest=MOST_LOOPS)
        if self.kind is not MovieKind.CORTEX and self.hold >= self.seconds:
            raise refusal("hold", allowed=f"shorter than the movie's {self.seconds:g} s", got=self.hold)
        self._check_size()
        if self.with_cortex and self.kind is MovieKind.EPSILON:
            advice = "A probe keeps no responses of its lower budgets; render its steps."
            raise refusal("cortex", allowed="off for an epsilon sweep", got=True, advice=advice)
        turns = self.kind is MovieKind.CORTEX and self.style.motion is Motion.TURN
        if turns and self.style.geometry == "flat":
            advice = "A flat map shows nothing more when it turns; choose --motion unfold or another surface."
            raise refusal("surface", allowed="not flat for a turn", got="flat", advice=advice)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    @property
    def n_frames(self) -> int:
        """Frames of one showing."""
        return max(2, round(self.fps * self.seconds))

    @property
    def n_moving(self) -> int:
        """Those before the end stands still."""
        return max(2, self.n_frames - round(self.hold * self.fps))

    @property
    def needs_cortex(self) -> bool:
        """Whether frames of the cortex have to be drawn."""
        return self.with_cortex or self.kind is MovieKind.CORTEX

    def describe(self) -> str:
        """One line: "steps, 160 frames, 8 s at 20 frames a second, 1280 x 720"."""
        length = f"{self.n_frames} frames, {self.n_frames / self.fps:.3g} s at {self.fps:g} frames a second"
        return f"{self.kind}, {length}, {self.width} × {self.height}"

    def _check_size(self) -> None:
        for value, least, largest in zip(self.size, LEAST_SIZE, LARGEST_SIZE, strict=True):
            if value % 2 or not least <= value <= largest:
                small, large = (" x ".join(map(str, pair)) for pair in (LEAST_SIZE, LARGEST_SIZE))
                allowed = f"even numbers of pixels from {small} to {large}"
                raise refusal("size", allowed=allowed, got=f"{self.width}x{self.height}")


def parse_size(text: str) -> tuple[int, int]:
    """Read "1280x720". Raises BadInputError for anything else."""
    found = re.fullmatch(r"(\d+)\s*[x×]\s*(\d+)", text.strip())
    if found is None:
        raise refusal("size", allowed="WIDTHxHEIGHT in pixels, such as 1280x720", got=text)
    return int(found[1]), int(found[2])


def find_format(path: Path) -> MovieFormat:
    """What a path asks for by its ending; none at all is a folder of PNG files. Raises BadInputError for others."""
    ending = path.suffix.lower()
    if ending in (".mp4", ".gif"):
        return MovieFormat(ending[1:])
    if ending in (".mov", ".avi", ".mkv", ".webm", ".png", ".apng", ".svg", ".pdf", ".jpg"):
        advice = "Players, browsers and slides show MP4; a folder (no ending) holds one PNG a frame."
        raise refusal("out", allowed="NAME.mp4, NAME.gif or a folder", got=path.name, advice=advice)
    return MovieFormat.PNG


def check_movie(config: MovieConfig, probe: Probe) -> None:
    """Raise BadInputError if a probe does not hold what a movie shows."""
    if config.kind is MovieKind.STEPS and probe.history.n_steps < 1:
        raise BadInputError("This probe was saved without its steps. Run the probe again and save it.")
    if config.kind is MovieKind.EPSILON:
        if len(probe.rung_pixels) != len(probe.curve.epsilon):
            raise BadInputError(
                "This probe was saved without the pixels of its budgets. Run it again, or render its steps."
            )
        if not (probe.curve.epsilon > 0).all():
            raise BadInputError("A budget of 0 has no place on a logarithmic axis. Probe with an epsilon above 0.")
