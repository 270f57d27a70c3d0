"""The report is one page that needs nothing else and names every setting."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.commands.cli import run_command_line
from core.engine import Engine
from core.errors import BadInputError
from core.reports.analysis_package import write_report
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName


class Reader(HTMLParser):
    """Notes the tags and everything that points outside."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [
            value or "" for name, value in attrs if name in {"src", "href"} and not (value or "").startswith("#")
        ]


def test_a_page_holds_methods_formulas_figures_and_says_simulated(tmp_path: Path) -> None:
    config = SweepConfig(
        Question.FRAGILITY,
        (EncoderName("simulated", "alexnet", "features.4"),),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"),),
        ladder=(0.5, 1.0),
        n_steps=2,
        n_test=8,
        n_bootstrap=20,
        seed=11,
    )
    list(Engine(device="cpu").iter_sweep(config, tmp_path / "one"))
    path = write_report([tmp_path / "one"])
    page = path.read_text(encoding="utf-8")
    poster = tmp_path / "one" / "figures" / "poster.svg"
    poster.write_text("mine", encoding="utf-8")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "one").rglob("*")}
    again = write_report([tmp_path / "one"], tmp_path / "page.html").read_text(encoding="utf-8")
    assert again.split("<svg")[0] == page.split("<svg")[0]
    assert before == {file: file.stat().st_mtime_ns for file in (tmp_path / "one").rglob("*")}, "only read"
    write_report([tmp_path / "one"])
    assert poster.read_text(encoding="utf-8") == "mine", "a user's own file stays"
    reader = Reader()
    reader.feed(page)
    assert reader.tags.count("svg") == 2
    assert reader.outside == []
    for part in (
        "alexnet features.4",
        "0.5, 1",
        "Seed 11",
        "cat_chelsea",
        "Simulated responses",
        "torch 2",
        "S_v(ε)",
        "arXiv 2509.23333",
    ):
        assert part in page, part


def test_a_folder_without_a_sweep_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInputError, match="`folder` must be of a sweep"):
        write_report([tmp_path])
    code = run_command_line(["report", str(tmp_path)], open_window=lambda _: 0, run_demonstration=lambda *_: 0)
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1
