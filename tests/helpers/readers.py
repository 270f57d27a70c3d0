"""The programs that read packages, installed by packaging/setup.sh in a folder of their own. Never imports them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

READERS = Path(sys.prefix) / "readers"
INSTALL = "`packaging/setup.sh tests` installs it where it can"
needs_psychopy = pytest.mark.skipif(not (READERS / "psychopy").is_dir(), reason=f"no PsychoPy; {INSTALL}")
needs_brainscore = pytest.mark.skipif(not (READERS / "brainscore_core").is_dir(), reason=f"no Brain-Score; {INSTALL}")


def run_with_readers(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python with the readers at hand and a home of its own, where PsychoPy keeps its preferences."""
    environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(READERS), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=home)
