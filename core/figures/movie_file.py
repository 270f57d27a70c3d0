"""Writes frames as MP4, GIF or a folder of PNG files, whole or not at all. Frames are streamed, never collected.

MP4 is H.264, yuv420p, BT.709, with its index first: browsers, PowerPoint and Keynote play it. It is encoded by the
ffmpeg that the package imageio-ffmpeg brings, in a process of its own; a GIF too, from a lossless video that is written
first, since its one palette is known only at the end. Nothing in a file depends on when it was made.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import StorageError
from core.figures.movie_config import MovieConfig, MovieFormat, find_format
from core.files import check_file, check_free, name_partial, new_file, new_folder
from core.headers import write_json
from core.types import ByteArray

QUALITY = 17
"""x264's constant rate factor: at 18 and below an eye sees no loss; the difference image is nearly noise."""

SECONDS_A_KEY = 2.0
"""A player finds its place at key frames."""

MOST_GIF_FPS = 50.0
"""Browsers show a frame that asks for less than 0.02 s far longer; above this, frames are left out."""

POLL_SECONDS = 0.05
FRAME_NAME = "frame_{:05d}.png"
PLAIN = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact")
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")


def iter_write(frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, note: str = "") -> Iterator[int]:
    """Write a movie; yields the number of frames taken so far after each.

    A generator that is closed, or frames that raise, leave nothing behind.

    Parameters
    ----------
    frames : iterable of (height, width, 3) uint8. One showing, of the config's size.
    path : NAME.mp4, NAME.gif, or a folder that is new or empty.
    note : What the movie shows; kept in the file as its comment.

    Raises BadInputError if the ending is not known, or the folder holds something; StorageError if it cannot be
    written.
    """
    kind = find_format(path)
    if kind is MovieFormat.PNG:
        yield from _write_pictures(frames, config, path, note=note)
        return
    write = _write_mp4 if kind is MovieFormat.MP4 else _write_gif
    last = name_partial(Path("movie")).name.removeprefix(".movie")
    with new_file(path) as partial, tempfile.TemporaryDirectory(last, ".movie.", path.parent) as spare:
        yield from write(frames, config, partial, spare=Path(spare), note=note)


def check_place(path: Path) -> MovieFormat:
    """The format of a path, before any work; raises BadInputError or StorageError where it could not be written."""
    kind = find_format(path)
    (check_free if kind is MovieFormat.PNG else check_file)(path)
    return kind


def _write_mp4(
    frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, spare: Path, note: str
) -> Iterator[int]:
    once, showings = spare / "once", max(1, config.loops)
    to_mp4 = (*PLAIN, "-metadata", f"comment={note}", "-movflags", "+faststart", "-f", "mp4")
    options = (
        *("-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"),
        *("-pix_fmt", "yuv420p", "-crf", str(QUALITY), "-preset", "medium", "-profile:v", "high"),
        *("-g", str(max(1, round(SECONDS_A_KEY * config.fps))), *BT709, *to_mp4),
    )
    count = yield from _encode(frames, config, path if showings == 1 else once, "libx264", options)
    if showings > 1:
        yield from _run(count, "-stream_loop", str(showings - 1), "-i", str(once), "-c", "copy", *to_mp4, str(path))
    _check_whole(path, count * showings)


def _write_gif(
    frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, spare: Path, note: str
) -> Iterator[int]:
    lossless = ("-pix_fmt", "bgr0", "-qp", "0", "-preset", "ultrafast", "-f", "matroska")
    once, colours = spare / "once", spare / "colours"
    count = yield from _encode(frames, config, once, "libx264rgb", lossless)
    rate = f"fps={min(config.fps, MOST_GIF_FPS):g}"
    yield from _run(count, "-i", str(once), "-vf", "palettegen", "-f", "apng", "-plays", "0", str(colours))
    use = f"[0]{rate}[v];[v][1]paletteuse=dither=floyd_steinberg:diff_mode=rectangle"
    loop = ("-loop", str({0: 0, 1: -1}.get(config.loops, config.loops - 1)))  # of ffmpeg: -1 shows it once
    both = ("-i", str(once), "-i", str(colours))
    yield from _run(count, *both, "-lavfi", use, *PLAIN, *loop, "-f", "gif", str(path))
    _add_comment(path, note)


def _encode(
    frames: Iterable[ByteArray], config: MovieConfig, path: Path, codec: str, options: tuple[str, ...]
) -> Generator[int, None, int]:
    """Stream frames into a video; yields and returns how many."""
    import imageio_ffmpeg

    encoder: Generator[None, ByteArray | None, None] = imageio_ffmpeg.write_frames(
        str(path),
        config.size,
        fps=config.fps,
        codec=codec,
        quality=None,
        macro_block_size=2,
        pix_fmt_in="rgb24",
        pix_fmt_out=options[options.index("-pix_fmt") + 1],
        ffmpeg_log_level="error",
        output_params=list(options),
    )
    count = 0
    try:
        encoder.send(None)
        for count, frame in enumerate(frames, start=1):
            encoder.send(np.ascontiguousarray(frame))
            yield count
    finally:
        encoder.close()
    return count


def _run(count: int, *options: str) -> Iterator[int]:
    """Run ffmpeg on what is written; yields `count` while it works, so that it can be stopped."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *options]
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    with tempfile.TemporaryFile() as said:
        # A group of its own: Ctrl-C in a terminal is for us to pass on.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=said, creationflags=no_window, process_group=0
        )
        try:
            while process.poll() is None:
                yield count
                time.sleep(POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            said.seek(0)
            why = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(why or f"ffmpeg ended with {process.returncode}")


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


def _add_comment(path: Path, note: str) -> None:
    """Put a comment before the first picture of a GIF, in blocks of at most 255 letters."""
    content, text = path.read_bytes(), note.encode("ascii", "replace")
    blocks = b"".join(bytes([len(part)]) + part for part in (text[at : at + 255] for at in range(0, len(text), 255)))
    flags = content[10]
    start = 13 + (3 << (1 + (flags & 7)) if flags & 0x80 else 0)  # behind the header and its palette
    path.write_bytes(content[:start] + b"\x21\xfe" + blocks + b"\x00" + content[start:])


def _write_pictures(frames: Iterable[ByteArray], config: MovieConfig, path: Path, *, note: str) -> Iterator[int]:
    with new_folder(path) as partial:
        count = 0
        for count, frame in enumerate(frames, start=1):
            Image.fromarray(frame).save(partial / FRAME_NAME.format(count), format="PNG")
            yield count
        about = {"frames": count, "fps": config.fps, "width": config.width, "height": config.height, "note": note}
        write_json(partial / "movie.json", about)
