"""Images that a set shows as they are: from the command line to files, and again from the manifest alone."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from core.commands.cli import run_command_line
from core.datasets.subject import load_subject
from core.engine import Engine
from core.errors import BadInputError
from core.headers import unstructure
from core.probes.synthesis_config import ImagesConfig, SynthesisConfig
from core.probes.target import target_voxel
from core.stimuli.as_is import UNCHANGED, list_library, read_items
from core.stimuli.config import SetConfig
from core.stimuli.make import find_donor, iter_probes
from core.stimuli.plan import pack_plan, resolve_plan
from core.stimuli.recipe import Origin, recipe_of, unpack_recipe
from core.stimuli.store import ProbeStore
from core.sweeps.choose import choose_images
from tests.helpers.probes import make_probe

PROBE = make_probe(44, 16)
NETWORK = "--network alexnet --layer features.4 --roi FFA --images test:4"


def run(*words: object) -> int:
    return run_command_line([*map(str, words)], open_window=Mock(), run_demonstration=Mock())


def test_from_the_command_line_to_a_set_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best, scratch, made = tmp_path / "best.json", tmp_path / "scratch", tmp_path / "set"
    assert run("rank", *NETWORK.split(), "--top", 1, "--items", best, "--json") == 0
    ranked = json.loads(capsys.readouterr().out)["images"]
    assert run("rank", *NETWORK.split(), "--items", best) == 2  # nothing is overwritten
    how = ["--steps", "2", "--restarts", "2", "--direction", "lower", "--json", "--out"]
    assert run("synthesise", *NETWORK.split(), *how, scratch) == 0
    capsys.readouterr()
    answer = json.loads((scratch / "synthesis.json").read_text())
    items = [best, scratch / "synthesis.json"]
    assert run("stimuli", "make", "--items", *items, "--name", "shown", "--out", made, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n_probes"], summary["n_files"], summary["n_stimuli"]) == (0, 4, 4)

    with (made / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["role"] for row in rows] == ["natural"] * 2 + ["synthesised"] * 2
    assert [row["origin"] for row in rows] == [
        "natural, rank 1 of 4 by predicted response of ROI FFA (119 voxels)",
        "natural, rank 4 of 4 by predicted response of ROI FFA (119 voxels)",
        "synthesised, restart 1 of 2 to lower ROI FFA (119 voxels), best first, seed 0",
        "synthesised, restart 2 of 2 to lower ROI FFA (119 voxels), best first, seed 0",
    ]
    wanted = [ranked[0]["predicted"], ranked[-1]["predicted"], *(one["response"] for one in answer["images"])]
    np.testing.assert_allclose([float(row["predicted"]) for row in rows], wanted, atol=1e-4)
    assert {(row["epsilon"], row["l2"], row["shift"], row["warnings"]) for row in rows} == {("0.0", "0.0", "0.0", "")}
    with Image.open(made / rows[2]["file"]) as shown, Image.open(scratch / "synthesised_1.png") as own:
        np.testing.assert_array_equal(np.asarray(shown), np.asarray(own))
    readme = (made / "README.md").read_text()
    assert "4 stimuli, all shown as they are" in readme and "control" not in readme
    assert f"predicted response {wanted[0]:+.3f}" in readme and "made from scratch" in readme

    for file in scratch.glob("*.png"):
        file.unlink()  # made again from what the manifest says
    lost, store = read_items(scratch / "synthesis.json")[:1], ProbeStore(tmp_path / "store")
    shares = [record.done for record in iter_probes(Engine(device="cpu"), lost, store=store)]
    assert shares == [0.5, 1.0, *[1.0] * (len(shares) - 2)]  # a step of the two is told
    assert run("rebuild", made / "manifest.json", "--out", tmp_path / "again") == 0
    assert "bit for bit" in capsys.readouterr().out
    plan = [
        *items[:1],
        "--networks",
        "alexnet:features.4",
        "--rois",
        "FFA",
        "--images",
        "test:1",
        "--dry-run",
        "--json",
    ]
    assert run("stimuli", "make", "--items", *plan) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n_probes"], summary["n_files"]) == (1, 1 * 4 + 2)
    assert summary["plan"]["items"] == [str(best)]
    best.write_text('{"items": [{"config": 1}]}')
    assert run("stimuli", "make", "--items", best, "--out", tmp_path / "none") == 2
    assert "items" in capsys.readouterr().err


def test_a_library_is_what_was_seen_or_is_named(tmp_path: Path) -> None:
    subject = load_subject("simulated")
    config = ImagesConfig("simulated", "alexnet", "features.4", target_voxel(subject.voxels, 3))
    assert set(list_library(config)) == set(subject.image_ids)
    assert list_library(replace(config, images=("cat_chelsea",))) == ("cat_chelsea",)
    drawn = [list_library(replace(config, images=("test:4",), seed=seed)) for seed in (1, 2)]
    assert drawn == [choose_images(subject, ["test:4"], seed=seed) for seed in (1, 2)]
    assert drawn[0] != drawn[1]
    with pytest.raises(BadInputError, match="a folder of pictures"):
        list_library(replace(config, images=(str(tmp_path),)))


def test_an_item_survives_json_and_gives_no_control() -> None:
    recipe = recipe_of(PROBE, "cat_chelsea")
    origin = Origin(2, 4, SynthesisConfig(seed=3, grey=True))
    as_is = replace(
        recipe, config=replace(recipe.config, attack=UNCHANGED, ladder=()), image_sha256="f" * 64, origin=origin
    )
    again = unpack_recipe(json.loads(json.dumps(unstructure(as_is))))
    assert again == as_is and again.digest == as_is.digest != recipe.digest
    other = replace(recipe, image_sha256="e" * 64)
    assert find_donor([recipe, as_is, other], 0) == 2
    assert find_donor([recipe, as_is], 0) is None
    assert SetConfig().count_files([recipe, as_is]) == 4 + 1


def test_images_are_found_where_their_folder_was_moved(tmp_path: Path) -> None:
    gone = replace(recipe_of(PROBE, "cat_chelsea"), image=str(tmp_path / "old" / "synthesised_1.png"))
    own = replace(gone, image="cat_chelsea")
    (file := tmp_path / "synthesis.json").write_text(json.dumps({"items": [gone.packed, own.packed]}))
    assert read_items(file) == (gone, own)  # nothing beside it: made from scratch again
    Image.new("RGB", (4, 4)).save(tmp_path / "synthesised_1.png")
    (tmp_path / "cat_chelsea").mkdir()
    assert [one.image for one in read_items(file)] == [str(tmp_path / "synthesised_1.png"), "cat_chelsea"]
    assert read_items(file)[0].digest == gone.digest


def test_a_plan_of_items_alone_holds_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = resolve_plan({"items": ["best.json"]})
    assert resolve_plan(pack_plan(plan)) == plan and not plan.images  # a subject without images has such plans, too
    assert plan.items == (str(tmp_path / "best.json"),)
    assert plan.describe() == f"the images of {tmp_path / 'best.json'}"
    both = resolve_plan({"items": ["best.json"], "rois": ["FFA"], "images": ["cat_chelsea"]}).describe()
    assert "= 1 probe, 4 files, " in both and both.endswith(f", and the images of {tmp_path / 'best.json'}")


@pytest.mark.parametrize("text", ["{}", '{"items": 3}', '{"items": [{"rank": 1}]}', "[]", "no json"])
def test_what_is_no_file_of_items_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    file.write_text(text)
    with pytest.raises(BadInputError, match="items.json"):
        read_items(file)
