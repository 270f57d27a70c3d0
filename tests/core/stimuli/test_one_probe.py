"""An exported set is judged by its files: every figure is recomputed here from the PNGs on the disk."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.errors import BadInputError, StorageError
from core.images.stimulus import Stimulus, make_stimulus, to_uint8
from core.probes.probe import Probe
from core.probes.target import Target, TargetKind
from core.stimuli.manifest import COLUMNS, StimulusSet
from core.stimuli.names import name_pair
from core.stimuli.recipe import Item, RecipientEncoder, recipe_of
from core.stimuli.write import export_item
from core.types import NormName
from tests.helpers.probes import make_probe

N_VOXELS = 44
SIZE = 48
ROLES = ["original", "raise", "control_random", "control_sign_flip"]


class LinearEncoder:
    """Responses = pixels . weights: every shift of it can be checked by hand."""

    def __init__(self, seed: int = 0) -> None:
        self.weights = np.random.default_rng(seed).standard_normal((3 * SIZE * SIZE, N_VOXELS)) / SIZE

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return (pixels.reshape(len(pixels), -1).astype(np.float64) @ self.weights).astype(np.float32)


@pytest.fixture
def encoder() -> LinearEncoder:
    return LinearEncoder()


@pytest.fixture
def probe(encoder: LinearEncoder) -> Probe:
    made = make_probe(N_VOXELS, SIZE, norm=NormName.L2, epsilon=3.0)
    pixels = (made.clean_pixels, made.perturbed_pixels, made.control_pixels, made.sign_flip_pixels)
    clean, perturbed, control, sign_flip = encoder(np.stack(pixels))
    sha256 = hashlib.sha256(to_uint8(made.clean_pixels).tobytes()).hexdigest()
    return dataclasses.replace(
        made, clean=clean, perturbed=perturbed, control=control, sign_flip=sign_flip, stimulus_sha256=sha256
    )


@pytest.fixture
def stimulus(probe: Probe) -> Stimulus:
    return make_stimulus(probe.stimulus_id, to_uint8(probe.clean_pixels))


def item_of(probe: Probe, encoder: LinearEncoder, **more: object) -> Item:
    return Item(recipe_of(probe, probe.stimulus_id), probe, encoder, **more)  # type: ignore[arg-type]


@pytest.fixture
def report(probe: Probe, stimulus: Stimulus, encoder: LinearEncoder, tmp_path: Path) -> StimulusSet:
    other = RecipientEncoder(LinearEncoder(1), target_sd=0.5)
    item = item_of(probe, encoder, recipients={"other layer3": other})
    return export_item(item, tmp_path / "out", degrees=8.4)


def reread(report: StimulusSet) -> np.ndarray:
    """The files' pixels through Pillow alone, in the order of the rows."""
    pictures = [np.asarray(Image.open(report.folder / row.file)) for row in report.rows]
    return np.stack(pictures).transpose(0, 3, 1, 2) / 255


def test_the_set_is_matched_and_complete(report: StimulusSet) -> None:
    assert [row.role for row in report.rows] == ROLES
    names = {str(path.relative_to(report.folder)) for path in report.files}
    assert names == {row.file for row in report.rows} | {"README.md", "manifest.csv", "manifest.json"}
    assert set(report.files) == {path for path in report.folder.rglob("*") if path.is_file()}


def test_norms_are_those_of_the_saved_files(report: StimulusSet) -> None:
    deltas = reread(report) - reread(report)[0]
    for row, delta in zip(report.rows, deltas, strict=True):
        assert row.l2 == pytest.approx(np.sqrt((delta**2).sum()), rel=1e-5)
        assert row.linf == pytest.approx(np.abs(delta).max(), rel=1e-5)


def test_norms_before_saving_are_those_of_the_delivered_pixels(report: StimulusSet, probe: Probe) -> None:
    assert report.rows[1].l2_before_saving == pytest.approx(probe.l2, rel=1e-6)
    assert report.rows[1].linf_before_saving == pytest.approx(probe.linf, rel=1e-6)
    assert report.rows[1].l2 != report.rows[1].l2_before_saving


def test_shifts_are_rescored_from_the_saved_files(report: StimulusSet, probe: Probe, encoder: LinearEncoder) -> None:
    direction = probe.target_vector.astype(np.float64)
    values = reread(report).reshape(4, -1) @ encoder.weights @ direction
    for row, value in zip(report.rows, values, strict=True):
        assert row.predicted == pytest.approx(value, abs=1e-5)
        assert row.shift == pytest.approx(value - values[0], abs=1e-5)
        assert row.shift_sd == pytest.approx((value - values[0]) / probe.target_sd, abs=1e-4)
    assert report.rows[1].shift_before_saving == pytest.approx(
        probe.of_target(probe.perturbed) - probe.of_target(probe.clean), rel=1e-4
    )


def test_transfer_is_what_the_saved_files_do_in_the_other_encoder(report: StimulusSet, probe: Probe) -> None:
    values = reread(report).reshape(4, -1) @ LinearEncoder(1).weights @ probe.target_vector
    for row, value in zip(report.rows, values, strict=True):
        found = row.transfer["other layer3"]
        assert found.shift == pytest.approx(value - values[0], abs=1e-5)
        assert found.shift_sd == pytest.approx(found.shift / 0.5)


def test_the_original_is_its_own_measure(report: StimulusSet) -> None:
    original = report.rows[0]
    assert (original.l2, original.linf, original.shift, original.ssim) == (0, 0, 0, pytest.approx(1))
    assert all(row.ssim < 0.999 for row in report.rows[1:])


def test_hashes_are_those_of_the_files_and_of_the_source(report: StimulusSet, stimulus: Stimulus) -> None:
    for row in report.rows:
        assert row.file_sha256 == hashlib.sha256((report.folder / row.file).read_bytes()).hexdigest()
        assert row.source_sha256 == stimulus.sha256


def test_both_manifests_hold_every_column_with_the_same_values(report: StimulusSet) -> None:
    with (report.folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    whole = json.loads((report.folder / "manifest.json").read_text(encoding="utf-8"))
    extra = ["transfer_shift.other layer3", "transfer_shift_sd.other layer3", "transfer_level.other layer3"]
    assert list(table[0]) == [*COLUMNS, *extra]
    for line, entry in zip(table, whole["stimuli"], strict=True):
        assert list(entry) == [*COLUMNS, "transfer"]
        assert float(line["shift"]) == entry["shift"]
        assert float(line[extra[0]]) == entry["transfer"]["other layer3"]["shift"]
        assert [int(voxel) for voxel in line["voxels"].split()] == entry["voxels"]
        assert float(line["degrees"]) == entry["degrees"] == 8.4
        of_other_sets = {"level", "level_reached", "level_before_saving", "against", "against_direction", extra[2]}
        of_other_sets |= {"mask", "rms_inside", "origin"}
        assert {name for name, value in line.items() if value == ""} - {"warnings"} == {"licence", *of_other_sets}
    assert whole["recipes"][0]["config"]["attack"]["epsilon"] == 3.0
    assert set(whole["columns"]) == {*COLUMNS, "transfer_shift", "transfer_shift_sd", "transfer_level"}


def test_a_second_export_to_the_same_folder_is_refused(
    report: StimulusSet, probe: Probe, stimulus: Stimulus, encoder: LinearEncoder
) -> None:
    before = {path: path.read_bytes() for path in report.files}
    with pytest.raises(BadInputError, match="another set of stimuli"):
        export_item(item_of(probe, encoder), report.folder)
    assert {path: path.read_bytes() for path in report.folder.rglob("*") if path.is_file()} == before


def test_the_same_probe_is_exported_to_the_same_bytes(
    report: StimulusSet, probe: Probe, stimulus: Stimulus, encoder: LinearEncoder, tmp_path: Path
) -> None:
    other = RecipientEncoder(LinearEncoder(1), target_sd=0.5)
    item = item_of(probe, encoder, recipients={"other layer3": other})
    again = export_item(item, tmp_path / "again", degrees=8.4)
    assert [path.read_bytes() for path in again.files] == [path.read_bytes() for path in report.files]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    probe: Probe, stimulus: Stimulus, encoder: LinearEncoder, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="needs a limit on file sizes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # writing beyond fails as on a full disk
    try:
        with pytest.raises(StorageError, match="No space is left to write"):
            export_item(item_of(probe, encoder), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_what_is_added_stands_in_the_folder(
    probe: Probe, stimulus: Stimulus, encoder: LinearEncoder, tmp_path: Path
) -> None:
    def add(folder: Path) -> None:
        (folder / "probe.json").write_text("{}")

    report = export_item(item_of(probe, encoder), tmp_path / "out", add=add)
    assert tmp_path / "out" / "probe.json" in report.files


def test_names_are_safe_on_every_file_system(probe: Probe) -> None:
    named = dataclasses.replace(probe, stimulus_id='my "photo": 1/2')
    assert name_pair(named) == "my_photo_1_2-raise-FFA-l2-3"


def test_the_manifests_weights_of_a_pattern_give_its_shift(
    probe: Probe, stimulus: Stimulus, encoder: LinearEncoder, tmp_path: Path
) -> None:
    """A pattern's value is the response along it at length 1: weights of another length would mislead a comparison."""
    target = Target(TargetKind.PATTERN, "pattern of 3 voxels", (4, 9, 2), (1.0, -0.5, 2.0))
    objective = ObjectiveConfig(ObjectiveKind.DISTANCE)
    config = dataclasses.replace(probe.config, target=target, objective=objective)
    made = export_item(item_of(dataclasses.replace(probe, config=config), encoder), tmp_path / "out")
    responses = encoder(reread(made)).astype(np.float64)
    for row, response in zip(made.rows, responses, strict=True):
        shift = (response - responses[0])[list(row.voxels)] @ np.asarray(row.weights)
        assert row.shift == pytest.approx(shift, rel=1e-4, abs=1e-5)
    assert made.rows[1].shift != 0
