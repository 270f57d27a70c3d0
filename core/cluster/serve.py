"""A scheduler of its own process, with jobs of SLURM or workers started by ssh; it ends by itself when nobody needs it.

`python -m` this module with "slurm" or "ssh", the settings file and the folder is what `start_cluster` starts.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from core.claims import MOST_ATTEMPTS
from core.cluster.client import (
    CERTIFICATE,
    KEY,
    Needs,
    SchedulerFile,
    check_extra,
    check_needs,
    connect,
    make_security,
    read_scheduler,
)
from core.cluster.settings import EARLY_SECONDS, KINDS, STAGGER_SECONDS, HostSettings, SlurmSettings, read_settings
from core.cluster.where import Place, Where
from core.errors import BadInputError, ProbeError, StorageError
from core.files import describe_failure, replace_file
from core.progress import ShouldStop, check_stop, never_stop

if TYPE_CHECKING:
    from distributed.deploy.spec import SpecCluster

IDLE_MINUTES = 20
"""After so long without work the scheduler ends, and its jobs with it."""
STARTED: list[subprocess.Popen[bytes]] = []
"""They outlive this process."""
START_SECONDS, LOOK_SECONDS = 60.0, 2.0
WAIT_SECONDS = 60
"""For a free node to run a few lines on."""
FILE, LOG, LOGS = "scheduler.json", "scheduler.log", "logs"
ROOT = Path(__file__).resolve().parents[__name__.count(".") if __name__ != "__main__" else __spec__.name.count(".")]
"""What Python must find the program in, on every computer."""
NO_DASHBOARD = "127.0.0.1:0"
"""Dask serves one without TLS: it is not shown to the network."""
KEPT = ("PROBESCOPE_HOME", "PROBESCOPE_OFFLINE")
"""Of the environment; workers have it too."""


def start_cluster(settings: SlurmSettings | HostSettings, should_stop: ShouldStop = never_stop) -> Path:
    """Start a scheduler and its workers, or find the one that answers; returns its scheduler.json.

    Raises BadInputError if it cannot start; StorageError if the folder cannot be written.
    """
    check_extra()
    kind = next(place for place, (record, _) in KINDS.items() if isinstance(settings, record))
    folder = settings.folder.expanduser().absolute()
    file = folder / FILE
    with suppress(ProbeError), connect(str(file)):
        return file
    if isinstance(settings, SlurmSettings) and (refused := ask_sbatch(write_job_script(settings))):
        raise BadInputError(refused)
    _write_secrets(folder)
    file.unlink(missing_ok=True)
    _write_private(folder / f"{kind}.json", json.dumps(asdict(settings), default=str))
    words = [sys.executable, "-m", __name__, kind, str(folder)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    with (folder / LOG).open("wb") as log:
        running = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env
        )
    STARTED.append(running)
    end = time.monotonic() + START_SECONDS
    while not file.is_file():
        check_stop(should_stop)
        if running.poll() is not None or time.monotonic() > end:
            said = (folder / LOG).read_text(errors="replace").strip().splitlines() or ["no word"]
            raise BadInputError(f"The scheduler does not start: {said[-1][:300]} (all of it in {folder / LOG}).")
        time.sleep(0.1)
    return file


def check_where(where: Where) -> None:
    """Raise BadInputError or StorageError unless the file that says where workers are can be used."""
    if where.place is Place.SCHEDULER:
        read_scheduler(where.target)
    elif where.is_elsewhere:
        read_settings(where.place, Path(where.target))


def open_cluster(where: Where, needs: Needs, *, should_stop: ShouldStop = never_stop) -> str:
    """The scheduler that was asked for, started where need be. Raises BadInputError if it cannot do the work."""
    if where.place is Place.SCHEDULER:
        return where.target
    settings = read_settings(where.place, Path(where.target))
    check_needs(needs, {}, SchedulerFile(where.target, settings.has_gpu, settings.memory_bytes))
    return str(start_cluster(settings, should_stop))


def stop_cluster(target: str) -> None:
    """End a scheduler and its workers, which give back their cells. Raises SchedulerGoneError if it does not answer."""
    with connect(target) as (client, _), suppress(OSError):  # it ends before it answers
        client.sync(client.scheduler.terminate)


def list_directives(settings: SlurmSettings) -> list[str]:
    """The options that sbatch and srun both take for such a job."""
    named = {"partition": settings.partition, "account": settings.account, "gres": settings.gres}
    named |= {"cpus-per-task": str(settings.cpus), "mem": f"{settings.memory_bytes // 2**20}M"}
    words = [f"--{name}={value}" for name, value in named.items() if value] + list(settings.extra)
    return [word for word in words if not any(skip in word for skip in settings.skip)]


def ask_sbatch(script: str) -> str:
    """Why SLURM would not take such a job, in a sentence; "" if it would."""
    code, said = run_program(["sbatch", "--test-only"], script)
    return f"sbatch refuses the job: {said}" if code else ""


def run_program(words: list[str], text: str) -> tuple[int, str]:
    """A program's exit code, and what it said."""
    try:
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=2 * WAIT_SECONDS, check=False)
    except FileNotFoundError:
        return 1, f"{words[0]} is not there. Is {platform.node()} a login node of the cluster?"
    except subprocess.TimeoutExpired:
        return 1, f"{words[0]} did not answer within {2 * WAIT_SECONDS} s."
    return done.returncode, " ".join(done.stderr.split()) if done.returncode else done.stdout.strip()


def make_slurm(settings: SlurmSettings, folder: Path) -> dict[str, Any]:
    """The options of dask-jobqueue's `SLURMJob` for such jobs."""
    root, python = shlex.quote(str(ROOT)), settings.python
    lines = [f"export {name}={shlex.quote(os.environ[name])}" for name in KEPT if name in os.environ]
    lines += [f"export PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}}", f"export OMP_NUM_THREADS={settings.cpus}"]
    gres = [f"--gres={settings.gres}"] * bool(settings.gres)
    lifetime = settings.walltime_seconds - EARLY_SECONDS
    ending = ["--lifetime", f"{lifetime}s", "--lifetime-stagger", f"{STAGGER_SECONDS}s"]
    return {
        "cores": 1,
        "processes": 1,
        "job_cpu": settings.cpus,
        "memory": f"{settings.memory_bytes}B",
        "queue": settings.partition or None,
        "account": settings.account or None,
        "walltime": settings.walltime,
        "job_extra_directives": [*gres, f"--output={folder / LOGS}/%j.log", *settings.extra],
        "job_directives_skip": list(settings.skip),
        "job_script_prologue": [*lines, *settings.prologue],
        "worker_extra_args": ["--resources", "GPU=1"] * settings.has_gpu + ending,
        "job_name": "probescope",
        "python": python,
        "config_name": "slurm",
    }


def write_job_script(settings: SlurmSettings) -> str:
    """The job script, as it would be submitted. Raises BadInputError without dask-jobqueue."""
    check_extra()
    from dask_jobqueue.slurm import SLURMJob

    folder = settings.folder.expanduser().absolute()
    return str(SLURMJob("tls://SCHEDULER:PORT", "probescope", **make_slurm(settings, folder)).job_script())


def _serve_slurm(settings: SlurmSettings, folder: Path) -> tuple[SpecCluster, Callable[[], None]]:
    from dask_jobqueue.slurm import SLURMCluster
    from distributed.utils import get_ip

    network = {"interface": settings.interface} if settings.interface else {"host": settings.address or get_ip()}
    options = {"dashboard": False, "dashboard_address": NO_DASHBOARD} | network
    job, security = make_slurm(settings, folder), make_security(folder)
    cluster = SLURMCluster(**job, scheduler_options=options, security=security, protocol="tls://")
    if settings.adapt:
        cluster.adapt(minimum_jobs=0, maximum_jobs=settings.jobs)
    else:
        cluster.scale(jobs=settings.jobs)

    def look() -> None:
        """Submit jobs in place of those that have ended, while there is work."""
        if cluster.scheduler.tasks and not settings.adapt:
            cluster.scale(jobs=settings.jobs)

    return cluster, look


def _serve_hosts(settings: HostSettings, folder: Path) -> tuple[SpecCluster, Callable[[], None]]:
    from distributed import LocalCluster
    from distributed.utils import get_ip

    security, host = make_security(folder), settings.address or get_ip()
    cluster = LocalCluster(
        n_workers=0, host=host, protocol="tls://", security=security, dashboard_address=NO_DASHBOARD, silence_logs=False
    )
    commands = [
        words for host in settings.hosts for words in _list_commands(settings, host, folder, cluster.scheduler_address)
    ]
    start = partial(subprocess.Popen, stdin=subprocess.DEVNULL)
    running = {number: (start(words), 1) for number, words in enumerate(commands)}

    def look() -> None:
        """Start again what has ended, a few times."""
        for number, (process, n_starts) in running.items():
            if process.poll() is not None and n_starts < MOST_ATTEMPTS:
                running[number] = start(commands[number]), n_starts + 1

    return cluster, look


def _list_commands(settings: HostSettings, host: Any, folder: Path, address: str) -> list[list[str]]:
    """The words that start each worker of a host."""
    tls = [f"--tls-ca-file={folder / CERTIFICATE}", f"--tls-cert={folder / CERTIFICATE}", f"--tls-key={folder / KEY}"]
    kept = [f"{name}={os.environ[name]}" for name in KEPT if name in os.environ]
    found = []
    for gpu in host.gpus or [None] * host.workers:
        own = [f"CUDA_VISIBLE_DEVICES={gpu}"] if gpu is not None else []
        resources = ["--resources", "GPU=1"] if gpu is not None else []
        words = ["env", *kept, f"PYTHONPATH={ROOT}", *own, settings.python, "-m", "distributed.cli.dask_worker"]
        words += [address, "--nthreads", "1", "--no-dashboard", *resources, *tls, "--death-timeout", "60"]
        script = "; ".join([*settings.prologue, f"exec {shlex.join(words)}"])
        found.append(["ssh", "-o", "BatchMode=yes", host.name, script])
    return found


def _write_secrets(folder: Path) -> None:
    """Certificates for the life of this scheduler, for the user's eyes only."""
    from distributed import Security

    try:
        (folder / LOGS).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StorageError(describe_failure(folder, error)) from error
    made = Security.temporary().get_tls_config_for_role("client")
    _write_private(folder / CERTIFICATE, made["cert"])
    _write_private(folder / KEY, made["key"])


def _write_private(path: Path, text: str) -> None:
    def write(partial: Path) -> None:
        partial.touch(0o600)
        partial.write_text(text, encoding="utf-8")

    replace_file(path, write)


def main(kind: str, folder: Path) -> None:
    """Serve until nobody needs it, or SIGTERM."""
    import dask

    told = Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    dask.config.set({"distributed.scheduler.idle-timeout": f"{IDLE_MINUTES} minutes"})
    dask.config.set({"distributed.scheduler.allowed-failures": MOST_ATTEMPTS})
    dask.config.set({"distributed.scheduler.unknown-task-duration": "1 hour"})  # a task is a worker's whole work
    settings = read_settings(Place(kind), folder / f"{kind}.json")
    cluster, look = (_serve_slurm if kind == Place.SLURM else _serve_hosts)(settings, folder)
    found = SchedulerFile(cluster.scheduler_address, settings.has_gpu, settings.memory_bytes, settings.n_workers)
    _write_private(folder / FILE, json.dumps(asdict(found)))
    parts = (cluster, cluster.scheduler)
    while all(part.status.name == "running" for part in parts) and not told.wait(LOOK_SECONDS):
        look()
    (folder / FILE).unlink(missing_ok=True)
    cluster.close(timeout=30)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
