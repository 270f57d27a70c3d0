"""The `surfaces` command: imports, lists, checks and removes cortical surfaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from core.checks import check_choice, refusal
from core.commands.options import Given, about, explained, takes
from core.commands.output import answer, format_table
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import check_fit, choose_surface
from core.errors import BadInputError
from core.surfaces.store import (
    SurfaceInfo,
    check_surface_name,
    has_surface,
    list_surfaces,
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


@dataclass(frozen=True, slots=True)
class SurfaceOptions:
    """What the actions take beside their words."""

    name: Annotated[str | None, about("add: the name to keep it under (default: the folder's)")] = None
    atlas: Annotated[str, about("add, outline: the atlas whose ROIs are outlined")] = ""
    replace: Annotated[bool, about("add, fetch: replace a surface of that name")] = False
    subject: Annotated[str | None, about("check, use: the subject whose voxels must fit")] = None
    volume: Annotated[Path | None, about("check, project: a NIfTI file")] = None
    out: Annotated[Path | None, about("project: the .npz file to write")] = None
    json: Annotated[bool, about("list: print one JSON array")] = False


def _add(words: Sequence[str], options: SurfaceOptions) -> None:
    from core.surfaces.importer import read_surface

    paths = _paths(words)
    name = options.name or paths[0].resolve().name
    if options.name or paths[0].is_dir():
        _check_free(check_surface_name(name), replace=options.replace)
    imported = read_surface(paths, name=name, atlas=options.atlas)
    _check_free(check_surface_name(name), replace=options.replace)  # a file's name is checked once it is a surface
    path = save_surface(imported.surface, imported.atlases, replace=options.replace)
    print("\n".join([f"Added {name}:", *(f"  {line}" for line in imported.describe()), f"  kept in {path}"]))


def _check(words: Sequence[str], options: SurfaceOptions) -> None:
    surface = load_surface(words[0]) if len(words) == 1 and has_surface(words[0]) else None
    if surface is None:
        from core.surfaces.importer import read_surface

        imported = read_surface(_paths(words), name="checked")
        surface = imported.surface
        print("\n".join(imported.describe()))
    else:
        print("\n".join(_format_surface(next(info for info in list_surfaces() if info.name == surface.name))))
    if options.subject is not None:
        subject = load_as_recorded(options.subject)
        check_fit(subject.voxels, own=subject.surface, surface=surface)
        print(f"The voxels of {options.subject} fit.")
    if options.volume is not None:
        from core.surfaces.mapping import LIMIT_MM, paint_table
        from core.surfaces.volumes import describe_forms, load_volume

        volume = load_volume(options.volume)
        places = paint_table(surface, np.argwhere(np.nan_to_num(volume.dataobj) != 0), volume.affine)
        count = f"{places.n_placed:,} of {len(places.vertex):,} voxels that are not 0"
        print(f"{count} lie within {LIMIT_MM:g} mm of the cortex.")
        _tell(describe_forms(options.volume))


def _tell(sentence: str) -> None:
    if sentence:
        print(sentence)


def _list(_words: Sequence[str], options: SurfaceOptions) -> None:
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
    answer([asdict(info) for info in infos], lambda: format_table(rows), as_json=options.json)


def _use(words: Sequence[str], options: SurfaceOptions) -> None:
    name = _one_name(words)
    if options.subject is None:
        raise refusal("--subject", allowed="the id of a subject", got=None)
    subject = load_as_recorded(options.subject)
    choose_surface(options.subject, subject.voxels, own=subject.surface, surface=load_surface(name))
    print(f"{subject.title} is shown on {name}.")


def _outline(words: Sequence[str], options: SurfaceOptions) -> None:
    name = _one_name(words)
    outline_first(name, options.atlas)
    print(f"{name} is outlined with {options.atlas}.")


def _remove(words: Sequence[str], _options: SurfaceOptions) -> None:
    name = _one_name(words)
    remove_surface(name)
    print(f"Removed {name}.")


def _fetch(words: Sequence[str], options: SurfaceOptions) -> None:
    from core.surfaces.importer import MESHES, fetch_fsaverage

    name = check_choice("name", words[0] if words else "", MESHES)
    _check_free(name, replace=options.replace)
    imported = fetch_fsaverage(name)
    save_surface(imported.surface, imported.atlases, replace=options.replace)
    print("\n".join([f"Added {name}:", *(f"  {line}" for line in imported.describe())]))


def _project(words: Sequence[str], options: SurfaceOptions) -> None:
    from core.surfaces.project import write_projection
    from core.surfaces.volumes import describe_forms

    if options.volume is None or options.out is None:
        raise BadInputError("`surfaces project` needs --volume FILE and --out FILE.npz.")
    surface = load_surface(_one_name(words))
    known = write_projection(options.volume, surface, options.out)
    print(f"Wrote {known:,} values of {sum(surface.n_vertices):,} vertices to {options.out}.")
    _tell(describe_forms(options.volume))


ACTIONS: dict[str, Callable[[Sequence[str], SurfaceOptions], None]] = {
    "add": _add,
    "list": _list,
    "check": _check,
    "use": _use,
    "outline": _outline,
    "remove": _remove,
    "fetch": _fetch,
    "project": _project,
}


@explained(EXPLANATION)
@takes((SurfaceOptions, ""))
def run_surfaces(
    action: Annotated[str, about(f"one of {', '.join(ACTIONS)}")],
    /,
    *what: Annotated[str, about("a folder or files, or the name of a surface")],
    given: Given,
) -> int:
    """Do what was asked; returns 0. Raises BadInputError for a name, file or option that cannot be used."""
    ACTIONS[check_choice("ACTION", action, ACTIONS)](what, given.make(SurfaceOptions))
    return 0


def _paths(words: Sequence[str]) -> list[Path]:
    if not words:
        raise refusal("WHAT", allowed="a folder or surface files", got=None)
    return [Path(text).expanduser() for text in words]


def _one_name(words: Sequence[str]) -> str:
    if len(words) != 1:
        raise refusal("WHAT", allowed="the name of one surface", got=list(words))
    return words[0]


def _check_free(name: str, *, replace: bool) -> None:
    """Refuse a taken name before anything is read or downloaded."""
    if has_surface(name) and not replace:
        raise refusal("name", allowed="a new surface name", got=name, advice="Choose another --name, or --replace it.")


def _format_surface(info: SurfaceInfo) -> list[str]:
    left, right = info.n_vertices
    atlases = ", ".join(info.atlases) or "none"
    head = f"{left:,} vertices left, {right:,} right"
    return [head, f"geometries: {', '.join(info.geometries)}", f"atlases: {atlases}", *info.notes]
