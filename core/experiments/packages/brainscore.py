"""The Brain-Score package: one CSV and one zip, a StimulusSet as its loader reads it. Never uploads anything."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

from core.experiments.packages.plan import PackagePlan
from core.experiments.packages.tables import Cell, write_table
from core.headers import write_json
from core.stimuli.columns import COLUMNS
from core.stimuli.manifest import ManifestRow

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The oldest date a zip can hold: dates of files would make two archives of one set differ."""
FILE_MODE = 0o644 << 16
SUMMARY = "a StimulusSet: a CSV of metadata and a zip of numbered pictures"
HOW_TO = """
## How to use it

```python
from pathlib import Path
from zipfile import ZipFile
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

csv = next(Path(".").glob("stimulus_*.csv"))
ZipFile(csv.with_suffix(".zip")).extractall("pictures")
stimuli = StimulusSet.from_files(csv, "pictures")
stimuli.identifier = csv.stem.removeprefix("stimulus_")
```

Pictures are numbered, as Brain-Score asks for; `id` in the CSV is the name in the manifest. `hashes.json` has the SHA-1
of both files, which a Brain-Score plugin states when it loads them from its store.
"""


def write_brainscore(plan: PackagePlan, folder: Path) -> None:
    """Write `stimulus_NAME.csv`, `stimulus_NAME.zip` and their SHA-1."""
    name = name_set(plan.stimuli.name)
    rows = plan.stimuli.rows
    table, archive = folder / f"stimulus_{name}.csv", folder / f"stimulus_{name}.zip"
    numbered = [(f"{name}_{number}", row) for number, row in enumerate(rows, 1)]
    cells = [_describe_row(stimulus_id, row) for stimulus_id, row in numbered]
    write_table(table, list(dict.fromkeys(column for row in cells for column in row)), cells)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for stimulus_id, row in numbered:
            member = zipfile.ZipInfo(f"{stimulus_id}.png", FIRST_DAY)
            member.create_system, member.external_attr = 3, FILE_MODE
            file.writestr(member, plan.stimuli.path(row).read_bytes())
    hashes = {path.name: {"sha1": _sha1(path)} for path in (table, archive)}
    write_json(folder / "hashes.json", hashes, indent=2)


def name_set(name: str) -> str:
    """Letters and digits of a set's name, which is all that Brain-Score allows before the number of a stimulus."""
    return re.sub("[^a-zA-Z0-9]", "", name) or "probes"


def _describe_row(stimulus_id: str, row: ManifestRow) -> dict[str, Cell]:
    values = row.columns()
    kept: dict[str, Cell] = {"stimulus_id": stimulus_id, "filename": f"{stimulus_id}.png"}
    for name in COLUMNS:
        value = values[name]
        if name != "file":
            kept[name] = " ".join(map(str, value)) if isinstance(value, list) else value
    for where, transfer in sorted(row.transfer.items()):
        kept[f"transfer_shift.{where}"] = transfer.shift
        kept[f"transfer_shift_sd.{where}"] = transfer.shift_sd
    return kept


def _sha1(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
