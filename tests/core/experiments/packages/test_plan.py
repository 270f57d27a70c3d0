"""Timing templates and plans: durations and degrees by hand, warnings, a template file that comes back whole."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from core.errors import BadInputError, StorageError
from core.experiments.packages.orders import CatchKind, OrderConfig, TrialKind
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template, read_template, write_template
from core.experiments.packages.timing import Screen, Timing
from core.stimuli.config import SetConfig
from core.stimuli.manifest import ManifestHeader, ManifestRow, StimulusSet
from core.words import write_duration
from tests.helpers.stimulus_sets import make_rows


def plan_of(rows: tuple[ManifestRow, ...], template: Template | None = None) -> PackagePlan:
    return make_plan(StimulusSet(Path("/set"), ManifestHeader("a set", rows)), template or Template())


def test_the_published_template_is_two_on_two_off_ninety_and_four() -> None:
    plan = plan_of(make_rows(60))
    assert plan.n_runs == 2 and plan.degrees == 8.4
    assert [len(run) for run in plan.participants[0]] == [94, 94]
    assert plan.run_seconds() == (94 * 4 + 16, 94 * 4 + 16) and plan.seconds() == 784
    assert "Each run lasts 6 min 32 s; all runs of a participant 13 min 4 s" in plan.describe()[-1]


def test_trials_follow_each_other_without_a_hole() -> None:
    timing = Timing(stimulus_seconds=0.3, gap_seconds=0.1, lead_in_seconds=0.7)
    plan = plan_of(make_rows(9), Template(timing, OrderConfig(blanks_per_run=3)))
    trials = list(plan.timed(plan.participants[0][0]))
    assert [trial.number for trial in trials] == list(range(1, 35))
    for index, trial in enumerate(trials):
        assert trial.onset == pytest.approx(0.7 + 0.4 * index, abs=1e-9)
        assert trial.duration == (pytest.approx(0.4) if trial.kind is TrialKind.BLANK else 0.3)


def test_degrees_become_pixels_by_the_screens_width_and_distance() -> None:
    screen = Screen(width_cm=40, distance_cm=57.3, width_px=1600, height_px=1200)
    assert screen.pixels(1) == pytest.approx(57.3 * math.radians(1) * 40, rel=1e-4)  # small angle: an arc
    assert screen.pixels(90) == pytest.approx(2 * 57.3 * 40)  # a right angle: twice the distance


def test_the_size_is_the_templates_else_the_sets_else_the_published() -> None:
    rows = tuple(dataclasses.replace(row, degrees=5.0) for row in make_rows(7))
    assert plan_of(rows).degrees == 5.0
    assert plan_of(rows, Template(screen=Screen(degrees=7.0))).degrees == 7.0
    assert plan_of(tuple(dataclasses.replace(row, degrees=None) for row in rows)).degrees == 8.4


def test_an_experimenter_is_warned_before_the_scan() -> None:
    rows = make_rows(60)
    template = Template(order=OrderConfig(runs=1, stimuli_per_run=90), screen=Screen(degrees=50.0))
    said = " ".join(plan_of(rows, template).warnings())
    assert "A run shows 180 stimuli, more than the 90 of the template" in said
    assert "A run shows 180" in said and "The set was made to be shown 8.4 deg wide" in said
    assert "larger than the screen" in said and "are scaled to 2984 px" in said
    copies = tuple(dataclasses.replace(row, file_sha256="same") for row in make_rows(7))
    assert "21 files are shared by several pairs" in " ".join(plan_of(copies).warnings())
    assert "A run of 15 min 8 s is long" in " ".join(
        plan_of(make_rows(60, targets=2)[:219], Template(order=OrderConfig(runs=1, stimuli_per_run=300))).warnings()
    )


def test_pictures_that_fit_the_screen_pixel_by_pixel_raise_no_warning() -> None:
    plan = plan_of(make_rows(30))
    (told,) = plan.warnings()
    assert "Pictures of 24 px are scaled to 470 px" in told and "Write the set with pictures of 470 px" in told
    width = plan.template.screen.degrees_of(24)
    assert f"show these {width:.2f} deg wide" in told
    assert plan.template.screen.pixels(width) == pytest.approx(24)
    fitting = tuple(dataclasses.replace(row, picture_px=470, width_px=470, height_px=470) for row in make_rows(30))
    assert plan_of(fitting).warnings() == ()


def test_what_the_set_says_of_itself_is_passed_on() -> None:
    rows = tuple(dataclasses.replace(row, picture_px=470, width_px=600, height_px=600) for row in make_rows(30))
    rows = (dataclasses.replace(rows[0], warnings=("clipped",)), *rows[1:])
    header = ManifestHeader("a set", rows, set=SetConfig(), subject_kinds=("simulated",))
    said = make_plan(StimulusSet(Path("/set"), header), Template()).warnings()
    assert len(said) == 2
    assert "no measured brain" in said[0] and "The manifest warns of 1 stimulus" in said[1]
    dark = make_plan(StimulusSet(Path("/set"), header), Template(screen=Screen(grey=0.0)))
    assert "Files have the background [128, 128, 128], the screen [0, 0, 0]" in " ".join(dark.warnings())


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (59.6, "1 min"), (376, "6 min 16 s"), (3601, "1 h 1 s")])
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert write_duration(seconds) == text


def test_a_template_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    template = Template(
        Timing(stimulus_seconds=0.5, trigger_key="t", response_key="space"),
        OrderConfig(runs=3, catch_kind=CatchKind.REPEAT, seed=7),
        Screen(degrees=5.5, grey=0.25),
    )
    for number, made in enumerate((template, Template())):
        write_template(made, tmp_path / f"{number}.toml")
        assert read_template(tmp_path / f"{number}.toml") == made


def test_a_template_may_leave_things_out_and_write_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "timing.toml"
    path.write_text("[timing]\nstimulus_seconds = 1\n[screen]\ndegrees = 6\n", encoding="utf-8")
    assert read_template(path) == Template(timing=Timing(stimulus_seconds=1.0), screen=Screen(degrees=6.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[timings]\n", r"unknown key `timings` \(did you mean 'timing'\?\); allowed is one of timing, order, screen"),
        ("[order]\nspaceing = 3\n", r"unknown key `order.spaceing` \(did you mean 'spacing'\?\); allowed is one of"),
        ("[order]\nspacing = 1.5\n", "`order.spacing` must be a whole number, got 1.5"),
        ('[order]\ncatch_kind = "dots"\n', r"`order.catch_kind` must be one of dot, repeat, got 'dots'"),
        ("[timing]\nstimulus_seconds = -1\n", "`stimulus_seconds` must be a finite number above 0, got -1"),
        ('[timing]\nstimulus_seconds = "two"\n', "`timing.stimulus_seconds` must be a finite number, got 'two'"),
        ("[timing]\ntrigger_key = 5\n", "`timing.trigger_key` must be a text, got 5"),
        ('[timing]\nresponse_key = "5"\n', "`response_key` must be another key than `trigger_key`, got '5'"),
        ("[screen]\ndistance_cm = 0\n", "`distance_cm` must be a finite number above 0, got 0"),
        ("timing = 3\n", "`timing` must be a table, got 3"),
        ("[timing\n", r"timing.toml is not a timing template in TOML, or is cut short \(.*line 1"),
    ],
)
def test_a_slip_in_a_template_is_told_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "timing.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=sentence):
        read_template(path)


def test_a_template_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        read_template(tmp_path / "none.toml")
