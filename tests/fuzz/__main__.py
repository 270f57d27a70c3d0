"""Damages every kind of file for some minutes: `python -m tests.fuzz --minutes 5 [--seed 1] [--only npz]`.

Mutants are read in a child process whose memory is limited; one that does not answer in time is ended, and another goes
on behind the mutant that did it. Exits 1 if a mutant ended in anything but a sentence.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

MEMORY_BYTES = 3 * 2**30
"""On top of what the program itself has mapped."""
MUTANT_SECONDS = 20.0
START_SECONDS = 240.0
CHILD = "--child"


def main() -> int:
    """Run for the minutes asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first mutant; each kind's next has the next")
    parser.add_argument("--only", default="", help="kinds whose name holds this text")
    parser.add_argument(CHILD, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        serve(options.only, options.seed)
        return 0
    return watch(options.minutes, options.only, options.seed)


def watch(minutes: float, only: str, seed: int) -> int:
    """Start children until the time is over; print what they found."""
    ends = time.monotonic() + 60 * minutes
    counts, defects, begun = Counter[str](), Counter[str](), seed
    while time.monotonic() < ends:
        command = [sys.executable, "-m", "tests.fuzz", CHILD, "--only", only, "--seed", str(begun)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        doing, waits = "", START_SECONDS
        assert child.stdout is not None
        while time.monotonic() < ends:
            if not select.select([child.stdout], [], [], waits)[0]:
                defects[f"hung: {doing}"] += 1
                break
            line = child.stdout.readline().decode().rstrip("\n")
            if not line:
                defects[f"ended by {child.wait()}: {doing}"] += 1
                break
            waits = MUTANT_SECONDS
            what, _, rest = line.partition("\t")
            if what == "start":
                doing, begun = rest, int(rest.rpartition(" ")[2])
                continue
            counts["mutants"] += 1
            if what in ("read", "refused"):
                counts[what] += 1
            else:
                counts["unhandled"] += 1
                defects[f"{what} ({rest})"] += 1
        child.kill()
        child.wait()
        child.stdout.close()
        begun += 1
    print(dict(counts))
    for text, times in defects.most_common():
        print(f"{times:5}  {text}")
    return 1 if defects else 0


def serve(only: str, seed: int) -> None:
    """Read mutants one after another, saying before each what it is; libraries may not write into the answers."""
    faulthandler.enable()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory(prefix="probescope-fuzz-") as home:
        os.environ["PROBESCOPE_HOME"] = home
        from tests.fuzz.kinds import all_kinds
        from tests.fuzz.mutants import judge, mutate

        kinds = [kind for kind in all_kinds().values() if only in kind.name]
        paths = {}
        for number, kind in enumerate(kinds):
            folder = Path(home) / "kinds" / str(number)
            folder.mkdir(parents=True)
            paths[kind.name] = kind.make(folder)
        whole = {kind.name: paths[kind.name].read_bytes() for kind in kinds}
        for kind in kinds:
            judged = judge(kind, paths[kind.name])  # also brings in what is imported late
            if judged != "read":
                answers.write(f"the whole file: {judged}\t{kind.name}\n")
        limit_memory()
        while True:
            for kind in kinds:
                answers.write(f"start\t{kind.name} {seed}\n")
                paths[kind.name].write_bytes(mutate(whole[kind.name], seed))
                judged = judge(kind, paths[kind.name])
                answers.write(f"{judged}\t{kind.name} {seed}\n")
                paths[kind.name].write_bytes(whole[kind.name])
            seed += 1


def limit_memory() -> None:
    """Let this process map only so much more."""
    import resource

    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, mapped + MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main())
