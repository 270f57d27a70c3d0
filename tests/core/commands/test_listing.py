"""Lists name what is there, with numbers that agree with the records they come from."""

from __future__ import annotations

import json

import pytest

from core.commands.cli import prepare
from core.commands.output import answer, format_table
from core.datasets.subject import load_subject
from core.errors import BadInputError


def list_rows(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict]:
    assert prepare(["list", *words, "--json"])() == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("what", ["networks", "subjects", "rois", "images", "layers", "encoders"])
def test_every_list_has_rows_of_the_same_keys(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list_rows(capsys, what)
    assert rows
    assert all(list(row) == list(rows[0]) for row in rows)


def test_simulated_subjects_are_called_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in list_rows(capsys, "subjects")}
    assert rows["simulated"]["kind"] == "simulated"
    assert "imulated" in rows["simulated"]["title"]
    assert rows["kay2017"]["kind"] == "measured"


def test_rois_count_their_voxels_on_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    table = load_subject("simulated").voxels
    for row in list_rows(capsys, "rois", "--subject", "simulated"):
        own = [voxel for voxel in range(table.n_voxels) if table.roi[voxel] == row["roi"]]
        assert row["n_voxels"] == len(own) == row["n_left"] + row["n_right"]
        assert row["n_left"] == sum(table.hemisphere[voxel] == 0 for voxel in own)
        assert row["first_voxel"] == own[0]


def test_images_are_filtered_by_group_and_starter_set(capsys: pytest.CaptureFixture[str]) -> None:
    faces = list_rows(capsys, "images", "--group", "face")
    assert {row["group"] for row in faces} == {"face"}
    curated = list_rows(capsys, "images", "--curated")
    assert 10 <= len(curated) <= 16
    assert all(row["curated"] for row in curated)


def test_layers_tell_their_shapes_and_one_default(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list_rows(capsys, "layers", "--network", "mobilenet_v2")
    assert {row["layer"]: row["shape"] for row in rows}["features.18"] == [1280, 7, 7]
    assert [row["layer"] for row in rows if row["default"]] == ["features.18"]
    assert len(list_rows(capsys, "layers", "--network", "mobilenet_v2", "--all")) > len(rows)


@pytest.mark.parametrize(
    ("words", "clue"),
    [
        (["imagse"], "Did you mean 'images'?"),
        (["rois", "--subject", "simulatd"], "Did you mean 'simulated'?"),
        (["images", "--group", "fase"], "Did you mean 'face'?"),
        (["networks", "--subject", "simulated"], "an option of rois, images, encoders"),
        (["layers", "--network", "alexnett"], "Did you mean 'alexnet'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(words: list[str], clue: str) -> None:
    with pytest.raises(BadInputError) as caught:
        prepare(["list", *words])()
    assert clue in str(caught.value)


def test_a_table_is_aligned_and_a_listing_leaves_long_texts_out(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "a", "note": "long", "robust": True}, {"id": "longer", "note": "long", "robust": False}]
    answer(rows, as_json=False)
    assert capsys.readouterr().out == "id      robust\na       yes\nlonger\n"


def test_the_table_of_an_answer_keeps_every_column() -> None:
    """Rows of a transfer differ by their source alone."""
    rows = [{"source": one, "recipient": "a", "T": 1.0, "T low": 0.5, "T high": 2.0} for one in "ab"]
    expected = "source  recipient  T\na       a          1 [0.5, 2]\nb       a          1 [0.5, 2]"
    assert format_table(rows) == expected
