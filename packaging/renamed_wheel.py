"""Builds the wheel: setuptools' own, with everything in it under the one name `probescope`.

In the checkout the folders are called `app`, `core`, `docs` and `resources`, names that other packages may bear, too.
In the wheel they lie in `probescope/`, and what is written of them is written anew: imports, names of modules in the
texts, and `probescope` for `python main.py`. Editable installations stay what setuptools makes them.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import tempfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401 - what else a front end asks for
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
)

NAME = "probescope"
WRITTEN = {".md", ".py", ".toml"}
UNTOUCHED = "resources/demo/"
"""Data with checksums, and texts of others."""
ADDED = {
    "__init__.py": '"""Probescope: `probescope.core` is the engine, `probescope.app` the window."""\n',
    "__main__.py": "from probescope.main import main\n\nif __name__ == '__main__':\n    raise SystemExit(main())\n",
    "py.typed": "",
}
IMPORT = re.compile(r"^(\s*(?:>>> |\.\.\. )?(?:from|import) )(?=(?:app|core)[. ])", re.MULTILINE)
MENTION = re.compile(r"(`|-m )(?=(?:app|core)\.[a-z])")
COMMAND = re.compile(r"[\w./-]*python [\w./-]*\bmain\.py\b|\bmain\.py\b")


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,
    metadata_directory: str | None = None,  # noqa: ARG001 - the front end's signature
) -> str:
    """Build the wheel into a folder. Returns its file's name."""
    with tempfile.TemporaryDirectory() as folder:
        # In a folder of its own: what an earlier build left in `build/` would be packed again.
        own = Path(folder) / "build.cfg"
        own.write_text(f"[build]\nbuild_base = {folder}/build\n[bdist_wheel]\ncompression = stored\n", encoding="utf-8")
        os.environ["DIST_EXTRA_CONFIG"] = str(own)
        name: str = build_meta.build_wheel(folder, config_settings)
        rename_wheel(Path(folder) / name, Path(wheel_directory) / name)
    return name


def rename_wheel(source: Path, target: Path) -> None:
    """Write a wheel again with every file under one name, and its record."""
    with ZipFile(source) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        record: list[tuple[str, str, int | str]] = []

        def add(entry: ZipInfo, content: bytes) -> None:
            new.writestr(entry, content, ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append((entry.filename, f"sha256={digest}", len(content)))

        for name, text in ADDED.items():
            add(ZipInfo(f"{NAME}/{name}"), text.encode())
        for entry in old.infolist():
            content = old.read(entry)
            if "__pycache__" in entry.filename or entry.filename.endswith("/RECORD"):
                continue
            entry.filename, content = rename(entry.filename, content)
            add(entry, content)
        own = next(place for place, _, _ in record if place.endswith(".dist-info/WHEEL")).replace("WHEEL", "RECORD")
        listed = io.StringIO()
        csv.writer(listed, lineterminator="\n").writerows([*record, (own, "", "")])
        new.writestr(own, listed.getvalue())


def rename(place: str, content: bytes) -> tuple[str, bytes]:
    """Where a file of the checkout's wheel lies in the renamed one, and what stands in it."""
    if ".dist-info/" in place:
        if place.endswith("/entry_points.txt"):
            content = content.replace(b"= main:", f"= {NAME}.main:".encode())
        if place.endswith("/top_level.txt"):
            content = f"{NAME}\n".encode()
        return place, content
    if Path(place).suffix in WRITTEN and not place.startswith(UNTOUCHED):
        content = rename_text(content.decode()).encode()
    return f"{NAME}/{place}", content


def rename_text(text: str) -> str:
    """A source or page that names the program's packages and its command as they are called once installed."""
    for pattern, by in ((IMPORT, rf"\1{NAME}."), (MENTION, rf"\1{NAME}."), (COMMAND, NAME)):
        text = pattern.sub(by, text)
    return text
