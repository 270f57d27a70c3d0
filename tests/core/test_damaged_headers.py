"""Every kind of file of ours, damaged in every way that can be listed: one sentence of the family, never a traceback.

The files are those of version 0.3 in tests/data, so that they also prove that older files open.
"""

from __future__ import annotations

import copy
import json
import math
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.description import TEMPLATE, read_description
from core.datasets.photos import _read as read_photos
from core.datasets.subject import read_subject_header
from core.datasets.summary import load_summary
from core.datasets.surface_choice import chosen_surface
from core.encoders.files import load_encoder_data
from core.errors import ProbeError
from core.experiments.packages.template import read_template
from core.headers import hash_table
from core.networks.catalog import HEADER as ENTRY
from core.networks.spec import CATALOGUE, catalog_path, read_entries
from core.paths import data_folder
from core.probes.files import load_probe
from core.session.files import read_session
from core.stimuli.config import unpack_set
from core.stimuli.manifest import read_rows
from core.stimuli.plan import read_plan, resolve_plan
from core.stimuli.recipe import unpack_recipe
from core.surfaces.store import load_atlases, load_surface

DATA = Path(__file__).parents[1] / "data" / "version_0_3"
WRONG = (None, 3, -1, "x", True, [], {}, math.nan, 10**400, "\ud800", "a\0b")
"""Put in the place of every value; what a field allows may be taken."""

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Kind:
    """A file of version 0.3 and what opens it; `free` are keys below which anything may stand."""

    place: str
    open: Callable[[Path], object]
    hash_key: str = ""
    free: tuple[str, ...] = ()
    version_key: str = ""
    home: bool = False


def open_surface(_: Path) -> object:
    return load_surface("sub-01"), load_atlases("sub-01")


def open_choice(_: Path) -> object:
    return chosen_surface("bare")


def open_plan(path: Path) -> object:
    return resolve_plan(read_plan(path))


KINDS = {
    "probe": Kind("probe.json", load_probe, "header_sha256", version_key="version"),
    "encoder": Kind("encoders/tiny_subject-tiny-full.json", load_encoder_data, version_key="version"),
    "first encoder": Kind("encoders/tiny_subject-tiny-body.json", load_encoder_data, version_key="version"),
    "session": Kind("session/mine.probescope", read_session, free=("tray", "config"), version_key="version"),
    "set": Kind("set/manifest.json", read_rows, "manifest_sha256", free=("columns",), version_key="format_version"),
    "template": Kind("timing.toml", read_template),
    "plan": Kind("plan.json", open_plan, free=("name", "subject", "enlarging", "matching")),
    "recipe": Kind("recipe.json", lambda path: unpack_recipe(json.loads(path.read_text()))),
    "settings": Kind("set_config.json", lambda path: unpack_set(json.loads(path.read_text()))),
    "network": Kind("data/networks/mine/network.toml", lambda path: read_entries(path, ENTRY), home=True),
    "subject": Kind("data/subjects/bare/subject.json", lambda path: read_subject_header(path.parent), home=True),
    "summary": Kind("data/subjects/bare/summary.json", lambda _: load_summary("bare"), home=True),
    "choice": Kind("data/surfaces/uses.json", open_choice, home=True),
    "surface": Kind("data/surfaces/sub-01.npz", open_surface, version_key="version", home=True),
}
FROM_TABLES = ("recipe", "settings")
"""Kinds that are tables inside other files."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Kind, Path]:
    """A kind and a fresh copy of its file, in the user's own folder where it belongs there."""
    kind = KINDS[request.param]
    if kind.home:
        shutil.copytree(DATA / "home" / "data", data_folder(), dirs_exist_ok=True)
        return kind, data_folder() / Path(kind.place).relative_to("data")
    shutil.copytree(DATA, tmp_path / "v03")
    return kind, tmp_path / "v03" / kind.place


def read_table(path: Path) -> dict[str, Any]:
    text = str(np.load(path)["header"]) if path.suffix == ".npz" else path.read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    return table


def write_text(path: Path, text: str | bytes) -> None:
    if path.suffix == ".npz":
        arrays = dict(np.load(path)) if not isinstance(text, bytes) else {}
        np.savez(path, **arrays | {"header": np.array(text)})
        os.utime(path, ns=(0, hash(text) % 2**40))  # files are kept in memory by their time
    else:
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))


def word(path: Path, table: object, hash_key: str) -> str:
    """A table as the file would hold it, its own hash right, as another program might write it."""
    if path.suffix == ".toml":
        return to_toml(table)
    if hash_key and isinstance(table, dict):
        table = table | {hash_key: hash_table(table, hash_key)}
    return json.dumps(table)


def to_toml(table: Any) -> str:
    lines, sections = [], []
    for key, value in table.items():
        inner = value if isinstance(value, dict) else {}
        if value and inner and all(isinstance(one, dict) for one in inner.values()):
            sections += [f"[{key}.{json.dumps(name)}]\n{to_toml(one)}" for name, one in inner.items()]
        elif isinstance(value, dict):
            sections.append(f"[{key}]\n{to_toml(value)}")
        elif value is not None:
            lines.append(f"{json.dumps(key)} = {json.dumps(value).replace('NaN', 'nan').replace('Infinity', 'inf')}")
    return "\n".join([*lines, *sections]) + "\n"


def list_places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The place of every value of a table, of lists only the first."""
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:1] if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from list_places(item, (*path, key))


def change(table: Any, path: Path_, value: Any) -> Any:
    changed = copy.deepcopy(table)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is KeyError:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


def refuse(kind: Kind, path: Path) -> str:
    """The sentence a file is refused with; "" if it was opened. Any other exception fails the test."""
    try:
        kind.open(path)
    except ProbeError as error:
        sentence = str(error)
        assert sentence and "\n" not in sentence and sentence.endswith((".", "?", "`")), sentence
        assert not any(word in sentence for word in ("Traceback", "sub-exception", "NoneType", "object at 0x")), (
            sentence
        )
        assert len(sentence) < 800, sentence
        return sentence
    return ""


all_kinds = pytest.mark.parametrize("place", KINDS, indirect=True)
files = pytest.mark.parametrize("place", [name for name in KINDS if name not in FROM_TABLES], indirect=True)


@all_kinds
def test_files_of_version_0_3_open(place: tuple[Kind, Path]) -> None:
    kind, path = place
    assert refuse(kind, path) == ""
    write_text(path, word(path, read_table(path), kind.hash_key))
    assert refuse(kind, path) == "", "the same table in other spelling"


@all_kinds
def test_a_value_of_another_kind_is_refused_or_allowed(place: tuple[Kind, Path]) -> None:
    kind, path = place
    table = read_table(path)
    for where in list_places(table):
        if kind.hash_key in where or any(key in kind.free for key in where):
            continue
        held = change_all(table, where)
        refused = 0
        for value in WRONG:
            if path.suffix == ".toml" and (value is None or value in ("\ud800", "a\0b") or isinstance(value, dict)):
                continue
            try:
                write_text(path, word(path, change(table, where, value), kind.hash_key))
            except UnicodeEncodeError:
                continue
            refused += refuse(kind, path) != ""
        assert refused, f"{where} takes anything, as {held!r}"


def change_all(table: Any, where: Path_) -> Any:
    for key in where:
        table = table[key]
    return table


@all_kinds
def test_a_missing_key_is_refused_by_name_or_has_a_default(place: tuple[Kind, Path]) -> None:
    kind, path = place
    table = read_table(path)
    for where in list_places(table):
        write_text(
            path, word(path, change(table, where, KeyError), kind.hash_key if kind.hash_key not in where else "")
        )
        refuse(kind, path)


@all_kinds
def test_an_unknown_key_is_refused_by_name(place: tuple[Kind, Path]) -> None:
    kind, path = place
    table = read_table(path)
    tables = [(), *(where for where in list_places(table) if isinstance(change_all(table, where), dict))]
    for where in tables:
        if any(key in kind.free or key in OPEN for key in where) or (where == () and kind.place.endswith("uses.json")):
            continue
        write_text(path, word(path, change(table, (*where, "nonsense"), 3), kind.hash_key))
        assert "nonsense" in refuse(kind, path), where


OPEN = ("versions", "layout", "made_with", "written_with", "files", "repeats", "rois", "categories", "network")
"""Tables whose keys are names, and which hold anything of one type."""


@files
def test_what_is_no_such_file_is_refused(place: tuple[Kind, Path]) -> None:
    kind, path = place
    text = json.dumps(read_table(path)) if path.suffix == ".npz" else path.read_text(encoding="utf-8")
    first = text.index("{") + 1 if path.suffix != ".toml" else 0
    key = next(iter(read_table(path)))
    twice = f"{json.dumps(key)}: 1, " * 2 if first else f"{key}_ = 1\n{key}_ = 1\n"
    nested = '{"a":' * 100_000 if path.suffix != ".toml" else "a = " + "[" * 100_000
    bad: list[str | bytes] = [text[: len(text) * part // 10] for part in (0, 1, 5, 9)]
    bad += [text[:first] + twice + text[first:], nested]
    if path.suffix != ".npz":
        bad += [b"\xff\xfe\x00" + os.urandom(60), text.encode("utf-16"), text.encode("utf-8") + b"\xe9"]
    if path.suffix != ".toml":
        bad += ["[]", "[{}]", "null", "3", '"text"', "NaN"]
    else:
        bad[1:4] = [text.replace('"', "", 1), text.replace("=", "", 1), text.replace("]", "", 1)]
        bad = bad[1:]  # an empty template is one
    for content in bad:
        write_text(path, content)
        assert refuse(kind, path) or content == "", content[:80]


@pytest.mark.parametrize("place", [name for name, kind in KINDS.items() if kind.version_key], indirect=True)
def test_a_newer_version_says_what_to_do(place: tuple[Kind, Path]) -> None:
    kind, path = place
    for version in (99, 0, -1, "2", None, True, 1.0):
        write_text(path, word(path, read_table(path) | {kind.version_key: version}, kind.hash_key))
        sentence = refuse(kind, path)
        assert f"version {version!r}; this program reads" in sentence
        assert ("Update Probescope" in sentence) == (version == 99)


@files
def test_a_folder_a_pipe_and_nothing_are_refused(place: tuple[Kind, Path]) -> None:
    kind, path = place
    if path.name in ("uses.json", "sub-01.npz"):  # nothing is no choice; the other is read by the reader of arrays
        return
    path.unlink()
    assert refuse(kind, path)
    path.mkdir()
    assert refuse(kind, path)
    path.rmdir()
    os.mkfifo(path)
    assert refuse(kind, path)


def test_the_description_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "subject.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    kind = Kind("", read_description)
    assert refuse(kind, path) == ""
    table = read_table(path)
    for where in list_places(table):
        refused = 0
        for value in (3, True, [], ["x"], 2.5, math.nan):
            path.write_text(to_toml(change(table, where, value)))
            refused += refuse(kind, path) != ""
        assert refused, where
        path.write_text(to_toml(change(table, where, KeyError)))
        refuse(kind, path)
    for where in ((), ("images",), ("responses",), ("voxels",)):
        path.write_text(to_toml(change(table, (*where, "nonsense"), 3)))
        assert "nonsense" in refuse(kind, path)


def test_the_shipped_catalogues(tmp_path: Path) -> None:
    networks = tmp_path / "networks.toml"
    shutil.copyfile(catalog_path(), networks)
    kind = Kind("", lambda path: read_entries(path, CATALOGUE))
    assert refuse(kind, networks) == ""
    networks.write_text(networks.read_text().replace("input_size = 224", 'input_size = "224"', 1))
    assert "input_size` must be a whole number, got '224'" in refuse(kind, networks)
    photos = tmp_path / "photos.json"
    row = {"id": "a", "category": "", "group": "face", "file": "a.webp", "curated": False, "licence": "CC0"}
    kind = Kind("", read_photos)
    for images in ([row], [row | {"curated": 1}], [row | {"file": 3, "nonsense": 1}], [3], {}, [{}], None):
        photos.write_text(json.dumps({"images": images}))
        assert (refuse(kind, photos) == "") == (images == [row]), images
