"""The `import` and `subjects` commands: recordings in, recordings out. Never holds a layout."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.checks import describe_refusal
from core.datasets.description import TEMPLATE
from core.datasets.import_options import ImportOptions
from core.datasets.importer import ImportProgress, iter_import
from core.datasets.kinds import AUTO, MODULES, Finding, inspect_source, plan_import
from core.datasets.relink import relink_images
from core.datasets.subject_files import remove_subject
from core.datasets.summary import ImportSummary, load_summary
from core.encoders.orphans import check_no_encoders
from core.errors import BadInputError
from core.files import replace_file

INSPECT, WRITE_TEMPLATE = "inspect", "template"
EXPLANATION = """\
main.py import inspect SOURCE            what a folder or TOML file holds, without reading it all
main.py import auto SOURCE --subject ID  find out the kind and import it
main.py import template [FILE]           write a TOML file that describes your own arrays

--json prints one object: of `inspect` {"kind", "title", "person", "people", "measured", "n_images", "n_trials",
"n_voxels", "repeats", "rois", "categories", "sessions", "missing_sessions", "n_held_out", ...}; of an import its
summary: also "noise_ceiling" (voxels in ten bins of [0, 1]), "n_missing" and "n_constant" (voxels left out)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `import` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "import",
        help="import recordings: NSD, Algonauts 2023, BOLD5000, THINGS-fMRI, NIfTI betas, or your own arrays",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", help=f"{', '.join([AUTO, *MODULES])}; or {INSPECT}, {WRITE_TEMPLATE}")
    parser.add_argument("source", metavar="SOURCE", nargs="?", type=Path, help="folder, or TOML file")
    parser.add_argument("--subject", help="id the subject gets: letters, digits, - and _")
    parser.add_argument("--title", default="", help="shown instead of the recording's own title")
    parser.add_argument("--person", default="", help="which of the people there: subj01, CSI1, sub-01")
    parser.add_argument("--space", default="", help="of NSD: func1pt8mm, func1mm or fsaverage")
    parser.add_argument("--betas", default="", help="of NSD: betas_fithrf_GLMdenoise_RR, ...")
    parser.add_argument("--mask", default="", help="voxels to keep: all, or the name of a mask there (nsdgeneral)")
    parser.add_argument("--rois", default="", help="keep only these ROIs, separated by commas")
    parser.add_argument("--surface", default="", help="surface the voxels lie on (see `list surfaces`)")
    parser.add_argument("--held-out", default="own", help="own, repeated, a share (0.2) or a .txt file of image ids")
    parser.add_argument("--images", type=Path, help="folder or HDF5 file of the images, if elsewhere")
    parser.add_argument("--categories", type=Path, help="CSV or TSV with columns image and category")
    parser.add_argument("--bad-voxels", default="drop", help="drop or refuse voxels with missing values or no variance")
    parser.add_argument("--seed", type=int, default=0, help="draws a held-out share (default 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)
    return parser


def add_subjects_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `subjects` to the program's sub-commands."""
    parser = subparsers.add_parser("subjects", help="summarise, remove or relink imported subjects")
    parser.add_argument("action", choices=("summary", "remove", "relink"), help="relink: its images lie at PATH now")
    parser.add_argument("subject", metavar="ID", help="id of an imported subject (see `list subjects`)")
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path, help="of relink: folder or HDF5 file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run_subjects)
    return parser


def run(args: argparse.Namespace) -> int:
    """Import, inspect or write the template; returns 0. Raises ProbeError with one clear sentence otherwise."""
    if args.kind == WRITE_TEMPLATE:
        return _write_template(args.source)
    if args.source is None:
        advice = "Add the folder, or the TOML file."
        raise BadInputError(describe_refusal("source", allowed="named", got=None, advice=advice))
    if args.kind == INSPECT:
        _print_finding(inspect_source(args.source, options=read_options(args, subject="inspected")), as_json=args.json)
        return 0
    if not args.subject:
        advice = "Add --subject ID, the name the subject gets."
        raise BadInputError(describe_refusal("subject", allowed="named", got=args.subject, advice=advice))
    options = read_options(args, subject=args.subject)
    check_no_encoders(options.subject)
    progress = None
    for progress in iter_import(plan_import(args.kind, args.source, options), options):
        show_progress(progress)
    if progress is None or progress.summary is None:
        raise RuntimeError("An import ended without a summary.")
    _print_summary(progress.summary, as_json=args.json)
    return 0


def run_subjects(args: argparse.Namespace) -> int:
    """Summarise, relink or remove a subject; returns 0."""
    if args.action == "summary":
        _print_summary(load_summary(args.subject), as_json=args.json)
        return 0
    if args.action == "relink":
        if args.path is None:
            raise BadInputError(describe_refusal("path", allowed="named", got=None, advice="Say where the images are."))
        place = relink_images(args.subject, args.path)
        print(json.dumps({"images": str(place)}) if args.json else f"The images of {args.subject} are read at {place}.")
        return 0
    folder = remove_subject(args.subject)
    print(json.dumps({"removed": str(folder)}) if args.json else f"Removed {folder}. Its images and encoders stay.")
    return 0


def read_options(args: argparse.Namespace, *, subject: str) -> ImportOptions:
    """The options of a command. Raises BadInputError for a bad one."""
    names = ("title", "person", "space", "betas", "mask", "surface", "held_out", "images", "categories", "bad_voxels")
    rois = tuple(name.strip() for name in args.rois.split(",") if name.strip())
    return ImportOptions(subject, rois=rois, seed=args.seed, **{name: getattr(args, name) for name in names})


def show_progress(progress: ImportProgress) -> None:
    """Keep one line of progress on stderr, if it is a terminal."""
    if sys.stderr.isatty():
        left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
        end = "\n" if progress.stage == "done" else ""
        share = (progress.done + progress.part) / max(progress.total, 1)
        text = f"import: {progress.stage} {share:.0%} {progress.name}{left}"
        print(f"\r\x1b[2K{text}", end=end, file=sys.stderr, flush=True)


def _write_template(file: Path | None) -> int:
    if file is None:
        print(TEMPLATE, end="")
        return 0
    if file.exists():
        advice = "It is there already, and nothing is overwritten."
        raise BadInputError(describe_refusal("file", allowed="a new file", got=str(file), advice=advice))
    replace_file(file, lambda partial: partial.write_text(TEMPLATE, encoding="utf-8"))
    print(f"Wrote {file}. Fill it in, then: main.py import generic {file} --subject ID")
    return 0


def _print_finding(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(finding.to_json()))
        return
    for name, value in finding.lines():
        print(f"  {name:<15}{value}")


def _print_summary(summary: ImportSummary, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(summary.to_json()))
        return
    for name, value in summary.lines():
        print(f"  {name:<15}{value}")
