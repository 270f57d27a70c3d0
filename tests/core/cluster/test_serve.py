"""Schedulers of their own process with jobs of SLURM and with SSH hosts, by stand-ins on PATH, and by a real SLURM."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.cluster.check import check_slurm
from core.cluster.client import CERTIFICATE, KEY, Needs, connect, iter_cluster
from core.cluster.serve import open_cluster, start_cluster, stop_cluster, write_job_script
from core.cluster.settings import HostSettings, SlurmSettings, read_settings
from core.cluster.where import Place, parse_where
from core.errors import BadInputError, ProbeError
from core.sweeps.cells import find_store
from tests.helpers import dask_cluster, simulated_cells
from tests.helpers.simulated_cells import begin

pytest.importorskip("dask_jobqueue", reason="the extra `cluster` is not installed")
dask_cluster.keep_thread()
STAND_INS = Path(simulated_cells.__file__).parent / "slurm"
SLURM: dict[str, Any] = {"gres": "", "cpus": 1, "memory": "1G", "jobs": 1}


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{STAND_INS}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path / "jobs"))


def run_there(settings: SlurmSettings | HostSettings, folder: Path, **cells: Any) -> list[str]:
    """Start a scheduler, have cells computed, and end it; what it said meanwhile."""
    file = start_cluster(settings)
    try:
        assert start_cluster(settings) == file, "the one that answers is found again"
        store = begin(folder, **({"n_cells": 4} | cells))
        options: dict[str, Any] = {"device": "cpu", "needs": Needs(), "seconds_of": lambda _: 1.0}
        *before, last = iter_cluster(store, simulated_cells.run_there, str(file), **options)
        with connect(str(file)) as (_, found):
            assert found.address.startswith("tls://")
    finally:
        stop_cluster(str(file))
    assert last.done == last.total and last.result is store
    return [one.what for one in before]


@pytest.mark.usefixtures("stand_ins")
def test_jobs_of_slurm_compute_cells_over_tls(tmp_path: Path) -> None:
    settings = SlurmSettings(tmp_path / "shared", address="127.0.0.1", **SLURM)
    run_there(settings, tmp_path / "work")
    secrets = [tmp_path / "shared" / name for name in (CERTIFICATE, KEY)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o700


@pytest.mark.usefixtures("stand_ins")
def test_jobs_whose_walltime_is_over_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_LIFETIME", "3s")
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "0.5s")
    settings = SlurmSettings(tmp_path / "shared", address="127.0.0.1", **SLURM)
    said = run_there(settings, tmp_path / "work", n_cells=8, seconds=0.7)
    assert len(list((tmp_path / "jobs").glob("script.*"))) >= 2, "another job took its place"
    assert {"1 cell at work", "waiting for workers"} <= set(said)
    tried = (tmp_path / "work" / "computed").read_text().split()
    assert sorted(map(int, tried)) == list(range(8)), "no cell is lost, none is computed twice"
    store = find_store(simulated_cells.SIMULATED, tmp_path / "work")
    assert len({store.made(cell).process for cell in store.cells()}) >= 2
    assert store.claims().keys() == set()


@pytest.mark.usefixtures("stand_ins")
def test_ssh_hosts_compute_cells_over_tls(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text(f'folder = "{tmp_path / "shared"}"\naddress = "127.0.0.1"\n[[hosts]]\nname = "lab-pc"\n')
    run_there(read_settings(Place.SSH, file), tmp_path / "work")


def test_the_job_script_says_what_the_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", "/lab/our home")
    file = tmp_path / "slurm.toml"
    file.write_text(
        'folder = "/lab/cluster"\npartition = "gpu"\naccount = "vision"\ngres = "gpu:a100:1"\ncpus = 6\n'
        'memory = "24G"\nwalltime = "1-02:00:00"\nprologue = ["module load cuda"]\nskip = ["--mem"]\n'
        'extra = ["--requeue"]\npython = "/lab/env/bin/python"\n'
    )
    script = write_job_script(read_settings(Place.SLURM, file)).splitlines()
    for line in ("-p gpu", "-A vision", "--gres=gpu:a100:1", "--cpus-per-task=6", "-t 1-02:00:00"):
        assert f"#SBATCH {line}" in script
    assert "#SBATCH --requeue" in script
    assert not any("--mem" in line for line in script if line.startswith("#SBATCH"))
    assert script.index("module load cuda") < len(script) - 1
    assert "export OMP_NUM_THREADS=6" in script and "export PROBESCOPE_HOME='/lab/our home'" in script
    for words in ("/lab/env/bin/python -m distributed.cli.dask_worker", "--nthreads 1", "GPU=1", "--lifetime 93300s"):
        assert words in "\n".join(script)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 1800), ("20:30", 1230), ("02:00:00", 7200), ("1-00", 86400), ("1-12:30", 131400)]
)
def test_walltimes_are_read_as_sbatch_does(text: str, seconds: int) -> None:
    assert SlurmSettings(Path("/lab"), walltime=text).walltime_seconds == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('folder = "/lab"\nwalltime = "soon"', "`walltime` must be as of sbatch"),
        ('folder = "/lab"\nwalltime = "5"', "`walltime` must be at least 10 minutes, as workers end 5 minutes early"),
        ('folder = "/lab"\nmemory = "much"', "`memory` must be as of sbatch, as 16G, got 'much'"),
        ('folder = "/lab"\ncpus = 0', "cpus"),
        ('folder = "/lab"\nparttition = "gpu"', "parttition"),
        ("", "folder"),
        ("folder = ", "is not settings of SLURM"),
    ],
)
def test_a_bad_file_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(text)
    with pytest.raises(ProbeError, match=said):
        read_settings(Place.SLURM, file)


def test_what_the_file_cannot_do_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "slurm.toml"
    file.write_text(f'folder = "{tmp_path / "shared"}"\ngres = ""\nmemory = "1G"\n')
    with pytest.raises(BadInputError, match=r"none of the workers of .*slurm.toml has a GPU"):
        open_cluster(parse_where(f"slurm:{file}", "cuda"), Needs(gpu=True))
    with pytest.raises(BadInputError, match=r"needs about 3.0 GB \(--cost\), the largest .* has 1.1 GB"):
        open_cluster(parse_where(f"slurm:{file}"), Needs(memory=3 * 10**9))
    assert not (tmp_path / "shared").exists()


@pytest.mark.usefixtures("stand_ins")
def test_a_cluster_is_checked_without_writing(tmp_path: Path) -> None:
    settings = SlurmSettings(tmp_path / "shared", **SLURM)
    assert [one.problem for one in check_slurm(settings, write_job_script(settings))] == [""] * 6
    assert not (tmp_path / "shared").exists()
    nowhere = SlurmSettings(tmp_path / "shared", partition="nowhere", **SLURM)
    refused = check_slurm(nowhere, write_job_script(nowhere))
    assert "invalid partition specified: nowhere" in refused[-1].problem


def test_no_login_node_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = check_slurm(SlurmSettings(tmp_path / "shared", **SLURM), "")
    assert found[-1].problem.startswith("sbatch refuses the job: sbatch is not there. Is ")


def test_a_cluster_that_refuses_its_jobs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInputError, match=r"^sbatch refuses the job: sbatch is not there\. Is .* a login node"):
        start_cluster(SlurmSettings(tmp_path / "shared", **SLURM))
    monkeypatch.setenv("PATH", f"{STAND_INS}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path / "jobs"))
    with pytest.raises(BadInputError, match="invalid partition specified: nowhere"):
        start_cluster(SlurmSettings(tmp_path / "shared", partition="nowhere", **SLURM))
    assert not (tmp_path / "shared").exists()


@pytest.fixture
def real_slurm() -> None:
    if shutil.which("sinfo") is None:
        pytest.skip("SLURM is not installed (Debian: slurm-wlm, munge)")
    told = subprocess.run(["sinfo", "-h", "-t", "idle"], capture_output=True, text=True, timeout=10, check=False)
    if told.returncode or not told.stdout.strip():
        pytest.skip(f"no node of SLURM is idle: {told.stderr.strip()[:100]}")


@pytest.mark.usefixtures("real_slurm")
def test_a_real_slurm_computes_cells(tmp_path: Path) -> None:
    settings = SlurmSettings(tmp_path / "shared", **SLURM)
    assert [one.problem for one in check_slurm(settings, write_job_script(settings))] == [""] * 6
    run_there(settings, tmp_path / "work")
    assert json.loads((tmp_path / "shared" / "slurm.json").read_text())["jobs"] == 1
