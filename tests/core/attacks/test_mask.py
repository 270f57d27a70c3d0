"""Masked perturbations: shapes counted by hand, optima of linear encoders in closed form, nothing outside the mask."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.attacks.config import AttackConfig, AttackMethod, StepRule, describe_grey_levels
from core.attacks.mask import Mask, MaskShape, paint_mask, parse_mask, read_mask, resolve_mask
from core.encoders.encoder import Encoder
from core.errors import BadInputError
from core.images.stimulus import from_uint8, to_uint8
from core.probes.budget import read_probe_budget
from core.probes.files import load_probe, save_probe
from core.probes.levels import iter_wanted
from core.probes.preview import preview, rescale_perturbation
from core.probes.probe import Probe
from core.probes.reproduce import iter_reproduce
from core.probes.trade_off import iter_trade_off, measure_point
from core.stimuli.controls import ControlKind, make_control
from core.stimuli.plan import list_recipes, read_plan, resolve_plan, write_plan
from core.stimuli.probe_warnings import evaluate_probe
from core.types import FloatArray, NormName
from tests.helpers.tiny_encoders import (
    SIDE,
    make_config,
    make_conv_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    pixel_weights,
)

LEFT = Mask(box=(0.0, 0.0, 0.5, 1.0))
LEVELS = np.tile(np.linspace(0, 255, SIDE).round().astype(np.uint8), (SIDE, 1))
SOFT = paint_mask(LEVELS)
DUAL = {NormName.L2: lambda values: np.sqrt((values**2).sum()), NormName.LINF: lambda values: np.abs(values).sum()}
EVERY_ATTACK: dict[str, dict[str, Any]] = {
    "falling": {},
    "fixed": {"step_rule": StepRule.FIXED, "random_start": True, "n_restarts": 2},
    "fgsm": {"method": AttackMethod.FGSM},
    "apgd": {"method": AttackMethod.APGD},
    "square": {"method": AttackMethod.SQUARE, "n_queries": 60},
    "shifts": {"translation": 2, "momentum": 1.0},
}
BOTH = pytest.mark.parametrize("norm", list(NormName))


def run(encoder: Encoder, attack: AttackConfig, *, grey: bool = False, level: float | None = None) -> Probe:
    config = dataclasses.replace(make_config(encoder, attack), level=level)
    stimulus = make_mid_grey() if grey else make_photo(seed=1)
    *_, last = iter_wanted(encoder, stimulus, config, should_stop=lambda: False)
    assert last.result is not None
    return last.result


def test_shapes_hold_the_pixels_whose_centres_lie_inside() -> None:
    box = Mask(box=(0.1, 0.2, 0.6, 0.7)).render(10)
    assert box.sum() == 25 and box[2:7, 1:6].all()
    ellipse = Mask(MaskShape.ELLIPSE, (0.1, 0.3, 0.9, 0.7)).render(1000)
    assert ellipse.mean() == pytest.approx(np.pi / 4 * 0.8 * 0.4, rel=1e-3)
    assert np.array_equal(ellipse, ellipse[::-1, ::-1])


def test_a_soft_edge_rises_by_half_a_cosine_and_leaves_the_outside_at_0() -> None:
    soft = Mask(box=(0.25, 0.0, 1.0, 1.0), edge=0.25).render(40)
    inside = (np.arange(40) + 0.5 - 10) / 10  # depth over the width of the edge
    wanted = np.where(inside < 0, 0, (1 - np.cos(np.pi * np.clip(inside, 0, 1))) / 2)
    np.testing.assert_allclose(soft, np.tile(wanted, (40, 1)), atol=1e-6)


@BOTH
@pytest.mark.parametrize("mask", [LEFT, SOFT], ids=["hard", "soft"])
def test_a_linear_encoder_moves_by_epsilon_times_the_dual_norm_of_the_masked_gradient(
    norm: NormName, mask: Mask
) -> None:
    encoder, epsilon = make_linear_encoder(), 0.05
    m = mask.render(SIDE).astype(np.float64)
    weights = pixel_weights(encoder)
    wanted = epsilon * DUAL[norm](m * weights)
    probe = run(encoder, AttackConfig(norm=norm, epsilon=epsilon, mask=mask), grey=True)
    assert probe.curve.shift[-1] == pytest.approx(wanted, rel=1e-3)
    assert probe.curve.first_order[-1] == pytest.approx(wanted, rel=1e-5)
    step = m * weights / np.linalg.norm(m * weights) if norm is NormName.L2 else np.sign(m * weights)
    np.testing.assert_allclose(probe.perturbed_pixels - probe.clean_pixels, epsilon * m * step, atol=2e-4)


@BOTH
@pytest.mark.parametrize("changes", EVERY_ATTACK.values(), ids=EVERY_ATTACK)
@pytest.mark.parametrize("quantise", [False, True])
def test_no_attack_and_no_control_changes_a_pixel_outside(
    norm: NormName, changes: dict[str, Any], quantise: bool
) -> None:
    attack = AttackConfig(
        norm=norm, epsilon=0.4 if norm is NormName.L2 else 8 / 255, n_steps=4, mask=LEFT, quantise=quantise, **changes
    )
    probe = run(make_conv_encoder(), attack)
    outside = LEFT.render(SIDE) == 0
    assert outside.sum() == SIDE * SIDE / 2
    for pixels in (*probe.rung_pixels, probe.control_pixels, probe.sign_flip_pixels, rescale_perturbation(probe, 0.3)):
        assert np.array_equal(pixels[:, outside], probe.clean_pixels[:, outside])
    assert not np.array_equal(probe.perturbed_pixels, probe.clean_pixels)
    size = {NormName.L2: np.linalg.norm, NormName.LINF: lambda values: np.abs(values).max()}[norm]
    moved = (probe.perturbed_pixels.astype(np.float64) - probe.clean_pixels).ravel()
    assert size(moved) <= attack.epsilon * (1 + 1e-6)
    assert size((probe.control_pixels.astype(np.float64) - probe.clean_pixels).ravel()) == pytest.approx(
        size(moved), rel=0.05 if quantise else 1e-4
    )


@pytest.mark.parametrize("kind", [kind for kind in ControlKind if kind is not ControlKind.OTHER_IMAGE])
def test_the_controls_of_a_set_stay_inside_too(kind: ControlKind) -> None:
    probe = run(make_conv_encoder(), AttackConfig(epsilon=1.0, n_steps=4, mask=LEFT))
    pixels, clean = make_control(kind, probe), from_uint8(to_uint8(probe.clean_pixels))
    outside = LEFT.render(SIDE) == 0
    assert np.array_equal(pixels[:, outside], clean[:, outside])
    assert not np.array_equal(pixels, clean)


def test_the_size_inside_is_told_beside_that_of_the_whole_image() -> None:
    probe = run(make_conv_encoder(), AttackConfig(epsilon=1.0, n_steps=4, mask=LEFT))
    reading = read_probe_budget(probe)
    delta = 255 * (probe.perturbed_pixels.astype(np.float64) - probe.clean_pixels)
    assert reading.rms_inside == pytest.approx(np.sqrt((delta[:, :, : SIDE // 2] ** 2).mean()))
    assert reading.rms_grey_levels == pytest.approx(np.sqrt((delta**2).mean()))


@BOTH
@pytest.mark.parametrize("mask", [LEFT, SOFT], ids=["hard", "soft"])
def test_a_level_takes_the_gap_over_the_dual_norm_of_the_masked_gradient(norm: NormName, mask: Mask) -> None:
    encoder = make_linear_encoder()
    clean = float(run(encoder, AttackConfig(norm=norm, epsilon=0.01, mask=mask), grey=True).clean[0])
    sigma, mean = float(np.linalg.norm(encoder.weights[:, 0].double().numpy())), float(encoder.intercept[0])
    level = (clean - mean) / sigma + 0.08
    probe = run(encoder, AttackConfig(norm=norm, epsilon=1.0, mask=mask), grey=True, level=level)
    wanted = 0.08 * sigma / DUAL[norm](mask.render(SIDE) * pixel_weights(encoder))
    assert probe.level_reached == pytest.approx(level, abs=0.006)
    assert probe.config.attack.epsilon == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("mask", [LEFT, SOFT, Mask(MaskShape.ELLIPSE, (0.1, 0.1, 0.9, 0.9), 0.2)])
def test_a_masked_probe_is_kept_and_made_again(tmp_path: Path, mask: Mask) -> None:
    encoder = make_conv_encoder()
    save_probe(run(encoder, AttackConfig(epsilon=0.4, n_steps=4, mask=mask)), tmp_path / "probe")
    kept = load_probe(tmp_path / "probe")
    assert kept.config.attack.mask == mask
    assert mask.describe() in kept.config.describe()
    *_, last = iter_reproduce(encoder, kept, should_stop=lambda: False)
    assert last.result is not None and last.result.identical
    assert parse_mask(mask.text, edge=mask.edge) == mask


def write_picture(path: Path, levels: FloatArray, mode: str = "L") -> Path:
    Image.fromarray(levels.astype(np.uint8)).convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_a_picture_is_read_white_inside(tmp_path: Path, mode: str) -> None:
    levels = np.zeros((64, 64))
    levels[:20] = 255
    mask = read_mask(write_picture(tmp_path / "m.png", levels, mode))
    assert np.array_equal(mask.render(64), levels / 255)
    assert not mask.is_soft


def test_what_is_no_mask_is_refused_in_one_sentence(tmp_path: Path) -> None:
    black, wide = np.zeros((64, 64)), np.full((64, 80), 255)
    coloured = np.zeros((64, 64, 3))
    coloured[..., 1] = 200
    deep = tmp_path / "deep.png"
    Image.fromarray(np.full((64, 64), 40_000, dtype=np.uint16)).save(deep)
    (tmp_path / "text.png").write_text("no picture")
    told: dict[str, str] = {
        str(write_picture(tmp_path / "black.png", black)): "not all black",
        str(write_picture(tmp_path / "wide.png", wide)): "square.*80 x 64 pixels",
        str(write_picture(tmp_path / "colour.png", coloured, "RGB")): "of 8-bit greys",
        str(deep): "of 8-bit greys",
        str(tmp_path / "text.png"): "text.png",
        str(tmp_path / "missing.png"): "There is no such file",
        "box:0.1,0.1,0.1,0.5": "left < right",
        "box:0,0,1": "box:LEFT,TOP,RIGHT,BOTTOM",
        "ellipse:0,0,1,nan": "left < right",
        "ellipse:0,0,2,1": "left < right",
        "picture:AAAA": "grey PNG in base64",
    }
    for text, words in told.items():
        with pytest.raises(BadInputError, match=words) as caught:
            parse_mask(text)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="must be 64 x 64 pixels, got '8 x 8'"):
        SOFT.render(64)
    with pytest.raises(BadInputError, match="at least one of 8 x 8 pixels"):
        Mask(box=(0.01, 0.01, 0.02, 0.02)).render(SIDE)
    with pytest.raises(BadInputError, match="used with a mask"):
        resolve_mask(None, 0.1, [SIDE])
    with pytest.raises(BadInputError, match="hard-edged to quantise"):
        AttackConfig(quantise=True, mask=Mask(edge=0.1))
    with pytest.raises(BadInputError, match=r"in \[0, 0.5\]"):
        Mask(edge=0.6)


def test_a_plan_holds_its_mask_whole(tmp_path: Path) -> None:
    levels = np.zeros((224, 224))
    levels[40:90, 30:200] = 255
    write_picture(tmp_path / "face.png", levels)
    (tmp_path / "plan.toml").write_text(
        'rois = ["FFA"]\nimages = ["cat_chelsea"]\nmask = "face.png"\nmask_edge = 0.05\n'
    )
    plan = resolve_plan(read_plan(tmp_path / "plan.toml"))
    write_plan(plan, tmp_path / "other" / "whole.toml")
    again = resolve_plan(read_plan(tmp_path / "other" / "whole.toml"))
    assert again == plan
    (recipe,) = list_recipes(again)
    assert recipe.config.attack.mask == read_mask(tmp_path / "face.png", edge=0.05)
    with pytest.raises(BadInputError, match="must be 224 x 224 pixels"):
        resolve_plan({"rois": ["FFA"], "mask": SOFT.text})


@BOTH
@pytest.mark.parametrize("mask", [LEFT, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("share", [0.15, 0.6, 1.8])
def test_a_dragged_budget_is_that_of_the_masked_problem(norm: NormName, mask: Mask, share: float) -> None:
    encoder, epsilon = make_linear_encoder(), 0.04
    probe = run(encoder, AttackConfig(norm=norm, epsilon=epsilon, mask=mask), grey=True)
    quick = preview(encoder, probe, share * epsilon)
    m = mask.render(SIDE).astype(np.float64)
    assert quick.shift == pytest.approx(share * epsilon * DUAL[norm](m * pixel_weights(encoder)), rel=1e-3)
    assert not quick.delta[:, m == 0].any()
    z = quick.delta[:, m > 0] / m[m > 0]
    size = np.abs(z).max() if norm is NormName.LINF else np.linalg.norm(z)
    assert size <= share * epsilon * (1 + 1e-4)


@BOTH
def test_the_sign_flip_of_a_soft_mask_is_the_perturbation_turned_round(norm: NormName) -> None:
    epsilon = 3.0 if norm is NormName.L2 else 64 / 255
    probe = run(make_conv_encoder(), AttackConfig(norm=norm, epsilon=epsilon, n_steps=4, mask=SOFT), grey=True)
    clean, saved = (from_uint8(to_uint8(one)) for one in (probe.clean_pixels, probe.perturbed_pixels))
    flipped = make_control(ControlKind.SIGN_FLIP, probe) - clean
    np.testing.assert_allclose(flipped, clean - saved, atol=1.6 / 255)
    other = make_control(ControlKind.OTHER_IMAGE, probe, donor=probe.perturbed_pixels - probe.clean_pixels) - clean
    np.testing.assert_allclose(other, saved - clean, atol=1.6 / 255)


def test_clipping_is_counted_over_the_pixels_that_may_change() -> None:
    """A narrow mask that is all black and white is clipped, however small it is."""
    narrow = Mask(box=(0.0, 0.0, 0.125, 0.25))
    probe = run(make_conv_encoder(), AttackConfig(norm=NormName.LINF, epsilon=0.9, n_steps=4, mask=narrow))
    inside = probe.perturbed_pixels[:, :2, :1]
    share = float(((inside <= 0) | (inside >= 1)).mean())
    assert share > 0.05 and share * inside.size / probe.perturbed_pixels.size < 0.05
    assert f"Clipped: {share:.0%} of the colour values that may change" in [
        warning.text.removesuffix(" lie on black or white.") for warning in evaluate_probe(probe)
    ]


@BOTH
def test_a_trade_off_keeps_to_the_mask(norm: NormName) -> None:
    encoder = make_linear_encoder(3)
    config = make_config(encoder, AttackConfig(norm=norm, epsilon=0.02, mask=LEFT))
    photo = make_photo(seed=1)
    *_, last = iter_trade_off(
        lambda one: iter_wanted(encoder, photo, one, should_stop=lambda: False), config, weights=(0.0, 1.0)
    )
    outside = LEFT.render(SIDE) == 0
    for point in last.points:
        assert np.array_equal(point.probe.perturbed_pixels[:, outside], photo.pixels[:, outside])
    grey = run(encoder, config.attack, grey=True)
    wanted = 0.02 * DUAL[norm](LEFT.render(SIDE) * pixel_weights(encoder)) / grey.target_sd
    assert measure_point(0.0, grey).target_sd == pytest.approx(wanted, rel=1e-3)


def test_budgets_in_grey_levels_are_told_inside_the_mask() -> None:
    quarter, side = Mask(box=(0.0, 0.0, 0.25, 1.0)), 64
    inside = 255 * 3 / np.sqrt(3 * 16 * 64)
    whole = 255 * 3 / np.sqrt(3 * 64 * 64)
    told = describe_grey_levels([3.0], NormName.L2, side=side, mask=quarter)
    assert told == f"RMS {whole:.2g} grey levels at 64 × 64, {inside:.2g} inside the mask"
    soft = describe_grey_levels([3.0], NormName.L2, side=side, mask=dataclasses.replace(quarter, edge=0.1))
    assert soft.startswith(f"RMS at most {whole:.2g} ")
