"""Targets carry their ROI and name: nothing is read back from a label, but for files older than these fields."""

from __future__ import annotations

import dataclasses
import json

import pytest

from core.attacks.config import AttackConfig
from core.headers import structure
from core.probes.files import HEADER
from core.probes.probe import ProbeConfig, name_probe
from core.probes.target import Target, TargetKind, target_contrast, target_roi, target_set, target_voxel
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
