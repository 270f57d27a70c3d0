"""The `package` command: dry runs, templates, refusals in one line, and packages of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.commands.cli import BAD_INPUT, DONE, run_command_line
from core.experiments.packages.package import PackageKind
from core.experiments.packages.template import read_template
from tests.helpers.stimulus_sets import write_set


@pytest.fixture
def a_set(tmp_path: Path) -> str:
    return str(write_set(tmp_path / "a_set", n_images=7))


def call(*words: str) -> int:
    return run_command_line(["package", *words], open_window=lambda _: 1, run_demonstration=lambda *_: 1)


def test_a_dry_run_tells_durations_and_writes_nothing(
    a_set: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(a_set, "--dry-run", "--repeats", "2", "--runs", "2", "--blanks", "3", "--json") == DONE
    told = json.loads(capsys.readouterr().out)
    assert told["trials"] == [28, 28] and told["run_seconds"] == [28 * 4 + 16] * 2 and told["seconds"] == 256
    assert told["folder"] is None and [path.name for path in tmp_path.iterdir()] == ["a_set"]


@pytest.mark.parametrize("kind", list(PackageKind))
def test_a_package_of_every_kind_is_written(
    kind: str, a_set: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "package"
    assert call(a_set, "--kind", kind, "--out", str(out)) == DONE
    assert f"Wrote {out}; its README.md says how to run it." in capsys.readouterr().out
    assert (out / "README.md").is_file()


def test_options_go_before_the_template_which_goes_before_the_published_one(a_set: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    wishes = ("--on", "1", "--catch-kind", "repeat", "--screen-px", "800", "600")
    assert call(a_set, "--save-timing", str(first), *wishes) == DONE
    made = read_template(first)
    assert (made.timing.stimulus_seconds, made.order.catch_kind, made.screen.height_px) == (1.0, "repeat", 600)
    assert call(a_set, "--timing", str(first), "--save-timing", str(second), "--off", "0.5", "--seed", "9") == DONE
    again = read_template(second)
    assert (again.timing.stimulus_seconds, again.timing.gap_seconds, again.order.seed) == (1.0, 0.5, 9)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--kind", "bids"], "Error: `--out` must be a new or an empty folder, got None."),
        (["--out", "x"], "Error: `--kind` must be one of bids, psychopy, jspsych, brainscore, got None."),
        (["--dry-run", "--spacing", "7"], "Error: `spacing` must be at most 6, got 7. Run 1 shows"),
        (["--dry-run", "--runs", "8"], "Error: `runs` must be at most 7, got 8. There are 7 pairs"),
        (["--dry-run", "--timing", "none.toml"], "Error: none.toml cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    words: list[str], line: str, a_set: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(a_set, *words) == BAD_INPUT
    told = capsys.readouterr().err
    assert told.startswith(line) and told.count("\n") == 1


def test_a_set_that_was_edited_is_refused(a_set: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((tmp_path / "a_set" / "stimuli").iterdir()).write_bytes(b"edited")
    assert call(a_set, "--kind", "bids", "--out", str(tmp_path / "out")) == BAD_INPUT
    assert "was changed after writing" in capsys.readouterr().err and not (tmp_path / "out").exists()
