"""A set is read back as it was written, or not at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInputError
from core.files import hash_file
from core.headers import hash_table
from core.images.stimulus import to_uint8
from core.stimuli.images import write_levels
from core.stimuli.manifest import (
    HEADER,
    ManifestRow,
    TransferShift,
    check_files,
    read_manifest,
    read_rows,
    write_csv,
    write_manifest,
)

ROW = ManifestRow(
    id="cat-raise-FFA_original", pair_id="cat-raise-FFA", role="original", file="stimuli/cat-raise-FFA_original.png",
    file_sha256="", source_image="cat", source_key="cat", source_sha256="0" * 64, licence="CC0", network="alexnet",
    network_sha256="1" * 64, layer="features.4", encoder_sha256="2" * 64, subject="simulated", space="fsaverage5",
    target="ROI FFA (3 voxels)", target_kind="roi", voxels=(4, 5, 6), weights=(1 / 3, 1 / 3, 1 / 3), direction="raise",
    norm="l2", epsilon=3.0, l2=0.0, linf=0.0, l2_before_saving=0.0, linf_before_saving=0.0, l2_file=0.0, linf_file=0.0,
    resolution=32, n_steps=2, step_size=0.1, seed=0, response_unit="z", clean=0.1, predicted=0.1, shift=0.0,
    shift_sd=None, shift_before_saving=0.0, clipped=0.0, mean_luminance=0.2, rms_contrast=0.1, ssim=1.0, gain=1.0,
    offset=0.0, width_px=32, height_px=32, picture_px=32, degrees=8.4, warnings=("One.", "Two."),
    transfer={"other layer3": TransferShift(0.1, None)},
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of two pictures, made by hand."""
    made, rows = tmp_path / "set", []
    (made / "stimuli").mkdir(parents=True)
    for number, role in enumerate(("original", "raise")):
        file = f"stimuli/{ROW.pair_id}_{role}.png"
        write_levels(made / file, to_uint8(np.full((3, 8, 8), number / 2, dtype=np.float32)))
        name = f"{ROW.pair_id}_{role}"
        rows.append(dataclasses.replace(ROW, id=name, role=role, file=file, file_sha256=hash_file(made / file)))
    write_csv(made / "manifest.csv", tuple(rows))
    files = {"manifest.csv": hash_file(made / "manifest.csv")}
    write_manifest(made / "manifest.json", tuple(rows), name="two", facts={"files": files})
    return made


@pytest.mark.parametrize("what", ["", "manifest.json"])
def test_a_set_is_read_back_as_it_was_written(folder: Path, what: str) -> None:
    found = read_manifest(folder / what)
    assert (found.folder, found.name, len(found.rows)) == (folder, "two", 2)
    assert found.rows[0] == dataclasses.replace(ROW, file_sha256=hash_file(folder / ROW.file))
    assert [row.role for row in found.pairs["cat-raise-FFA"]] == ["original", "raise"]
    assert found.path(found.rows[1]).read_bytes().startswith(b"\x89PNG")


def test_a_set_that_moved_is_the_same_set(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder, tmp_path / "moved")
    assert read_manifest(tmp_path / "moved").folder == tmp_path / "moved"


def test_a_number_edited_by_hand_is_told(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"predicted": 0.1', '"predicted": 0.9', 1))
    with pytest.raises(BadInputError, match="was edited after writing: its hash differs"):
        read_manifest(folder)


def test_an_edited_picture_is_named(folder: Path) -> None:
    write_levels(folder / ROW.file, to_uint8(np.full((3, 8, 8), 0.9, dtype=np.float32)))
    with pytest.raises(BadInputError, match=r"stimuli/cat-raise-FFA_original\.png of the set in .* was changed"):
        read_manifest(folder)
    assert len(read_rows(folder).rows) == 2, "the manifest alone is as it was"


def test_an_edited_table_is_named(folder: Path) -> None:
    (folder / "manifest.csv").write_text("id\n")
    with pytest.raises(BadInputError, match=r"manifest\.csv of the set in .* was changed"):
        read_manifest(folder)


def test_a_missing_picture_is_named(folder: Path) -> None:
    (folder / ROW.file).unlink()
    with pytest.raises(BadInputError, match=r"lacks stimuli/cat-raise-FFA_original\.png\. Copy the set again"):
        read_manifest(folder)


def test_a_picture_of_another_set_is_named(folder: Path) -> None:
    write_levels(folder / "stimuli" / "mine.png", to_uint8(np.zeros((3, 8, 8), dtype=np.float32)))
    with pytest.raises(BadInputError, match=r"holds mine\.png, not of this set"):
        read_manifest(folder)
    (folder / "stimuli" / "mine.png").rename(folder / "mine.png")
    check_files(read_rows(folder))  # beside the stimuli anything may lie


def test_a_file_outside_the_set_is_refused(folder: Path) -> None:
    header = json.loads((folder / "manifest.json").read_text())
    header["stimuli"][0]["file"] = "../secret.png"
    header["manifest_sha256"] = hash_table(header, HEADER.hash_key)
    (folder / "manifest.json").write_text(json.dumps(header))
    with pytest.raises(BadInputError, match="lies outside the set"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "is not the manifest of a stimulus set"),
        ("half a man", "is not the manifest of a stimulus set"),
        ('{"format": "probescope-stimuli", "format_version": 1}', "version 1; this program reads .* version 2"),
    ],
)
def test_what_is_no_manifest_is_told(folder: Path, text: str, told: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BadInputError, match=told):
        read_manifest(folder)


def test_a_folder_without_a_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="There is no stimulus set at"):
        read_manifest(tmp_path)


def seal(folder: Path, header: dict) -> None:  # type: ignore[type-arg]
    """Write a manifest whose own hash is right, as another program might."""
    header["manifest_sha256"] = hash_table(header, HEADER.hash_key)
    (folder / "manifest.json").write_text(json.dumps(header))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("role", None), ("pair_id", 3), ("voxels", [0.5]), ("voxels", 4), ("shift", "x"), ("shift", float("nan")),
        ("epsilon", True), ("degrees", []), ("warnings", "one"), ("picture_px", 0), ("width_px", 1.5), ("file", ["a"]),
        ("transfer", {"other layer3": {"shift": "x", "shift_sd": None}}),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused(folder: Path, column: str, value: object) -> None:
    header = json.loads((folder / "manifest.json").read_text())
    header["stimuli"][1][column] = value
    seal(folder, header)
    with pytest.raises(BadInputError, match=rf"manifest\.json is wrong.*`stimuli\[1\].*{column}"):
        read_manifest(folder)


@pytest.mark.parametrize(("part", "value"), [("files", 3), ("set", "x"), ("set", {"layout": 3}), ("subject_kinds", 1)])
def test_a_part_of_another_kind_is_refused(folder: Path, part: str, value: object) -> None:
    header = json.loads((folder / "manifest.json").read_text())
    header[part] = value
    seal(folder, header)
    with pytest.raises(BadInputError, match=rf"manifest\.json is wrong: `{part}[a-z.]*` must be a (table|list), got"):
        read_manifest(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "C:/secret", "stimuli/../../secret"])
def test_no_other_file_outside_the_set_is_opened(folder: Path, name: str) -> None:
    header = json.loads((folder / "manifest.json").read_text())
    header["files"][name] = "0" * 64
    seal(folder, header)
    with pytest.raises(BadInputError, match="lies outside the set"):
        read_manifest(folder)


def test_a_manifest_nested_without_end_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(BadInputError, match="is not the manifest of a stimulus set"):
        read_manifest(folder)
