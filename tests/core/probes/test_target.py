"""Targets carry their ROI and name: nothing is read back from a label, but for files older than these fields."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.datasets.subject import load_subject
from core.errors import BadInputError
from core.headers import structure
from core.probes.files import HEADER
from core.probes.probe import ProbeConfig, name_probe
from core.probes.target import Target, TargetKind, list_rois, target_contrast, target_roi, target_set, target_voxel
from core.types import VoxelTable
from tests.helpers.tiny_encoders import make_table

ODD = "V1 (left) − early"
"""A name that holds everything a label puts around names."""


@pytest.fixture
def table() -> VoxelTable:
    return dataclasses.replace(make_table(12), roi=(ODD,) * 4 + ("FFA",) * 4 + ("",) * 4)


def test_an_roi_keeps_its_name_whatever_it_holds(table: VoxelTable) -> None:
    target = target_roi(table, ODD)
    assert (target.roi, target.name) == (ODD, ODD)
    voxel = target_voxel(table, 2)
    assert (voxel.roi, voxel.name) == (ODD, "voxel 2")
    assert (target_voxel(table, 11).roi, target_set(table, [1, 2]).roi) == ("", "")


def test_a_contrast_is_named_after_both(table: VoxelTable) -> None:
    contrast = target_contrast(table, target_roi(table, "FFA"), ODD, weight=0.5)
    assert (contrast.roi, contrast.name) == ("", f"FFA − 0.5 × {ODD}")
    config = ProbeConfig("simulated", "tiny", "layer1", target_contrast(table, target_voxel(table, 2), "FFA", weight=2))
    assert name_probe(config, "face") == "face-raise-voxel2-minus-2xFFA-l2-3"


def old(target: Target) -> Target:
    """The same without the fields that files of version 0.3 lack."""
    return Target(target.kind, target.label, target.voxels, target.weights)


def test_files_without_the_fields_open_with_the_same_names(table: VoxelTable) -> None:
    contrast = target_contrast(table, target_voxel(table, 6), "FFA", weight=0.5)
    made = (
        target_roi(table, "FFA"),
        target_voxel(table, 5),
        target_voxel(table, 11),
        target_set(table, [1, 2]),
        contrast,
    )
    for target in made:
        assert old(target) == target


@pytest.mark.parametrize("fields", [("roi", "name"), ()])
def test_a_config_comes_back_from_json_with_and_without_the_fields(table: VoxelTable, fields: tuple[str, ...]) -> None:
    config = ProbeConfig("simulated", "tiny", "layer1", target_roi(table, "FFA"), attack=AttackConfig(epsilon=2.0))
    content = json.loads(json.dumps(dataclasses.asdict(config)))
    for name in {"roi", "name"} - set(fields):
        del content["target"][name]
    assert structure(content, ProbeConfig, HEADER) == config
    assert config.target.kind is TargetKind.ROI


class TestHemispheres:
    """The part of an ROI in one hemisphere, against numpy on the subject's own masks."""

    @pytest.mark.parametrize(
        ("typed", "side", "name"),
        [
            ("left FFA", 0, "left FFA"),
            ("FFA right", 1, "right FFA"),
            ("lh FFA", 0, "left FFA"),
            ("FFA RH", 1, "right FFA"),
        ],
    )
    def test_takes_the_voxels_of_its_side_alone(self, typed: str, side: int, name: str) -> None:
        voxels = load_subject("simulated").voxels
        expected = np.flatnonzero((np.array(voxels.roi) == "FFA") & (voxels.hemisphere == side))
        target = target_roi(voxels, typed)
        assert (target.roi, target.name, target.label) == (name, name, f"ROI {name} ({len(expected)} voxels)")
        assert target.voxels == tuple(expected)
        np.testing.assert_allclose(target.vector(voxels.n_voxels)[expected], 1 / len(expected), rtol=1e-6)
        assert old(target) == target  # files name it by its label alone

    def test_both_hemispheres_make_the_whole(self) -> None:
        voxels = load_subject("simulated").voxels
        halves = target_roi(voxels, "left V1").voxels + target_roi(voxels, "right V1").voxels
        assert sorted(halves) == list(target_roi(voxels, "V1").voxels)

    def test_a_name_that_holds_a_side_is_itself(self, table: VoxelTable) -> None:
        named = dataclasses.replace(table, roi=("left FFA",) * 6 + ("FFA",) * 6)
        assert target_roi(named, "left FFA").voxels == tuple(range(6))

    def test_lateralisation_is_a_contrast(self) -> None:
        voxels = load_subject("simulated").voxels
        contrast = target_contrast(voxels, target_roi(voxels, "left FFA"), "right FFA", weight=1)
        assert contrast.name == "left FFA − 1 × right FFA"
        assert sum(contrast.weights) == pytest.approx(0, abs=1e-6)

    def test_refuses_a_side_it_has_no_voxels_in(self, table: VoxelTable) -> None:
        unknown = dataclasses.replace(table, hemisphere=np.full(12, -1, dtype=np.int8))
        with pytest.raises(BadInputError, match=r"got 'left FFA'. The voxels of FFA lie in no known hemisphere"):
            target_roi(unknown, "left FFA")
        one_side = dataclasses.replace(table, hemisphere=np.zeros(12, dtype=np.int8))
        with pytest.raises(BadInputError, match="The voxels of FFA lie in left"):
            target_roi(one_side, "right FFA")
        assert list_rois(one_side) == one_side.roi_names

    def test_refuses_an_unknown_roi_with_the_nearest(self) -> None:
        with pytest.raises(BadInputError, match="FFA"):
            target_roi(load_subject("simulated").voxels, "left FFB")
