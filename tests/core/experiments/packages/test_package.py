"""Packages of every kind: the same bytes again, whole or not at all, nothing overwritten, pictures as in the set."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import BadInputError, Cancelled, StorageError
from core.experiments.packages import package as package_module
from core.experiments.packages.orders import OrderConfig
from core.experiments.packages.package import FORMATS, PackageKind, iter_package
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template, read_template
from core.experiments.packages.timing import Screen
from core.files import hash_file
from core.stimuli.manifest import read_manifest, read_rows
from tests.helpers.packages import write_package
from tests.helpers.stimulus_sets import write_set

KINDS = list(PackageKind)
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def plan(tmp_path: Path) -> PackagePlan:
    return plan_of(tmp_path / "a_set")


def plan_of(folder: Path, *, seed: int = 0) -> PackagePlan:
    found = read_manifest(folder if folder.exists() else write_set(folder, n_images=7))
    order = OrderConfig(runs=2, repeats=2, blanks_per_run=1, participants=2, seed=seed)
    return make_plan(found, Template(order=order, screen=Screen(degrees=6.5)))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@every_kind
def test_the_same_set_and_seed_give_the_same_bytes(plan: PackagePlan, tmp_path: Path, kind: PackageKind) -> None:
    first = contents(write_package(plan, kind, tmp_path / "first"))
    again = contents(write_package(plan_of(tmp_path / "a_set"), kind, tmp_path / "again"))
    assert first == again
    other = contents(write_package(plan_of(tmp_path / "a_set", seed=1), kind, tmp_path / "other"))
    assert (first != other) == FORMATS[kind].has_trials


@every_kind
def test_a_package_carries_manifest_template_and_a_readme_that_says_how_to_run_it(
    plan: PackagePlan, tmp_path: Path, kind: PackageKind
) -> None:
    package = write_package(plan, kind, tmp_path / "package")
    for name in ("manifest.json", "manifest.csv"):
        assert (package / name).read_bytes() == (tmp_path / "a_set" / name).read_bytes()
    readme = (package / "README.md").read_text(encoding="utf-8")
    assert f"--kind {kind}" in readme and hash_file(tmp_path / "a_set" / "manifest.json") in readme
    assert "## How to" in readme
    if FORMATS[kind].has_trials:
        assert read_template(package / "timing.toml") == plan.template
        assert "Each run lasts" in readme and "The set was made to be shown 8.4 deg wide" in readme
    if FORMATS[kind].copies_pictures:
        for row in read_rows(package).rows:
            assert hash_file(package / row.file) == row.file_sha256
        assert read_manifest(package).rows == plan.stimuli.rows, "the set's own README stands under another name"


@every_kind
def test_nothing_is_overwritten(plan: PackagePlan, tmp_path: Path, kind: PackageKind) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "measured.csv").write_text("1\n", encoding="utf-8")
    with pytest.raises(BadInputError, match="It holds 'measured.csv', and nothing is overwritten"):
        write_package(plan, kind, taken)
    assert contents(taken) == {"measured.csv": b"1\n"}


@every_kind
def test_a_picture_changed_after_reading_stops_the_package_and_nothing_stays(
    plan: PackagePlan, tmp_path: Path, kind: PackageKind
) -> None:
    plan.stimuli.path(plan.stimuli.rows[5]).write_bytes(b"another picture")
    with pytest.raises(BadInputError, match="was changed since the set was read"):
        write_package(plan, kind, tmp_path / "package")
    assert [path.name for path in tmp_path.iterdir()] == ["a_set"]


def test_a_cancelled_package_leaves_nothing(plan: PackagePlan, tmp_path: Path) -> None:
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        list(iter_package(plan, PackageKind.BIDS, tmp_path / "package", should_stop=lambda: next(asked)))
    assert [path.name for path in tmp_path.iterdir()] == ["a_set"]


def test_a_full_disk_half_way_leaves_nothing(
    plan: PackagePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = package_module.shutil.copyfile
    left = iter(range(4))

    def fill(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        copy(source, target)

    monkeypatch.setattr(package_module.shutil, "copyfile", fill)
    with pytest.raises(StorageError, match="No space is left"):
        write_package(plan, PackageKind.PSYCHOPY, tmp_path / "package")
    assert [path.name for path in tmp_path.iterdir()] == ["a_set"]


def test_a_package_never_goes_into_the_set(plan: PackagePlan, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="lies inside the set itself"):
        write_package(plan, PackageKind.BIDS, tmp_path / "a_set" / "package")
    assert read_manifest(tmp_path / "a_set").rows == plan.stimuli.rows


@every_kind
def test_progress_counts_up_to_the_finished_folder(plan: PackagePlan, tmp_path: Path, kind: PackageKind) -> None:
    records = list(iter_package(plan, kind, tmp_path / "package"))
    assert [record.done for record in records] == list(range(len(plan.stimuli.rows) + 2))[: len(records)]
    assert records[-1].done == records[-1].total and records[-1].result == tmp_path / "package"
    assert all(record.result is None for record in records[:-1])
