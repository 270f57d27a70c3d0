"""The `robustify` command: makes a robust network of any other, measures it and keeps it among the user's networks.

Never changes the original. The weights file it writes can also be given wherever a weights file is asked for.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.networks.user_networks import check_new_id, folder_name, list_user_networks
from core.robustify.config import RobustifyConfig
from core.robustify.options import robustify_folder

if TYPE_CHECKING:
    from core.robustify.publish import PublishedNetwork
    from core.robustify.train import RobustifyProgress

DEFAULTS = RobustifyConfig()
EXPLANATION = """\
Label-free adversarial fine-tuning: the features of perturbed photographs are pulled to the original network's features
of the clean ones. Interrupt it at any time: the same command goes on from the checkpoint. --convert writes the weights
file from the checkpoint as it stands. The result is kept as a network of yours (`main.py networks list`), under --id;
fit encoders on it as on any other. --json prints one object: file, sha256, recipe, n_seen, layer, norm,
n_photographs_measured, shift (what was measured), shifts (a list with epsilon, original, tuned, original_pooled,
tuned_pooled, ratio), network (the id it is kept under)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `robustify` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "robustify",
        help="make a robust network by label-free adversarial fine-tuning",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--network", default=DEFAULTS.network, help="id of the network to start from")
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs, searched through")
    parser.add_argument("--out", type=Path, help="weights file to write (.safetensors); by default in the data folder")
    parser.add_argument("--id", default="", help="id of the new network; by default NETWORK_robust")
    parser.add_argument("--title", default="", help="its name in the window")
    parser.add_argument("--checkpoint", type=Path, help="file to go on from; by default beside --out")
    parser.add_argument("--layers", nargs="+", default=[], help="layers compared, early to late; by default its own")
    parser.add_argument("--epsilon", type=float, default=DEFAULTS.epsilon, help="L2 budget at 224 x 224 (default 3)")
    parser.add_argument("--steps", type=int, default=DEFAULTS.n_steps, help="PGD steps of each perturbation")
    parser.add_argument("--photographs", type=int, default=DEFAULTS.n_images, help="photographs to see in all")
    parser.add_argument("--batch", type=int, default=DEFAULTS.batch, help="photographs a step")
    parser.add_argument("--learning-rate", type=float, default=DEFAULTS.learning_rate, help="of Adam, at its peak")
    parser.add_argument("--seed", type=int, default=DEFAULTS.seed, help="of crops and random starts")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--convert", action="store_true", help="train no further; write the checkpoint as it stands")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Train, or go on training, then write and measure; returns 0. Raises ProbeError with one clear sentence."""
    from core.device import choose_device, set_threads
    from core.robustify.photo_crops import find_photos
    from core.robustify.publish import describe_published, keep_robust, publish_checkpoint

    photos = find_photos(args.images)
    config = make_config(args)
    check_free_id(args.id)
    out = args.out or robustify_folder() / f"{folder_name(args.id or args.network)}.safetensors"
    checkpoint = args.checkpoint or out.with_suffix(".checkpoint")
    set_threads()
    device = choose_device(args.device)
    if not args.convert:
        train(config, photos, checkpoint=checkpoint, device=device)
    published = publish_checkpoint(checkpoint, out, config=config, photos=photos, device=device)
    kept = keep_robust(published, config, network=args.id, title=args.title)
    if args.json:
        print(json.dumps(describe_published(published, config) | {"network": kept.id}))
    else:
        print_published(published)
        print(f"Kept as {kept.id}: `python main.py fit --network {kept.id}` fits an encoder on it.")
    return 0


def check_free_id(network: str) -> None:
    """Raise BadInputError before the work if the id is taken by another network than one made before."""
    if network and network not in [spec.id for spec in list_user_networks()]:
        check_new_id(network)


def make_config(args: argparse.Namespace) -> RobustifyConfig:
    """The frozen recipe of the command's options. Raises BadInputError for a value that cannot be used."""
    from core.robustify.run import suggest_recipe

    return suggest_recipe(
        args.network,
        layers=tuple(args.layers),
        epsilon=args.epsilon,
        first_epsilon=min(DEFAULTS.first_epsilon, args.epsilon),
        n_steps=args.steps,
        n_images=args.photographs,
        batch=args.batch,
        learning_rate=args.learning_rate,
        seed=args.seed,
    )


def train(config: RobustifyConfig, photos: tuple[Path, ...], *, checkpoint: Path, device: str) -> None:
    """Run the fine-tuning to its end, with one line of progress on stderr at every checkpoint."""
    from core.robustify.train import iter_robustify

    print(config.describe(), file=sys.stderr)
    for progress in iter_robustify(config, photos, checkpoint=checkpoint, device=device):
        if progress.saved or sys.stderr.isatty():
            show_progress(progress)


def show_progress(progress: RobustifyProgress) -> None:
    """One line on stderr, overwritten if it is a terminal."""
    text = (
        f"{progress.n_seen}/{progress.n_images} photographs, {progress.size} px, epsilon {progress.epsilon:.2f}: "
        f"loss {progress.loss:.3f}, clean {progress.clean_loss:.3f}, {progress.seconds:.0f} s, "
        f"{(progress.seconds_left or 0) / 60:.0f} min left"
    )
    terminal = sys.stderr.isatty()
    print(f"\r\x1b[2K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)


def print_published(published: PublishedNetwork) -> None:
    """The files, and the feature shift of both networks at each budget."""
    print(f"{published.path} after {published.n_seen} photographs; SHA-256 {published.sha256}")
    print(f"  {'L2 epsilon':>10}{'original':>10}{'robust':>10}{'ratio':>8}")
    for record in published.records:
        print(f"  {record.epsilon:>10g}{record.original:>10.3f}{record.tuned:>10.3f}{record.ratio:>8.2f}")
