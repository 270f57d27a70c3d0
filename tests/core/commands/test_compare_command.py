"""`compare` as it is typed: template, simulate, compare; what is wrong gets one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.commands.cli import BAD_INPUT, DONE, run_command_line
from core.commands.compare import split_pairs
from core.errors import BadInputError
from tests.helpers.measured_sets import write_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "set", n_images=6)


@pytest.fixture
def type_in(capsys: pytest.CaptureFixture[str]):
    def type_words(*words: object) -> tuple[int, str, str]:
        code = run_command_line(
            [str(word) for word in words], open_window=lambda _: 1, run_demonstration=lambda _a, _b: 1
        )
        told = capsys.readouterr()
        return code, told.out, told.err

    return type_words


def test_practise_from_a_set_to_a_report(folder: Path, type_in, tmp_path: Path) -> None:
    code, out, _ = type_in("compare", "simulate", folder, tmp_path / "s.csv", "--noise", 0.5, "--seed", 3)
    assert (code, out.startswith("SIMULATED")) == (DONE, True)
    code, out, _ = type_in(
        "compare", folder, tmp_path / "s.csv", "--bootstrap", 200, "--unit", "z", "--out", tmp_path / "out"
    )
    assert code == DONE
    assert "Every stimulus of the set was measured." in out
    assert "Simulated responses" in out
    assert "12 of 12 probes moved as predicted by mobilenet_v2 features.18" in out
    assert out.strip().endswith(str(tmp_path / "out" / "report.html"))


def test_json_is_one_object(folder: Path, type_in, tmp_path: Path) -> None:
    type_in("compare", "simulate", folder, tmp_path / "s.csv", "--noise", 0)
    code, out, _ = type_in("compare", folder / "manifest.json", tmp_path / "s.csv", "--bootstrap", 100, "--json")
    told = json.loads(out)
    assert code == DONE
    assert told["rows"][0]["slope"]["value"] == pytest.approx(1.0)
    assert told["report"] is None


def test_a_template_is_written_where_it_is_wanted(folder: Path, type_in, tmp_path: Path) -> None:
    code, out, _ = type_in("compare", "template", folder, tmp_path / "t.csv")
    assert (code, out.strip()) == (DONE, str(tmp_path / "t.csv"))
    assert (tmp_path / "t.csv").read_text().startswith("stimulus,session,repeat,FFA")


BAD = {
    "no file": ([], "at least one file"),
    "missing file": (["nowhere.csv"], "a file that is there"),
    "bad scale": (["nowhere.csv", "--scale", "sds"], "Did you mean 'sd'?"),
    "bad cluster": (["nowhere.csv", "--cluster", "imge"], "Did you mean 'image'?"),
    "few resamples": (["nowhere.csv", "--bootstrap", "3"], "at least 100"),
    "no mask": (["nowhere.csv", "--roi", "FFA="], "NAME=VALUE"),
}


@pytest.mark.parametrize(("words", "clue"), BAD.values(), ids=BAD)
def test_what_is_wrong_gets_one_sentence(words: list[str], clue: str, folder: Path, type_in) -> None:
    code, out, err = type_in("compare", folder, *words)
    assert (code, out) == (BAD_INPUT, "")
    assert clue in err
    assert len(err.strip().splitlines()) == 1


def test_a_full_folder_is_refused_before_anything_is_read(folder: Path, type_in, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    code, _, err = type_in("compare", folder, "nowhere.csv", "--out", tmp_path)
    assert code == BAD_INPUT
    assert "new or an empty folder" in err


def test_pairs_are_split_at_the_last_equals_sign() -> None:
    assert split_pairs(["FFA=ffa", "rt", "a = b=c"], "target_column") == {"FFA": "ffa", "": "rt", "a = b": "c"}
    with pytest.raises(BadInputError, match="NAME=VALUE"):
        split_pairs(["=x"], "roi")
