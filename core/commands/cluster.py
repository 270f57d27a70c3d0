"""The `cluster` commands: check the settings of SLURM, start a scheduler with its jobs, stop it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from core.checks import refusal
from core.cluster.check import check_slurm
from core.cluster.serve import start_cluster, stop_cluster, write_job_script
from core.cluster.settings import SlurmSettings, read_settings
from core.cluster.where import Place
from core.commands.options import Json, about, explained
from core.commands.output import answer, stop_on_interrupt

EXPLANATION = """\
slurm.toml names the shared folder, partition, account, gres, cpus, memory, walltime; docs/cluster.md shows one.
The scheduler is a process of this computer that goes on when the terminal is closed, and ends after 20 idle minutes."""


@explained(EXPLANATION)
def run_check(settings: Annotated[Path, about("slurm.toml", metavar="FILE")], /, *, json: Json = False) -> int:
    """Check what can be checked without a job; returns 0, or 2 if something is wrong. Writes nothing."""
    asked = read_settings(Place.SLURM, settings)
    script = write_job_script(asked)
    checks = check_slurm(asked, script)
    lines = [f"  {'!' if problem else 'ok':<3}{problem or what}" for what, problem in checks]
    told = {"script": script, "checks": [one._asdict() for one in checks]}
    answer(told, "\n".join([script, *lines]), as_json=json)
    return 2 if any(one.problem for one in checks) else 0


@explained(EXPLANATION)
def run_start(
    *,
    slurm: Annotated[Path | None, about("slurm.toml", metavar="FILE")] = None,
    ssh: Annotated[Path | None, about("hosts.toml", metavar="FILE")] = None,
    jobs: Annotated[int, about("jobs to keep running (default: as the file says)")] = 0,
    json: Json = False,
) -> int:
    """Start a scheduler, or find the one that answers; prints its scheduler.json and returns 0."""
    if (slurm is None) == (ssh is None):
        raise refusal("cluster", allowed="started with one of --slurm and --ssh", got=slurm)
    settings = read_settings(Place.SLURM, slurm) if slurm is not None else read_settings(Place.SSH, ssh or Path())
    if jobs and isinstance(settings, SlurmSettings):
        settings = replace(settings, jobs=jobs)
    with stop_on_interrupt() as should_stop:
        file = start_cluster(settings, should_stop)
    return answer({"scheduler": str(file)}, str(file), as_json=json)


def run_stop(scheduler: Annotated[str, about("scheduler.json or address", metavar="SCHEDULER")], /) -> int:
    """End a scheduler and its workers; what they were at is given back. Returns 0."""
    stop_cluster(scheduler)
    return answer({}, "Stopped. What is done stays.", as_json=False)
