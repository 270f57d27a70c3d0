"""Has a scheduler of dask compute the cells of a folder, and watches the folder until they are there.

Whoever watches may leave: tasks carry the names of folder and cell alone, the scheduler keeps them, and the folder says
what is done.
"""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from core.checks import refusal
from core.claims import MOST_ATTEMPTS, POLL_SECONDS
from core.cluster.task import TOPIC
from core.errors import BadInputError
from core.headers import HeaderKind, read_header, structure
from core.progress import ShouldStop, check_stop, never_stop
from core.sweeps.cells import CellStore, RunProgress
from core.sweeps.workers import Tally
from core.words import count

if TYPE_CHECKING:
    from distributed import Client, Future, Security

EXTRA = "Schedulers need the extra `cluster`: pip install 'probescope[cluster]', here and on the workers."
ANSWER_SECONDS, GONE_SECONDS = 20.0, 20.0
"""How long a scheduler may take to answer, and a broken connection to come back."""
SPARE_TASKS = 8
"""Beside one for each worker, for those that come later."""
SETTLE_SECONDS = 10.0
"""For which all workers must say that they cannot begin before that is believed."""
SCHEDULER = HeaderKind("the file of a scheduler", "Start one: `main.py cluster start`.")
CERTIFICATE, KEY = "cert.pem", "key.pem"
GO_ON = "Nothing is lost: go on here (--resume without --engine), or start a scheduler again."
SPOKEN = "Nothing is lost: go on here, or start a scheduler again."


class SchedulerGoneError(BadInputError):
    """The scheduler does not answer (any more); what is done stays."""


@dataclass(frozen=True, slots=True)
class SchedulerFile:
    """scheduler.json: the address; what every worker that is yet to come has, and how many, where that is known."""

    address: str
    gpu: bool | None = None
    memory: int = 0
    workers: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What the cells need of a worker: a GPU of its own, bytes of memory (0: not known)."""

    gpu: bool = False
    memory: int = 0


def check_extra() -> None:
    """Raise BadInputError unless dask is installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise BadInputError(EXTRA) from error


def read_scheduler(target: str) -> tuple[SchedulerFile, Path | None]:
    """The scheduler of a file or an address, and the folder of its certificates.

    Raises BadInputError if it is reached over the network without TLS; StorageError if the file cannot be read.
    """
    if "://" in target:
        found, folder = SchedulerFile(target), None
    else:
        file = Path(target).expanduser()
        folder, table = file.parent, read_header(file, SCHEDULER)
        by_dask = table.get("type") == "Scheduler"
        found = structure({"address": table.get("address")} if by_dask else table, SchedulerFile, SCHEDULER, where=file)
    if not (found.address.startswith("tls://") or _is_loopback(found.address)):
        advice = "Anybody on the network could run programs through it: start it with TLS, as `main.py cluster start`."
        raise refusal("engine", allowed="a scheduler with TLS, or on this computer", got=found.address, advice=advice)
    return found, folder


def make_security(folder: Path | None) -> Security:
    """The certificates in a folder, or those that dask is configured with."""
    from distributed import Security

    if folder is None or not (folder / CERTIFICATE).is_file():
        return Security(require_encryption=False)
    certificate, key = str(folder / CERTIFICATE), str(folder / KEY)
    roles = {
        f"tls_{role}_{what}": path
        for role in ("client", "worker", "scheduler")
        for what, path in (("cert", certificate), ("key", key))
    }
    return Security(require_encryption=True, tls_ca_file=certificate, **roles)


@contextmanager
def connect(target: str) -> Iterator[tuple[Client, SchedulerFile]]:
    """A connection to a scheduler of the same versions. Raises SchedulerGoneError or BadInputError."""
    check_extra()
    from distributed import Client

    found, folder = read_scheduler(target)
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.batched"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is told in one sentence
    try:
        with socket.create_connection(_name_end(found.address), ANSWER_SECONDS):  # Client would leave threads behind
            pass
        client = Client(found.address, security=make_security(folder), timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:  # TypeError: TLS without any certificate
        said = str(error).split("\n")[0][:200]
        raise _tell_gone(f"No scheduler answers at {found.address} ({said}).") from error
    try:
        _check_versions(client, found.address)
        yield client, found
    finally:
        client.close(timeout=POLL_SECONDS)


def iter_cluster(
    store: CellStore[Any, Any],
    task: Callable[[str, str], None],
    target: str,
    *,
    device: str,
    needs: Needs,
    seconds_of: Callable[[Any], float],
    should_stop: ShouldStop = never_stop,
) -> Iterator[RunProgress]:
    """Have the missing cells computed elsewhere; leaving, by `should_stop` too, does not stop them.

    `task`: a function of folder and device, which the workers have too; see `do_task`.

    Raises BadInputError before anything is handed over if no worker has what is needed, and at the end if cells failed;
    SchedulerGoneError if the scheduler does not answer any more.
    """
    check_extra()
    from distributed import fire_and_forget

    tally = Tally(store, seconds_of)
    with connect(target) as (client, found):
        check_needs(needs, workers := _list_workers(client), found)
        n_tasks, n_vain = max(found.workers, len(workers)) + SPARE_TASKS, 0
        words, resources = (str(store.folder.resolve()), device), {"GPU": 1} if needs.gpu else None
        while tally.todo():
            n_before, run = len(tally.todo()), uuid.uuid4().hex[:8]
            names = [f"{store.work.name}-{run}-{number}" for number in range(min(n_before, n_tasks))]
            futures = [
                client.submit(task, *words, key=name, resources=resources, pure=False, fifo_timeout="0 ms")
                for name in names
            ]
            fire_and_forget(futures)
            yield from _watch(client, futures, tally, store, found.address, should_stop)
            tally.refresh()
            if store.claims().is_stopped:
                raise BadInputError(f"The work in {store.folder} was stopped. --resume goes on.")
            n_vain = n_vain + 1 if len(tally.todo()) == n_before else 0
            if tally.failed or n_vain == MOST_ATTEMPTS:
                break
    store.check_whole()
    yield tally.record("done", store)


def check_needs(needs: Needs, workers: dict[str, Any], found: SchedulerFile) -> None:
    """Raise BadInputError if no worker has what is needed: dask would wait for ever, without a word."""
    if not workers and found.gpu is None:
        raise SchedulerGoneError(f"The scheduler at {found.address} has no worker. Start some, or go on here.")
    with_gpu = [one.get("resources", {}).get("GPU", 0) >= 1 for one in workers.values()] or [found.gpu]
    memories = [one.get("memory_limit") or 0 for one in workers.values()] or [found.memory]
    what = f"the workers of {found.address}"
    if needs.gpu and not any(with_gpu):
        advice = "Start workers with `--resources GPU=1`, or leave --device out."
        raise refusal("device", allowed=f"auto or cpu, as none of {what} has a GPU", got="cuda", advice=advice)
    if needs.memory and all(0 < memory < needs.memory for memory in memories):
        most, least = max(memories) / 1e9, needs.memory / 1e9
        raise BadInputError(
            f"A worker needs about {least:.1f} GB (--cost), the largest of {what} has {most:.1f} GB. Give them more."
        )


def _watch(
    client: Client,
    futures: list[Future],
    tally: Tally,
    store: CellStore[Any, Any],
    address: str,
    should_stop: ShouldStop,
) -> Iterator[RunProgress]:
    """Tell how far it is until no task is left."""
    claims, seen, alive = store.claims(), (len(tally.todo()), time.monotonic()), time.monotonic()
    n_known = len(client.get_events(TOPIC))
    while not all(future.done() for future in futures):
        check_stop(should_stop)
        tally.refresh()
        if client.status == "running":
            alive = time.monotonic()
        elif client.status == "closed" or time.monotonic() - alive > GONE_SECONDS:
            break
        n_busy, n_left = len(claims.holders()), len(tally.todo())
        if n_busy or n_left != seen[0]:
            seen = n_left, time.monotonic()
        refused = {} if n_busy or client.status != "running" else _list_refused(client, n_known)
        if refused and time.monotonic() - seen[1] > SETTLE_SECONDS:
            raise BadInputError(next(iter(refused.values())))
        said = next(iter(refused.values()), f"{count(n_busy, 'cell')} at work" if n_busy else "waiting for workers")
        yield tally.record(said)
        time.sleep(POLL_SECONDS)
    if client.status != "running" or any(future.status in ("cancelled", "lost") for future in futures):
        raise _tell_gone(f"The scheduler at {address} is gone.")
    for future in futures:
        if future.status == "error" and type(error := future.exception()).__name__ != "KilledWorker":
            raise BadInputError(f"The workers cannot compute: {type(error).__name__}: {error}.") from error


def _tell_gone(said: str) -> SchedulerGoneError:
    return SchedulerGoneError(f"{said} {GO_ON}").spoken(f"{said} {SPOKEN}")


def _list_workers(client: Client) -> dict[str, Any]:
    workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return workers


def _list_refused(client: Client, n_known: int) -> dict[str, str]:
    """What every worker says that is there, if none of them can begin."""
    said = dict(message for _, message in client.get_events(TOPIC)[n_known:])
    workers = _list_workers(client)
    return said if workers and workers.keys() <= said.keys() else {}


def _check_versions(client: Client, address: str) -> None:
    versions = client.get_versions()
    pairs = {name: _name_versions(one) for name, one in versions["workers"].items()}
    pairs[address] = _name_versions(versions["scheduler"])
    here = _name_versions(versions["client"])
    for name, other in pairs.items():
        if other != here:
            raise BadInputError(f"{name} has {other}, this computer {here}. Use one environment for all of them.")


def _name_versions(told: dict[str, Any]) -> str:
    python = ".".join(told["host"]["python"].split(".")[:2])
    return f"Python {python} and distributed {told['packages']['distributed']}"


def _name_end(address: str) -> tuple[str, int]:
    """Host and port. Raises ValueError if there is none."""
    parts = urlsplit(address)
    if not parts.hostname or not parts.port:
        raise ValueError("it is no address, as tls://HOST:PORT")
    return parts.hostname, parts.port


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
