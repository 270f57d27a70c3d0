"""The `robustify` command: makes a robust network of any other, measures it and keeps it among the user's networks.

Never changes the original. The weights file it writes can also be given wherever a weights file is asked for.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

from core.commands.options import IS_ASKING, Device, Given, Json, about, announce, explained, takes
from core.commands.output import answer, follow, format_table, time_left
from core.files import check_file
from core.networks.catalog import check_new_id, folder_name, list_user_networks
from core.robustify.config import RobustifyConfig, RobustifyOptions, robustify_folder

if TYPE_CHECKING:
    from core.robustify.publish import PublishedNetwork
    from core.robustify.train import RobustifyProgress

EXPLANATION = """\
Label-free adversarial fine-tuning: the features of perturbed photographs are pulled to the original network's features
of the clean ones. Interrupt it at any time: the same command resumes from the checkpoint. --convert writes the weights
file from the checkpoint as it stands. The result is kept as a network of yours (`main.py networks list`), under --id;
fit encoders on it as on any other. --json prints one object: file, sha256, recipe, n_seen, layer, norm,
n_photographs_measured, shift (what was measured), shifts (a list with epsilon, original, tuned, original_pooled,
tuned_pooled, ratio), network (the id it is kept under)."""


@explained(EXPLANATION)
@takes((RobustifyConfig, "network layers epsilon n_steps n_images=photographs batch learning_rate seed"))
def run_robustify(
    *,
    images: Annotated[Path, about("folder of photographs, searched through")],
    out: Annotated[Path | None, about("weights file to write, .safetensors (default: in the data folder)")] = None,
    id: Annotated[str, about("id of the new network (default: NETWORK_robust)")] = "",  # noqa: A002
    title: Annotated[str, about("its name in the window")] = "",
    checkpoint: Annotated[Path | None, about("file to resume from (default: beside --out)")] = None,
    convert: Annotated[bool, about("train no further; write the checkpoint as it stands")] = False,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    """Train, or go on training, then write and measure; returns 0. Raises ProbeError with one clear sentence."""
    from core.device import choose_device, set_threads
    from core.robustify.photo_crops import find_photos
    from core.robustify.publish import describe_published, keep_robust, publish_checkpoint
    from core.robustify.run import suggest_recipe
    from core.robustify.train import iter_robustify

    typed = {"network": RobustifyConfig().network} | given.of(RobustifyConfig)
    if IS_ASKING.get():
        announce(RobustifyOptions(images=images, id=id, title=title, **typed))
    photos = find_photos(images)
    config = suggest_recipe(**typed)
    if id and id not in [spec.id for spec in list_user_networks()]:
        check_new_id(id)
    weights = out or robustify_folder() / f"{folder_name(id or config.network)}.safetensors"
    start = checkpoint or weights.with_suffix(".checkpoint")
    check_file(weights)
    check_file(start)
    set_threads()
    chosen = choose_device(device)
    if not convert:
        print(config.describe(), file=sys.stderr)
        records = iter_robustify(config, photos, checkpoint=start, device=chosen)
        follow(records if sys.stderr.isatty() else (one for one in records if one.saved), format_progress, always=True)
    published = publish_checkpoint(start, weights, config=config, photos=photos, device=chosen)
    kept = keep_robust(published, config, network=id, title=title)
    kept_as = f"Kept as {kept.id}: `python main.py fit --network {kept.id}` fits an encoder on it."
    text = f"{format_published(published)}\n{kept_as}"
    return answer(describe_published(published, config) | {"network": kept.id}, text, as_json=json)


def format_progress(progress: RobustifyProgress) -> str:
    """One line on a training under way."""
    return (
        f"{progress.n_seen}/{progress.n_images} photographs, {progress.size} px, epsilon {progress.epsilon:.2f}: "
        f"loss {progress.loss:.3f}, clean {progress.clean_loss:.3f}, {progress.seconds:.0f} s"
        f"{time_left(progress.seconds_left or 0)}"
    )


def format_published(published: PublishedNetwork) -> str:
    """The files, and the feature shift of both networks at each budget."""
    rows = [
        {"L2 epsilon": one.epsilon, "original": one.original, "robust": one.tuned, "ratio": one.ratio}
        for one in published.records
    ]
    title = f"{published.path} after {published.n_seen} photographs; SHA-256 {published.sha256}"
    return f"{title}\n{indent(format_table(rows), '  ')}"
