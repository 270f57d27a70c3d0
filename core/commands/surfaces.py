"""The `surfaces` command: imports, lists, checks and removes cortical surfaces."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np

from core.checks import check_choice, refusal
from core.commands.options import about, actions, announce, explained
from core.commands.output import answer, format_table
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import check_fit, choose_surface
from core.errors import BadInputError
from core.files import check_file
from core.surfaces.store import (
    check_surface_name,
    has_surface,
    list_surfaces,
    load_atlases,
    load_surface,
    outline_first,
    remove_surface,
    save_surface,
)

EXPLANATION = """\
surfaces add PATH... --name NAME      keep a FreeSurfer subject folder, or GIFTI files, under a name
surfaces check PATH... | NAME         what is there, without keeping it; --subject: whether its voxels fit;
                                      --volume FILE: how many of its voxels lie on the cortex
surfaces list                         all surfaces; --json: name, n_vertices, geometries, atlases, source, notes
surfaces use NAME --subject ID        show a subject on this surface
surfaces outline NAME --atlas TITLE   outline the ROIs of another of its atlases
surfaces fetch fsaverage              download the full fsaverage through nilearn
surfaces project NAME --volume FILE --out FILE.npz   the volume's values at every vertex (left, right)
surfaces remove NAME"""


Atlas = Annotated[str, about("the atlas whose ROIs are outlined")]
Replace = Annotated[bool, about("replace a surface of that name")]
Subject = Annotated[str | None, about("the subject whose voxels must fit")]
Volume = Annotated[Path | None, about("a NIfTI file")]


def _add(
    path: str,
    /,
    *paths: str,
    name: Annotated[str | None, about("the name to keep it under (default: the folder's)")] = None,
    atlas: Atlas = "",
    replace: Replace = False,
) -> None:
    from core.surfaces.importer import read_surface

    announce()
    files = [Path(text).expanduser() for text in (path, *paths)]
    kept_as = name or files[0].resolve().name
    if name or files[0].is_dir():
        _check_free(check_surface_name(kept_as), replace=replace)
    imported = read_surface(files, name=kept_as, atlas=atlas)
    _check_free(check_surface_name(kept_as), replace=replace)  # a file's name is checked once it is a surface
    place = save_surface(imported.surface, imported.atlases, replace=replace)
    print("\n".join([f"Added {kept_as}:", *(f"  {line}" for line in imported.describe()), f"  kept in {place}"]))


def _check(path: str, /, *paths: str, subject: Subject = None, volume: Volume = None) -> None:
    from core.surfaces.importer import ImportedSurface, read_surface

    if not paths and has_surface(path):
        found = ImportedSurface(load_surface(path), load_atlases(path))
    else:
        found = read_surface([Path(text).expanduser() for text in (path, *paths)], name="checked")
    print("\n".join(found.describe()))
    if subject is not None:
        recorded = load_as_recorded(subject)
        check_fit(recorded.voxels, own=recorded.surface, surface=found.surface)
        print(f"The voxels of {subject} fit.")
    if volume is not None:
        from core.surfaces.mapping import LIMIT_MM, paint_table
        from core.surfaces.volumes import describe_forms, load_volume

        image = load_volume(volume)
        places = paint_table(found.surface, np.argwhere(np.nan_to_num(image.dataobj) != 0), image.affine)
        count = f"{places.n_placed:,} of {len(places.vertex):,} voxels that are not 0"
        print(f"{count} lie within {LIMIT_MM:g} mm of the cortex.")
        if forms := describe_forms(volume):
            print(forms)


def _list(*, json: Annotated[bool, about("print one JSON array")] = False) -> None:
    infos = list_surfaces()
    rows = [
        {
            "name": info.name,
            "left": info.n_vertices[0],
            "right": info.n_vertices[1],
            "geometries": ", ".join(info.geometries),
            "atlases": len(info.atlases),
        }
        for info in infos
    ]
    answer([asdict(info) for info in infos], format_table(rows), as_json=json)


def _use(name: str, /, *, subject: Subject = None) -> None:
    if subject is None:
        raise refusal("--subject", allowed="the id of a subject", got=None)
    announce()
    recorded = load_as_recorded(subject)
    choose_surface(subject, recorded.voxels, own=recorded.surface, surface=load_surface(name))
    print(f"{recorded.title} is shown on {name}.")


def _outline(name: str, /, *, atlas: Atlas = "") -> None:
    outline_first(name, atlas)
    print(f"{name} is outlined with {atlas}.")


def _remove(name: str, /) -> None:
    remove_surface(name)
    print(f"Removed {name}.")


def _fetch(name: str, /, *, replace: Replace = False) -> None:
    from core.surfaces.importer import MESHES, fetch_fsaverage

    announce()
    _check_free(check_choice("name", name, MESHES), replace=replace)
    imported = fetch_fsaverage(name)
    save_surface(imported.surface, imported.atlases, replace=replace)
    print("\n".join([f"Added {name}:", *(f"  {line}" for line in imported.describe())]))


def _project(
    name: str, /, *, volume: Volume = None, out: Annotated[Path | None, about("the .npz file to write")] = None
) -> None:
    from core.surfaces.project import write_projection
    from core.surfaces.volumes import describe_forms

    if volume is None or out is None:
        raise BadInputError("`surfaces project` needs --volume FILE and --out FILE.npz.")
    announce()
    check_file(out)
    surface = load_surface(name)
    known = write_projection(volume, surface, out)
    print(f"Wrote {known:,} values of {sum(surface.n_vertices):,} vertices to {out}.")
    if forms := describe_forms(volume):
        print(forms)


@explained(EXPLANATION)
@actions(_add, _list, _check, _use, _outline, _remove, _fetch, _project)
def run_surfaces(action: str, /, *what: Annotated[str, about("a folder or files, or the name of a surface")]) -> None:
    """Do what was asked; returns 0. Raises BadInputError for a name, file or option that cannot be used."""


def _check_free(name: str, *, replace: bool) -> None:
    """Refuse a taken name before anything is read or downloaded."""
    if has_surface(name) and not replace:
        raise refusal("name", allowed="a new surface name", got=name, advice="Choose another --name, or --replace it.")
