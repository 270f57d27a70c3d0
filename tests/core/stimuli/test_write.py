"""Sets of several items by hand-made probes and a linear encoder: every number is computed here from the files."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInputError, Cancelled
from core.headers import unstructure
from core.images.stimulus import to_uint8
from core.progress import run_to_end
from core.stimuli.config import SetConfig, unpack_set
from core.stimuli.controls import ControlKind
from core.stimuli.layout import Enlarging, Layout, Matching
from core.stimuli.make import find_donor
from core.stimuli.manifest import StimulusSet, read_manifest
from core.stimuli.matching import measure_light
from core.stimuli.rebuild import Rebuilt
from core.stimuli.recipe import Item, RecipientEncoder, recipe_of
from core.stimuli.write import iter_write, write_readme
from core.types import NormName
from tests.helpers.probes import make_photo, make_probe
from tests.helpers.stimulus_sets import make_row

N_VOXELS, SIDE = 44, 32
WEIGHTS = np.random.default_rng(0).standard_normal((3 * SIDE * SIDE, N_VOXELS)) / SIDE


def rescore(pixels: np.ndarray) -> np.ndarray:
    return (pixels.reshape(len(pixels), -1).astype(np.float64) @ WEIGHTS).astype(np.float32)


def make_item(number: int, *, norm: NormName = NormName.L2, epsilon: float = 2.0) -> Item:
    """A probe of its own picture; a second recipient has twice the weights."""
    photo = np.roll(make_photo(SIDE), 5 * number, axis=1)
    made = make_probe(N_VOXELS, SIDE, norm=norm, epsilon=epsilon, photo=photo, seed=number)
    stack = np.stack([made.clean_pixels, made.perturbed_pixels, made.control_pixels, made.sign_flip_pixels])
    clean, perturbed, control, flip = rescore(stack)
    probe = dataclasses.replace(
        made,
        stimulus_id=f"photo_{number}",
        stimulus_sha256=hashlib.sha256(to_uint8(made.clean_pixels).tobytes()).hexdigest(),
        clean=clean,
        perturbed=perturbed,
        control=control,
        sign_flip=flip,
    )
    twice = RecipientEncoder(lambda pixels: 2 * rescore(pixels), target_sd=0.5)
    return Item(recipe_of(probe, f"photo_{number}"), probe, rescore, {"other layer3": twice}, licence="CC0")


def write(items: Sequence[Item], folder: Path, config: SetConfig) -> StimulusSet:
    return run_to_end(iter_write([item.recipe for item in items], items.__getitem__, config, folder))


def picture(found: StimulusSet, row: int) -> np.ndarray:
    return np.asarray(Image.open(found.path(found.rows[row])), dtype=np.float64)


ALL = tuple(ControlKind)


def test_a_set_holds_a_matched_group_for_every_item(tmp_path: Path) -> None:
    items = [
        dataclasses.replace(make_item(n), donor=make_item(1 - n).probe.perturbed_pixels * 0 + 0.01) for n in (0, 1)
    ]
    found = write(items, tmp_path / "set", SetConfig("two", ALL))
    assert read_manifest(tmp_path / "set") == found
    assert list(found.pairs) == ["photo_0-raise-FFA-l2-2", "photo_1-raise-FFA-l2-2"]
    for rows in found.pairs.values():
        assert [row.role for row in rows] == ["original", "raise", *(kind.role for kind in ALL)]
        assert [row.l2 for row in rows[2:]] == pytest.approx([rows[1].l2] * len(ALL), rel=0.005)
        assert rows[1].transfer["other layer3"].shift == pytest.approx(2 * rows[1].shift, rel=1e-4)


def test_without_another_image_that_control_is_left_out_and_told(tmp_path: Path) -> None:
    found = write([make_item(0)], tmp_path / "set", SetConfig("one", ALL))
    assert "control_other_image" not in {row.role for row in found.rows}
    assert any("no control 'other image'" in text for text in found.rows[1].warnings)


def test_the_delivered_file_is_scored_as_the_network_sees_it(tmp_path: Path) -> None:
    layout = Layout(picture_px=2 * SIDE, width_px=100, height_px=80, enlarging=Enlarging.EXACT)
    item = make_item(0)
    found = write([item], tmp_path / "set", SetConfig("big", layout=layout))
    assert picture(found, 0).shape == (80, 100, 3)
    inner = picture(found, 1)[8 : 8 + 64 : 2, 18 : 18 + 64 : 2]
    value = rescore(inner.transpose(2, 0, 1)[None] / 255)[0] @ item.probe.target_vector
    row = found.rows[1]
    assert row.predicted == pytest.approx(float(value), abs=1e-4)
    assert (row.width_px, row.height_px, row.picture_px) == (100, 80, 64)
    assert row.l2_file == pytest.approx(2 * row.l2, rel=1e-6), "every pixel is repeated four times"
    assert row.linf_file == pytest.approx(row.linf)


def test_smooth_enlarging_tells_what_is_left_of_the_shift(tmp_path: Path) -> None:
    found = write([make_item(0)], tmp_path / "set", SetConfig("smooth", layout=Layout(picture_px=75)))
    row = found.rows[1]
    assert row.shift != pytest.approx(row.shift_before_saving, rel=1e-3)
    left = row.shift / row.shift_before_saving
    assert any(f"{left:.0%} of what the pixels did" in text for text in row.warnings) is (left < 0.8)


@pytest.mark.parametrize(("norm", "epsilon", "equal"), [(NormName.L2, 3.0, 0.01), (NormName.LINF, 16 / 255, 0.06)])
def test_controls_have_the_norm_that_is_left_after_resizing(
    norm: NormName, epsilon: float, equal: float, tmp_path: Path
) -> None:
    """A random control loses more to the way there and back than the perturbation: it is made larger before."""
    item = make_item(0, norm=norm, epsilon=epsilon)
    kinds = (ControlKind.RANDOM, ControlKind.SIGN_FLIP, ControlKind.PHASE_SCRAMBLED)
    config = SetConfig("equal", kinds, Layout(picture_px=75))
    rows = write([item], tmp_path / "set", config).rows
    seen = [row.l2 if norm is NormName.L2 else row.linf for row in rows]
    assert seen[2:] == pytest.approx([seen[1]] * 3, rel=equal)
    assert not any("realises" in text for text in rows[1].warnings) or norm is NormName.LINF


def test_a_control_without_room_is_told(tmp_path: Path) -> None:
    """The blend of a uniform grey picture goes nowhere."""
    made = make_item(0)
    grey = np.full_like(made.probe.clean_pixels, 128 / 255)
    moved = np.clip(grey + (made.probe.perturbed_pixels - made.probe.clean_pixels), 0, 1).astype(np.float32)
    probe = dataclasses.replace(made.probe, clean_pixels=grey, perturbed_pixels=moved)
    item = dataclasses.replace(made, probe=probe)
    rows = write([item], tmp_path / "set", SetConfig("grey", (ControlKind.CONTRAST_BLEND,))).rows
    assert "control_contrast_blend realises 0% of the perturbed file's norm; see l2 and linf." in rows[1].warnings


def test_matching_brings_the_originals_together_and_triples_along(tmp_path: Path) -> None:
    items = [make_item(0, epsilon=1.0), make_item(1, epsilon=1.0)]
    layout = Layout(matching=Matching.CONTRAST, luminance=0.2, contrast=0.08)
    found = write(items, tmp_path / "set", SetConfig("matched", layout=layout))
    for rows in found.pairs.values():
        assert (rows[0].mean_luminance, rows[0].rms_contrast) == pytest.approx((0.2, 0.08), abs=2e-3)
        assert {(row.gain, row.offset) for row in rows} == {(rows[0].gain, rows[0].offset)}
        assert rows[1].l2 == pytest.approx(rows[0].gain * 1.0, rel=0.1)
        assert rows[2].l2 == pytest.approx(rows[1].l2, rel=0.05)


def test_goals_left_open_are_the_mean_over_the_originals(tmp_path: Path) -> None:
    items = [make_item(0), make_item(3)]
    found = write(items, tmp_path / "set", SetConfig("mean", layout=Layout(matching=Matching.LUMINANCE)))
    mean = np.mean([measure_light(item.probe.clean_pixels)[0] for item in items])
    assert found.header.set is not None and found.header.set.layout.luminance == pytest.approx(mean)
    assert [row.mean_luminance for row in found.rows if row.role == "original"] == pytest.approx([mean] * 2, abs=2e-3)


def test_an_item_twice_is_told(tmp_path: Path) -> None:
    item = make_item(0)
    found = write([item, item], tmp_path / "set", SetConfig("twice"))
    names = list(found.pairs)
    assert names[1] == f"{names[0]}-2"
    assert any(text == f"The same pixels as {names[0]}." for text in found.pairs[names[1]][1].warnings)
    assert not any("same pixels" in text for text in found.pairs[names[0]][1].warnings)


def test_the_readme_tells_what_a_reader_needs(tmp_path: Path) -> None:
    found = write([make_item(0)], tmp_path / "set", SetConfig("My set", layout=Layout(degrees=8.0)))
    text = (found.folder / "README.md").read_text(encoding="utf-8")
    for told in (
        "# My set",
        "**The responses are simulated.**",
        "mobilenet_v2 features.18",
        "8 degrees of visual angle wide: 4.0 pixels a degree",
        "Gamma",
        "CC0: photo_0",
        "arXiv 2509.23333",
        "rebuild FOLDER/manifest.json",
    ):
        assert told in text
    assert all(f"`{row.id}`: {text_}" in text for row in found.rows for text_ in row.warnings)


def test_stopping_between_items_leaves_nothing(tmp_path: Path) -> None:
    items = [make_item(0), make_item(1)]
    asked = iter([False, True])
    records = iter_write(
        [item.recipe for item in items],
        items.__getitem__,
        SetConfig("stopped"),
        tmp_path / "set",
        should_stop=lambda: next(asked),
    )
    with pytest.raises(Cancelled):
        list(records)
    assert list(tmp_path.iterdir()) == []


def test_not_iterating_on_leaves_nothing(tmp_path: Path) -> None:
    items = [make_item(0), make_item(1)]
    records = iter_write([item.recipe for item in items], items.__getitem__, SetConfig("left"), tmp_path / "set")
    next(records)
    records.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_another_set_stays_as_it_is(tmp_path: Path) -> None:
    write([make_item(0)], tmp_path / "set", SetConfig("first"))
    before = {path: path.read_bytes() for path in (tmp_path / "set").rglob("*") if path.is_file()}
    with pytest.raises(BadInputError, match="another set of stimuli"):
        write([make_item(1)], tmp_path / "set", SetConfig("second"))
    assert {path: path.read_bytes() for path in (tmp_path / "set").rglob("*") if path.is_file()} == before


def test_the_donor_is_the_next_image_with_the_same_aim() -> None:
    items = [make_item(0), make_item(0, epsilon=1.0), make_item(1), make_item(2, norm=NormName.LINF, epsilon=0.05)]
    recipes = [item.recipe for item in items]
    assert find_donor(recipes, 0) == 2
    assert find_donor(recipes, 2) == 0
    assert find_donor(recipes, 3) is None


def test_settings_survive_json_and_slips_are_told() -> None:
    config = SetConfig("x", ALL, Layout(picture_px=448, matching=Matching.LUMINANCE), (("alexnet", "features.4"),))
    assert unpack_set(unstructure(config)) == config
    with pytest.raises(BadInputError, match="not the settings of a stimulus set: it has an unknown key `colour`"):
        unpack_set(unstructure(config) | {"colour": "red"})


def test_no_name_opens_a_tag_in_a_readme() -> None:
    row = dataclasses.replace(make_row("<script>alert(1)</script>", "t0", "original"), licence="<b>mine</b>")
    text = write_readme([row], SetConfig(), kinds=[], made_with="")
    assert "&lt;script>alert(1)&lt;/script>" in text and "<script" not in text and "<b>" not in text


def test_a_rebuilding_tells_whether_any_stimulus_differs() -> None:
    """A set of an earlier version of the program has the same pictures in a manifest of other columns."""
    told = Rebuilt(Mock(), ("manifest.csv", "manifest.json"), ()).describe()
    assert told.startswith(
        "2 files differ, 0 of them stimuli (same libraries and device: the processor, or the program"
    )
    told = Rebuilt(Mock(), ("manifest.json", "stimuli/a_raise.png"), ("torch 2 instead of 1",)).describe()
    assert told == "2 files differ, 1 of them stimuli (torch 2 instead of 1): manifest.json, stimuli/a_raise.png"
