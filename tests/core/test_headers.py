"""The reader of headers by itself: sentences, what is taken, arrays beside a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from core.errors import BadInputError, StorageError
from core.headers import (
    MOST_BYTES,
    HeaderKind,
    join_arrays,
    parse_header,
    read_record,
    split_arrays,
    structure,
    unstructure,
    write_json,
)
from core.types import FloatArray, MaybeNan

KIND = HeaderKind("a thing", "Make it again.", format="thing", versions=(1, 3), hash_key="sum")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Corner(NamedTuple):
    name: str
    x: float


@dataclass(frozen=True, slots=True)
class Part:
    size: float
    score: MaybeNan = 0.0


@dataclass(frozen=True, slots=True)
class Whole:
    name: str
    colour: Colour = Colour.RED
    parts: tuple[Part, ...] = ()
    corners: tuple[Corner, ...] = ()
    pair: tuple[int, int] = (0, 0)
    file: Path | None = None
    either: int | str = 0
    mode: Literal["fast", "slow"] = "fast"
    notes: Mapping[str, str] = field(default_factory=dict)
    free: Mapping[str, Any] | None = None


WHOLE = Whole(
    "a", Colour.BLUE, (Part(1.5), Part(2)), (Corner("left", 1.0),), (1, 2), Path("x/y"), "one", "slow", {"k": "v"}
)


def refuse(values: object) -> str:
    with pytest.raises(BadInputError) as caught:
        structure(values, Whole, KIND, where="thing.json", part="whole")
    return str(caught.value)


def test_a_record_comes_back_from_plain_values() -> None:
    plain = unstructure(WHOLE)
    assert plain["colour"] == "blue" and plain["file"] == "x/y" and plain["corners"] == [["left", 1.0]]
    assert structure(plain, Whole, KIND) == WHOLE
    assert structure({"name": "b"}, Whole, KIND) == Whole("b")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "lacks `whole.name`"),
        ([], "is wrong: `whole` must be a table, got []"),
        (
            {"name": "a", "colou": 1, "pair": 3},
            "has an unknown key `whole.colou` (did you mean 'colour'?); allowed is one of name, colour, parts, "
            "corners, pair, file, either, mode, notes, free",
        ),
        ({"name": 3}, "is wrong: `whole.name` must be a text, got 3"),
        ({"name": "a", "colour": "blu"}, "`whole.colour` must be one of red, blue, got 'blu' (did you mean 'blue'?)"),
        ({"name": "a", "mode": 3}, "is wrong: `whole.mode` must be one of fast, slow, got 3"),
        ({"name": "a", "parts": [{"size": 1}, {"size": "2"}]}, "`whole.parts[1].size` must be a finite number, got"),
        ({"name": "a", "parts": [{"size": float("nan")}]}, "`whole.parts[0].size` must be a finite number, got nan"),
        ({"name": "a", "parts": "abc"}, "is wrong: `whole.parts` must be a list, got 'abc'"),
        ({"name": "a", "pair": [1]}, "is wrong: `whole.pair` must be a list of 2, got [1]"),
        ({"name": "a", "pair": [1, True]}, "is wrong: `whole.pair[1]` must be a whole number, got True"),
        ({"name": "a", "corners": [["left", None]]}, "`whole.corners[0][1]` must be a finite number, got None"),
        ({"name": "a", "either": 1.5}, "is wrong: `whole.either` must be a whole number or a text, got 1.5"),
        ({"name": "a", "notes": {"k": 1}}, "is wrong: `whole.notes.k` must be a text, got 1"),
        ({"name": "x" * 500, "file": 3}, "is wrong: `whole.file` must be a path, got 3"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(values: object, sentence: str) -> None:
    assert sentence in refuse(values)
    assert refuse(values).startswith("thing.json ") and refuse(values).endswith(". Make it again.")


def test_only_a_number_that_may_be_nan_is() -> None:
    made = structure({"size": 1, "score": float("nan")}, Part, KIND)
    assert np.isnan(made.score)
    with pytest.raises(BadInputError, match="`score` must be a number or NaN, got 'x'"):
        structure({"size": 1, "score": "x"}, Part, KIND)


def test_numbers_keep_their_type() -> None:
    assert type(structure({"size": 3}, Part, KIND).size) is int, "hashes of settings would change"


def test_a_large_value_is_cut() -> None:
    assert len(refuse({"name": ["x" * 1000] * 1000})) < 400


MINE = "this program reads thing versions 1 and 3"


def test_versions_hash_and_format(tmp_path: Path) -> None:
    assert KIND.marks() == {"format": "thing", "version": 3}
    for text, told in (
        (
            '{"format": "thing", "version": 4}',
            "x is thing version 4; this program reads thing versions 1 and 3. Update",
        ),
        (
            '{"format": "thing", "version": 2}',
            "x is thing version 2; this program reads thing versions 1 and 3. Make it",
        ),
        (
            '{"format": "thing", "version": 1, "sum": "0"}',
            "x was edited after writing: its hash differs. Make it again.",
        ),
        ('{"format": "other", "version": 1}', "x is not a thing: its format is 'other'. Make it again."),
        ('{"a": 1, "a": 2}', "x is not a thing, or is cut short (the key 'a' comes twice). Make it again."),
    ):
        with pytest.raises(BadInputError) as caught:
            parse_header(text, KIND, where="x")
        assert str(caught.value).startswith(told)


def test_a_file_of_another_kind_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(BadInputError, match="is not a thing: it has 268 MB"):
        read_record(path, Whole, KIND)
    with pytest.raises(StorageError, match=r"none\.json cannot be read: No such file or directory\. Make it again"):
        read_record(tmp_path / "none.json", Whole, KIND)


def test_written_json_is_read_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", unstructure(Whole("Käse")))
    assert read_record(tmp_path / "a.json", Whole, HeaderKind("a thing", "")) == Whole("Käse")
    assert "Käse" in (tmp_path / "a.json").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    x: FloatArray
    unit: str = "mm"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    name: str
    mean: FloatArray
    curve: Curve
    several: tuple[Curve, ...]
    maybe: FloatArray | None = None


def test_arrays_are_split_off_by_their_place_and_joined_again() -> None:
    one, two = np.arange(3.0), np.zeros((2, 2))
    table, arrays = split_arrays(Measured("a", one, Curve(two), (Curve(one), Curve(two))))
    assert sorted(arrays) == ["curve.x", "mean", "several.0.x", "several.1.x"]
    assert table == {"name": "a", "curve": {"unit": "mm"}, "several": [{"unit": "mm"}] * 2, "maybe": None}
    back = structure(join_arrays(table, arrays), Measured, KIND)
    assert back.several[1].x is arrays["several.1.x"] and back.maybe is None
    for wrong, told in (("several.2.x", "unknown key `several.2.x`"), ("name.x", "unknown key `name.x`")):
        table, arrays = split_arrays(Measured("a", one, Curve(two), (Curve(one),)))
        with pytest.raises(BadInputError, match=told):
            structure(join_arrays(table, arrays | {wrong: one}), Measured, KIND)
