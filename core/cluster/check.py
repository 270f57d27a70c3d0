"""What can be known of a SLURM cluster before work is handed to it; writes nothing."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from core.cluster.serve import ROOT, WAIT_SECONDS, ask_sbatch, list_directives, run_program
from core.cluster.settings import SlurmSettings

LOOK = """\
import importlib.metadata as m, json, os, platform, sys
try:
    import torch
    gpus = torch.cuda.device_count()
except ImportError:
    gpus = -1
names = {name: m.version(name) for name in ("distributed", "torch", "numpy")}
print(json.dumps({"host": platform.node(), "python": platform.python_version(), "gpus": gpus, **names,
    "folder": os.access(sys.argv[1], os.W_OK), "program": os.path.isdir(sys.argv[2])}))
"""


class Check(NamedTuple):
    """Something that was looked at, and what is wrong with it ("" where nothing is)."""

    what: str
    problem: str = ""


def check_slurm(settings: SlurmSettings, script: str) -> list[Check]:
    """Ask SLURM whether it would take such a job, and a node, if one is free, for its versions, folder and GPUs."""
    folder = settings.folder.expanduser().absolute()
    nearest = next(one for one in (folder, *folder.parents) if one.is_dir())
    is_free = os.access(nearest, os.W_OK)
    here = Check(f"the folder {folder} can be written here", "" if is_free else f"{nearest} cannot be written here.")
    checks = [here, Check("sbatch would take the job", refused := ask_sbatch(script))]
    if refused:
        return checks
    limits = ["--time=2", f"--immediate={WAIT_SECONDS}"]
    words = ["srun", *list_directives(settings), *limits, settings.python, "-c", LOOK, str(nearest), str(ROOT)]
    _, said = run_program(words, "")
    try:
        checks += _compare(json.loads(said.splitlines()[-1]), settings, nearest)
    except (ValueError, IndexError):
        checks.append(Check("a node", f"No node told its versions within {WAIT_SECONDS} s: {said or 'no word'}"))
    return checks


def _compare(node: dict[str, Any], settings: SlurmSettings, folder: Path) -> list[Check]:
    host, gpus = node["host"], node["gpus"]
    here = {"python": platform.python_version()} | {name: version(name) for name in ("distributed", "torch", "numpy")}
    differ = [f"{name} {node[name]} there, {told} here" for name, told in here.items() if node[name] != told]
    needs_gpu = f"{host} shows a job no GPU, though gres is {settings.gres!r}."
    return [
        Check(f"{host} sees {folder}", "" if node["folder"] else f"{host} cannot write {folder}."),
        Check(f"{host} sees the program", "" if node["program"] else f"{host} does not see {ROOT}."),
        Check(f"{host} has the same versions", f"On {host}: {'; '.join(differ)}." if differ else ""),
        Check(f"a job sees {gpus} GPU on {host}", needs_gpu if settings.has_gpu and gpus < 1 else ""),
    ]
