"""Saved sessions in the window: new, open, save, recent ones, and the offer after a crash.

Opening reads the file, looks for what it needs on the lane, asks for what has moved, reads that, and only then changes
anything in the window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QDialog

from app.base.jobs import Failed, Job, Make, WhenBusy
from app.sessions.dialogs import RUNNING, MovedDialog, Question, RecentMenu, RestoreDialog
from app.sessions.keeper import Open, SessionKeeper
from app.sessions.record import essence, load_record, merge_unchanged
from app.widgets.ask_path import ask_open, ask_path, export_folder
from app.widgets.desk import Desk, Drop, Feature, Loaded, Paths, does
from app.widgets.form import why_not
from core.errors import ProbeError
from core.session.autosave import Autosaved, claim, clean_up, forget, forget_claimed, list_crashed
from core.session.files import ENDING, SavedSession, add_recent, forget_recent, read_session, with_ending, write_session
from core.session.lock import FileLock, name_holder, take_lock
from core.session.record import SessionRecord
from core.session.reference import Missing, find_missing

FILTER = f"Sessions (*{ENDING})"
PROGRAM = "Probescope"
STOP, SAVE, DISCARD = "Stop and close", "Save", "Don't save"


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """A record on its way into the window: what takes it, and what happens where it does not get there."""

    record: SessionRecord
    take: Callable[[Loaded], None]
    give_up: Callable[[], None] = lambda: None


class Sessions(Feature):
    """Knows which file the session has and what was saved in it; `parts` are the features that keep something in it."""

    def __init__(self, desk: Desk, parts: Sequence[Feature]) -> None:
        super().__init__(desk)
        self._parts = parts
        self.path: Path | None = None
        self.keeper = SessionKeeper(self.open_now, self._session.open_lane(), self)
        self.dialog: QDialog | None = None
        self._lock: FileLock | None = None
        self._opening: Job | None = None
        self._saved: SessionRecord | None = None
        self._opened: tuple[SessionRecord, SessionRecord] | None = None
        forget = partial(self._session.problems.attempt, forget_recent)
        self.menu = RecentMenu(desk.parent, open_file=self.open_path, restore=self.restore_left, forget=forget)
        self.keeper.looked.connect(self.show_title)
        self.keeper.failed.connect(self._tell)

    def drops(self) -> Sequence[Drop]:
        """Session files."""
        return (Drop("sessions", "Open the session {name}", _is_session, lambda paths: self.open_path(paths[0])),)

    def begin(self, path: Path | None = None) -> None:
        """Watch the window from now on; open a session, or offer what a crash left."""
        clean_up(export_folder(self._session.settings))
        self._watch()
        self._take_setting("autosave_seconds")
        self.keeper.begin()
        if path is not None:
            self.open_path(path)
        left = list_crashed()
        if left and path is None and self._session.settings.flag("offer_restore"):
            self._offer(left)
        elif left:
            self._desk.say("A window did not shut down properly; its work is in File, Recent sessions.", "info")

    def open_now(self) -> Open:
        """What is open now, with what could not be opened kept as the file had it."""
        record = self._capture()
        if self._opened is not None:
            record = merge_unchanged(*self._opened, record)
        state = self._session.state
        return Open(record, state.probe, self.path, None if state.pinned is None else state.pinned.probe)

    def is_modified(self) -> bool:
        """Whether a named session differs from its file."""
        return self.path is not None and (self._saved is None or essence(self.open_now().record) != self._saved)

    @does("quit")
    def quit(self) -> None:
        """Ask, then close the window."""
        if self.may_close():
            self._desk.parent.close()

    def may_close(self) -> bool:
        """Whether the window may close now; asked where the user closes it, what the program closes is autosaved."""
        titles = (*self._session.lane.at_stake(), *self._session.files.at_stake())
        count = f"{len(titles)} jobs are" if len(titles) > 1 else "A job is"
        asks, jobs = f"{count} still running", [f"•  {title}" for title in titles]
        answers = {STOP: "Stop running jobs and close the window", "Keep running": "Leave the window open"}
        if titles and self._ask("Jobs still running", asks, *jobs, RUNNING, answers=answers) != STOP:
            return False
        return self.may_leave()

    def may_leave(self) -> bool:
        """Whether the session may give way: it is saved, unnamed (and then kept by itself), or the user says so."""
        if self.path is None or not self.is_modified():
            return True
        answers = {
            DISCARD: "Leave the file unchanged; the changes stay in Recent sessions",
            "Cancel": "Keep working",
            SAVE: "Write the changes into the file",
        }
        told = "The file still holds the last saved state."
        answer = self._ask("Save session", f"Save changes to {self.path.name}?", told, answers=answers)
        return self._write(self.path, waits=True) if answer == SAVE else answer == DISCARD

    def show_title(self) -> None:
        """Name of the session and mark of changes in the title bar."""
        name = f"{self.path.name.removesuffix(ENDING)}[*] – " if self.path is not None else ""
        self._desk.parent.setWindowTitle(f"{name}{PROGRAM}")
        self._desk.parent.setWindowModified(self.is_modified())

    @does("new_session")
    def new(self) -> None:
        """Start again with the same subject, encoder and image."""
        if not self.may_leave():
            return
        self._leave()
        kept = self._capture()
        plain = SessionRecord(kept.subject, kept.network, kept.layer, gate_r=kept.gate_r)
        self._take(Loaded(plain), path=None, opened=None)

    @does("open_session")
    def open(self) -> None:
        """Ask for a session file and open it."""
        start = self._session.settings.text("session_folder") or Path.home()
        if chosen := ask_open(self._desk.parent, "Open a session", start, FILTER):
            self.open_path(chosen)

    def open_path(self, path: Path) -> None:
        """Open a session file."""
        saved = self._session.problems.attempt(lambda: read_session(path))
        if saved is not None and self.may_leave():
            self._look_for(Opening(saved.record, partial(self._take_named, saved)))

    @does("save_session")
    def save(self) -> bool:
        """Save into the session's file, asking for one if it has none; whether it is going to be saved."""
        return self.save_as() if self.path is None else self._write(self.path)

    @does("save_session_as")
    def save_as(self) -> bool:
        """Ask for a file and save into it."""
        parent, settings = self._desk.parent, self._session.settings
        name = self.path.name if self.path is not None else f"session{ENDING}"
        chosen = ask_path(parent, "Save the session", name, FILTER, settings=settings, key="session_folder")
        return chosen is not None and self._write(with_ending(chosen))

    @does("recent_sessions")
    def show_recent(self) -> None:
        """Show the recent sessions over the window."""
        self.menu.popup(self._desk.parent.mapToGlobal(QPoint(12, 40)))

    def finish(self) -> None:
        """The window closes: what is not in a file stays under the recent sessions."""
        self.keeper.finish(keep=self._is_worth_keeping())
        self._release()

    def restore_left(self, left: Autosaved) -> None:
        """Take over what a window left, asking about changes of what is open now first."""
        if left.session is None or not self.may_leave():
            return
        lock = claim(left)
        if lock is None:
            self._tell("That session is now open in another window.")
            return
        self._look_for(Opening(left.session.record, partial(self._take_left, left, lock), lock.keep))

    def _offer(self, left: tuple[Autosaved, ...]) -> None:
        self.dialog = RestoreDialog(left, self._desk.parent, restore=self.restore_left, forget=self._delete)
        self.dialog.open()

    def _ask(self, title: str, asks: str, *told: str, answers: Mapping[str, str]) -> str:
        question = Question(title, asks, *told, answers=answers, parent=self._desk.parent)
        question.exec()
        return question.answer

    def _delete(self, left: Autosaved) -> None:
        with self._session.problems.shown():
            forget(left)

    def _look_for(self, opening: Opening) -> None:
        """Find what the record needs, asking for what has moved, read it, and hand it over."""
        record, known, folders = opening.record, self._session.catalogue, self._data_folders()
        self._submit(
            opening,
            lambda _stop: find_missing(record, known, folders=folders),
            lambda missing: self._ask_for(opening, missing),
            title="Looking for the session's data…",
        )

    def _ask_for(self, opening: Opening, missing: tuple[Missing, ...]) -> None:
        if not any(one.reference is not None for one in missing):
            self._load(opening, missing, {})
            return
        start = next(iter(self._data_folders()), Path.home())
        self.dialog = dialog = MovedDialog(missing, start=start, parent=self._desk.parent)
        dialog.accepted.connect(lambda: self._load(opening, missing, dialog.found))
        dialog.accepted.connect(lambda: self._session.settings.set("data_folder", str(dialog.folder)))
        dialog.rejected.connect(opening.give_up)
        dialog.open()

    def _load(self, opening: Opening, missing: tuple[Missing, ...], found: Mapping[str, Path]) -> None:
        catalogue, places, folders = self._session.catalogue, dict(found), self._data_folders()
        self._submit(
            opening,
            lambda _stop: load_record(opening.record, catalogue, missing=missing, found=places, folders=folders),
            opening.take,
            title="Opening the session…",
        )

    def _submit(self, opening: Opening, make: Make, take: Callable[[Any], None], *, title: str) -> None:
        """Read on the lane. A session asked for later takes the place of this one, which then gives its lock back."""
        lane = self._session.lane

        def fail(failed: Failed) -> None:
            opening.give_up()
            lane.failed.emit(failed)

        if self._opening is not None:
            lane.stop(self._opening)
        self._opening = lane.submit(
            "session",
            make,
            on_done=take,
            on_failed=fail,
            on_stopped=opening.give_up,
            title=title,
            when_busy=WhenBusy.LATEST,
        )

    def _data_folders(self) -> tuple[Path, ...]:
        kept = self._session.settings.text("data_folder")
        return (Path(kept),) if kept else ()

    def _take_named(self, saved: SavedSession, loaded: Loaded) -> None:
        self._leave()
        lock = self._lock_file(saved.path)
        if lock is None:
            where = f"is open in another window ({name_holder(_lock_path(saved.path))})"
            self._tell(f"{saved.path.name} {where}. This is a copy: save it under another name.")
            self._take(loaded, path=None, opened=saved.record)
            return
        self._lock = lock
        self._take(loaded, path=saved.path, opened=saved.record)
        with self._session.problems.shown():
            add_recent(saved.path)

    def _take_left(self, left: Autosaved, lock: FileLock, loaded: Loaded) -> None:
        self._leave()
        named = left.session.named if left.session is not None else ""
        path = Path(named) if named else None
        self._lock = None if path is None else self._lock_file(path)
        self._take(loaded, path=path if self._lock is not None else None, opened=loaded.record)
        self._saved = None  # it was not in the file yet
        try:
            self.keeper.save_now()
            forget_claimed(left, lock)
        except ProbeError as error:
            lock.keep()
            self._session.problems.show(error)
        self.show_title()

    def _take(self, loaded: Loaded, *, path: Path | None, opened: SessionRecord | None) -> None:
        self.path = path
        self._opened = None
        refused = self._show(loaded)
        self._opened = None if opened is None else (opened, self._capture())
        self._saved = essence(self.open_now().record)
        self.keeper.mark()
        self.show_title()
        if loaded.problems or refused:
            told = " ".join(dict.fromkeys((*loaded.problems, *refused)))
            self._tell(f"{told} The rest was opened; what is missing stays in the session.")

    def _capture(self) -> SessionRecord:
        """Everything open now, less the probe on screen, which whoever saves hands over."""
        values = {name: value for part in self._parts for name, value in part.capture().items()}
        return SessionRecord(**values, tab=self._desk.tabs.current)

    def _show(self, loaded: Loaded) -> list[str]:
        """Have every feature show its part; the sentences of what could not be shown. A defect is not swallowed."""
        refused = [why_not(partial(part.restore, loaded)) for part in self._parts]
        if loaded.record.tab in self._desk.tabs.keys:
            self._desk.tabs.open(loaded.record.tab)
        return [sentence for sentence in refused if sentence]

    def _leave(self) -> None:
        """Another session comes: what is not in a file stays under the recent ones."""
        self.keeper.rotate(keep=self._is_worth_keeping())
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _is_worth_keeping(self) -> bool:
        if self.path is not None:
            return self.is_modified()
        record = self._capture()
        has_answer = any(one.sweep for one in record.analyses) or record.measured is not None
        return record.target is not None or bool(record.tray) or has_answer

    def _write(self, path: Path, *, waits: bool = False) -> bool:
        """Save into a file, beside what the window does or, with `waits`, before it goes on; False where it cannot."""
        now = self.open_now()
        lock = self._lock if path == self.path else self._lock_file(path)
        if lock is None and path != self.path:
            self._session.problems.show(ProbeError(f"{path.name} is open in another window. Choose another name."))
            return False
        save, done = partial(_save, now, path), partial(self._take_written, now, path, lock)
        if not waits:
            title = f"Saving {path.name}…"
            self._session.files.submit(
                "save", lambda _stop: save(), on_done=done, title=title, when_busy=WhenBusy.QUEUE
            )
        elif (written := self._session.problems.attempt(save)) is not None:
            done(written)
        else:
            return False
        return True

    def _take_written(self, now: Open, path: Path, lock: FileLock | None, written: SessionRecord) -> None:
        if lock is not self._lock:
            self._release()
            self._lock = lock
        self.path, self._saved = path, essence(now.record)
        if self._opened is not None:
            self._opened = (replace(self._opened[0], probe=written.probe, pinned=written.pinned), self._opened[1])
        self._session.settings.set("session_folder", str(path.parent))
        self.keeper.mark()
        self.show_title()
        self._session.controller.noted.emit(f"Saved the session to {path}")

    def _lock_file(self, path: Path) -> FileLock | None:
        """A lock on a session file; where its folder cannot be written there is nothing to guard."""
        try:
            return take_lock(_lock_path(path))
        except OSError:
            return FileLock.none(path)

    def _watch(self) -> None:
        state = self._session.state
        for signal in (state.probe_changed, state.auto_probe_changed, *(part.changed for part in self._parts)):
            signal.connect(self.keeper.mark)
        self._session.problems.crashed.connect(self._save_after_crash)
        self._session.settings.changed.connect(self._take_setting)

    def _take_setting(self, key: str) -> None:
        if key == "autosave_seconds":
            self.keeper.set_pause(self._session.settings.whole(key))

    def _save_after_crash(self) -> None:
        """A defect: whatever it broke, what is open is on the disk."""
        if reason := why_not(self.keeper.save_now):
            self._tell(reason)

    def _tell(self, text: str) -> None:
        self._desk.say(text, "warning")


def _save(now: Open, path: Path) -> SessionRecord:
    written = write_session(now.record, path, probe=now.probe, pinned=now.pinned)
    add_recent(path)
    return written


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _is_session(paths: Paths) -> bool:
    return paths[0].name.endswith(ENDING)
