"""A process that forks children which save, export or probe until they are killed. Run as a module; no test itself.

It reads one JSON object a line: activity, folder and `die_at`. A child appends a line to FOLDER/acknowledged after each
piece of work that is done. With `die_at` above 0 it kills itself (SIGKILL) before that many further file operations
(opening, renaming, removing ...) after the first piece; else whoever started it kills it when he likes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

from core.attacks.config import AttackConfig
from core.probes.probe import Probe
from core.probes.respond import respond
from core.probes.run import iter_probe
from core.session.autosave import Autosave
from core.session.files import write_session
from core.session.record import ImageRecord, SessionRecord, pack_record
from core.stimuli import write
from core.stimuli.recipe import Item, recipe_of
from core.stimuli.write import export_item
from tests.helpers.tiny_encoders import make_config, make_conv_encoder, make_photo

FILE_EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.truncate", "shutil.rmtree")
ENCODER, PHOTO = make_conv_encoder(side=32), make_photo(32)


def make_probe(voxel: int) -> Probe:
    """A real probe, another one for every voxel."""
    config = make_config(ENCODER, AttackConfig(epsilon=2.0, n_steps=6), voxel=voxel)
    *_, last = iter_probe(ENCODER, PHOTO, config, should_stop=lambda: False)
    assert last.result is not None
    return last.result


PROBES = [make_probe(voxel) for voxel in range(3)]


def make_record(number: int) -> SessionRecord:
    """A record that says which piece of work it was, large enough to be cut anywhere."""
    layout = {"left_splitter": "x" * (1000 + 997 * (number % 5)), "number": str(number)}
    return SessionRecord(
        subject="simulated", image=ImageRecord("face_01"), target=PROBES[0].config.target, layout=layout
    )


def save(folder: Path, autosave: Autosave, number: int) -> None:
    """The autosave and a named session, with a probe that changes."""
    probe = PROBES[number % len(PROBES)]
    autosave.save(make_record(number), probe=probe, named=folder / "mine.probescope")
    write_session(make_record(number), folder / "mine.probescope", probe=probe)


def export(folder: Path, autosave: Autosave, number: int) -> None:
    """A new set of stimuli each time, beside the autosave."""
    autosave.save(make_record(number))
    probe = PROBES[number % len(PROBES)]
    item = Item(recipe_of(probe, PHOTO.id), probe, partial(respond, ENCODER))
    export_item(item, folder / "exports" / f"set-{number}")


def probe(folder: Path, autosave: Autosave, number: int) -> None:
    """A probe, with an autosave at every step and one with the result."""
    config = replace(PROBES[0].config, attack=AttackConfig(epsilon=2.0, n_steps=6, seed=number))
    for record in iter_probe(ENCODER, PHOTO, config, should_stop=lambda: False):
        autosave.save(make_record(number), probe=record.result)


def write_in_place(folder: Path, autosave: Autosave, number: int) -> None:
    """What must not be done: over the old file, piece by piece."""
    if number == 0:
        save(folder, autosave, 0)
        return
    text = json.dumps({"format": "probescope-session", "version": 2} | pack_record(make_record(number), folder))
    with (folder / "mine.probescope").open("w") as file:
        for start in range(0, len(text), 16):
            file.write(text[start : start + 16])
            file.flush()


def export_in_place(folder: Path, autosave: Autosave, number: int) -> None:
    """What must not be done either: a set made under its own name, file by file."""

    @contextmanager
    def no_new_folder(target: Path) -> Iterator[Path]:
        target.mkdir(parents=True)
        yield target

    write.new_folder = no_new_folder
    export(folder, autosave, number)


ACTIVITIES: dict[str, Callable[[Path, Autosave, int], None]] = {
    "save": save,
    "export": export,
    "probe": probe,
    "write_in_place": write_in_place,
    "export_in_place": export_in_place,
}


def work(activity: str, folder: Path, die_at: int) -> None:
    """Work until killed."""
    autosave = Autosave(folder / "autosave")
    note = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in count():
        ACTIVITIES[activity](folder, autosave, number)
        os.write(note, b"%d\n" % number)
        if number == 0 and die_at:
            _die_at(die_at)


def _die_at(operations: int) -> None:
    left = operations

    def watch(event: str, _args: tuple[object, ...]) -> None:
        nonlocal left
        if event in FILE_EVENTS:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def main() -> None:
    """Fork a child for each line; tell its number, then how it ended."""
    with tempfile.TemporaryDirectory() as once:  # what is imported lazily is then imported before the children part
        export(Path(once), Autosave(Path(once) / "autosave"), 0)
    print("ready", flush=True)
    for line in sys.stdin:
        wish = json.loads(line)
        child = os.fork()
        if child == 0:
            work(wish["activity"], Path(wish["folder"]), wish["die_at"])
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
