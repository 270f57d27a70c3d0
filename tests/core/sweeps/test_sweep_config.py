"""What a sweep refuses, each with one sentence, and what it costs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.datasets.subject import load_subject
from core.encoders.files import load_card
from core.errors import BadInputError
from core.headers import unstructure
from core.sweeps import choose, plan
from core.sweeps.choose import check_comparable, choose_encoders, choose_images, choose_targets
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.plan import CURVE, SWEEP, estimate_cost, list_cells
from core.types import NormName

ALEX, MOBILE = (
    EncoderName("simulated", "alexnet", "features.7"),
    EncoderName("simulated", "mobilenet_v2", "features.18"),
)
KAY = EncoderName("kay2017", "alexnet", "features.7")


def make(**changes: object) -> SweepConfig:
    first = SweepConfig(Question.FRAGILITY, (ALEX, MOBILE), ("cat_chelsea", "face_054"), (TargetName(-1, "FFA"),))
    return replace(first, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("ladder", [(1.0, 0.5), (0.0, 1.0), (1.0, 1.0), ()])
def test_a_ladder_that_does_not_ascend_or_holds_zero_is_refused(ladder: tuple[float, ...]) -> None:
    with pytest.raises(BadInputError, match="`epsilons` must be budgets above 0 in ascending order"):
        make(ladder=ladder)


@pytest.mark.parametrize("question", [Question.DISCRIMINABILITY, Question.TRANSFER])
def test_comparing_needs_two_encoders(question: Question) -> None:
    with pytest.raises(BadInputError, match="`encoders` must be at least 2.*name a second one"):
        make(question=question, encoders=(ALEX,))


def test_discriminability_is_asked_under_one_norm() -> None:
    with pytest.raises(BadInputError, match=r"`norms` must be one, got \['l2', 'linf'\]"):
        make(question=Question.DISCRIMINABILITY, norms=(NormName.L2, NormName.LINF))


def test_squares_are_counted_in_queries_not_in_steps() -> None:
    plain = make(ladder=(1.0,), n_steps=10)
    square = make(ladder=(1.0,), attacks=("square",), n_queries=300)
    assert square.attack(NormName.L2, 224, square.attacks[0]).n_queries == 300
    assert "300 queries each" in square.describe()
    assert (estimate_cost(plain).n_steps, estimate_cost(square).n_steps) == (2 * 2 * 10, 0)
    more = make(ladder=(1.0,), attacks=("square",), n_queries=400)
    assert estimate_cost(more).n_passes - estimate_cost(square).n_passes == 2 * 2 * 100, "encoders x images x queries"


def test_the_bytes_are_counted_from_one_look_at_each_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form asks for the cost after every change of a field."""
    seen: list[str] = []
    monkeypatch.setattr(plan, "load_subject", lambda name: seen.append(name) or load_subject(name))
    targets = tuple(TargetName(voxel, "") for voxel in range(20))
    config = make(question=Question.MEANING, targets=targets, ladder=(0.5, 1.0))
    pixels, voxels = 3 * 224 * 224, 2 * 1844
    each = 2 * 2 * 80 + 2 * (pixels * 4 + pixels * 2 + voxels * 2) + 2 * pixels
    assert (estimate_cost(config).n_bytes, seen) == (2 * 20 * each, ["simulated"])


def test_one_image_is_refused_because_intervals_need_two() -> None:
    with pytest.raises(BadInputError, match="at least 2 images.*Intervals over images need two"):
        make(images=("cat_chelsea",))


def test_voxels_of_different_subjects_are_refused_and_shared_rois_offered() -> None:
    config = make(encoders=(ALEX, KAY), targets=(TargetName(12, ""),))
    with pytest.raises(BadInputError, match="voxels of simulated and kay2017.*FFA"):
        check_comparable(config)
    check_comparable(replace(config, targets=(TargetName(-1, "FFA"),)))


def test_a_voxel_below_the_gate_is_refused_with_its_r() -> None:
    r = load_card(*ALEX).cv_r
    voxel = int(np.argmin(r))
    with pytest.raises(
        BadInputError, match=f"voxel {voxel} is predicted by alexnet features.7 with cross-validated r {r[voxel]:.3f}"
    ):
        check_comparable(make(targets=(TargetName(voxel, ""),), gate=0.99))


def test_held_out_images_take_no_part_in_the_choice_of_voxels() -> None:
    """Predictivity is measured on them; where there is no cross-validated r they are all there is."""
    card = load_card(*ALEX)
    blind = replace(card, r=np.full_like(card.r, -1.0))
    np.testing.assert_array_equal(choose.passes_gate([blind], 0.3), card.cv_r >= 0.3)
    imported = replace(card, cv_r=np.full_like(card.r, np.nan))
    np.testing.assert_array_equal(choose.passes_gate([imported], 0.3), card.r >= 0.3)


def test_an_encoder_without_reference_sds_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card(*ALEX)
    unknown = replace(card, reference_sd=np.full_like(card.reference_sd, np.nan))
    monkeypatch.setattr(choose, "load_card", lambda *_: unknown)
    with pytest.raises(BadInputError, match="does not know the SD of ROI FFA.*main.py encoders reference"):
        check_comparable(make())


def test_a_constant_prediction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    card = load_card(*ALEX)
    silent = replace(card, reference_sd=np.zeros_like(card.reference_sd))
    monkeypatch.setattr(choose, "load_card", lambda *_: silent)
    with pytest.raises(BadInputError, match="ROI FFA is predicted by alexnet features.7 as a constant"):
        check_comparable(make())


def test_drawn_voxels_lie_in_their_roi_and_pass_the_gate_everywhere() -> None:
    targets = choose_targets((ALEX, MOBILE), rois=(), voxels=("FFA:4",), gate=0.3, seed=1)
    chosen = [target.voxel for target in targets]
    assert len(set(chosen)) == 4
    assert {load_subject("simulated").voxels.roi[voxel] for voxel in chosen} == {"FFA"}
    assert min(float(load_card(*name).r[chosen].min()) for name in (ALEX, MOBILE)) >= 0.3
    assert targets == choose_targets((ALEX, MOBILE), rois=(), voxels=("FFA:4",), gate=0.3, seed=1)
    with pytest.raises(BadInputError, match="as many as every encoder predicts"):
        choose_targets((ALEX,), rois=(), voxels=("FFA:4",), gate=0.99, seed=1)


def test_drawn_images_are_held_out_and_of_many_kinds() -> None:
    subject = load_subject("simulated")
    images = choose_images(subject, ("test:7",), seed=0)
    rows = [subject.image_ids.index(image) for image in images]
    assert subject.test[rows].all()
    assert len({subject.categories[row] for row in rows}) == 7


def test_encoders_are_named_with_layer_and_subject() -> None:
    assert choose_encoders(["simulated"], ["alexnet:features.7", "kay2017/alexnet:features.7"]) == (ALEX, KAY)
    assert {name.network for name in choose_encoders(["simulated"], ["all"])} >= {"alexnet", "mobilenet_v2"}


def test_the_cost_counts_every_step() -> None:
    config = make(ladder=(0.5, 1.0, 2.0), n_steps=7, norms=(NormName.L2, NormName.LINF))
    curves = [cell for cell in list_cells(config) if cell.kind == CURVE]
    assert len(curves) == 2 * 1 * 2
    assert estimate_cost(config).n_steps == 4 * 2 * 3 * 7


def test_the_second_norm_has_the_same_rms_change() -> None:
    config = make(ladder=(0.5, 3.0), norms=(NormName.L2, NormName.LINF))
    budgets = config.budgets(NormName.LINF, 224)
    assert np.allclose(np.asarray(budgets) * 255, [255 * 0.5 / math.sqrt(3 * 224**2), 255 * 3 / math.sqrt(3 * 224**2)])


def test_a_config_survives_json() -> None:
    config = make(norms=(NormName.L2, NormName.LINF))
    assert SWEEP.unpack(unstructure(config)) == config


def test_targets_in_one_hemisphere_are_named_once_and_drawn_from_it() -> None:
    table = load_subject("simulated").voxels
    chosen = choose_targets((ALEX,), rois=("FFA left", "left FFA", "FFA"), voxels=("right FFA:3",), gate=0.0, seed=1)
    assert [target.roi for target in chosen if target.roi] == ["left FFA", "FFA"]
    left = set(np.flatnonzero((np.array(table.roi) == "FFA") & (table.hemisphere == 0)).tolist())
    assert set(chosen[0].find_in(table).voxels) == left
    drawn = [target.voxel for target in chosen if not target.roi]
    assert len(drawn) == 3
    assert all(table.roi[voxel] == "FFA" and table.hemisphere[voxel] == 1 for voxel in drawn)
