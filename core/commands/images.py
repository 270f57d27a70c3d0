"""The `synthesise` and `rank` commands: images from scratch, and the best and worst natural ones, of one target."""

from __future__ import annotations

import math
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from core.checks import refusal
from core.commands.options import Device, Given, Json, about, announce, explained, takes
from core.commands.output import answer, finish, format_table, split
from core.commands.probe import EncoderOptions, resolve_encoder
from core.commands.probe_options import TargetOptions, check_one_target, resolve_target
from core.datasets.subject import load_subject
from core.engine import Engine
from core.files import check_free, check_new, replace_file
from core.headers import plain, write_json
from core.probes.synthesis_config import ImagesConfig, SynthesisConfig
from core.stimuli.as_is import list_library, list_natural, name_target, sum_up, write_synthesis
from core.words import count

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.probes.natural import NaturalImages

AIM = "voxel roi weights contrast_roi contrast_weight"
VALUES = ("predicted", "predicted_sd", "measured", "fitted")
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
@takes((EncoderOptions, ""), (TargetOptions, AIM), (ImagesConfig, "by top seed"))
def run_rank(
    *,
    images: Annotated[str, about("which images are ranked (default: all that the subject saw)")] = "",
    by_category: Annotated[
        bool, about("the target's fingerprint: its response by image category, and beside every ROI")
    ] = False,
    out: Annotated[Path | None, about("CSV file of all of them, or of the categories")] = None,
    items: Annotated[Path | None, about("new file of the images told, for `stimuli make --items`")] = None,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Rank; returns 0."""
    config = _resolve(given, images)
    for name, file in (("out", out), ("items", items)):
        if file is not None:
            check_new(name, file)
    encoder, target, by, top = _open(config, given, device), config.target, config.by, config.top
    if by_category:
        return _report_fingerprint(encoder, config, out, as_json=json)
    found = _rank(encoder, config)
    order, values = found.order(by), {name: getattr(found, name).tolist() for name in VALUES}
    rows = [
        {"rank": rank, "image": found.images[row]} | {name: column[row] for name, column in values.items()}
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
    (TargetOptions, f"{AIM} direction"),
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

    synthesis, direction = given.make(SynthesisConfig), given.make(TargetOptions).direction
    config = _resolve(given, images, direction=direction, seed=synthesis.seed, synthesis=synthesis)
    check_free(out)
    encoder = _open(config, given, device)
    natural = _rank(encoder, config)
    made = finish(
        lambda stop: iter_synthesis(encoder, config.target, direction, synthesis, should_stop=stop),
        lambda step: f"step {step.done:.0f}/{step.total}, response {max(step.values * direction.sign):.3g}",
    )
    summary = sum_up(encoder.card, made, natural) | {"folder": str(out)}
    write_synthesis(out, encoder.card, made, natural)
    return answer(plain(summary), lambda: _word(summary), as_json=json)


def _resolve(given: Given, images: str, **more: Any) -> ImagesConfig:
    wanted = given.make(TargetOptions)
    check_one_target(wanted)
    subject, network, layer = resolve_encoder(given.make(EncoderOptions), roi=wanted.roi or "")
    more |= {"target": resolve_target(wanted, load_subject(subject).voxels), "images": split(images)}
    config = given.make(ImagesConfig, subject=subject, network=network, layer=layer, **more)
    announce(config)
    return config


def _open(config: ImagesConfig, given: Given, device: str) -> Encoder:
    engine, source = Engine(device=device), given.make(EncoderOptions)
    if source.encoder is not None:
        engine.use_encoder_file(source.encoder)
    return engine.open_encoder(config.subject, config.network, config.layer)


def _write_rows(out: Path | None, rows: list[dict[str, Any]]) -> None:
    if out is not None:
        import pandas as pd  # takes a while to import

        from core.reports.table import write_csv

        replace_file(out, partial(write_csv, pd.DataFrame(rows)))


def _report_fingerprint(encoder: Encoder, config: ImagesConfig, out: Path | None, *, as_json: bool) -> int:
    from core.probes.fingerprint import iter_fingerprint

    subject, target, images = load_subject(config.subject), config.target, list_library(config)
    found = finish(lambda stop: iter_fingerprint(encoder, subject, target, images, should_stop=stop))
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


def _rank(encoder: Encoder, config: ImagesConfig) -> NaturalImages:
    from core.probes.natural import iter_natural

    subject, images = load_subject(config.subject), list_library(config)
    return finish(lambda stop: iter_natural(encoder, subject, config.target, images, should_stop=stop))


def _word(summary: dict[str, Any]) -> str:
    natural, unit = summary["natural"], summary["unit"]
    spread = "" if math.isnan(summary["spread_sd"]) else f"They lie {summary['spread_sd']:.2f} SD apart. "
    in_sds = "" if math.isnan(natural["response_sd"]) else f" = {natural['response_sd']:+.2f} SD"
    lines = [
        f"{summary['direction']} {summary['target']} · {summary['encoder']} · images from scratch, responses in {unit}",
        format_table(summary["images"]),
        f"{spread}Best of {count(natural['n_images'], 'natural image')}, {natural['best']}: "
        f"{natural['response']:+.3f} {unit}{in_sds}",
        f"{len(summary['images']) + 1} files in {summary['folder']}",
    ]
    return "\n".join(lines)
