"""The frames of a movie of a probe, one after another as numpy arrays.

Whoever can draw a cortex (the window, or a renderer off screen) answers for its pictures; see `Shot`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.attacks.config import write_budget
from core.errors import BadInputError
from core.figures.colour_key import ColourKey, draw_key
from core.figures.curve import ATTACK, SECOND, curve_of, steps_of
from core.figures.movie_config import MovieConfig, MovieKind
from core.figures.movie_page import Page, Rect
from core.figures.probe_page import CortexModel
from core.figures.probe_plots import print_curve, print_steps
from core.figures.probe_words import ProbeWords, describe_probe, write_shifts
from core.images.difference import amplify, choose_factor
from core.images.stimulus import GREY_LEVELS, to_uint8
from core.probes.probe import Probe
from core.reports.draw_plot import draw_plot
from core.reports.inks import find_inks
from core.types import ByteArray, FloatArray

MARGIN, GAP = 28, 20
HEADER, FOOTER = 78, 40
"""Pixels of the design (720 high) kept for the title and for the caption."""
KEY_WIDTH, KEY_ROOM = 300, 62
SHARE_BESIDE_CORTEX = 0.42
"""Of the page's width for the axes where a cortex stands beside them."""

PICTURE_SHARE, SHARE_WITH_CORTEX = 0.44, 0.34
"""Of the page's height for the images where axes stand below them, and where a cortex stands there too."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the cortex that is asked for.

    Parameters
    ----------
    step : The attack step whose responses are shown, -1 for the clean image; None for the probe as delivered.
    progress : Place in the movie of a moving cortex, in [0, 1); None for one that stands still.
    """

    step: int | None = None
    progress: float | None = None


class Cortex(Protocol):
    """Draws the cortex for movies and figures."""

    @property
    def key(self) -> ColourKey | None:
        """What its colours mean; None where regions are shown."""

    @property
    def note(self) -> str:
        """What else a caption must say, such as which voxels are dimmed; "" for nothing."""

    def draw(self, shot: Shot, size: tuple[int, int]) -> ByteArray:
        """A picture (height, width, 3) uint8 of the size (width, height) asked for."""

    def still(self, size: tuple[int, int]) -> ByteArray:
        """The delivered probe's picture (height, width, 4) uint8, see-through where there is no cortex."""

    def model(self) -> CortexModel:
        """The delivered probe's cortex as points, triangles, colours and what makes them."""


def open_frames(probe: Probe, config: MovieConfig, cortex: Cortex | None = None) -> _ImageFrames | _CortexFrames:
    """A movie's frames, (height, width, 3) uint8 each: any may be asked of `frame` by its number, in any order.

    Raises BadInputError if the movie shows a cortex and none is given.
    """
    if config.needs_cortex and cortex is None:
        raise BadInputError("This movie shows the cortex, and there is nothing that draws it here.")
    if config.kind is MovieKind.CORTEX and cortex is not None:
        return _CortexFrames(probe, config, cortex)
    return _ImageFrames(probe, config, cortex if config.with_cortex else None)


def steps_of_frames(n_steps: int, config: MovieConfig) -> list[int]:
    """Which step each frame shows: -1, the clean image, first; then all in order; the last while the movie holds."""
    moving = [round(place) for place in np.linspace(-1, n_steps - 1, config.n_moving).tolist()]
    return (moving + [n_steps - 1] * config.n_frames)[: config.n_frames]


def budgets_of_frames(epsilon: FloatArray, config: MovieConfig) -> list[int]:
    """Which budget each frame shows: time runs in log epsilon, and a budget shows until the next one is reached.

    The last budget shows while the movie holds; what lies between two budgets was never attacked and is not made up.
    """
    logs = np.log(np.asarray(epsilon, dtype=np.float64))
    now = np.linspace(logs[0], logs[-1], config.n_moving)
    reached = [int(number) - 1 for number in np.searchsorted(logs, now + 1e-9, side="right")]
    return (reached + [len(logs) - 1] * config.n_frames)[: config.n_frames]


class _ImageFrames:
    """Clean, changed and difference above, a growing line below; the cortex beside it where it follows the steps."""

    def __init__(self, probe: Probe, config: MovieConfig, cortex: Cortex | None) -> None:
        self._probe, self._cortex = probe, cortex
        self._of_steps = config.kind is MovieKind.STEPS
        self._clean = to_uint8(probe.clean_pixels)
        self._factor = choose_factor(GREY_LEVELS * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0))
        words = describe_probe(probe)
        self._data = steps_of(probe) if self._of_steps else curve_of(probe)
        if self._of_steps:
            self._numbers = steps_of_frames(probe.history.n_steps, config)
            footnote = "" if cortex is None else cortex.note
        else:
            self._numbers = budgets_of_frames(probe.curve.epsilon, config)
            footnote = "time runs in log ε over the budgets attacked"
        self._page = page = Page(config.width, config.height, find_inks(config.theme))
        with page.style():
            self._places = _place_images(page, PICTURE_SHARE if cortex is None else SHARE_WITH_CORTEX)
            _write_frame_words(page, words, footnote)
            first, middle, last = self._places
            top = first.top - page.pixels(7)
            page.add_text("clean", first.left, top, colour=page.inks.muted)
            page.add_text(f"difference × {self._factor} about mid grey", last.left, top, colour=page.inks.muted)
            self._caption = page.add_text("", middle.left, top)
            page.let_move(self._caption)
            self._cortex_rect = self._lay_out_below()
            page.freeze()

    def frame(self, index: int) -> ByteArray:
        number, probe = self._numbers[index], self._probe
        at = slice(number, number + 1) if number >= 0 else slice(0)
        for line, dot, x, shift in self._lines:
            line.set_data(x[: number + 1], shift[: number + 1])
            dot.set_data(x[at], shift[at])
        self._caption.set_text(self._describe(number))
        if self._of_steps:
            changed = probe.history.pixels[number] if number >= 0 else self._clean
            delta = changed.astype(np.float32) - self._clean
        else:
            changed = to_uint8(probe.rung_pixels[number])
            delta = GREY_LEVELS * (probe.rung_pixels[number] - probe.clean_pixels).transpose(1, 2, 0)
        pictures = (self._clean, changed, amplify(delta, self._factor))
        placed = list(zip(self._places, pictures, strict=True))
        if self._cortex is not None:
            rect = self._cortex_rect
            placed.append((rect, self._cortex.draw(Shot(step=number), (rect.width, rect.height))))
        return self._page.compose(placed)

    def _describe(self, number: int) -> str:
        count = len(self._data.epsilon)
        if number < 0:
            return f"before step 1 of {count}"
        budget = write_budget(float(self._data.epsilon[number]), self._data.norm)
        shift = write_shifts(self._data, number)
        if self._of_steps:
            return f"step {number + 1} of {count} · {budget} · {shift}"
        return f"{budget} · budget {number + 1} of {count} · {shift}"

    def _lay_out_below(self) -> Rect:
        """Put the axes under the images, and give the place of the cortex beside them."""
        page = self._page
        top = self._places[0].top + self._places[0].height + page.pixels(GAP)
        left, height = page.pixels(MARGIN), page.height - page.pixels(FOOTER) - top
        whole = page.width - 2 * left
        wide = whole if self._cortex is None else round(SHARE_BESIDE_CORTEX * whole)
        room, describe = (38, print_steps) if self._of_steps else (24, print_curve)
        axes = page.add_axes(_inner(page, Rect(left, top, wide, height), top=room))
        draw_plot(axes, describe(self._probe), page.inks)
        self._lines = []
        named = {line.get_label(): line for line in axes.get_lines()}
        x = np.arange(1.0, len(self._data.epsilon) + 1) if self._of_steps else self._data.x
        for name, shift in zip((ATTACK, SECOND), self._data.encoders, strict=False):
            line = named[self._data.name(name)]
            (dot,) = axes.plot([], [], "o", color=line.get_color(), ms=(6 if self._of_steps else 7) * page.scale)
            self._lines.append((line, dot, x, shift))
            page.let_move(line, dot)
        beside = wide + page.pixels(GAP)
        rest = Rect(left + beside, top, whole - beside, height)
        return rest if self._cortex is None else _place_cortex(page, rest, self._cortex.key)


class _CortexFrames:
    """The cortex alone, over the whole page."""

    def __init__(self, probe: Probe, config: MovieConfig, cortex: Cortex) -> None:
        self._cortex, self._n_frames = cortex, config.n_frames
        self._page = page = Page(config.width, config.height, find_inks(config.theme))
        with page.style():
            _write_frame_words(page, describe_probe(probe), cortex.note)
            top = page.pixels(HEADER)
            room = Rect(0, top, page.width, page.height - top - page.pixels(FOOTER))
            self._rect = _place_cortex(page, room, cortex.key)
            page.freeze()

    def frame(self, index: int) -> ByteArray:
        shot = Shot(progress=index / self._n_frames)
        return self._page.compose([(self._rect, self._cortex.draw(shot, (self._rect.width, self._rect.height)))])


def _write_frame_words(page: Page, words: ProbeWords, footnote: str) -> None:
    margin = page.pixels(MARGIN)
    page.add_text(words.title, margin, page.pixels(34), size=19, bold=True)
    page.add_text(words.how, margin, page.pixels(55), colour=page.inks.muted)
    base = page.height - page.pixels(14)
    page.add_text(words.whose, margin, base, size=11.5, colour=page.inks.muted)
    page.add_text(footnote, page.width - margin, base, size=11.5, colour=page.inks.muted, align="right")


def _place_images(page: Page, share: float) -> tuple[Rect, Rect, Rect]:
    """Three squares side by side, with room for a caption above each."""
    margin, gap = page.pixels(MARGIN), page.pixels(GAP)
    side = min((page.width - 2 * margin - 2 * gap) // 3, round(share * page.height))
    top = page.pixels(HEADER + 22)
    spare = max(0, (page.width - 2 * margin - 3 * side) // 2)
    step = side + min(spare, page.pixels(90))
    left = margin if step == side + spare else (page.width - 3 * side - 2 * (step - side)) // 2
    step = max(step, side + gap)
    first, second, third = (Rect(left + index * step, top, side, side) for index in range(3))
    return first, second, third


def _inner(page: Page, rect: Rect, *, top: int) -> Rect:
    """The frame of axes inside a rectangle: room for the numbers and names around it."""
    left, right, low, high = (page.pixels(length) for length in (62, 58, 46, top))
    return Rect(rect.left + left, rect.top + high, rect.width - left - right, rect.height - high - low)


def _place_cortex(page: Page, room: Rect, key: ColourKey | None) -> Rect:
    """Draw the colour bar at the foot of a rectangle; returns what is left for the cortex."""
    if key is None:
        return room
    strip, width = page.pixels(KEY_ROOM), min(page.pixels(KEY_WIDTH), round(0.8 * room.width))
    left = room.left + (room.width - width) // 2
    top = room.top + room.height - strip
    draw_key(page.add_axes(Rect(left, top + page.pixels(24), width, page.pixels(11))), key, page.inks)
    return Rect(room.left, room.top, room.width, room.height - strip)
