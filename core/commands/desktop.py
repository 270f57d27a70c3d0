"""The `desktop` command: puts Probescope among the programs of a Linux desktop, for one user, and takes it out."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated

from core.checks import refusal
from core.commands.options import about
from core.errors import BadInputError
from core.files import replace_file
from core.paths import APP_NAME, resources_folder

ENTRY = """\
[Desktop Entry]
Type=Application
Name=Probescope
Comment=Adversarial probes of models of the visual brain
Exec={program} %f
Icon={icon}
Terminal=false
Categories=Science;Education;
StartupWMClass=probescope
"""


def run_desktop(*, remove: Annotated[bool, about("take the entry and the icon away again")] = False) -> int:
    """Write the entry and the icon, or remove them. Raises BadInputError where there is no such desktop."""
    if not sys.platform.startswith("linux"):
        raise refusal("desktop", allowed="one of Linux", got=sys.platform, advice="Make a link to probescope-window.")
    share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    entry = share / "applications" / f"{APP_NAME}.desktop"
    icon = share / "icons" / "hicolor" / "scalable" / "apps" / f"{APP_NAME}.svg"
    if remove:
        for file in (entry, icon):
            file.unlink(missing_ok=True)
        print(f"Removed {entry}")
        return 0
    text = ENTRY.format(program=quote_program(find_program()), icon=icon)
    drawing = (resources_folder() / "icons" / icon.name).read_bytes()
    replace_file(icon, lambda path: path.write_bytes(drawing))
    replace_file(entry, lambda path: path.write_text(text, encoding="utf-8"))
    print(f"Wrote {entry}")
    return 0


def find_program() -> Path:
    """The installed program that opens the window. Raises BadInputError if it is not beside this Python."""
    program = Path(sys.executable).with_name(f"{APP_NAME}-window")
    if not program.is_file():
        raise BadInputError(f"{program} is not there; install Probescope with pip, pipx or uv, then call this again.")
    return program


def quote_program(program: Path) -> str:
    """A path as a word of `Exec`: quoted for the command line, then escaped as a string of a desktop entry."""
    quoted = re.sub(r'(["`$\\])', r"\\\1", str(program)).replace("\\", "\\\\")
    return f'"{quoted}"'.replace("%", "%%")
