"""Peak memory while a movie of 6 s at 1080p with three showings is written, as MP4 and as GIF. Never judges its looks.

Run with `python -m tests.benchmarks.bench_movie [--seconds N]`; each format is written by a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET_MB = 200
"""More than before the first frame; the 120 frames of one showing take 746 MB, as pixels."""

ENCODER_BUDGET_MB = 1000
"""Of the ffmpeg process: x264 looks 40 frames ahead, which takes as much for a movie of any length."""

FORMATS = ("mp4", "gif")


def make_movie(kind: str, seconds: float) -> None:
    """Write one movie and print the memory it took."""
    from core.figures.movie import iter_movie
    from core.figures.movie_config import MovieConfig
    from tests.benchmarks.peak_memory import peak_bytes
    from tests.helpers.probes import make_probe

    probe = make_probe(n_voxels=44, size=224)
    config = MovieConfig(fps=20, seconds=seconds, width=1920, height=1080, loops=3)
    with tempfile.TemporaryDirectory() as folder:
        records = iter_movie(probe, config, Path(folder) / f"film.{kind}")
        next(records)
        before, started = peak_bytes(), time.perf_counter()
        for _ in records:
            pass
        size = (Path(folder) / f"film.{kind}").stat().st_size / 1e6
    took, more = time.perf_counter() - started, (peak_bytes() - before) / 1e6
    encoder = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    print(f"{kind}: {more:.0f} MB more than before, ffmpeg {encoder:.0f} MB, {took:.0f} s, file of {size:.1f} MB")
    if more > BUDGET_MB or encoder > ENCODER_BUDGET_MB:
        raise SystemExit(1)


def main() -> int:
    """Both formats; 1 if one is over its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--only", choices=FORMATS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        make_movie(options.only, options.seconds)
        return 0
    command = [sys.executable, "-m", "tests.benchmarks.bench_movie", "--seconds", str(options.seconds)]
    return max(subprocess.run([*command, "--only", kind], check=False).returncode for kind in FORMATS)


if __name__ == "__main__":
    raise SystemExit(main())
