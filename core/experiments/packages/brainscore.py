"""The Brain-Score package: one CSV and one zip, a StimulusSet as its loader reads it. Never uploads anything."""

from __future__ import annotations

import hashlib
import itertools
import re
import zipfile
from pathlib import Path

from core.experiments.packages.plan import PackagePlan, write_table
from core.headers import write_json
from core.stimuli.manifest import flatten

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The oldest date a zip can hold: dates of files would make two archives of one set differ."""
FILE_MODE = 0o644 << 16


def write_brainscore(plan: PackagePlan, folder: Path) -> None:
    """Write `stimulus_NAME.csv`, `stimulus_NAME.zip` and their SHA-1."""
    name = name_set(plan.stimuli.name)
    rows = plan.stimuli.rows
    table, archive = folder / f"stimulus_{name}.csv", folder / f"stimulus_{name}.zip"
    numbered = [(f"{name}_{number}", row) for number, row in enumerate(rows, 1)]
    cells = [{"stimulus_id": one, "filename": f"{one}.png"} | flatten(row) for one, row in numbered]
    write_table(table, [name for name in dict.fromkeys(itertools.chain(*cells)) if name != "file"], cells)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for stimulus_id, row in numbered:
            member = zipfile.ZipInfo(f"{stimulus_id}.png", FIRST_DAY)
            member.create_system, member.external_attr = 3, FILE_MODE
            file.writestr(member, plan.stimuli.path(row).read_bytes())
    hashes = {
        path.name: {"sha1": hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()}
        for path in (table, archive)
    }
    write_json(folder / "hashes.json", hashes, indent=2)


def name_set(name: str) -> str:
    """Letters and digits of a set's name, which is all that Brain-Score allows before the number of a stimulus."""
    return re.sub("[^a-zA-Z0-9]", "", name) or "probes"
