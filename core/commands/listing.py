"""The `list` command: what can be named on the command line. Never loads weights or responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np

from core.checks import check_choice
from core.commands.options import Given, Json, about, explained, takes
from core.commands.output import answer
from core.datasets.image_store import SEPARATOR
from core.datasets.photos import GROUPS, list_images
from core.datasets.subject import Subject, list_subjects, load_subject
from core.encoders.files import list_encoders
from core.errors import StorageError
from core.networks.catalog import find_network, list_networks
from core.networks.spec import NetworkSpec

Row = dict[str, Any]

EXPLANATION = """\
--json prints one array of objects. networks: id, title, family, architecture, input_size, layers, default_layer,
robust, licence, source, note, installed. subjects: id, title, kind, note, response_unit, n_voxels, n_images,
citation, licence.
rois: subject, roi, n_voxels, n_left, n_right, first_voxel, noise_ceiling_median. images: id, category, group, curated,
set, licence. layers: network, layer, shape, offered, default. encoders: subject, network, layer."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What narrows a list."""

    subject: Annotated[str | None, about("rois, images, encoders: of this subject only")] = None
    network: Annotated[str | None, about("layers, encoders: of this network only")] = None
    group: Annotated[str | None, about(f"images: of this group only ({', '.join(GROUPS)})")] = None
    curated: Annotated[bool, about("images: the starter set only")] = False
    all: Annotated[bool, about("layers: every place to cut, not only the offered ones")] = False


def describe_network(spec: NetworkSpec) -> Row:
    """One network of the catalogue."""
    names = ("id", "title", "family", "architecture", "input_size", "default_layer")
    more = ("robust", "parent", "licence", "source", "note", "installed")
    return {name: getattr(spec, name) for name in names + more} | {"layers": list(spec.layers)}


def _list_subjects(_options: ListOptions) -> list[Row]:
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
    return rows


def _list_rois(options: ListOptions) -> list[Row]:
    known = [info.id for info in list_subjects()]
    chosen = known if options.subject is None else [check_choice("subject", options.subject, known)]
    return [_describe_roi(name, roi) for name in chosen for roi in load_subject(name).voxels.roi_names]


def _list_images(options: ListOptions) -> list[Row]:
    if options.subject is not None:
        return _list_images_of(load_subject(options.subject))
    if options.group is not None:
        check_choice("group", options.group, GROUPS)
    names = ("id", "category", "group", "curated", "set", "licence")
    return [
        {name: getattr(info, name) for name in names}
        for info in list_images()
        if options.group in (None, info.group) and (info.curated or not options.curated)
    ]


def _list_images_of(subject: Subject) -> list[Row]:
    """The images a subject saw, by the id that `probe --image` takes."""
    start = "" if subject.images is None else f"{subject.id}{SEPARATOR}"
    rows = zip(subject.image_ids, subject.categories, subject.n_trials.tolist(), subject.test.tolist(), strict=True)
    return [
        {"id": f"{start}{name}", "category": category, "trials": count, "held_out": held}
        for name, category, count, held in rows
    ]


def list_layers_rows(options: ListOptions) -> list[Row]:
    """Where networks can be cut, with the shape of the features there."""
    from core.networks.open_body import list_layers

    installed = [spec for spec in list_networks() if spec.installed]
    specs = installed if options.network is None else [find_network(options.network)]
    return [
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
        if options.all or layer.name in spec.layers
    ]


def _list_encoders(options: ListOptions) -> list[Row]:
    return [
        {"subject": config.subject, "network": config.network, "layer": config.layer}
        for config in list_encoders()
        if options.subject in (None, config.subject) and options.network in (None, config.network)
    ]


LISTS: dict[str, Callable[[ListOptions], list[Row]]] = {
    "networks": lambda _options: [describe_network(spec) for spec in list_networks()],
    "subjects": _list_subjects,
    "rois": _list_rois,
    "images": _list_images,
    "layers": list_layers_rows,
    "encoders": _list_encoders,
}


@explained(EXPLANATION)
@takes((ListOptions, ""))
def run_list(what: Annotated[str, about(f"one of {', '.join(LISTS)}")], /, *, json: Json = False, given: Given) -> int:
    """Print the list; returns 0. Raises BadInputError for a name that is not known."""
    rows = LISTS[check_choice("WHAT", what, LISTS)](given.make(ListOptions))
    return answer(rows, as_json=json)


def _describe_roi(subject: str, roi: str) -> Row:
    table = load_subject(subject).voxels
    voxels = table.voxels_in(roi)
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
