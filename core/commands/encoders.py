"""The `encoders` command: lists, shows, imports, exports and removes encoders. Never holds the work itself."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.checks import check_choice, describe_refusal
from core.commands.listing import format_table
from core.datasets.subject import load_subject
from core.encoders.card_table import share_at_edge, summarise_card
from core.encoders.export import FORMATS, describe_card, export_encoder
from core.encoders.files import load_encoder_data
from core.encoders.library import (
    adopt_encoder,
    find_entry,
    is_library_file,
    list_library,
    name_encoder,
    remove_encoder,
)
from core.encoders.scores import summarise_by_roi
from core.errors import BadInputError, ProbeError

ACTIONS = ("list", "show", "import", "reference", "export", "remove")
KINDS = ("auto", "arrays", "sklearn", "himalaya", "berg", "img2fmri", "probescope")

EXPLANATION = """\
encoders list                         every encoder by its name
encoders show NAME                    what it is and how well it predicts, by ROI
encoders import KIND FILE [FILE...]   take in an encoder of another program; KIND: auto, arrays (npz or safetensors),
                                      sklearn, himalaya, berg (weights, then metadata), img2fmri (wheel or folder),
                                      probescope (an exported folder)
encoders reference NAME               compute the SDs of an imported encoder anew, over --reference images
encoders export NAME --format probescope|npz --out PATH
encoders remove NAME                  one of your own

Importing needs --network and --layer (unless the format fixes them), and --subject ID (one that has the same voxels)
or --new-subject ID (made from the encoder). No file is ever unpickled with its code. The folded encoder is compared
with the source's own arithmetic on random features before it is kept.
--json prints one object or array: list: name, subject, network, layer, own, n_voxels, r_median, imported; show: that
with config, hashes, rois; import: name, file, difference, found, n_features, n_voxels; reference: name, reference,
n_reference; export: files; remove: files."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `encoders` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "encoders",
        help="list, show, import, export or remove encoders",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("words", nargs="*", metavar="NAME | KIND FILE", help="which encoder, or what to import")
    parser.add_argument("--network", help="import: id of the network the weights read")
    parser.add_argument("--layer", help="import: its layer, several joined by +; by default the network's usual one")
    parser.add_argument("--pool", type=int, help="import: side of the pooled grid; by default the one that fits")
    parser.add_argument("--subject", default="", help="import: a subject with the same voxels")
    parser.add_argument("--new-subject", default="", help="import: id of a subject to make from the encoder")
    parser.add_argument("--member", default="", help="import: which of several, CSI1 to CSI3 of img2fmri")
    parser.add_argument("--unit", default="not stated", help="import: unit of the responses of a new subject")
    parser.add_argument("--simulated", action="store_true", help="import: the new subject's responses were made up")
    parser.add_argument("--source", default="", help="import: whose work it is")
    parser.add_argument("--licence", default="", help="import: under which terms")
    parser.add_argument(
        "--reference", type=int, default=120, help="import: reference images at most (default 120); 0 for unknown SDs"
    )
    parser.add_argument("--network-weights", type=Path, help="import: weights file to use instead of the catalogue's")
    parser.add_argument("--replace", action="store_true", help="import: replace an encoder of the same name")
    parser.add_argument("--format", default="probescope", help=f"export: {' or '.join(FORMATS)}")
    parser.add_argument("--out", type=Path, help="export: new folder, or new .npz file")
    parser.add_argument("--device", default="auto", help="import: auto, cpu, cuda or mps")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns 0. Raises ProbeError with one clear sentence otherwise."""
    action = check_choice("action", args.action, ACTIONS)
    runs = {
        "list": run_list,
        "show": run_show,
        "import": run_import,
        "reference": run_reference,
        "export": run_export,
        "remove": run_remove,
    }
    runs[action](args)
    return 0


def run_list(args: argparse.Namespace) -> None:
    """Print every encoder."""
    rows = []
    for entry in list_library():
        try:
            card = load_encoder_data(entry.header).card
        except ProbeError as error:
            print(f"Note: {error}", file=sys.stderr)
            continue
        config = entry.config
        rows.append(
            {
                "name": entry.name,
                "subject": config.subject,
                "network": config.network,
                "layer": config.layer,
                "own": entry.is_own,
                "n_voxels": card.n_voxels,
                "r_median": _median(card.r),
                "imported": card.provenance.kind if card.provenance is not None else "",
            }
        )
    print(json.dumps(rows) if args.json else format_table(rows))


def run_show(args: argparse.Namespace) -> None:
    """Print one encoder's card."""
    entry = find_entry(_only(args, "NAME"))
    card = load_encoder_data(entry.header).card
    subject = load_subject(card.config.subject)
    rois = [
        {key: _plain(value) for key, value in asdict(row).items()} for row in summarise_by_roi(card, subject.voxels)
    ]
    if args.json:
        own = {"name": entry.name, "own": entry.is_own, "file": str(entry.header.with_suffix(".safetensors"))}
        scores = {"r_median": _median(card.r), "alpha_at_edge": _plain(share_at_edge(card)), "rois": rois}
        print(json.dumps(own | describe_card(card) | scores))
        return
    print(entry.name)
    for fact in summarise_card(card, subject_title=subject.title, subject_kind=subject.kind):
        print(f"  {fact.name:<16} {fact.value}")
    edge = share_at_edge(card)
    if math.isfinite(edge):
        print(f"  {'Alpha at edge':<16} {edge:.1%} of the voxels")
    print(format_table([{key: "-" if row[key] is None else _round(row[key]) for key in row} for row in rois]))


def run_import(args: argparse.Namespace) -> None:
    """Take in an encoder."""
    if len(args.words) < 2:
        got, advice = " ".join(args.words), f"KIND is one of {', '.join(KINDS)}."
        raise BadInputError(describe_refusal("import", allowed="followed by KIND and FILE", got=got, advice=advice))
    kind, files = check_choice("kind", args.words[0], KINDS), [Path(word).expanduser() for word in args.words[1:]]
    if kind == "probescope" or (kind == "auto" and is_library_file(files[0])):
        card, path = adopt_encoder(files[0], replace=args.replace)
        summary = {"name": name_encoder(card.config), "file": str(path), "n_voxels": card.n_voxels}
        print(json.dumps(summary) if args.json else f"Imported {summary['name']} into {path}")
        return
    summary = import_foreign(args, kind, files)
    text = "Imported {name}: {found}, {n_features:,} features, {n_voxels:,} voxels; differs from its source by at most "
    print(json.dumps(summary) if args.json else (text + "{difference:.1e} of the largest prediction").format(**summary))


def import_foreign(args: argparse.Namespace, kind: str, files: list[Path]) -> dict[str, Any]:
    """Import an encoder of another program; returns the JSON object."""
    from core.encoders.importers.bind import ImportRequest, iter_import
    from core.encoders.importers.open import hash_files, read_readout
    from core.engine import Engine
    from core.networks.catalog import find_network

    readout = read_readout(files, kind=kind, member=args.member)
    network = args.network or readout.network
    if not network:
        advice = "Add --network ID: the file does not say which network its features are of."
        raise BadInputError(describe_refusal("network", allowed="named", got=None, advice=advice))
    spec = find_network(network)
    layer = args.layer or (readout.layer if network == readout.network else "") or spec.default_layer
    request = ImportRequest(
        network=spec.id,
        layer=layer,
        subject=args.subject,
        new_subject=args.new_subject,
        pool=args.pool,
        response_unit=args.unit,
        kind="simulated" if args.simulated else "measured",
        source=args.source,
        licence=args.licence,
        n_reference=args.reference,
        replaces=args.replace,
    )
    opened = Engine(device=args.device).open_network(spec.id, layer, weights=args.network_weights)
    last = None
    for last in iter_import(readout, request, network=opened, files=hash_files(files)):
        if sys.stderr.isatty():
            end = "\n" if last.stage == "done" else ""
            print(f"\r\x1b[2K{last.stage} {last.done}/{last.total}", end=end, file=sys.stderr, flush=True)
    if last is None or last.result is None:
        raise RuntimeError("An import ended without a result.")
    return {
        "name": name_encoder(last.result.config),
        "file": str(last.path),
        "found": readout.title,
        "n_features": readout.n_features,
        "n_voxels": readout.n_voxels,
        "difference": last.difference,
        "r_median": _median(last.result.r),
        "provenance": describe_card(last.result)["provenance"],
    }


def run_reference(args: argparse.Namespace) -> None:
    """Compute the SDs of an imported encoder anew."""
    from core.encoders.importers.reference import iter_renew_reference
    from core.engine import Engine

    entry = find_entry(_only(args, "NAME"))
    config = entry.config
    opened = Engine(device=args.device).open_network(config.network, config.layer, weights=args.network_weights)
    last = None
    for last in iter_renew_reference(entry.header, network=opened, most=max(1, args.reference)):
        if sys.stderr.isatty():
            print(f"\r\x1b[2Kreference {last.done}/{last.total}", end="", file=sys.stderr, flush=True)
    if last is None or last.result is None or last.result.card.provenance is None:
        raise RuntimeError("The reference images ended without a result.")
    provenance = last.result.card.provenance
    found = {"name": entry.name, "reference": provenance.reference, "n_reference": provenance.n_reference}
    print(json.dumps(found) if args.json else f"SDs of {entry.name} are now over {provenance.reference}")


def run_export(args: argparse.Namespace) -> None:
    """Write an encoder for elsewhere."""
    if args.out is None:
        raise BadInputError(describe_refusal("out", allowed="named", got=None, advice="Add --out PATH."))
    files = export_encoder(_only(args, "NAME"), args.out.expanduser(), form=args.format)
    names = [str(path) for path in files]
    print(json.dumps({"files": names}) if args.json else "Wrote " + ", ".join(names))


def run_remove(args: argparse.Namespace) -> None:
    """Delete one of the user's own encoders."""
    names = [str(path) for path in remove_encoder(_only(args, "NAME"))]
    print(json.dumps({"files": names}) if args.json else "Removed " + ", ".join(names))


def _only(args: argparse.Namespace, what: str) -> str:
    if len(args.words) != 1:
        allowed = f"followed by one {what}"
        raise BadInputError(describe_refusal(args.action, allowed=allowed, got=" ".join(args.words)))
    return str(args.words[0])


def _median(values: Any) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 4) if known.size else None


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _round(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
