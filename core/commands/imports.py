"""The `import` and `subjects` commands: recordings in, recordings out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from core.checks import refusal
from core.commands.options import Given, Json, about, announce, explained, takes
from core.commands.output import answer, follow, split
from core.datasets.description import TEMPLATE
from core.datasets.import_options import ImportOptions
from core.datasets.importer import iter_import
from core.datasets.kinds import AUTO, MODULES, inspect_source, plan_import
from core.datasets.subject_files import relink_images, remove_subject
from core.datasets.summary import load_summary
from core.encoders.library import check_no_encoders
from core.files import check_new, replace_file

INSPECT, WRITE_TEMPLATE = "inspect", "template"
EXPLANATION = """\
main.py import inspect SOURCE            what a folder or TOML file holds, without reading it all
main.py import auto SOURCE --subject ID  find out the kind and import it
main.py import template [FILE]           write a TOML file that describes your own arrays

--json prints one object: of `inspect` {"kind", "title", "person", "people", "measured", "n_images", "n_trials",
"n_voxels", "repeats", "rois", "categories", "sessions", "missing_sessions", "n_held_out", ...}; of an import its
summary: also "noise_ceiling" (voxels in ten bins of [0, 1]), "n_missing" and "n_constant" (voxels left out)."""
FIELDS = (
    "title participant=participant|person space betas mask surface held_out images categories bad_voxels seed averaged "
    "resample"
)


@explained(EXPLANATION)
@takes((ImportOptions, FIELDS))
def run_import(
    kind: Annotated[str, about(f"{', '.join([AUTO, *MODULES])}; or {INSPECT}, {WRITE_TEMPLATE}")],
    source: Annotated[Path | None, about("folder, or TOML file")] = None,
    /,
    *,
    subject: Annotated[str, about("id the subject gets: letters, digits, - and _")] = "",
    rois: Annotated[str, about("keep only these ROIs, separated by commas")] = "",
    json: Json = False,
    given: Given,
) -> int:
    """Import, inspect or write the template; returns 0. Raises ProbeError with one clear sentence otherwise."""
    if kind == WRITE_TEMPLATE:
        return _write_template(source)
    if source is None:
        advice = "Add the folder, or the TOML file."
        raise refusal("source", allowed="named", got=None, advice=advice)
    if kind == INSPECT:
        found = inspect_source(source, options=given.make(ImportOptions, subject="inspected", rois=split(rois)))
        return answer(found.to_json(), lambda: _lay_out(found.lines()), as_json=json)
    if not subject:
        advice = "Add --subject ID, the name the subject gets."
        raise refusal("subject", allowed="named", got=subject or None, advice=advice)
    options = given.make(ImportOptions, subject=subject, rois=split(rois))
    announce(options)
    check_no_encoders(options.subject)
    summary = follow(iter_import(plan_import(kind, source, options), options)).result
    if summary is None:
        raise RuntimeError("An import ended without a summary.")
    return answer(summary.to_json(), _lay_out(summary.lines()), as_json=json)


def run_subjects(
    action: Annotated[Literal["summary", "remove", "relink"], about("relink: its images lie at PATH now")],
    subject: Annotated[str, about("id of an imported subject (see `list subjects`)", metavar="ID")],
    path: Annotated[Path | None, about("of relink: folder or HDF5 file")] = None,
    /,
    *,
    json: Json = False,
) -> int:
    """Summarise, relink or remove a subject; returns 0."""
    if action == "summary":
        summary = load_summary(subject)
        return answer(summary.to_json(), lambda: _lay_out(summary.lines()), as_json=json)
    if action == "relink":
        if path is None:
            raise refusal("path", allowed="named", got=None, advice="Say where the images are.")
        place = relink_images(subject, path)
        return answer({"images": str(place)}, f"The images of {subject} are read at {place}.", as_json=json)
    folder = remove_subject(subject)
    return answer({"removed": str(folder)}, f"Removed {folder}. Its images and encoders stay.", as_json=json)


def _write_template(file: Path | None) -> int:
    if file is None:
        print(TEMPLATE, end="")
        return 0
    check_new("file", file)
    replace_file(file, lambda partial: partial.write_text(TEMPLATE, encoding="utf-8"))
    print(f"Wrote {file}. Fill it in, then: main.py import generic {file} --subject ID")
    return 0


def _lay_out(lines: Iterable[tuple[str, object]]) -> str:
    return "\n".join(f"  {name:<15}{value}" for name, value in lines)
