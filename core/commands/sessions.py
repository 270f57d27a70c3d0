"""The `sessions` command: lists what can be opened again and checks a session file. Never changes a session."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.commands.listing import format_table
from core.errors import BadInputError, ProbeError
from core.session.autosave import list_autosaves
from core.session.check import find_missing, read_known
from core.session.files import SavedSession, read_session
from core.session.recent import list_recent

EXPLANATION = """\
`main.py FILE.probescope` opens a session in the window.
list: the sessions saved or opened last, and what windows saved by themselves. --json: state (named, open, crashed,
closed), saved, holds, path, note. check: exits 2 if something it needs is missing. --json: path, saved, holds, missing
(what, sentence)."""

MISSING = 2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `sessions` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "sessions",
        help="list the sessions that can be opened again, or check a session file",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("list", "check"), help="list, or check FILE")
    parser.add_argument("file", type=Path, nargs="?", help="a .probescope file")
    parser.add_argument(
        "--data", type=Path, action="append", default=[], metavar="DIR", help="look for moved data here"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the list, or what is missing; returns 0, or 2 if something is. Raises ProbeError for an unusable file."""
    if args.what == "list":
        rows = list_rows()
        print(json.dumps(rows) if args.json else format_table(rows) if rows else "No session was saved yet.")
        return 0
    if args.file is None:
        advice = "main.py sessions check FILE.probescope"
        raise BadInputError(describe_refusal("file", allowed="a session file", got="nothing", advice=advice))
    return _check(args.file, tuple(args.data), as_json=args.json)


def list_rows() -> list[dict[str, Any]]:
    """The named sessions opened last, then the autosaved ones, newest first."""
    rows = [_row("named", path) for path in list_recent()]
    for one in list_autosaves():
        named = f"of {one.session.named}" if one.session is not None and one.session.named else ""
        by = one.holder if one.state == "open" else ""
        rows.append(_describe(str(one.state), one.path, one.session, note=", ".join(filter(None, [named, by]))))
    return rows


def _row(state: str, path: Path) -> dict[str, Any]:
    try:
        return _describe(state, path, read_session(path))
    except ProbeError as error:
        return _describe(state, path, None, note=str(error))


def _describe(state: str, path: Path, session: SavedSession | None, note: str = "") -> dict[str, Any]:
    saved, holds = ("", "cannot be read") if session is None else (session.saved, session.record.describe())
    return {"state": state, "saved": saved, "holds": holds, "path": str(path), "note": note}


def _check(path: Path, folders: tuple[Path, ...], *, as_json: bool) -> int:
    session = read_session(path)
    missing = find_missing(session.record, read_known(), folders=folders)
    if as_json:
        told = [{"what": one.what, "sentence": one.sentence} for one in missing]
        row = {"path": str(session.path), "saved": session.saved, "holds": session.record.describe(), "missing": told}
        print(json.dumps(row))
    else:
        print(f"{session.path.name}, saved {session.saved or 'at an unknown time'}: {session.record.describe()}")
        for one in missing:
            print(f"missing {one.what}: {one.sentence}")
        print("Everything it needs is here." if not missing else f"{len(missing)} missing; the rest can be opened.")
    return MISSING if missing else 0
