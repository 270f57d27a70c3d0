"""The `surfaces` command: imports, lists, checks and removes cortical surfaces. Never reads a surface file itself."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.checks import check_choice, describe_refusal
from core.commands.listing import format_table
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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `surfaces` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "surfaces",
        help="import, list, check and remove cortical surfaces of your own",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("what", metavar="WHAT", nargs="*", help="a folder or files, or the name of a surface")
    parser.add_argument("--name", help="add: the name to keep it under (default: the folder's)")
    parser.add_argument("--atlas", default="", help="add, outline: the atlas whose ROIs are outlined")
    parser.add_argument("--replace", action="store_true", help="add, fetch: replace a surface of that name")
    parser.add_argument("--subject", help="check, use: the subject whose voxels must fit")
    parser.add_argument("--volume", type=Path, help="check, project: a NIfTI file")
    parser.add_argument("--out", type=Path, help="project: the .npz file to write")
    parser.add_argument("--json", action="store_true", help="list: print one JSON array")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked; returns 0. Raises BadInputError for a name, file or option that cannot be used."""
    ACTIONS[check_choice("ACTION", args.action, ACTIONS)](args)
    return 0


def add(args: argparse.Namespace) -> None:
    """Read files and keep them as a surface."""
    from core.surfaces.importer import read_surface

    paths = _paths(args)
    name = args.name or paths[0].resolve().name
    if args.name or paths[0].is_dir():
        _check_free(check_surface_name(name), replace=args.replace)
    imported = read_surface(paths, name=name, atlas=args.atlas)
    _check_free(check_surface_name(name), replace=args.replace)  # a file's name is judged once it is a surface
    path = save_surface(imported.surface, imported.atlases, replace=args.replace)
    print("\n".join([f"Added {name}:", *(f"  {line}" for line in imported.describe()), f"  kept in {path}"]))


def check(args: argparse.Namespace) -> None:
    """Say what is in files or in a kept surface, and whether a subject and a volume fit it."""
    surface = load_surface(args.what[0]) if len(args.what) == 1 and has_surface(args.what[0]) else None
    if surface is None:
        from core.surfaces.importer import read_surface

        imported = read_surface(_paths(args), name="checked")
        surface = imported.surface
        print("\n".join(imported.describe()))
    else:
        print("\n".join(_tell(next(info for info in list_surfaces() if info.name == surface.name))))
    if args.subject is not None:
        subject = load_as_recorded(args.subject)
        check_fit(subject.voxels, own=subject.surface, surface=surface)
        print(f"The voxels of {args.subject} fit.")
    if args.volume is not None:
        from core.surfaces.mapping import LIMIT_MM, paint_table
        from core.surfaces.project import load_volume

        volume = load_volume(args.volume)
        places = paint_table(surface, np.argwhere(np.asarray(volume.dataobj) != 0), volume.affine)
        count = f"{places.n_placed:,} of {len(places.vertex):,} voxels that are not 0"
        print(f"{count} lie within {LIMIT_MM:g} mm of the cortex.")


def show_list(args: argparse.Namespace) -> None:
    """Print every surface."""
    infos = list_surfaces()
    if args.json:
        print(json.dumps([asdict(info) for info in infos]))
        return
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
    print(format_table(rows))


def use(args: argparse.Namespace) -> None:
    """Show a subject on another surface."""
    name = _one_name(args)
    if args.subject is None:
        raise BadInputError(describe_refusal("--subject", allowed="the id of a subject", got=None))
    subject = load_as_recorded(args.subject)
    choose_surface(args.subject, subject.voxels, own=subject.surface, surface=load_surface(name))
    print(f"{subject.title} is shown on {name}.")


def outline(args: argparse.Namespace) -> None:
    """Make another atlas the default of a surface."""
    name = _one_name(args)
    outline_first(name, args.atlas)
    print(f"{name} is outlined with {args.atlas}.")


def remove(args: argparse.Namespace) -> None:
    """Delete an imported surface."""
    name = _one_name(args)
    remove_surface(name)
    print(f"Removed {name}.")


def fetch(args: argparse.Namespace) -> None:
    """Download an fsaverage and keep it."""
    from core.surfaces.fetch import MESHES, fetch_fsaverage

    name = check_choice("name", args.what[0] if args.what else "", MESHES)
    _check_free(name, replace=args.replace)
    imported = fetch_fsaverage(name)
    save_surface(imported.surface, imported.atlases, replace=args.replace)
    print("\n".join([f"Added {name}:", *(f"  {line}" for line in imported.describe())]))


def project(args: argparse.Namespace) -> None:
    """Write a volume's values at every vertex."""
    from core.surfaces.project import write_projection

    if args.volume is None or args.out is None:
        raise BadInputError("`surfaces project` needs --volume FILE and --out FILE.npz.")
    surface = load_surface(_one_name(args))
    known = write_projection(args.volume, surface, args.out)
    print(f"Wrote {known:,} values of {sum(surface.n_vertices):,} vertices to {args.out}.")


ACTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    "add": add,
    "list": show_list,
    "check": check,
    "use": use,
    "outline": outline,
    "remove": remove,
    "fetch": fetch,
    "project": project,
}


def _paths(args: argparse.Namespace) -> list[Path]:
    if not args.what:
        raise BadInputError(describe_refusal("WHAT", allowed="a folder or surface files", got=None))
    return [Path(text).expanduser() for text in args.what]


def _one_name(args: argparse.Namespace) -> str:
    if len(args.what) != 1:
        raise BadInputError(describe_refusal("WHAT", allowed="the name of one surface", got=args.what))
    return str(args.what[0])


def _check_free(name: str, *, replace: bool) -> None:
    """Refuse a taken name before anything is read or downloaded."""
    if has_surface(name) and not replace:
        advice = "Choose another --name, or --replace it."
        raise BadInputError(describe_refusal("name", allowed="a new surface name", got=name, advice=advice))


def _tell(info: SurfaceInfo) -> list[str]:
    left, right = info.n_vertices
    atlases = ", ".join(info.atlases) or "none"
    head = f"{left:,} vertices left, {right:,} right"
    return [head, f"geometries: {', '.join(info.geometries)}", f"atlases: {atlases}", *info.notes]
