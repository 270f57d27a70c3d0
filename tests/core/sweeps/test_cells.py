"""The headers of sweeps and studies: each slip is one sentence with file, key and value; folders of 0.3 go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInputError, Cancelled, StorageError
from core.sweeps.cells import CellStore, check_facts, find_store, join_store, load_store, open_store
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.sweeps.plan import SWEEP
from core.sweeps.run import SWEEP_RUNNER
from core.sweeps.study.config import make_quick
from core.sweeps.study.plan import STUDY
from core.sweeps.work import Made, Work
from core.sweeps.workers import iter_cells

VERSIONS = {"torch": "2.6", "threads": "1"}
SWEEP_CONFIG = SweepConfig(
    Question.TRANSFER,
    (EncoderName("simulated", "alexnet", "features.4"), EncoderName("simulated", "alexnet", "features.7")),
    ("cat_chelsea", "face_054"),
    (TargetName(-1, "FFA"), TargetName(3, "")),
)
CASES: list[tuple[Work[Any, Any], Any, dict[str, Any]]] = [
    (SWEEP, SWEEP_CONFIG, {"encoder_sha256": {"a": "1"}, "versions": VERSIONS, "device": "cpu"}),
    (STUDY, make_quick(), {"network_sha256": {"a": "1"}, "versions": VERSIONS, "device": "cpu"}),
]
HERE = Made("lab-pc", "cpu (AVX2)", VERSIONS)
both = pytest.mark.parametrize(("work", "config", "facts"), CASES, ids=["sweep", "study"])


def set_in(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(header: Any) -> None:
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = to

    return change


def drop(*path: str | int) -> Callable[[Any], None]:
    def change(header: Any) -> None:
        for key in path[:-1]:
            header = header[key]
        del header[path[-1]]

    return change


MUTANTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "an unknown setting": (set_in("config", "n_step", to=3), r"unknown key `config\.n_step`.*`?n_steps"),
    "an unknown part": (set_in("more", to=1), "unknown key `more`"),
    "an unknown fact": (set_in("facts", "host", to="x"), r"unknown key `facts\.host`"),
    "a text for a number": (
        set_in("config", "n_steps", to="ten"),
        r"`config\.n_steps` must be a whole number, got 'ten'",
    ),
    "a list for a number": (set_in("config", "seed", to=[1]), r"`config\.seed` must be a whole number"),
    "a number for a list": (set_in("config", "n_bootstrap", to=None), r"`config\.n_bootstrap` must be"),
    "settings as a list": (set_in("config", to=[1, 2]), "`config` must be a table"),
    "facts as a text": (set_in("facts", to="cpu"), "`facts` must be a table"),
    "no settings": (drop("config"), "lacks `config`"),
    "no facts": (drop("facts"), "lacks `facts`"),
    "a value out of range": (set_in("config", "n_bootstrap", to=0), "`n_bootstrap` must be"),
    "a newer version": (set_in("version", to=9), "version 9.*Update Probescope"),
    "another format": (set_in("format", to="probescope-probe"), "its format is 'probescope-probe'"),
    "no version": (drop("version"), "version None"),
}


@both
@pytest.mark.parametrize(("change", "text"), MUTANTS.values(), ids=MUTANTS)
def test_a_changed_header_is_refused_in_one_sentence(
    tmp_path: Path, work: Work[Any, Any], config: Any, facts: dict[str, Any], change: Callable[[Any], None], text: str
) -> None:
    open_store(work, tmp_path, config, facts, resume=False)
    path = tmp_path / work.file
    header = json.loads(path.read_text(encoding="utf-8"))
    change(header)
    path.write_text(json.dumps(header), encoding="utf-8")
    for read in (lambda: load_store(work, tmp_path), lambda: open_store(work, tmp_path, config, facts, resume=True)):
        with pytest.raises(StorageError, match=text) as caught:
            read()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith(("Choose another folder.", "Update Probescope to open it."))


@both
def test_a_header_cut_anywhere_is_refused(
    tmp_path: Path, work: Work[Any, Any], config: Any, facts: dict[str, Any]
) -> None:
    open_store(work, tmp_path, config, facts, resume=False)
    path = tmp_path / work.file
    whole = path.read_bytes()
    for length in range(0, len(whole.rstrip()), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError, match=work.file):
            load_store(work, tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (set_in("config", "encoders", 0, to=["simulated", "alexnet"]), r"`config\.encoders\[0\]` must be a list of 3"),
        (set_in("config", "question", to="beauty"), r"`config\.question` must be one of fragility"),
        (set_in("config", "ladder", to=[1, "2"]), r"`config\.ladder\[1\]` must be a finite number"),
        (set_in("config", "norms", to=[]), "`norms` must be at least one"),
        (set_in("config", "refitted", to=[7]), "`refitted` must be numbers of encoders, 0 to 1"),
        (drop("facts", "encoder_sha256"), r"lacks `facts\.encoder_sha256`"),
        (drop("config", "encoders"), r"lacks `config\.encoders`"),
    ],
)
def test_a_changed_sweep_names_the_place(tmp_path: Path, change: Callable[[Any], None], text: str) -> None:
    open_store(*CASES[0][:1], tmp_path, *CASES[0][1:], resume=False)
    path = tmp_path / SWEEP.file
    header = json.loads(path.read_text(encoding="utf-8"))
    change(header)
    path.write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(StorageError, match=text):
        load_store(SWEEP, tmp_path)


@both
def test_what_was_begun_with_fewer_options_goes_on(
    tmp_path: Path, work: Work[Any, Any], config: Any, facts: dict[str, Any]
) -> None:
    open_store(work, tmp_path, config, facts, resume=False)
    path = tmp_path / work.file
    header = json.loads(path.read_text(encoding="utf-8"))
    del header["config"]["confidence"]
    path.write_text(json.dumps(header, indent=1), encoding="utf-8")
    assert open_store(work, tmp_path, config, facts, resume=True).config == config


@both
def test_a_run_computes_what_is_missing_and_stops_between_cells(
    tmp_path: Path, work: Work[Any, Any], config: Any, facts: dict[str, Any]
) -> None:
    store = open_store(work, tmp_path, config, facts, resume=False)

    def compute(cell: Any) -> dict[str, Any]:
        return {"key": np.asarray(cell.key)}

    def run(store: CellStore[Any, Any], stops: Callable[[], bool] = lambda: False) -> list[Any]:
        options: dict[str, Any] = {"place": HERE, "seconds_of": lambda _: 2.0, "should_stop": stops}
        return list(iter_cells(store, lambda _: compute, **options))

    asked = iter([False, False])
    with pytest.raises(Cancelled):
        run(store, lambda: next(asked, True))
    n_cells = len(store.cells())
    assert len(store.missing()) == n_cells - 2
    records = run(open_store(work, tmp_path, config, facts, resume=True))
    assert [one.done for one in records] == list(range(2, n_cells + 1))
    assert records[0].seconds_left == pytest.approx(2 * (n_cells - 2))
    assert records[-1].result is not None
    whole = load_store(work, tmp_path)
    assert all(str(whole.load(cell)["key"]) == cell.key for cell in whole.cells())


def test_no_damage_to_a_cell_is_a_traceback(tmp_path: Path) -> None:
    store = open_store(*CASES[1][:1], tmp_path, *CASES[1][1:], resume=False)
    cell = store.cells()[0]
    store.save(cell, {"values": np.arange(50.0), "names": np.asarray(["a", "b"])}, HERE)
    path = tmp_path / "cells" / f"{cell.key}.npz"
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        for bad in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            path.write_bytes(bad)
            try:
                store.load(cell)
                store.made(cell)
            except StorageError as error:
                assert "Delete it and resume" in str(error)  # noqa: PT017 (some damage goes by unseen)


@both
def test_device_and_versions_are_each_cells_own(
    tmp_path: Path, work: Work[Any, Any], config: Any, facts: dict[str, Any]
) -> None:
    """A folder of version 0.3, which holds them for all, is continued on another device."""
    open_store(work, tmp_path, config, facts, resume=False)
    header = json.loads((tmp_path / work.file).read_text(encoding="utf-8")) | {"version": work.kind.versions[0]}
    (tmp_path / work.file).write_text(json.dumps(header), encoding="utf-8")
    first, second, third = (store := load(work, tmp_path)).cells()[:3]
    (tmp_path / "cells").mkdir()
    np.savez(tmp_path / "cells" / f"{first.key}.npz", x=np.arange(3))
    store = open_store(
        work, tmp_path, config, {name: facts[name] for name in facts.keys() - {"device", "versions"}}, resume=True
    )
    elsewhere = Made("node7", "cuda (H200)", VERSIONS | {"torch": "2.9"}, 2.0, 2)
    store.save(second, {"x": np.arange(4)}, elsewhere)
    store.save(third, {"x": np.arange(5)}, elsewhere)
    assert store.made(first) == Made("", "cpu", VERSIONS)
    assert store.made(second) == elsewhere
    assert store.load(second).keys() == {"x"}, "what is known of its making is no number of it"
    assert store.count_made() == [(Made("", "cpu", VERSIONS), 1), (replace(elsewhere, seconds=4.0), 2)]


def load(work: Work[Any, Any], folder: Path) -> CellStore[Any, Any]:
    return find_store(work, folder)


@pytest.mark.parametrize(
    ("here", "text"),
    [
        ({"image_sha256": {"cat": "1" * 64, "dog": "3" * 64}}, r"image dog differs \(2{12} there, 3{12} here\)"),
        ({"encoder_sha256": {"a": "none of it"}}, r"encoder a differs \(1 there, none of it here\)"),
        ({"network_sha256": {"alexnet": "cafe"}}, r"network alexnet differs \(bad there"),
        ({"no_copy": ["b"]}, r"no_copy differs \(\['a'\] there, \['b'\] here\)"),
    ],
)
def test_what_differs_here_is_named_with_the_computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: dict[str, Any], text: str
) -> None:
    facts = {
        "encoder_sha256": {"a": "1"},
        "network_sha256": {"alexnet": "bad"},
        "image_sha256": {"cat": "1" * 64, "dog": "2" * 64},
        "no_copy": ["a"],
    }
    monkeypatch.setattr("platform.node", lambda: "node7")
    store = open_store(SWEEP, tmp_path, SWEEP_CONFIG, facts, resume=False)
    check_facts(store, facts | {"network_sha256": {"alexnet": "badcafe"}})  # published hashes are cut
    monkeypatch.setattr("core.sweeps.run.SWEEP_RUNNER", replace(SWEEP_RUNNER, note_facts=lambda _: facts | here))
    with pytest.raises(BadInputError, match=f"of the same sweep; on node7 {text}") as caught:
        join_store(SWEEP, tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_what_is_missing_here_is_named_with_the_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(SWEEP_CONFIG, images=("cat_chelsea", str(tmp_path / "gone.png")))
    monkeypatch.setattr("platform.node", lambda: "node7")
    open_store(SWEEP, tmp_path / "out", config, {"encoder_sha256": {}}, resume=False)
    with pytest.raises(BadInputError, match=r"^On node7: .*gone\.png"):
        join_store(SWEEP, tmp_path / "out")
