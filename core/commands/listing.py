"""The `list` command: what can be named on the command line. Never loads weights or responses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np

from core.checks import check_choice
from core.commands.options import Json, about, actions, explained
from core.commands.output import answer
from core.datasets.image_store import SEPARATOR
from core.datasets.photos import GROUPS, list_images
from core.datasets.subject import list_subjects, load_subject
from core.encoders.files import list_encoders
from core.errors import StorageError
from core.networks.catalog import find_network, list_networks
from core.networks.spec import NetworkSpec
from core.probes.target import resolve_roi
from core.types import VoxelTable

Row = dict[str, Any]

EXPLANATION = """\
--json prints one array of objects. networks: id, title, family, architecture, input_size, layers, default_layer,
robust, licence, source, note, installed. subjects: id, title, kind, note, response_unit, n_voxels, n_images,
citation, licence.
rois: subject, roi, n_voxels, n_left, n_right, first_voxel, noise_ceiling_median. images: id, category, group, curated,
set, licence. layers: network, layer, shape, offered, default. encoders: subject, network, layer."""


Subject = Annotated[str | None, about("of this subject only")]
Network = Annotated[str | None, about("of this network only")]
All = Annotated[bool, about("every place to cut, not only the offered ones")]


def _networks(*, json: Json = False) -> int:
    return answer([describe_network(spec) for spec in list_networks()], as_json=json)


def describe_network(spec: NetworkSpec) -> Row:
    """One network of the catalogue."""
    names = ("id", "title", "family", "architecture", "input_size", "default_layer")
    more = ("robust", "parent", "licence", "source", "note", "installed")
    return {name: getattr(spec, name) for name in names + more} | {"layers": list(spec.layers)}


def _subjects(*, json: Json = False) -> int:
    names = ("id", "title", "kind", "response_unit", "note", "citation", "licence")
    rows: list[Row] = []
    for info in list_subjects():
        try:
            subject = load_subject(info.id)
        except StorageError as error:  # one damaged import must not hide the others
            rows.append(dict.fromkeys(names, "") | asdict(info) | {"note": str(error), "n_voxels": 0, "n_images": 0})
            continue
        counts = {"n_voxels": subject.voxels.n_voxels, "n_images": len(subject.image_ids)}
        rows.append({name: getattr(subject, name) for name in names} | counts)
    return answer(rows, as_json=json)


def _rois(*, subject: Subject = None, json: Json = False) -> int:
    known = [info.id for info in list_subjects()]
    chosen = known if subject is None else [check_choice("subject", subject, known)]
    tables = {name: load_subject(name).voxels for name in chosen}
    names = {name: (*table.roi_names, *dict(table.sets)) for name, table in tables.items()}
    return answer([_describe_roi(one, tables[one], roi) for one in chosen for roi in names[one]], as_json=json)


def _images(
    *,
    subject: Subject = None,
    group: Annotated[str | None, about(f"of this group only ({', '.join(GROUPS)})")] = None,
    curated: Annotated[bool, about("the starter set only")] = False,
    json: Json = False,
) -> int:
    if subject is not None:
        return answer(_list_images_of(subject), as_json=json)
    if group is not None:
        check_choice("group", group, GROUPS)
    names = ("id", "category", "group", "curated", "set", "licence")
    chosen = [info for info in list_images() if group in (None, info.group) and (info.curated or not curated)]
    return answer([{name: getattr(info, name) for name in names} for info in chosen], as_json=json)


def _list_images_of(name: str) -> list[Row]:
    """The images a subject saw, by the id that `probe --image` takes."""
    subject = load_subject(name)
    start = "" if subject.images is None else f"{subject.id}{SEPARATOR}"
    rows = zip(subject.image_ids, subject.categories, subject.n_trials.tolist(), subject.test.tolist(), strict=True)
    return [
        {"id": f"{start}{name}", "category": category, "trials": count, "held_out": held}
        for name, category, count, held in rows
    ]


def layers(*, network: Network = None, all: All = False, json: Json = False) -> int:  # noqa: A002
    """Print where networks can be cut, with the shape of the features there; returns 0."""
    from core.networks.open_body import list_layers

    installed = [spec for spec in list_networks() if spec.installed]
    specs = installed if network is None else [find_network(network)]
    rows = [
        {
            "network": spec.id,
            "layer": layer.name,
            "shape": list(layer.shape),
            "call": layer.call,
            "offered": layer.name in spec.layers,
            "default": layer.name == spec.default_layer,
        }
        for spec in specs
        for layer in list_layers(spec)
        if all or layer.name in spec.layers
    ]
    return answer(rows, as_json=json)


def _encoders(*, subject: Subject = None, network: Network = None, json: Json = False) -> int:
    rows = [
        {"subject": config.subject, "network": config.network, "layer": config.layer}
        for config in list_encoders()
        if subject in (None, config.subject) and network in (None, config.network)
    ]
    return answer(rows, as_json=json)


@explained(EXPLANATION)
@actions(_networks, _subjects, _rois, _images, layers, _encoders)
def run_list(what: str, /) -> None:
    """Print the list; returns 0. Raises BadInputError for a name that is not known."""


def _describe_roi(subject: str, table: VoxelTable, roi: str) -> Row:
    voxels = resolve_roi(table, roi)[1]
    n_left, n_right = (int((table.sides[voxels] == side).sum()) for side in ("left", "right"))
    ceiling = float(np.median(table.noise_ceiling[voxels]))
    return {
        "subject": subject,
        "roi": roi,
        "n_voxels": len(voxels),
        "n_left": n_left,
        "n_right": n_right,
        "first_voxel": int(voxels[0]),
        "noise_ceiling_median": None if np.isnan(ceiling) else round(ceiling, 3),
    }
