"""Makes a movie of a probe: estimates, draws, writes, reports progress."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.figures.movie_config import MovieConfig, MovieFormat, check_movie
from core.figures.movie_file import check_place, iter_write
from core.figures.movie_frames import Cortex, open_frames
from core.figures.probe_words import describe_probe
from core.probes.probe import Probe
from core.progress import Progress, ShouldStop, Stopwatch, check_stop, never_stop
from core.types import ByteArray

SAMPLE = 8
"""Frames, one after another in the middle of the movie, that are really drawn and written for an estimate."""


@dataclass(frozen=True, slots=True)
class MovieEstimate:
    """What a movie will cost: bytes on disk and seconds here, extrapolated from a few frames; right to about a half."""

    n_bytes: int
    seconds: float

    def describe(self) -> str:
        """One line: "about 1.4 MB, about 12 s"."""
        return f"about {write_bytes(self.n_bytes)}, about {max(1, round(self.seconds))} s to make"


@dataclass(frozen=True, slots=True)
class MovieReport:
    """A finished movie."""

    path: Path
    n_frames: int
    n_bytes: int

    def describe(self) -> str:
        """One line: "Saved 160 frames, 1.4 MB, to film.mp4"."""
        return f"Saved {self.n_frames} frames, {write_bytes(self.n_bytes)}, to {self.path}"


def iter_movie(
    probe: Probe, config: MovieConfig, path: Path, *, cortex: Cortex | None = None, should_stop: ShouldStop = never_stop
) -> Iterator[Progress[MovieReport]]:
    """Make a movie; the last record holds the report. Nothing half-written stays, whatever ends it.

    Raises BadInputError if the probe lacks what the movie shows, or the place cannot take it, before anything is
    drawn; Cancelled as soon as `should_stop()` is true.
    """
    check_movie(config, probe)
    check_place(path)
    watch = Stopwatch(config.n_frames)
    frames = open_frames(probe, config, cortex)
    drawn = _draw(frames.frame, range(config.n_frames), should_stop)
    words = describe_probe(probe)
    for count in iter_write(drawn, config, path, note=f"{words.title}; {words.how}; {words.whose}"):
        check_stop(should_stop)  # after the last frame there may be more to encode
        yield Progress(count, config.n_frames, watch.seconds_left(count))
    yield Progress(config.n_frames, config.n_frames, 0.0, MovieReport(path, config.n_frames, measure(path)))


def estimate_movie(
    probe: Probe,
    config: MovieConfig,
    kind: MovieFormat,
    *,
    cortex: Cortex | None = None,
    should_stop: ShouldStop = never_stop,
) -> MovieEstimate:
    """Draw and write the first frame, and a few in the middle, and go on from there."""
    check_movie(config, probe)
    frames = open_frames(probe, config, cortex)
    middle = max(0, config.n_frames // 2 - SAMPLE // 2)
    chosen = range(middle, min(config.n_frames, middle + SAMPLE))
    started = time.perf_counter()
    few = list(_draw(frames.frame, chosen, should_stop))
    first = _write_few(few[:1], config, kind)
    again = time.perf_counter()
    some = _write_few(few, config, kind)
    done = time.perf_counter()
    a_frame = (some - first) / max(1, len(few) - 1)
    frame_seconds = (again - started - (done - again) / len(few) + done - again) / len(few)
    showings = max(1, config.loops) if kind is MovieFormat.MP4 else 1
    return MovieEstimate(round(first + a_frame * (config.n_frames * showings - 1)), frame_seconds * config.n_frames)


def measure(path: Path) -> int:
    """Bytes of a file or of everything in a folder."""
    parts = path.iterdir() if path.is_dir() else [path]
    return sum(part.stat().st_size for part in parts)


def write_bytes(n_bytes: int) -> str:
    """A size as people say it: "1.4 MB"."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:.0f} kB"


def _draw(draw: Callable[[int], ByteArray], chosen: range, should_stop: ShouldStop) -> Iterator[ByteArray]:
    for index in chosen:
        check_stop(should_stop)
        yield draw(index)


def _write_few(few: list[ByteArray], config: MovieConfig, kind: MovieFormat) -> int:
    with tempfile.TemporaryDirectory(prefix="probescope-movie-") as folder:
        path = Path(folder) / ("frames" if kind is MovieFormat.PNG else f"movie.{kind}")
        for _ in iter_write(few, config, path):
            pass
        return measure(path)
