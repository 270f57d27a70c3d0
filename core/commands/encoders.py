"""The `encoders` command: lists, shows, adds, imports, exports and removes encoders."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from core.checks import check_choice, refusal
from core.commands.options import IS_ASKING, Device, Given, Json, about, actions, announce, explained, takes
from core.commands.output import answer, follow, format_table
from core.datasets.subject import load_subject
from core.encoders.card_table import share_at_edge, summarise_card
from core.encoders.files import load_encoder_data
from core.encoders.importers.bind import ImportRequest
from core.encoders.importers.whole import WholeOptions, suggest_subject
from core.encoders.library import (
    FORMATS,
    adopt_encoder,
    describe_card,
    export_encoder,
    find_entry,
    is_library_file,
    list_library,
    remove_encoder,
)
from core.encoders.scores import summarise_by_roi
from core.errors import ProbeError
from core.headers import plain
from core.networks.catalog import find_network
from core.networks.import_options import NetworkImportOptions

if TYPE_CHECKING:
    from core.encoders.importers.readout import Readout

N_REFERENCE = 120
KINDS = ("auto", "arrays", "sklearn", "himalaya", "berg", "img2fmri", "probescope")

EXPLANATION = """\
encoders list                         every encoder by its name
encoders show NAME                    what it is and how well it predicts, by ROI
encoders import KIND FILE [FILE...]   take in an encoder of another program; KIND: auto, arrays (npz or safetensors),
                                      sklearn, himalaya, berg (weights, then metadata), img2fmri (wheel or folder),
                                      probescope (an exported folder)
encoders add MODULE --trust           take in a whole encoder: a torch module from pixels (n, 3, side, side) in [0, 1]
                                      to responses (n, n_voxels). MODULE: package.module:function that makes it,
                                      entry:NAME of an installed package (group probescope.encoders), a TorchScript
                                      (.pt) or torch.export file (.pt2): programs that run with your rights
encoders reference NAME               compute the SDs of an imported encoder again, over --reference images
encoders export NAME --format probescope|npz --out PATH
encoders remove NAME                  one of your own

Importing needs --network and --layer (unless the format fixes them), and --subject ID (one that has the same voxels)
or --new-subject ID (made from the encoder). No file is ever unpickled with its code. The folded encoder is compared
with the source's own arithmetic on random features before it is kept.
--json prints one object or array: list: name, subject, network, layer, own, n_voxels, r_median, imported; show: that
with config, hashes, rois; add: name, file, network, n_voxels, note; import: name, file, difference, found, n_features,
n_voxels, n_left_out; reference: name, reference, n_reference; export: files; remove: files."""


REQUEST = (
    "subject new_subject pool response_unit=unit source licence n_reference=reference replaces=replace network layer"
)
Weights = Annotated[Path | None, about("weights file to use instead of the catalogue's")]


def _list(*, json: Json = False) -> int:
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
        rows.append({"name": entry.config.name, **names, "own": entry.is_own, **numbers})
    return answer(rows, as_json=json)


def _show(name: str, /, *, json: Json = False) -> int:
    entry = find_entry(name)
    card = load_encoder_data(entry.header).card
    subject, edge = load_subject(card.config.subject), share_at_edge(card)
    rois = plain([asdict(row) for row in summarise_by_roi(card, subject.voxels)])
    own = {"name": entry.config.name, "own": entry.is_own, "file": str(entry.header.with_suffix(".safetensors"))}
    scores = {"r_median": _median(card.r), "alpha_at_edge": edge, "rois": rois}
    facts = summarise_card(card, subject_title=subject.title, subject_kind=subject.kind)
    facts |= {"Alpha at edge": f"{edge:.1%} of the voxels"} if math.isfinite(edge) else {}
    lines = [entry.config.name, *(f"  {fact:<16} {value}" for fact, value in facts.items()), format_table(rois)]
    return answer(own | describe_card(card) | scores, "\n".join(lines), as_json=json)


@takes((ImportRequest, REQUEST))
def _import(
    kind: str,
    file: str,
    /,
    *more: str,
    member: Annotated[str, about("which of several, CSI1 to CSI3 of img2fmri")] = "",
    simulated: Annotated[bool, about("the new subject's responses were made up")] = False,
    network_weights: Weights = None,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    check_choice("kind", kind, KINDS)
    files = [Path(word).expanduser() for word in (file, *more)]
    if kind == "probescope" or (kind == "auto" and is_library_file(files[0])):
        card, path = adopt_encoder(files[0], replace=given.of(ImportRequest).get("replaces", False))
        adopted = {"name": card.config.name, "file": str(path), "n_voxels": card.n_voxels}
        return answer(adopted, f"Imported {adopted['name']} into {path}", as_json=json)
    from core.encoders.importers.bind import iter_import
    from core.encoders.importers.open import hash_files, read_readout
    from core.engine import Engine

    kept_as = "simulated" if simulated else "measured"
    if IS_ASKING.get():
        announce(given.make(ImportRequest, kind=kept_as))
    readout = read_readout(files, kind=kind, member=member)
    request = _resolve_request(readout, given, kept_as=kept_as)
    opened = Engine(device=device).open_network(request.network, request.layer, weights=network_weights)
    last = follow(iter_import(readout, request, network=opened, files=hash_files(files)))
    if last.result is None:
        raise RuntimeError("An import ended without a result.")
    summary = {
        "name": last.result.config.name,
        "file": str(last.path),
        "found": readout.title,
        "n_features": readout.n_features,
        "n_voxels": last.result.n_voxels,
        "n_left_out": 0 if readout.missing is None else int(readout.missing.sum()),
        "difference": last.difference,
        "r_median": _median(last.result.r),
        "provenance": describe_card(last.result)["provenance"],
    }
    if summary["n_left_out"]:
        print(f"Note: {summary['n_left_out']:,} voxels have no weights (all NaN) and are left out.", file=sys.stderr)
    text = "Imported {name}: {found}, {n_features:,} features, {n_voxels:,} voxels; differs from its source by at most "
    return answer(summary, (text + "{difference:.1e} of the largest prediction").format(**summary), as_json=json)


@takes(
    (NetworkImportOptions, "id title input_size trusted=trust"),
    (WholeOptions, "voxels surface key"),
    (ImportRequest, "subject new_subject response_unit=unit source licence n_reference=reference"),
)
def _add(
    module: str,
    /,
    *,
    simulated: Annotated[bool, about("the new subject's responses were made up")] = False,
    device: Device = "auto",
    json: Json = False,
    given: Given,
) -> int:
    from core.engine import Engine

    typed = given.of(ImportRequest)
    named = {} if {"subject", "new_subject"} & set(typed) else {"new_subject": suggest_subject(module)}
    kind = "simulated" if simulated else "measured"
    request = given.make(ImportRequest, network="", layer="", kind=kind, **named)
    options, whole = given.make(NetworkImportOptions), given.make(WholeOptions)
    announce(options, whole, request)
    last = follow(Engine(device=device).iter_whole(module, options, whole, request))
    if last.result is None or last.result.provenance is None:
        raise RuntimeError("A whole encoder was taken in without a result.")
    card, note = last.result, last.result.provenance.note
    summary: dict[str, Any] = {"name": card.config.name, "file": str(last.path), "n_voxels": card.n_voxels}
    summary |= {"network": card.config.network, "note": note}
    text = "Added {name}: network {network}, {n_voxels:,} voxels. {note}".format(**summary).strip()
    return answer(summary, text, as_json=json)


def _resolve_request(readout: Readout, given: Given, *, kept_as: str) -> ImportRequest:
    """What was typed, and else what the file says of its network and layer."""
    typed = given.of(ImportRequest)
    network = typed.get("network") or readout.network
    if not network:
        advice = "Add --network ID: the file does not say which network its features are of."
        raise refusal("network", allowed="named", got=None, advice=advice)
    spec = find_network(network)
    layer = typed.get("layer") or (readout.layer if network == readout.network else "") or spec.default_layer
    return given.make(ImportRequest, network=spec.id, layer=layer, kind=kept_as)


@takes((ImportRequest, "n_reference=reference"))
def _reference(
    name: str, /, *, network_weights: Weights = None, device: Device = "auto", json: Json = False, given: Given
) -> int:
    from core.encoders.importers.reference import iter_renew_reference
    from core.engine import Engine

    entry = find_entry(name)
    opened = Engine(device=device).open_network(entry.config.network, entry.config.layer, weights=network_weights)
    most = given.of(ImportRequest).get("n_reference", N_REFERENCE)
    last = follow(iter_renew_reference(entry.header, network=opened, most=max(1, most)))
    if last.result is None or last.result.card.provenance is None:
        raise RuntimeError("The reference images ended without a result.")
    provenance = last.result.card.provenance
    found = {"name": entry.config.name, "reference": provenance.reference, "n_reference": provenance.n_reference}
    return answer(found, f"SDs of {entry.config.name} are now over {provenance.reference}", as_json=json)


def _export(
    name: str,
    /,
    *,
    format: Annotated[str, about(" or ".join(FORMATS))] = "probescope",  # noqa: A002
    out: Annotated[Path | None, about("new folder, or new .npz file")] = None,
    json: Json = False,
) -> int:
    if out is None:
        raise refusal("out", allowed="named", got=None, advice="Add --out PATH.")
    announce()
    return _answer_files("Wrote", export_encoder(name, out.expanduser(), form=format), as_json=json)


def _remove(name: str, /, *, json: Json = False) -> int:
    return _answer_files("Removed", remove_encoder(name), as_json=json)


def _answer_files(done: str, files: Sequence[Path], *, as_json: bool) -> int:
    names = [str(path) for path in files]
    return answer({"files": names}, f"{done} {', '.join(names)}", as_json=as_json)


@explained(EXPLANATION)
@actions(_list, _show, _add, _import, _reference, _export, _remove)
def run_encoders(
    action: str, /, *words: Annotated[str, about("which encoder, or what to import", metavar="NAME | KIND FILE")]
) -> None:
    """Do what was asked; returns 0. Raises ProbeError with one clear sentence otherwise."""


def _median(values: Any) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 4) if known.size else None
