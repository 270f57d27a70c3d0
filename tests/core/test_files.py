"""A folder appears whole or not at all, and nothing that was there is touched."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import BadInputError, Cancelled, StorageError
from core.files import check_free, name_partial, new_folder, process_space, replace_file


def test_a_new_folder_appears_with_its_parents_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with new_folder(target) as partial:
        (partial / "x").write_text("1")
        assert not target.exists()
    assert (target / "x").read_text() == "1"
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a") as partial:
        (partial / "x").touch()
    (tmp_path / "b").mkdir()
    with new_folder(tmp_path / "b") as partial:
        (partial / "y").touch()
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["y"]


def test_another_set_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("theirs")
    with pytest.raises(BadInputError, match="It holds another set of stimuli, and nothing is overwritten"):
        new_folder(tmp_path).__enter__()
    assert (tmp_path / "manifest.json").read_text() == "theirs"


def test_what_is_held_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "b.txt").touch()
    with pytest.raises(BadInputError, match="It holds 'a.txt' and 1 more"):
        new_folder(tmp_path).__enter__()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(BadInputError, match="`out` must be a folder"):
        new_folder(tmp_path / "out").__enter__()


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        new_folder(tmp_path / "file" / "out").__enter__()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "No space is left to write"), (errno.EACCES, "no permission"), (errno.EIO, "Input/output error")],
)
def test_a_failing_disk_leaves_nothing_and_says_why(tmp_path: Path, number: int, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence), new_folder(tmp_path / "out") as partial:
        (partial / "x").write_text("half")
        raise OSError(number, "Input/output error")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [Cancelled, KeyboardInterrupt])
def test_cancelling_leaves_nothing(tmp_path: Path, stop: type[BaseException]) -> None:
    with pytest.raises(stop), new_folder(tmp_path / "out") as partial:
        (partial / "x").write_text("half")
        raise stop
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_to_a_folder_stays_a_link_and_the_folder_is_filled(tmp_path: Path, is_there: bool) -> None:
    if is_there:
        (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with new_folder(tmp_path / "link") as partial:
        (partial / "a").write_text("whole")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_who_writes_takes_away_what_killed_processes_left_there(tmp_path: Path) -> None:
    """Of this computer at once; of others, whose processes cannot be asked for, once it is forgotten."""
    own, pid = name_partial(tmp_path / "x").name.rpartition("@")[2], dead_process()
    gone = [f".a.{pid}-01234567@{own}", f".b.{pid}.part", ".c.7-01234567@89abcdef.part"]
    kept = [f".d.{os.getpid()}-01234567@{own}", ".e.7-01234567@89abcdef.part", ".mine.part", "f.part"]
    for name in (*gone, *kept):
        (tmp_path / name).touch()
    os.utime(tmp_path / gone[2], (0, 0))
    replace_file(tmp_path / "new", lambda partial: partial.write_text("1"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "new"])


def test_a_begun_folder_of_a_killed_process_is_free(tmp_path: Path) -> None:
    own = name_partial(tmp_path / "x").name.rpartition("@")[2]
    (tmp_path / f".sweep.json.{dead_process()}-01234567@{own}").touch()
    check_free(tmp_path)
    (tmp_path / f".sweep.json.{os.getpid()}-01234567@{own}").touch()
    with pytest.raises(BadInputError, match="new or an empty folder"):
        check_free(tmp_path)


@pytest.mark.parametrize(("address", "is_known"), [(0x00_25_90_AB_CD_EF, True), (0x01_25_90_AB_CD_EF, False)])
def test_computers_of_one_name_are_told_apart_by_their_network_cards(
    monkeypatch: pytest.MonkeyPatch, address: int, is_known: bool
) -> None:
    """An address drawn at random, as RFC 4122 marks it, is of one process alone and names no computer."""
    monkeypatch.setattr("uuid.getnode", lambda: address)
    assert process_space.__wrapped__().startswith("002590abcdef" if is_known else "000000000000")


@pytest.mark.parametrize("name", ["a" * 250 + ".txt", "ü" * 120 + ".txt"])
def test_a_name_as_long_as_the_disk_allows_is_written(name: str, tmp_path: Path) -> None:
    replace_file(tmp_path / name, lambda partial: partial.write_text("1"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows ends processes without asking")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_leaves_nothing_half_written(name: str, tmp_path: Path) -> None:
    write = (
        "import signal, sys, time; from pathlib import Path; import main; from core.files import new_file, new_folder\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler); signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "main._end_on_signals(); place = Path(sys.argv[1])\n"
        "with new_folder(place / 'set') as folder, new_file(place / 'x.npz') as file:\n"
        "    (folder / 'half').touch(); file.touch(); print('ready', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", write, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 2
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=60)
    number = int(getattr(signal, name))
    assert process.returncode == (-number if name == "SIGINT" else 128 + number)  # Python ends itself by SIGINT
    assert list(tmp_path.iterdir()) == []


def test_work_that_outlives_its_terminal_goes_on(tmp_path: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); import main; main._end_on_signals(); "
    ask = "print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    done = subprocess.run([sys.executable, "-c", ignore + ask], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
