"""The Brain-Score package: read by Brain-Score's own loader, names checked by its own rule."""

from __future__ import annotations

import ast
import csv
import hashlib
import importlib.util
import json
import re
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInputError
from core.experiments.packages.brainscore import name_set
from core.experiments.packages.package import PackageKind, fit_template
from core.experiments.packages.plan import make_plan
from core.experiments.packages.template import Template
from core.files import hash_file
from core.stimuli.manifest import read_manifest
from tests.helpers.packages import write_package
from tests.helpers.readers import READERS, needs_brainscore
from tests.helpers.stimulus_sets import write_set

ROOM = "brainscore_core/supported_data_standards/brainio"
RULE = re.compile(r"[a-zA-Z0-9]+_?(?!0)\d+\.png")


def brainscore_file(name: str) -> Path:
    return READERS / ROOM / name


def load_stimuli_module() -> types.ModuleType:
    """Brain-Score's loader alone: its package would import what uploads to a store."""
    spec = importlib.util.spec_from_file_location("brainscore_stimuli", brainscore_file("stimuli.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_function(file: str, name: str) -> Any:
    """One function of Brain-Score, compiled from its source without what stands around it."""
    tree = ast.parse(brainscore_file(file).read_text(encoding="utf-8"))
    wanted = [node for node in tree.body if getattr(node, "name", "") in {name, "ValidationError"}]
    room: dict[str, Any] = {"re": re, "_logger": types.SimpleNamespace(debug=lambda _text: None)}
    exec(compile(ast.Module(wanted, []), file, "exec"), room)
    return room[name]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    plan = make_plan(read_manifest(write_set(tmp_path / "my set-2", n_images=6)), Template())
    return write_package(plan, PackageKind.BRAINSCORE, tmp_path / "package")


@needs_brainscore
def test_brainscores_own_loader_finds_every_stimulus_with_its_metadata(package: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(package / "stimulus_myset2.zip").extractall(tmp_path / "pictures")
    module = load_stimuli_module()
    stimuli = module.StimulusSet.from_files(package / "stimulus_myset2.csv", tmp_path / "pictures")
    assert load_function("upload_validator.py", "validate_stimulus_set")(stimuli)
    rows = read_manifest(tmp_path / "my set-2").rows
    assert list(stimuli["id"]) == [row.id for row in rows] and list(stimuli["role"]) == [row.role for row in rows]
    for stimulus_id, row in zip(stimuli["stimulus_id"], rows, strict=True):
        assert hash_file(stimuli.get_stimulus(stimulus_id)) == row.file_sha256
    assert stimuli["shift_sd"].tolist() == [row.shift_sd for row in rows]


@needs_brainscore
def test_names_follow_brainscores_own_rule_and_the_written_one(package: Path) -> None:
    check = load_function("packaging.py", "check_stimulus_naming_convention")
    names = zipfile.ZipFile(package / "stimulus_myset2.zip").namelist()
    assert len(names) == len(set(names)) == 18
    for name in names:
        check(name)
        assert RULE.fullmatch(name)


def test_the_zip_holds_the_pictures_in_order_without_a_date(package: Path) -> None:
    with zipfile.ZipFile(package / "stimulus_myset2.zip") as archive:
        infos = archive.infolist()
        assert archive.testzip() is None
    assert [info.filename for info in infos] == [f"myset2_{number}.png" for number in range(1, 19)]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_the_recorded_hashes_are_those_of_the_files(package: Path) -> None:
    recorded = json.loads((package / "hashes.json").read_text(encoding="utf-8"))
    assert set(recorded) == {"stimulus_myset2.csv", "stimulus_myset2.zip"}
    for name, facts in recorded.items():
        assert hashlib.sha1((package / name).read_bytes()).hexdigest() == facts["sha1"]


def test_the_csv_has_a_stimulus_id_and_a_file_name_first(package: Path) -> None:
    with (package / "stimulus_myset2.csv").open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    assert names[:2] == ["stimulus_id", "filename"] and "file" not in names


@pytest.mark.parametrize(("name", "kept"), [("faces_v2", "facesv2"), ("héllo", "hllo"), ("___", "probes")])
def test_a_set_of_any_name_gets_one_brainscore_allows(name: str, kept: str) -> None:
    assert name_set(name) == kept and RULE.fullmatch(f"{kept}_1.png")


def test_a_set_too_small_for_any_order_becomes_a_package_all_the_same(tmp_path: Path) -> None:
    """It has no trials, so the spacing and the catch trials of the template cannot refuse it."""
    found = read_manifest(write_set(tmp_path / "set", n_images=1))
    with pytest.raises(BadInputError, match="`spacing` must be at most"):
        make_plan(found, Template())
    plan = make_plan(found, fit_template(Template(), PackageKind.BRAINSCORE))
    assert len(list(write_package(plan, PackageKind.BRAINSCORE, tmp_path / "made").glob("stimulus_*"))) == 2
    assert fit_template(Template(), PackageKind.BIDS) == Template()
