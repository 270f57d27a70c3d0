"""The `networks` command: list, add, download, remove, check, and the layers of one. Never trains, never attacks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args

from core.checks import check_choice
from core.commands.interrupt import stop_on_interrupt
from core.commands.listing import format_table
from core.networks.import_wishes import ImportWishes
from core.networks.manage import NetworkStatus, check_network, iter_get, list_status, read_status, remove_network
from core.networks.spec import Tokens

if TYPE_CHECKING:
    from core.networks.files.download import DownloadProgress

EXPLANATION = """\
list                every network and whether it is on this computer
add SOURCE          keep a network of your own: a state dict (.pth .pt .bin .safetensors) or a `robustness` checkpoint
                    (.ckpt) with --architecture, a torch.export file (.pt2), a TorchScript file or a function
                    package.module:function (these three are programs: --trust), or a name timm:NAME,
                    torchvision:NAME, entry:NAME
download NETWORK    get the weights of a catalogue id, timm:NAME or torchvision:NAME; interrupted downloads go on
check NETWORK       load it and probe it, check by check
layers NETWORK      where it can be cut (--all: everywhere), with shapes
remove NETWORK      take away one of your own, or a download
--json prints one object, or an array for list and layers. A file without published checksum is trusted at its first
download: its SHA-256 is shown, kept, and expected from then on. PROBESCOPE_OFFLINE=1 forbids downloads."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `networks` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "networks",
        help="list, add, download, check or remove networks",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("source", metavar="NETWORK", nargs="?", default="", help="id, name, file or function")
    parser.add_argument("--id", default="", help="add: name on the command line; by default the file's")
    parser.add_argument("--title", default="", help="add: name shown in the window")
    parser.add_argument("--architecture", default="", help="add: whose definition the weights fit: id, timm:NAME, ...")
    parser.add_argument(
        "--layers", nargs="+", default=[], help="add: layers to offer, early to late; the last is usual"
    )
    parser.add_argument("--input-size", type=int, default=0, help="add: side of the stimulus in pixels")
    parser.add_argument("--mean", type=float, nargs=3, help="add: normalisation of R, G, B")
    parser.add_argument("--std", type=float, nargs=3, help="add: normalisation of R, G, B")
    parser.add_argument("--tokens", help=f"add: of a transformer's features, one of {', '.join(get_args(Tokens))}")
    parser.add_argument("--robust", action="store_true", help="add: it was trained against perturbations")
    parser.add_argument("--licence", default="", help="add: shown with the network")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="add: open a program, which runs with your rights",
    )
    parser.add_argument("--layer", help="check: at this layer instead of the usual one")
    parser.add_argument("--all", action="store_true", help="layers: every place to cut, not only the offered ones")
    parser.add_argument("--device", default="cpu", help="check: auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what is asked; returns 0, or 2 if a check fails. Raises ProbeError with one clear sentence."""
    action = check_choice("ACTION", args.action, ACTIONS)
    if action != "list":
        check_choice("NETWORK", "given" if args.source else "missing", ["given"], advice="Name a network after it.")
    return ACTIONS[action](args)


def show_list(args: argparse.Namespace) -> int:
    """Every network, with its state."""
    rows = [describe_status(status) for status in list_status()]
    if args.json:
        print(json.dumps(rows))
        return 0
    names = ("id", "title", "family", "robust", "state", "size_mb", "input_size", "default_layer")
    print(format_table([{name if name != "family" else "kind": row[name] for name in names} for row in rows]))
    return 0


def add(args: argparse.Namespace) -> int:
    """Take a network in."""
    from core.networks.importing import import_network

    if args.tokens is not None:
        check_choice("tokens", args.tokens, get_args(Tokens))
    wishes = ImportWishes(
        id=args.id,
        title=args.title,
        architecture=args.architecture,
        layers=tuple(args.layers),
        input_size=args.input_size,
        mean=tuple(args.mean) if args.mean else None,
        std=tuple(args.std) if args.std else None,
        tokens=args.tokens,
        robust=args.robust,
        licence=args.licence,
        trusted=args.trust,
    )
    spec = import_network(args.source, wishes)
    row = describe_status(read_status(spec))
    print(json.dumps(row) if args.json else f"Added {spec.id}: {spec.describe()}; layers {', '.join(spec.layers)}.")
    if not spec.installed and not args.json:
        print(f"Its weights come with `python main.py networks download {spec.id}`.")
    return 0


def download(args: argparse.Namespace) -> int:
    """Get the weights, telling how far it is."""
    last: DownloadProgress | None = None
    with stop_on_interrupt() as should_stop:
        for progress in iter_get(args.source, should_stop=should_stop):
            if sys.stderr.isatty():
                show_progress(progress)
            last = progress
    if last is None or last.path is None:
        raise RuntimeError("a download ended without its last record")
    if args.json:
        print(json.dumps({"network": args.source, "path": str(last.path), "sha256": last.sha256, "first": last.first}))
        return 0
    print(f"{last.path} ({last.done / 2**20:.1f} MB); SHA-256 {last.sha256}")
    if last.first:
        print("No checksum is published for it: this one is kept and expected from now on.")
    return 0


def remove(args: argparse.Namespace) -> int:
    """Take one away."""
    done = remove_network(args.source)
    print(json.dumps({"network": args.source, "done": done}) if args.json else done)
    return 0


def check(args: argparse.Namespace) -> int:
    """Probe one; returns 2 if it cannot be attacked."""
    report = check_network(args.source, args.layer, device=args.device)
    if args.json:
        print(json.dumps(asdict(report) | {"passed": report.passed}))
    else:
        shape = " x ".join(map(str, report.feature_shape))
        print(f"{report.network} at {report.layer} ({shape}), weights {report.sha256[:12]}")
        for what, problem in report.checks:
            print(f"  {'!' if problem else 'ok':<3}{problem or what}")
        if report.passed:
            print("It can be probed.")
    return 0 if report.passed else 2


def show_layers(args: argparse.Namespace) -> int:
    """Where one can be cut."""
    from core.commands.listing import list_layers_rows

    args.network = args.source
    rows = list_layers_rows(args)
    print(json.dumps(rows) if args.json else format_table(rows))
    return 0


def describe_status(status: NetworkStatus) -> dict[str, Any]:
    """One row: id, title, family, architecture, robust, state, size_mb, layers, licence, source, note, path, url."""
    spec = status.spec
    names = ("id", "title", "family", "architecture", "input_size", "default_layer", "robust", "tokens")
    return {name: getattr(spec, name) for name in names} | {
        "layers": list(spec.layers),
        "state": status.state,
        "installed": status.installed,
        "size_mb": round(status.size_mb, 1) or None,
        "licence": spec.licence,
        "source": spec.source,
        "note": spec.note,
        "url": spec.url,
        "path": str(spec.weights_path) if spec.weights else "",
    }


def show_progress(progress: DownloadProgress) -> None:
    """One line on stderr, overwritten."""
    share = f" of {progress.total / 2**20:.1f}" if progress.total else ""
    left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
    end = "\n" if progress.path is not None else ""
    print(f"\r\x1b[2K{progress.done / 2**20:.1f}{share} MB{left}", end=end, file=sys.stderr, flush=True)


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": show_list,
    "add": add,
    "download": download,
    "remove": remove,
    "check": check,
    "layers": show_layers,
}
