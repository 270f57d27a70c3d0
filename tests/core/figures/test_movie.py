"""Movies of made-up probes, read again by PyAV and Pillow, which did not write them."""

from __future__ import annotations

import contextlib
import errno
import json
import weakref
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.errors import BadInputError, Cancelled, StorageError
from core.figures.colour_key import ColourKey
from core.figures.movie import estimate_movie, iter_movie, measure
from core.figures.movie_config import MovieConfig, MovieFormat, MovieKind, find_format, parse_size
from core.figures.movie_file import iter_write
from core.figures.movie_frames import Shot, budgets_of_frames, open_frames, steps_of_frames
from core.figures.movie_page import fit
from core.figures.probe_page import CortexModel
from core.images.difference import amplify, choose_factor
from core.images.stimulus import to_uint8
from core.probes.against import Against
from core.probes.probe import Probe
from core.surfaces.colormap import find_colormap
from core.types import ByteArray, NormName
from tests.helpers.cortex_model import make_model
from tests.helpers.probes import make_probe, with_second

SMALL = MovieConfig(fps=10, seconds=2, hold=0.5, width=640, height=360)


def with_budgets(probe: Probe) -> Probe:
    """The probe with pixels of its budgets: the delivered perturbation scaled to each budget."""
    delta = probe.perturbed_pixels - probe.clean_pixels
    shares = probe.curve.epsilon / probe.curve.epsilon[-1]
    budgets = np.stack([probe.clean_pixels + np.float32(share) * delta for share in shares])
    return replace(probe, rung_pixels=budgets.astype(np.float32))


@pytest.fixture(scope="module")
def probe() -> Probe:
    return with_budgets(make_probe(n_voxels=44))


def make_movie(probe: Probe, config: MovieConfig, path: Path) -> None:
    for _ in iter_movie(probe, config, path):
        pass


def decode(path: Path) -> tuple[list[ByteArray], av.video.stream.VideoStream]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], stream


class PaintedCortex:
    """Stands in for a renderer: a plain colour that tells which step was asked for."""

    note = "dimmed: held-out r below 0.1"

    @property
    def key(self) -> ColourKey:
        return ColourKey(find_colormap("polar"), "Shift", "SD", 2.0)

    def draw(self, shot: Shot, size: tuple[int, int]) -> ByteArray:
        level = 0 if shot.step is None else 10 + 5 * (shot.step + 1)
        return np.full((size[1], size[0], 3), (level, 200, 100), dtype=np.uint8)

    def model(self) -> CortexModel:
        return make_model(self.key)

    def still(self, size: tuple[int, int]) -> ByteArray:
        return np.full((size[1], size[0], 4), 255, dtype=np.uint8)


def test_an_mp4_plays_everywhere_and_holds_every_frame(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "steps.mp4"
    make_movie(probe, SMALL, path)
    frames, stream = decode(path)
    assert len(frames) == 20
    assert frames[0].shape == (360, 640, 3)
    codec = stream.codec_context
    assert (codec.name, codec.pix_fmt, float(stream.average_rate)) == ("h264", "yuv420p", 10.0)
    assert int(codec.colorspace) == 1  # BT.709
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # the index first, so that a browser can start at once


def test_decoded_frames_show_what_was_drawn(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "steps.mp4"
    make_movie(probe, SMALL, path)
    frames, _ = decode(path)
    drawn = open_frames(probe, SMALL)
    for index in (0, 9, 19):
        error = np.abs(frames[index].astype(int) - drawn.frame(index))
        assert error.mean() < 3.0  # of 255: colour is stored at half resolution
        assert np.median(error) <= 1


def test_a_frame_holds_clean_iterate_and_amplified_difference(probe: Probe) -> None:
    frames = open_frames(probe, SMALL)
    frame = frames.frame(12)
    step = steps_of_frames(probe.history.n_steps, SMALL)[12]
    clean, iterate = to_uint8(probe.clean_pixels), probe.history.pixels[step]
    factor = choose_factor(255 * (probe.perturbed_pixels - probe.clean_pixels).transpose(1, 2, 0))
    expected = [clean, iterate, amplify(iterate.astype(np.float32) - clean, factor)]
    for picture in expected:
        assert holds(frame, fit(picture, (158, 158)))
    assert not holds(frame, fit(probe.history.pixels[0], (158, 158)))


def holds(frame: ByteArray, picture: ByteArray) -> bool:
    """Whether a picture stands somewhere in a frame, pixel for pixel."""
    height, width = picture.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(frame[:, :, 0], width, axis=1)
    starts = np.argwhere((windows[: frame.shape[0] - height + 1] == picture[0, :, 0]).all(axis=2))
    return any(np.array_equal(frame[row : row + height, at : at + width], picture) for row, at in starts)


def test_the_curve_grows_and_never_shrinks(probe: Probe) -> None:
    frames = open_frames(probe, replace(SMALL, theme="dark"))
    drawn = [np.count_nonzero(is_line(frames.frame(index)[210:])) for index in range(0, 16, 3)]
    assert all(after > before for before, after in pairwise(drawn))


def is_line(frame: ByteArray) -> np.ndarray:
    """Where the colour of the line of an attack that raises is, (height, width)."""
    return np.abs(frame.astype(int) - (0xF0, 0x79, 0x5B)).sum(axis=2) < 60


def test_the_first_frame_is_clean_and_every_step_comes_in_order() -> None:
    steps = steps_of_frames(7, replace(SMALL, fps=20))
    assert steps[0] == -1
    assert sorted(set(steps)) == list(range(-1, 7))
    assert steps == sorted(steps)
    assert steps[-10:] == [6] * 10  # half a second at 20 frames a second stands still


def test_time_runs_in_log_epsilon() -> None:
    config = MovieConfig(kind="epsilon", fps=10, seconds=5, hold=1)
    budgets = budgets_of_frames(np.array([0.5, 1.0, 4.0]), config)
    times = [budgets.count(number) for number in range(3)]
    # 40 frames cover three octaves: one to the second budget, two to the third; the last then holds ten frames.
    assert times == [13, 26, 11]


def test_an_epsilon_sweep_shows_the_delivered_pixels_of_each_rung(probe: Probe) -> None:
    config = replace(SMALL, kind="epsilon")
    frames = open_frames(probe, config)
    for index, number in enumerate(budgets_of_frames(probe.curve.epsilon, config)):
        if index % 6 == 0:
            assert holds(frames.frame(index), fit(to_uint8(probe.rung_pixels[number]), (158, 158)))


def test_a_gif_loops_for_ever_and_lasts_as_long_as_asked(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "steps.gif"
    make_movie(probe, replace(SMALL, fps=15), path)
    with Image.open(path) as gif:
        assert gif.size == (640, 360)
        assert gif.info["loop"] == 0
        assert "imulated" in gif.info["comment"].decode()
        length = 0
        for index in range(gif.n_frames):
            gif.seek(index)
            length += gif.info["duration"]
        assert length == 2000
        last = np.asarray(gif.convert("RGB"))
    error = np.abs(last.astype(int) - open_frames(probe, SMALL).frame(19))
    assert error.mean() < 6  # 256 colours for three photographs
    with av.open(str(path)) as other:
        assert sum(1 for _ in other.decode(video=0)) > 10


def test_the_loops_of_a_gif_are_the_showings_asked_for(probe: Probe, tmp_path: Path) -> None:
    for loops, stored in ((1, None), (3, 2)):
        path = tmp_path / f"{loops}.gif"
        make_movie(probe, replace(SMALL, loops=loops, seconds=1), path)
        with Image.open(path) as gif:
            assert gif.info.get("loop") == stored


def test_an_mp4_holds_as_many_showings_as_asked(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "thrice.mp4"
    make_movie(probe, replace(SMALL, loops=3, seconds=1), path)
    frames, _ = decode(path)
    assert len(frames) == 30
    assert np.abs(frames[0].astype(int) - frames[20]).mean() < 1.5


@pytest.mark.parametrize("fps", [7.0, 12.5, 24.0, 30.0, 50.0])
def test_the_delays_of_a_gif_add_up(fps: float, tmp_path: Path) -> None:
    path = tmp_path / "delays.gif"
    n_frames = int(2 * fps)
    list(iter_write(counted(n_frames, Alive()), replace(SMALL, fps=fps), path))
    with Image.open(path) as gif:
        assert gif.n_frames == n_frames
        delays = []
        for index in range(n_frames):
            gif.seek(index)
            delays.append(gif.info["duration"])
    assert sum(delays) == pytest.approx(1000 * n_frames / fps, abs=5)
    assert max(delays) - min(delays) <= 10


class Alive:
    """How many frames are alive at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def watch(self, frame: ByteArray) -> ByteArray:
        self.now += 1
        self.most = max(self.most, self.now)
        weakref.finalize(frame, self.lose)
        return frame

    def lose(self) -> None:
        self.now -= 1


def counted(n_frames: int, alive: Alive) -> Iterator[ByteArray]:
    """Frames that all differ, each watched."""
    for index in range(n_frames):
        frame = np.zeros((360, 640, 3), dtype=np.uint8)
        frame[:, 5 * index : 5 * index + 40] = (250, 2 * index, 100)
        yield alive.watch(frame)


@pytest.mark.parametrize("name", ["film.mp4", "film.gif", "frames"])
def test_frames_are_streamed_and_never_collected(name: str, tmp_path: Path) -> None:
    alive = Alive()
    list(iter_write(counted(40, alive), replace(SMALL, loops=3), tmp_path / name))
    assert alive.most <= 3


def test_showings_follow_each_other_at_one_pace(tmp_path: Path) -> None:
    path = tmp_path / "thrice.mp4"
    list(iter_write(counted(20, Alive()), replace(SMALL, loops=3), path))
    with av.open(str(path)) as container:
        times = [float(frame.time) for frame in container.decode(video=0) if frame.time is not None]
    np.testing.assert_allclose(np.diff(times), 0.1, atol=1e-3)
    assert len(times) == 60


def test_a_folder_holds_every_frame_as_it_was_drawn(probe: Probe, tmp_path: Path) -> None:
    folder = tmp_path / "frames-l2-0.75"
    config = replace(SMALL, seconds=1)
    make_movie(probe, config, folder)
    names = sorted(path.name for path in folder.glob("*.png"))
    assert names == [f"frame_{number:05d}.png" for number in range(1, 11)]
    with Image.open(folder / names[4]) as picture:
        assert np.array_equal(np.asarray(picture), open_frames(probe, config).frame(4))
    about = json.loads((folder / "movie.json").read_text(encoding="utf-8"))
    assert (about["frames"], about["fps"]) == (10, 10)
    assert "simulated" in about["note"]


def test_the_same_probe_gives_the_same_file(probe: Probe, tmp_path: Path) -> None:
    for name in ("a.mp4", "a.gif"):
        for folder in ("one", "two"):
            make_movie(probe, replace(SMALL, seconds=1), tmp_path / folder / name)
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_cortex_follows_the_steps(probe: Probe) -> None:
    config = replace(SMALL, with_cortex=True)
    frames = open_frames(probe, config, PaintedCortex())
    steps = steps_of_frames(probe.history.n_steps, config)
    for index in (0, 7, 19):
        colour = (10 + 5 * (steps[index] + 1), 200, 100)
        assert np.count_nonzero((frames.frame(index) == colour).all(axis=2)) > 10_000


def test_a_movie_of_the_cortex_needs_something_that_draws_it(probe: Probe) -> None:
    with pytest.raises(BadInputError, match="nothing that draws it here"):
        open_frames(probe, MovieConfig(kind="cortex"))


def test_an_estimate_is_near_what_is_written(probe: Probe, tmp_path: Path) -> None:
    for kind in (MovieFormat.MP4, MovieFormat.PNG):
        path = tmp_path / ("frames" if kind is MovieFormat.PNG else f"film.{kind}")
        estimate = estimate_movie(probe, SMALL, kind)
        make_movie(probe, SMALL, path)
        assert 0.4 < estimate.n_bytes / measure(path) < 2.5
        assert estimate.seconds > 0


def test_cancelling_leaves_nothing_behind(probe: Probe, tmp_path: Path) -> None:
    asked = []

    def stop_at_the_fifth() -> bool:
        asked.append(1)
        return len(asked) > 5

    for name in ("film.mp4", "film.gif", "frames"):
        asked.clear()
        with pytest.raises(Cancelled):
            for _ in iter_movie(probe, SMALL, tmp_path / name, should_stop=stop_at_the_fifth):
                pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["film.mp4", "film.gif"])
def test_what_follows_the_last_frame_can_be_stopped(probe: Probe, tmp_path: Path, name: str) -> None:
    seen: list[int] = []
    with pytest.raises(Cancelled):
        for progress in iter_movie(
            probe, replace(SMALL, loops=3), tmp_path / name, should_stop=lambda: len(seen) >= SMALL.n_frames
        ):
            seen.append(progress.done)
    assert seen[-1] == SMALL.n_frames
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["film.mp4", "film.gif"])
def test_an_encoder_that_fails_leaves_the_older_movie(
    probe: Probe, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\necho warming up >&2\necho 'No space left on device' >&2\nexit 1\n")
    script.chmod(0o700)
    path = tmp_path / "movies" / name
    path.parent.mkdir()
    path.write_bytes(b"older")
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(script))
    with pytest.raises(StorageError, match=r"cannot be written: No space left on device\. Free some space"):
        list(iter_movie(probe, replace(SMALL, loops=3), path))
    assert path.read_bytes() == b"older"
    assert list(path.parent.iterdir()) == [path]


def test_a_movie_that_is_given_up_leaves_nothing_behind(probe: Probe, tmp_path: Path) -> None:
    for name in ("film.mp4", "film.gif", "frames"):
        records = iter_movie(probe, SMALL, tmp_path / name)
        next(records)
        records.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_frames_that_fail_leave_the_older_movie(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"older")

    def fail() -> Iterator[ByteArray]:
        yield np.zeros((360, 640, 3), dtype=np.uint8)
        raise BadInputError("no more")

    with pytest.raises(BadInputError, match="no more"):
        list(iter_write(fail(), SMALL, path))
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_half_way_is_told_and_leaves_nothing(
    probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(*_: object, **__: object) -> Iterator[None]:
        for _count in range(4):
            yield
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("imageio_ffmpeg.write_frames", fill_up)
    with pytest.raises(StorageError, match="No space is left"):
        make_movie(probe, SMALL, tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_mp4_that_lost_frames_is_no_movie(probe: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio_ffmpeg

    write = imageio_ffmpeg.write_frames

    def lose_most(*args: object, **options: object) -> Iterator[None]:
        whole = write(*args, **options)
        whole.send(None)
        for count in range(20):
            frame = yield
            if count < 3:
                whole.send(frame)
        yield
        whole.close()

    monkeypatch.setattr(imageio_ffmpeg, "write_frames", lambda *args, **options: closing(lose_most(*args, **options)))
    with pytest.raises(StorageError, match="Only 3 of 20 frames"):
        make_movie(probe, SMALL, tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


class closing:  # noqa: N801 - stands for the generator it closes
    """A generator of frames whose end is reached before it is closed, as ffmpeg's is."""

    def __init__(self, frames: Iterator[None]) -> None:
        self._frames = frames

    def send(self, frame: object) -> None:
        self._frames.send(frame)  # type: ignore[attr-defined]

    def close(self) -> None:
        with contextlib.suppress(StopIteration):
            next(self._frames)


def test_a_full_folder_is_refused_before_anything_is_drawn(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInputError, match="nothing is overwritten"):
        make_movie(probe, SMALL, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 641}, "even numbers of pixels"),
        ({"height": 100}, "even numbers of pixels"),
        ({"fps": 0}, "`fps` must be a finite number above 0"),
        ({"fps": 200}, r"`fps` must be in \[0, 60\]"),
        ({"hold": 2.0}, "shorter than the movie's 2 s"),
        ({"kind": "spin"}, "one of steps, epsilon, cortex"),
        ({"kind": "epsilon", "with_cortex": True}, "render its steps"),
        ({"loops": -1}, "`loops` must be a whole number"),
        ({"theme": "pink"}, "one of light, dark"),
    ],
)
def test_a_movie_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        replace(SMALL, **change)


def test_a_probe_without_its_rungs_cannot_show_them(probe: Probe, tmp_path: Path) -> None:
    bare = replace(probe, rung_pixels=np.zeros((0, 3, 1, 1), dtype=np.float32))
    with pytest.raises(BadInputError, match="render its steps"):
        make_movie(bare, replace(SMALL, kind="epsilon"), tmp_path / "film.mp4")


def test_endings_decide_what_is_written() -> None:
    assert find_format(Path("a.MP4")) is MovieFormat.MP4
    assert find_format(Path("probe-l2-0.75")) is MovieFormat.PNG
    with pytest.raises(BadInputError, match="MP4"):
        find_format(Path("a.mov"))


def test_sizes_are_read_as_people_write_them() -> None:
    assert parse_size("1280x720") == (1280, 720)
    with pytest.raises(BadInputError, match="WIDTHxHEIGHT"):
        parse_size("large")


def test_budgets_in_linf_are_written_in_grey_levels() -> None:
    probe = with_budgets(make_probe(n_voxels=44, norm=NormName.LINF, epsilon=8 / 255))
    frames = open_frames(probe, replace(SMALL, kind="epsilon"))
    frames.frame(10)
    assert frames._caption.get_text().startswith("L∞ ε")  # type: ignore[attr-defined]
    assert "/255" in frames._caption.get_text()  # type: ignore[attr-defined]


def test_both_encoders_of_a_pair_grow_in_a_movie() -> None:
    made = make_probe(n_voxels=44)
    pair = with_second(replace(made, config=replace(made.config, against=Against("alexnet", "features.11"))))
    for kind in (MovieKind.STEPS, MovieKind.EPSILON):
        frames = open_frames(with_budgets(pair), replace(SMALL, kind=kind, with_cortex=False))
        frames.frame(8)
        lines = {line.get_label(): line.get_ydata() for line, *_ in frames._lines}  # type: ignore[attr-defined]
        shown = pair.history.second_shift_sd if kind is MovieKind.STEPS else pair.second.shift / pair.second.target_sd
        n_shown = len(lines["alexnet"])
        assert 0 < n_shown < len(shown) and n_shown == len(lines["mobilenet_v2"])
        np.testing.assert_allclose(lines["alexnet"], shown[:n_shown])
        assert " / " in frames._describe(2)  # type: ignore[attr-defined]
