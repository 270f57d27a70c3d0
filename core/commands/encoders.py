"""The `encoders` command: lists, shows, imports, exports and removes encoders."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from core.checks import check_choice, refusal
from core.commands.options import Device, Given, Json, about, explained, takes
from core.commands.output import answer, follow, format_table
from core.datasets.subject import load_subject
from core.encoders.card_table import CardRow, share_at_edge, summarise_card
from core.encoders.files import load_encoder_data
from core.encoders.importers.bind import ImportRequest
from core.encoders.library import (
    FORMATS,
    adopt_encoder,
    describe_card,
    export_encoder,
    find_entry,
    is_library_file,
    list_library,
    name_encoder,
    remove_encoder,
)
from core.encoders.scores import summarise_by_roi
from core.errors import ProbeError
from core.headers import plain

N_REFERENCE = 120
KINDS = ("auto", "arrays", "sklearn", "himalaya", "berg", "img2fmri", "probescope")

EXPLANATION = """\
encoders list                         every encoder by its name
encoders show NAME                    what it is and how well it predicts, by ROI
encoders import KIND FILE [FILE...]   take in an encoder of another program; KIND: auto, arrays (npz or safetensors),
                                      sklearn, himalaya, berg (weights, then metadata), img2fmri (wheel or folder),
                                      probescope (an exported folder)
encoders reference NAME               compute the SDs of an imported encoder again, over --reference images
encoders export NAME --format probescope|npz --out PATH
encoders remove NAME                  one of your own

Importing needs --network and --layer (unless the format fixes them), and --subject ID (one that has the same voxels)
or --new-subject ID (made from the encoder). No file is ever unpickled with its code. The folded encoder is compared
with the source's own arithmetic on random features before it is kept.
--json prints one object or array: list: name, subject, network, layer, own, n_voxels, r_median, imported; show: that
with config, hashes, rois; import: name, file, difference, found, n_features, n_voxels, n_left_out; reference: name,
reference, n_reference; export: files; remove: files."""


REQUEST = (
    "subject new_subject pool response_unit=unit source licence n_reference=reference replaces=replace network layer"
)
HELP = {"": "import: ", "reference": "import, reference: reference images at most; 0 for unknown SDs"}


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """What the actions take beside their words and an import's request."""

    member: Annotated[str, about("import: which of several, CSI1 to CSI3 of img2fmri")] = ""
    simulated: Annotated[bool, about("import: the new subject's responses were made up")] = False
    network_weights: Annotated[Path | None, about("import: weights file to use instead of the catalogue's")] = None
    format: Annotated[str, about(f"export: {' or '.join(FORMATS)}")] = "probescope"
    out: Annotated[Path | None, about("export: new folder, or new .npz file")] = None
    device: Device = "auto"
    json: Json = False


def _list(_words: Sequence[str], options: EncoderOptions, _given: Given) -> int:
    rows = []
    for entry in list_library():
        try:
            card = load_encoder_data(entry.header).card
        except ProbeError as error:
            print(f"Note: {error}", file=sys.stderr)
            continue
        names = {name: getattr(entry.config, name) for name in ("subject", "network", "layer")}
        imported = card.provenance.kind if card.provenance is not None else ""
        numbers = {"n_voxels": card.n_voxels, "r_median": _median(card.r), "imported": imported}
        rows.append({"name": entry.name, **names, "own": entry.is_own, **numbers})
    return answer(rows, as_json=options.json)


def _show(words: Sequence[str], options: EncoderOptions, _given: Given) -> int:
    entry = find_entry(_only("show", words))
    card = load_encoder_data(entry.header).card
    subject, edge = load_subject(card.config.subject), share_at_edge(card)
    rois = plain([asdict(row) for row in summarise_by_roi(card, subject.voxels)])
    own = {"name": entry.name, "own": entry.is_own, "file": str(entry.header.with_suffix(".safetensors"))}
    scores = {"r_median": _median(card.r), "alpha_at_edge": edge, "rois": rois}
    facts = [*summarise_card(card, subject_title=subject.title, subject_kind=subject.kind)]
    facts += [CardRow("Alpha at edge", f"{edge:.1%} of the voxels")] if math.isfinite(edge) else []
    lines = [entry.name, *(f"  {name:<16} {value}" for name, value in facts), format_table(rois)]
    return answer(own | describe_card(card) | scores, "\n".join(lines), as_json=options.json)


def _import(words: Sequence[str], options: EncoderOptions, given: Given) -> int:
    if len(words) < 2:
        got, advice = " ".join(words), f"KIND is one of {', '.join(KINDS)}."
        raise refusal("import", allowed="followed by KIND and FILE", got=got, advice=advice)
    kind, files = check_choice("kind", words[0], KINDS), [Path(word).expanduser() for word in words[1:]]
    if kind == "probescope" or (kind == "auto" and is_library_file(files[0])):
        card, path = adopt_encoder(files[0], replace=given.of(ImportRequest).get("replaces", False))
        summary = {"name": name_encoder(card.config), "file": str(path), "n_voxels": card.n_voxels}
        return answer(summary, f"Imported {summary['name']} into {path}", as_json=options.json)
    summary = _import_foreign(kind, files, options, given)
    if summary["n_left_out"]:
        print(f"Note: {summary['n_left_out']:,} voxels have no weights (all NaN) and are left out.", file=sys.stderr)
    text = "Imported {name}: {found}, {n_features:,} features, {n_voxels:,} voxels; differs from its source by at most "
    return answer(
        summary, (text + "{difference:.1e} of the largest prediction").format(**summary), as_json=options.json
    )


def _import_foreign(kind: str, files: list[Path], options: EncoderOptions, given: Given) -> dict[str, Any]:
    from core.encoders.importers.bind import iter_import
    from core.encoders.importers.open import hash_files, read_readout
    from core.engine import Engine
    from core.networks.catalog import find_network

    readout = read_readout(files, kind=kind, member=options.member)
    typed = given.of(ImportRequest)
    network = typed.get("network") or readout.network
    if not network:
        advice = "Add --network ID: the file does not say which network its features are of."
        raise refusal("network", allowed="named", got=None, advice=advice)
    spec = find_network(network)
    layer = typed.get("layer") or (readout.layer if network == readout.network else "") or spec.default_layer
    kept_as = "simulated" if options.simulated else "measured"
    request = given.make(ImportRequest, network=spec.id, layer=layer, kind=kept_as)
    opened = Engine(device=options.device).open_network(spec.id, layer, weights=options.network_weights)
    records = iter_import(readout, request, network=opened, files=hash_files(files))
    last = follow(records)
    if last.result is None:
        raise RuntimeError("An import ended without a result.")
    return {
        "name": name_encoder(last.result.config),
        "file": str(last.path),
        "found": readout.title,
        "n_features": readout.n_features,
        "n_voxels": last.result.n_voxels,
        "n_left_out": 0 if readout.missing is None else int(readout.missing.sum()),
        "difference": last.difference,
        "r_median": _median(last.result.r),
        "provenance": describe_card(last.result)["provenance"],
    }


def _renew_reference(words: Sequence[str], options: EncoderOptions, given: Given) -> int:
    from core.encoders.importers.reference import iter_renew_reference
    from core.engine import Engine

    entry = find_entry(_only("reference", words))
    config = entry.config
    opened = Engine(device=options.device).open_network(config.network, config.layer, weights=options.network_weights)
    most = given.of(ImportRequest).get("n_reference", N_REFERENCE)
    records = iter_renew_reference(entry.header, network=opened, most=max(1, most))
    last = follow(records)
    if last.result is None or last.result.card.provenance is None:
        raise RuntimeError("The reference images ended without a result.")
    provenance = last.result.card.provenance
    found = {"name": entry.name, "reference": provenance.reference, "n_reference": provenance.n_reference}
    return answer(found, f"SDs of {entry.name} are now over {provenance.reference}", as_json=options.json)


def _export(words: Sequence[str], options: EncoderOptions, _given: Given) -> int:
    if options.out is None:
        raise refusal("out", allowed="named", got=None, advice="Add --out PATH.")
    files = export_encoder(_only("export", words), options.out.expanduser(), form=options.format)
    return _answer_files("Wrote", files, options)


def _remove(words: Sequence[str], options: EncoderOptions, _given: Given) -> int:
    return _answer_files("Removed", remove_encoder(_only("remove", words)), options)


ACTIONS: dict[str, Callable[[Sequence[str], EncoderOptions, Given], int]] = {
    "list": _list,
    "show": _show,
    "import": _import,
    "reference": _renew_reference,
    "export": _export,
    "remove": _remove,
}


@explained(EXPLANATION)
@takes((ImportRequest, REQUEST, HELP), (EncoderOptions, ""))
def run_encoders(
    action: Annotated[str, about(f"one of {', '.join(ACTIONS)}")],
    /,
    *words: Annotated[str, about("which encoder, or what to import", metavar="NAME | KIND FILE")],
    given: Given,
) -> int:
    """Do what was asked; returns 0. Raises ProbeError with one clear sentence otherwise."""
    return ACTIONS[check_choice("action", action, ACTIONS)](words, given.make(EncoderOptions), given)


def _answer_files(done: str, files: Sequence[Path], options: EncoderOptions) -> int:
    names = [str(path) for path in files]
    return answer({"files": names}, f"{done} {', '.join(names)}", as_json=options.json)


def _only(action: str, words: Sequence[str]) -> str:
    if len(words) != 1:
        raise refusal(action, allowed="followed by one NAME", got=" ".join(words))
    return words[0]


def _median(values: Any) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 4) if known.size else None
