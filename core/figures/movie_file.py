"""Writes frames as MP4, GIF or a folder of PNG files, whole or not at all. Never draws a frame.

MP4 is H.264, yuv420p, BT.709, with its index first: browsers, PowerPoint and Keynote play it. It is encoded by the
ffmpeg that the package imageio-ffmpeg brings, in a process of its own. Nothing in a file depends on when it was made.
"""

from __future__ import annotations

import io
import json
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from core.checks import describe_refusal
from core.errors import BadInputError, StorageError
from core.figures.movie_config import MovieConfig, MovieFormat, find_format
from core.files import check_free, new_file, new_folder
from core.types import ByteArray

QUALITY = 17
"""x264's constant rate factor: at 18 and below an eye sees no loss; the difference image is nearly noise."""

SECONDS_A_KEY = 2.0
"""A player finds its place at key frames."""

PALETTE_FRAMES = 8
"""Frames, spread over the movie, that the one palette of a GIF is made from; one palette keeps still parts still."""

COLOURS = 256
Encoder = Generator[None, ByteArray | None, None]
FRAME_NAME = "frame_{:05d}.png"


def iter_write(frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, note: str = "") -> Iterator[int]:
    """Write a movie; yields the number of frames taken so far after each.

    A generator that is closed, or frames that raise, leave nothing behind.

    Parameters
    ----------
    frames : iterable of (height, width, 3) uint8
        One showing, of the config's size.
    config : MovieConfig
    path : Path
        NAME.mp4, NAME.gif, or a folder that is new or empty.
    note : str
        What the movie shows; kept in the file as its comment.

    Raises
    ------
    BadInputError
        If the ending is not known, or the folder holds something.
    StorageError
        If it cannot be written.
    """
    kind = find_format(path)
    if kind is MovieFormat.PNG:
        yield from _write_pictures(frames, config, path, note=note)
        return
    if path.is_dir():
        raise BadInputError(describe_refusal("out", allowed="a file", got=str(path), advice="A folder has that name."))
    write = _write_mp4 if kind is MovieFormat.MP4 else _write_gif
    with new_file(path) as partial:
        yield from write(frames, config, partial, note=note)


def check_place(path: Path) -> MovieFormat:
    """The format of a path, before any work; raises BadInputError where it could not be written."""
    kind = find_format(path)
    if kind is MovieFormat.PNG:
        check_free(path)
    return kind


def gif_delays(n_frames: int, fps: float) -> list[int]:
    """Hundredths of a second each frame shows: whole numbers, as GIF wants, that add up to the right length."""
    ends = np.rint(100 * np.arange(n_frames + 1) / fps).astype(int)
    return [max(2, int(delay)) for delay in np.diff(ends)]


def _write_mp4(frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, note: str) -> Iterator[int]:
    kept: list[ByteArray] = []
    count = 0
    encoder = _open_encoder(config, path, note)
    try:
        encoder.send(None)
        for count, frame in enumerate(frames, start=1):
            encoder.send(np.ascontiguousarray(frame))
            if config.loops > 1:
                kept.append(frame)
            yield count
        for frame in kept * (config.loops - 1):
            encoder.send(np.ascontiguousarray(frame))
    finally:
        encoder.close()
    _check_whole(path, count + len(kept) * (config.loops - 1))


def _check_whole(path: Path, n_frames: int) -> None:
    """Count the frames that arrived: ffmpeg says nothing of a disk that is full when it writes the last of them."""
    import imageio_ffmpeg

    try:
        found = int(imageio_ffmpeg.count_frames_and_secs(str(path))[0])
    except RuntimeError:
        found = 0
    if found != n_frames:
        raise StorageError(
            f"Only {found} of {n_frames} frames reached {path.parent}. Free some space or choose another folder."
        )


def _open_encoder(config: MovieConfig, path: Path, note: str) -> Encoder:
    import imageio_ffmpeg

    colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
    plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-metadata", f"comment={note}"]
    options: list[str] = [
        *("-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"),
        *("-crf", str(QUALITY), "-preset", "medium", "-profile:v", "high"),
        *("-g", str(max(1, round(SECONDS_A_KEY * config.fps))), *colours, *plain),
        *("-movflags", "+faststart", "-f", "mp4"),
    ]
    encoder: Encoder = imageio_ffmpeg.write_frames(
        str(path),
        config.size,
        fps=config.fps,
        codec="libx264",
        quality=None,
        macro_block_size=2,
        pix_fmt_in="rgb24",
        pix_fmt_out="yuv420p",
        ffmpeg_log_level="error",
        output_params=options,
    )
    return encoder


def _write_gif(frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, note: str) -> Iterator[int]:
    """Keep the frames packed until the palette is known; a frame that repeats is stored once and shown longer."""
    packed: list[bytes] = []
    owners: list[int] = []
    before: ByteArray | None = None
    for frame in frames:
        if before is None or not np.array_equal(frame, before):
            packed.append(_pack(frame))
            before = frame
        owners.append(len(packed) - 1)
        yield len(owners)
    palette = _make_palette(packed)
    shown: list[Image.Image] = []
    for one in packed:
        shown.append(_unpack(one).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG))
        yield len(owners)
    delays = np.bincount(owners, weights=gif_delays(len(owners), config.fps))
    loops: dict[str, int] = {} if config.loops == 1 else {"loop": max(0, config.loops - 1)}
    shown[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=shown[1:],
        duration=[10 * int(delay) for delay in delays],
        disposal=1,
        comment=note.encode("ascii", "replace"),
        **loops,
    )


def _pack(frame: ByteArray) -> bytes:
    """A frame as PNG, quickly: a third of its size."""
    kept = io.BytesIO()
    Image.fromarray(frame).save(kept, format="PNG", compress_level=1)
    return kept.getvalue()


def _unpack(packed: bytes) -> Image.Image:
    return Image.open(io.BytesIO(packed))


def _make_palette(packed: list[bytes]) -> Image.Image:
    """The best colours of a few frames together."""
    chosen = np.unique(np.linspace(0, len(packed) - 1, PALETTE_FRAMES).round()).astype(int)
    strip = np.concatenate([np.asarray(_unpack(packed[at])) for at in chosen])
    return Image.fromarray(strip).quantize(COLOURS, method=Image.Quantize.MEDIANCUT)


def _write_pictures(frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, note: str) -> Iterator[int]:
    with new_folder(path) as partial:
        count = 0
        for count, frame in enumerate(frames, start=1):
            Image.fromarray(frame).save(partial / FRAME_NAME.format(count), format="PNG")
            yield count
        about = {"frames": count, "fps": config.fps, "width": config.width, "height": config.height, "note": note}
        (partial / "movie.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
