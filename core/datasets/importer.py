"""Imports a recording into a subject's folder, a session at a time, as a generator of progress. Never guesses a layout.

    look at the source (an importer gives a `Recording`) -> reserve the space -> for every session: read, standardise,
    average into the memory map -> leave out voxels that cannot be used -> noise ceiling -> header, voxels, summary

The folder appears whole at the end or not at all (`core.files.new_folder`); to cancel, stop iterating.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.image_files import find_ids
from core.datasets.image_store import check_pictures
from core.datasets.import_options import FEWEST, OWN, REFUSE, ImportOptions, check_new_subject, choose_held_out
from core.datasets.import_stats import ROWS_AT_ONCE, TrialSums, noise_ceiling
from core.datasets.recording import UNUSED, RecordedSession, Recording, VoxelPlan, leave_out, reading_source
from core.datasets.subject import MEANS_NAME
from core.datasets.subject_files import make_header, write_files
from core.datasets.summary import BIN_EDGES, SUMMARY_NAME, ImportSummary, gather_facts
from core.datasets.tables import read_table, refuse_codes, refuse_zeros
from core.device import MAY_BE_MEMORY, halve
from core.errors import BadInputError
from core.files import new_folder
from core.headers import write_json
from core.progress import Progress
from core.types import BoolArray, IntArray, VoxelTable
from core.words import count

LEAST_IMAGES = 4
"""Fewer cannot be both fitted on and held out."""
MOST_LEFT_OUT = 0.5
"""A trial that is left out costs every voxel, a voxel all its trials: of voxels outside of one session that is more."""
ZERO_BYTES = 8 * 2**20
NPY_HEADER = 4096


ImportProgress = Progress[ImportSummary]
"""`stage` is "reading" (`done` of `total` sessions), "writing" or "done"; `what` is the session, or the picture."""


def iter_import(recording: Recording, options: ImportOptions) -> Iterator[ImportProgress]:
    """Import a recording as the subject `options.subject`; nothing is kept before the last record.

    Raises BadInputError if the id is taken, a session does not have the trials its design says, or voxels are refused;
    StorageError if the source cannot be read (any more), or the disk is full.
    """
    target = check_new_subject(options.subject)
    recording = resolve_categories(recording, options.categories)
    check_recording(recording)
    if options.averaged or recording.averaged > 1:
        k = options.averaged or recording.averaged
        remark = f"Each row is the mean of {count(k, 'repeat')}, as stated."
        recording = replace(recording, averaged=k, remarks=(*recording.remarks, remark))
    held, total = choose_held_out(options, recording), len(recording.sessions)
    for done in check_pictures(recording.images):
        yield ImportProgress(0, total, stage="reading", what=f"picture {done:,}")
    with new_folder(target) as folder:
        yield ImportProgress(0, total, stage="reading")
        means = folder / MEANS_NAME
        sums, absent = yield from _iter_sums(recording, means)
        found = find_left_out(recording, sums, absent, options)
        if found:  # how often an image was shown must be known before its trials are averaged
            for why, trials in found.items():
                recording = leave_out(recording, trials, why=why)
            check_recording(recording)
            held = choose_held_out(options, recording)
            skipped = [np.logical_or.reduce(trials) for trials in zip(*found.values(), strict=True)]
            sums, _ = yield from _iter_sums(recording, means, skipped)
        yield ImportProgress(total, total, stage="writing")
        sums.finish_constant()
        summary = _finish(folder, recording, options, sums=sums, held=held)
    yield ImportProgress(total, total, 0.0, summary, "done")


def find_left_out(
    recording: Recording, sums: TrialSums, absent: list[IntArray], options: ImportOptions
) -> dict[str, list[BoolArray]]:
    """The trials to leave out of each session (n_trials,), by why: those without any value, and those that miss some.

    The latter where they are at most `MOST_LEFT_OUT` of the share that the voxels that miss some are of the voxels.
    `absent`: voxels without a value in each trial, by session.
    """
    n_voxels = len(sums.n_absent)
    blank = [counts == n_voxels for counts in absent]
    n_kept = sum(int((~one).sum()) for one in blank)
    nowhere = sums.n_absent == n_kept
    partly = int(((sums.n_absent > 0) & ~nowhere).sum())
    lacking = [(counts > nowhere.sum()) & ~one for counts, one in zip(absent, blank, strict=True)]
    n_lacking = sum(int(one.sum()) for one in lacking)
    given = zip(recording.sessions, blank, strict=True)
    found = {"Trials without a value in any voxel": [one & (session.images != UNUSED) for session, one in given]}
    if options.bad_voxels == FEWEST and n_lacking * (n_voxels - nowhere.sum()) <= MOST_LEFT_OUT * partly * n_kept:
        found[f"Trials that miss values, of {count(partly, 'voxel')} in all,"] = lacking
    return {why: trials for why, trials in found.items() if any(one.any() for one in trials)}


def _iter_sums(
    recording: Recording, means: Path, skipped: Sequence[BoolArray] = ()
) -> Generator[ImportProgress, None, tuple[TrialSums, list[IntArray]]]:
    """Read every session into its means; returns the sums, and how many voxels have no value in each trial.

    `skipped`: trials of each session that are not read into them.
    """
    total, started = len(recording.sessions), time.monotonic()
    reserve(means, (len(recording.image_ids), recording.voxels.n_voxels))
    sums = TrialSums(means, recording.n_trials, n_voxels=recording.voxels.n_voxels)
    every: list[IntArray] = []
    at_once = recording.voxels.n_voxels
    for done, session in enumerate(recording.sessions):
        absent, start = np.zeros(len(session.images), dtype=np.int64), 0
        left_out = skipped[done] if skipped else np.zeros(len(absent), dtype=bool)
        while start < recording.voxels.n_voxels:
            voxels = slice(start, min(start + at_once, recording.voxels.n_voxels))
            try:
                for share in _add_part(recording, session, (absent, left_out), voxels, sums=sums):
                    so_far = done + (start + share * (voxels.stop - start)) / recording.voxels.n_voxels
                    left = (time.monotonic() - started) / so_far * (total - so_far)
                    yield ImportProgress(so_far, total, left, stage="reading", what=session.name)
            except MAY_BE_MEMORY as error:
                at_once = halve(voxels.stop - start, error, what="voxel")
                continue
            start = voxels.stop
        every.append(absent)
    return sums, every


def _add_part(
    recording: Recording,
    session: RecordedSession,
    trials: tuple[IntArray, BoolArray],
    voxels: slice,
    *,
    sums: TrialSums,
) -> Iterator[float]:
    """Read some voxels of a session and add them, telling which part (0 to 1) is there; `trials`: absent, skipped."""
    absent, skipped = trials
    values = np.empty((len(absent), voxels.stop - voxels.start), dtype=np.float32)
    yield from fill_session(session, values, absent, voxels=voxels, n_voxels=recording.voxels.n_voxels)
    used = (absent < recording.voxels.n_voxels) & ~skipped
    kept = slice(None) if used.all() else used  # a slice copies nothing
    sums.add(session.images[kept], values[kept], voxels=voxels, zscore=recording.zscore)


def check_recording(recording: Recording) -> None:
    """Raise BadInputError if images repeat, are too few or never shown, or there are no voxels or sessions."""
    ids, n_trials = recording.image_ids, recording.n_trials
    twice = [identity for identity, times in Counter(ids).items() if times > 1]
    if twice:
        advice = "Every image needs an id of its own; repeats of one image share its row."
        raise refusal("images", allowed="without repeated ids", got=twice[0], advice=advice)
    if len(ids) < LEAST_IMAGES:
        raise refusal("images", allowed=f"at least {LEAST_IMAGES} images with responses", got=len(ids))
    if not n_trials.all():
        raise refusal("images", allowed="shown at least once", got=ids[int(np.flatnonzero(n_trials == 0)[0])])
    if not recording.voxels.n_voxels:
        advice = "Choose another mask or other ROIs."
        raise refusal("voxels", allowed="at least one voxel", got=0, advice=advice)


def fill_session(
    session: RecordedSession, values: npt.NDArray[np.float32], absent: IntArray, *, voxels: slice, n_voxels: int
) -> Iterator[float]:
    """Read some voxels of a session into values (n_trials, n_some), telling which part (0 to 1) is there.

    `absent` (n_trials,) becomes the number of voxels, among all, without a value.

    Raises BadInputError if it holds others than promised, and StorageError if it cannot be read (any more).
    """
    done = 0
    with reading_source(session.name):
        content = session.read()
        for block in [content] if isinstance(content, np.ndarray) else content:
            stop = done + len(block)
            if stop > len(values) or block.shape[1:] != (n_voxels,):
                raise _refuse_shape(session, n_voxels, (stop, *block.shape[1:]))
            refuse_codes(block, session.name)
            refuse_zeros(block, session.name)
            values[done:stop] = block[:, voxels]
            absent[done:stop] = np.isnan(block).sum(axis=1)
            done = stop
            yield done / len(values)
    if done != len(values):
        raise _refuse_shape(session, n_voxels, (done, n_voxels))


def _refuse_shape(session: RecordedSession, n_voxels: int, got: tuple[int, ...]) -> BadInputError:
    allowed = f"{len(session.images)} trials of {n_voxels:,} voxels in {session.name}"
    advice = "The file belongs to another design, or was cut short."
    return refusal("responses", allowed=allowed, got=got, advice=advice)


def reserve(file: Path, shape: tuple[int, int]) -> None:
    """Write a .npy of float32 zeros whose space is really taken: a map of a sparse file would crash on a full disk."""
    needed = shape[0] * shape[1] * 4 + NPY_HEADER
    if shutil.disk_usage(file.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    size = file.stat().st_size
    with file.open("r+b") as opened:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(opened.fileno(), 0, size)
        else:
            _fill_zeros(opened.fileno(), size, keep=size - shape[0] * shape[1] * 4)


def _fill_zeros(handle: int, size: int, *, keep: int) -> None:
    os.lseek(handle, keep, os.SEEK_SET)
    block = bytes(ZERO_BYTES)
    for start in range(keep, size, ZERO_BYTES):
        os.write(handle, block[: min(ZERO_BYTES, size - start)])


def _finish(
    folder: Path, recording: Recording, options: ImportOptions, *, sums: TrialSums, held: BoolArray
) -> ImportSummary:
    kept = ~(sums.missing | sums.constant)
    _check_kept(kept, sums, options)
    ncsnr, n_trials = recording.voxels.ncsnr, recording.n_trials * recording.averaged
    if ncsnr is None:  # of the rows themselves, means or not
        ncsnr, n_trials = sums.ncsnr(), recording.n_trials
    ceiling = recording.voxels.noise_ceiling
    if ceiling is None and ncsnr is not None:
        ceiling = noise_ceiling(ncsnr, n_trials, scored=held)
    if not kept.all():
        _keep_columns(folder / MEANS_NAME, kept)
    table = make_table(recording.voxels, kept, ceiling)
    write_files(folder, make_header(recording, options, table), table, held=held, n_trials=recording.n_trials)
    summary = _summarise(recording, options, table=table, held=held, known=ceiling is not None, sums=sums)
    write_json(folder / SUMMARY_NAME, summary.to_json())
    return summary


def _check_kept(kept: BoolArray, sums: TrialSums, options: ImportOptions) -> None:
    bad = int((~kept).sum())
    what = f"{int(sums.missing.sum()):,} voxels with missing values, {int(sums.constant.sum()):,} constant ones"
    if bad and options.bad_voxels == REFUSE:
        advice = "Use --bad-voxels drop to leave them out."
        raise refusal("voxels", allowed="finite and varying", got=what, advice=advice)
    if not kept.any():
        advice = "Check the mask and the files."
        raise refusal("voxels", allowed="some that vary", got=what, advice=advice)


def make_table(plan: VoxelPlan, kept: BoolArray, ceiling: npt.ArrayLike | None) -> VoxelTable:
    """The table of the kept voxels, renumbered; a noise ceiling that is unknown is NaN."""
    places = plan.places
    unknown = np.full(plan.n_voxels, np.nan)
    values = np.asarray(unknown if ceiling is None else ceiling, dtype=np.float32)
    return VoxelTable(places.hemisphere, places.vertex, plan.roi, values, places.paint).keep(kept)


def _keep_columns(file: Path, kept: BoolArray) -> None:
    """Write the means again without the columns that are left out."""
    old = np.load(file, mmap_mode="r")
    fresh = file.with_suffix(".kept")
    reserve(fresh, (len(old), int(kept.sum())))
    new = np.load(fresh, mmap_mode="r+")
    for start in range(0, len(old), ROWS_AT_ONCE):
        new[start : start + ROWS_AT_ONCE] = old[start : start + ROWS_AT_ONCE][:, kept]
    new.flush()
    del old, new
    fresh.replace(file)


def _summarise(
    recording: Recording, options: ImportOptions, *, table: VoxelTable, held: BoolArray, known: bool, sums: TrialSums
) -> ImportSummary:
    own = options.held_out == OWN and recording.held_out is not None and bool(recording.held_out.any())
    drawn = "a drawn share" if options.held_out_share() is not None else options.held_out
    rule = "a drawn share: the recording sets none aside" if options.held_out == OWN else drawn
    finite = table.noise_ceiling[np.isfinite(table.noise_ceiling)]
    kept = {
        "title": options.title or recording.title,
        "n_voxels": table.n_voxels,
        "rois": dict(Counter(table.roi)),
        "n_held_out": int(held.sum()),
        "held_out_rule": recording.held_out_name if own else rule,
    }
    return ImportSummary(
        **gather_facts(recording) | kept,
        subject=options.subject,
        noise_ceiling=tuple(np.histogram(table.noise_ceiling, bins=BIN_EDGES)[0].tolist()) if known else (),
        noise_ceiling_median=float(np.median(finite)) if known and finite.size else None,
        n_missing=int(sums.missing.sum()),
        n_constant=int(sums.constant.sum()),
        n_unplaced=int((table.vertex < 0).sum()),
    )


def resolve_categories(recording: Recording, file: Path | None) -> Recording:
    """The recording with the categories of a table; images it does not name keep their own.

    Raises BadInputError if the table lacks a column, or names none of the images.
    """
    if file is None:
        return recording
    rows = read_table(file, needs=("image", "category"))
    categories = list(recording.categories)
    places = find_ids(rows["image"], recording.image_ids)
    for found, category in zip(places, rows["category"], strict=True):
        for place in found:
            categories[place] = category
    if not any(places):
        got = f"{file.name}, which names none of them ({next(iter(rows['image']), 'empty')!r})"
        raise refusal("categories", allowed="a table of the images shown", got=got)
    return replace(recording, categories=tuple(categories))
