"""The `sessions` command: lists what can be opened again and checks a session file. Never changes a session."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from core.commands.options import Json, about, actions, explained
from core.commands.output import answer
from core.errors import ProbeError
from core.session.autosave import list_autosaves
from core.session.files import SavedSession, list_recent, read_session
from core.session.reference import Known, find_missing

EXPLANATION = """\
`main.py FILE.probescope` opens a session in the window.
list: the sessions saved or opened last, and what windows saved by themselves. --json: state (named, open, crashed,
closed), saved, holds, path, note. check: exits 2 if something it needs is missing. --json: path, saved, holds, missing
(what, sentence)."""

MISSING = 2


def _list(*, json: Json = False) -> int:
    rows = []
    for path in list_recent():
        try:
            rows.append(_describe("named", path, read_session(path)))
        except ProbeError as error:
            rows.append(_describe("named", path, None, note=str(error)))
    for one in list_autosaves():
        named = f"of {one.session.named}" if one.session is not None and one.session.named else ""
        by = one.holder if one.state == "open" else ""
        rows.append(_describe(str(one.state), one.path, one.session, note=", ".join(filter(None, [named, by]))))
    return answer(rows, "" if rows else "No session was saved yet.", as_json=json)


def _describe(state: str, path: Path, session: SavedSession | None, note: str = "") -> dict[str, Any]:
    saved, holds = ("", "cannot be read") if session is None else (session.saved, session.record.describe())
    return {"state": state, "saved": saved, "holds": holds, "path": str(path), "note": note}


def _check(
    file: Path,
    /,
    *,
    data: Annotated[tuple[Path, ...], about("folder to look for moved data in; repeatable")] = (),
    json: Json = False,
) -> int:
    session = read_session(file)
    missing = find_missing(session.record, Known.read(), folders=data)
    missing_rows, holds = [{"what": one.what, "sentence": one.sentence} for one in missing], session.record.describe()
    row = {"path": str(session.path), "saved": session.saved, "holds": holds, "missing": missing_rows}
    lines = [f"{session.path.name}, saved {session.saved or 'at an unknown time'}: {holds}"]
    lines += [f"missing {one.what}: {one.sentence}" for one in missing]
    lines.append("Everything it needs is here." if not missing else f"{len(missing)} missing; the rest can be opened.")
    answer(row, "\n".join(lines), as_json=json)
    return MISSING if missing else 0


@explained(EXPLANATION)
@actions(_list, _check)
def run_sessions(what: str, file: Annotated[Path | None, about("a .probescope file")] = None, /) -> None:
    """Print the list, or what is missing; returns 0, or 2 if something is. Raises ProbeError for an unusable file."""
