"""The `synthesise` and `rank` commands: images from scratch, and the best and worst natural ones, of one target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from core.checks import check_choice, check_count, refusal
from core.commands.options import Device, Given, Json, about, explained, takes
from core.commands.output import answer, finish, format_table, split
from core.commands.probe import EncoderOptions, resolve_encoder
from core.commands.probe_options import TargetOptions, check_one_target, resolve_target
from core.datasets.subject import Subject, load_subject
from core.engine import Engine
from core.files import check_free, is_there, replace_file
from core.headers import plain, write_json
from core.probes.synthesis_config import SynthesisConfig
from core.probes.target import Target
from core.stimuli.as_is import list_library, list_natural, name_target, sum_up, write_synthesis
from core.words import count

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.probes.natural import NaturalImages

BY = ("predicted", "measured")
SHOWN = 10
RANK_EXPLAINED = """\
Images: ids, files or folders, comma-separated; "test:8" draws 8 held-out ones. Without them: all that the subject saw.
Measured is the mean over repeats, in the unit of the recording; images the encoder was fitted on are marked, as their
predictions are no forecast. --json prints {"target", "encoder", "unit", "by", "n_images", "images": [{"rank", "image",
"predicted", "predicted_sd", "measured", "fitted"}]}, best first, all of them. --by-category prints {"target",
"encoder", "unit", "n_images", "preferred", "categories": [{"category", "n_images", "n_held_out", "response", "low",
"high", "sd", "response_sd", "held_out"}], "rois": [{"roi", "n_voxels", "r", "contrast", "low", "high"}]}: means over
images with 95 % intervals (t); r of the predicted responses of target and ROI over all images; the contrast is the
target's z less the ROI's, z over all images, for the images of the preferred category."""
SYNTHESIS_EXPLAINED = """\
Images are made from scratch, without a start image and a budget: they are no perturbations. Their responses are of the
saved 8-bit files, in SDs from the mean of the clean reference images. One that passes the best natural image (--images
as in `rank`) is called a super-stimulus. --json prints {"target", "encoder", "direction", "unit", "config", "images":
[{"file", "response", "response_sd", "super_stimulus"}], "spread", "spread_sd", "natural": {"n_images", "best",
"response", "response_sd"}, "folder"}; the folder's synthesis.json holds the same, with hashes and versions, and the
images for `stimuli make --items`."""
"""What the two commands answer."""


@explained(RANK_EXPLAINED)
@takes((EncoderOptions, ""), (TargetOptions, "voxel roi weights contrast_roi contrast_weight"))
def run_rank(
    *,
    images: Annotated[str, about("which images are ranked (default: all that the subject saw)")] = "",
    by: Annotated[str, about("predicted or measured")] = BY[0],
    top: Annotated[int, about("best and worst images told")] = SHOWN,
    by_category: Annotated[
        bool, about("the target's fingerprint: its response by image category, and beside every ROI")
    ] = False,
    out: Annotated[Path | None, about("CSV file of all of them, or of the categories")] = None,
    items: Annotated[Path | None, about("new file of the images told, for `stimuli make --items`")] = None,
    seed: Annotated[int, about("of the draw of test:N")] = 0,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Rank; returns 0."""
    check_choice("by", by, BY)
    check_count("top", top)
    for name, file in (("out", out), ("items", items)):
        if file is not None and is_there(file):
            raise refusal(name, allowed="a new file", got=str(file), advice="Nothing is overwritten.")
    encoder, subject, target = _open(given, device)
    chosen = list_library(subject, split(images), seed=seed)
    if by_category:
        return _report_fingerprint(encoder, subject, target, chosen, out, as_json=json)
    found = _rank(encoder, subject, target, chosen)
    order = found.order(by)
    rows = [
        {
            "rank": rank,
            "image": found.images[row],
            "predicted": float(found.predicted[row]),
            "predicted_sd": float(found.predicted_sd[row]),
            "measured": float(found.measured[row]),
            "fitted": bool(found.fitted[row]),
        }
        for rank, row in enumerate(order, start=1)
    ]
    _write_rows(out, rows)
    told = order if len(order) <= 2 * top else [*order[:top], *order[-top:]]
    if items is not None:
        write_json(items, {"items": [one.packed for one, _ in list_natural(encoder.card, target, found, told)]})
    packed = plain(name_target(encoder.card, target, found.unit) | {"by": by, "n_images": len(rows), "images": rows})
    head = f"{target.label} · {encoder.card.config.describe()} · {len(rows)} images by {by} response ({found.unit})"
    return answer(packed, f"{head}\n{format_table([rows[order.index(one)] for one in told])}", as_json=json)


@explained(SYNTHESIS_EXPLAINED)
@takes(
    (EncoderOptions, ""),
    (TargetOptions, "voxel roi weights contrast_roi contrast_weight direction"),
    (SynthesisConfig, "n_steps n_restarts step_size jitter grey mean contrast seed"),
)
def run_synthesise(
    *,
    out: Annotated[Path, about("new or empty folder for the images and synthesis.json")],
    images: Annotated[str, about("natural images to compare with (default: all that the subject saw)")] = "",
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Make the images; returns 0."""
    from core.probes.synthesis import iter_synthesis

    config = given.make(SynthesisConfig)
    direction = given.make(TargetOptions).direction
    check_free(out)
    encoder, subject, target = _open(given, device)
    natural = _rank(encoder, subject, target, list_library(subject, split(images), seed=config.seed))
    made = finish(
        lambda stop: iter_synthesis(encoder, target, direction, config, should_stop=stop),
        lambda step: f"step {step.done:.0f}/{step.total}, response {max(step.values * direction.sign):.3g}",
    )
    summary = sum_up(encoder.card, made, natural) | {"folder": str(out)}
    write_synthesis(out, encoder.card, made, natural)
    return answer(plain(summary), lambda: _word(summary), as_json=json)


def _open(given: Given, device: str) -> tuple[Encoder, Subject, Target]:
    wanted = given.make(TargetOptions)
    check_one_target(wanted)
    source = given.make(EncoderOptions)
    names = resolve_encoder(source, roi=wanted.roi or "")
    subject, engine = load_subject(names[0]), Engine(device=device)
    target = resolve_target(wanted, subject.voxels)
    if source.encoder is not None:
        engine.use_encoder_file(source.encoder)
    return engine.open_encoder(*names), subject, target


def _write_rows(out: Path | None, rows: list[dict[str, Any]]) -> None:
    if out is not None:
        import pandas as pd  # takes a while to import

        from core.reports.table import write_csv

        replace_file(out, partial(write_csv, pd.DataFrame(rows)))


def _report_fingerprint(
    encoder: Encoder, subject: Subject, target: Target, images: Sequence[str], out: Path | None, *, as_json: bool
) -> int:
    from core.probes.fingerprint import iter_fingerprint

    found = finish(
        lambda stop: iter_fingerprint(encoder, subject, target, images, should_stop=stop),
        lambda record: f"natural images {record.done:.0f}/{record.total}",
    )
    categories, rois = ([asdict(one) for one in rows] for rows in (found.categories, found.rois))
    if not categories:
        allowed = f"images of {subject.id} whose category is known"
        raise refusal("images", allowed=allowed, got=f"{len(images)} without one", advice="Leave --by-category out.")
    _write_rows(out, categories)
    more = {"n_images": found.n_images, "preferred": categories[0]["category"], "categories": categories, "rois": rois}
    head = f"{target.label} · {encoder.card.config.describe()} · {found.n_images} images ({found.unit})"
    beside = f"beside each ROI; contrasts of z over the images of {more['preferred']}"
    text = f"{head}\n{format_table(categories)}\n{beside}\n{format_table(rois)}"
    return answer(plain(name_target(encoder.card, target, found.unit) | more), text, as_json=as_json)


def _rank(encoder: Encoder, subject: Subject, target: Target, chosen: Sequence[str]) -> NaturalImages:
    from core.probes.natural import iter_natural

    return finish(
        lambda stop: iter_natural(encoder, subject, target, chosen, should_stop=stop),
        lambda record: f"natural images {record.done:.0f}/{record.total}",
    )


def _word(summary: dict[str, Any]) -> str:
    natural, unit = summary["natural"], summary["unit"]
    lines = [f"{summary['direction']} {summary['target']} · {summary['encoder']} · images from scratch"]
    best = {"file": f"best of {count(natural['n_images'], 'natural image')}, {natural['best']}"} | natural
    for one in (*summary["images"], best):
        flag = ", a super-stimulus" if one.get("super_stimulus") else ""
        in_sds = "" if math.isnan(one["response_sd"]) else f" = {one['response_sd']:+.2f} SD"
        lines.append(f"  {one['file']}: {one['response']:+.3f} {unit}{in_sds}{flag}")
    if not math.isnan(summary["spread_sd"]):
        lines.insert(-1, f"  they lie {summary['spread_sd']:.2f} SD apart")
    return "\n".join([*lines, f"  {len(summary['images']) + 1} files in {summary['folder']}"])
