"""The `report`, `reproduce` and `rebuild` commands: what was saved, on a page or made again. Never changes it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from core.commands.options import Device, ProbeFile, about, explained
from core.commands.output import finish
from core.engine import Engine
from core.files import check_free

DIFFERS = 1
CODES = "Exit codes: 0 identical bit for bit, 1 not identical, 2 bad input."


def run_report(
    *folders: Annotated[Path, about("folders of finished analyses", metavar="DIR", required=True)],
    out: Annotated[Path | None, about("the page (default: report.html in the first folder)")] = None,
) -> int:
    """Write the page; returns 0. Raises ProbeError with one clear sentence otherwise."""
    from core.reports.analysis_package import write_report

    print(write_report(folders, out))
    return 0


@explained(CODES)
def run_reproduce(probe: ProbeFile, /, *, device: Device = "auto") -> int:
    """Reproduce and compare; returns 0 if every number came out bit for bit, else 1."""
    from core.probes.files import load_probe
    from core.probes.reproduce import iter_reproduce

    saved = load_probe(probe)
    engine = Engine(device=device)
    encoder, *others = engine.open_probed(saved.config)
    result = finish(lambda stop: iter_reproduce(encoder, saved, should_stop=stop, others=tuple(others)))
    print(result.describe())
    return 0 if result.identical else DIFFERS


@explained(CODES)
def run_rebuild(
    manifest: Annotated[Path, about("manifest.json of a set; no other file of it is read")],
    /,
    *,
    out: Annotated[Path | None, about("keep the rebuilt set in this new folder; without it only compare")] = None,
    images: Annotated[tuple[Path, ...], about("files or folders with images that moved", consume_multiple=True)] = (),
    encoder: Annotated[tuple[Path, ...], about("encoder files outside the library", consume_multiple=True)] = (),
    device: Device = "auto",
) -> int:
    """Rebuild a set and compare; returns 0 if every bit is the same, else 1."""
    from core.device import set_threads
    from core.stimuli.manifest import read_rows
    from core.stimuli.rebuild import compare_sets, find_threads, iter_rebuild

    old = read_rows(manifest)
    engine = Engine(device=device)
    for file in encoder:
        engine.use_encoder_file(file)
    engine.warm_up()
    threads = find_threads(old)
    if threads is not None:
        set_threads(threads)
    with tempfile.TemporaryDirectory(prefix="probescope-rebuilt-") as work:
        folder = out if out is not None else Path(work) / "set"
        check_free(folder.expanduser())
        made = finish(lambda stop: iter_rebuild(engine, old, folder, images=images, should_stop=stop))
        result = compare_sets(old, made)
    print(result.describe())
    return 0 if result.identical else DIFFERS
