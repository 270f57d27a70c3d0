"""Reads small tables, CSV or TSV with a header line, as columns of text. Never guesses a missing column."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import refusal, show_name, suggest, to_number
from core.containers import reading

Table = dict[str, list[str]]
TABLE = "CSV or TSV file"

MISSING = frozenset(("", "n/a", "na", "nan", "none", "null", "#n/a", "<na>", "-", "--", ".", "#div/0!", "#value!"))
"""Words, in lower case, for a value that is not there."""
NUMBERS = {"true": "1", "false": "0"} | dict.fromkeys(MISSING, "nan")
CODES = (999, 9999, 99999, 999999, 32768, 1e20, 9.96921e36, float(np.finfo(np.float32).max))
"""Sizes of numbers that programs write for a value that is not there."""
LINES_LOOKED_AT = 50
MANY_VOXELS = 20
"""So many are not 0 at once unless nothing was measured; fewer units may all be silent."""
FIELD = r'(?:^|[{0}"]) *[+-]?(?:{1}) *(?:$|[{0}"\r])'
WITH_POINT = r"\d*\.\d+(?:[eE][+-]?\d+)?"
WITH_COMMA = r"0?,\d+|\d+,(?:\d\d?|\d{4,})|\d*,\d+[eE][+-]?\d+"
"""A comma that sets off no thousands, as that of 1,234 may."""
THOUSANDS = r"[1-9]\d{0,2}(?:\.\d{3})+"
DECIMAL_COMMA = re.compile(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$")


def read_table(
    file: Path,
    *,
    needs: Sequence[str] = (),
    usual: Sequence[str] = (),
    only: Callable[[str], bool] = lambda _name: True,
) -> Table:
    """The columns of a table by name, or those `only` selects: a wide table costs no more than what is kept of it.

    Needed and usual columns are found in any case ("Session") and named as asked for.

    Raises BadInputError if the file cannot be read, a line has too few fields, or a needed column is missing.
    """
    rows = iter_rows(file)
    names = _spell(next(rows, []), (*needs, *usual))
    for missing in [name for name in needs if name not in names]:
        advice = suggest(missing, names) or f"It has {', '.join(map(show_name, names[:8])) or 'nothing'}."
        raise refusal("table", allowed=f"one with a column {missing!r}", got=file.name, advice=advice)
    twice = next((name for place, name in enumerate(names) if name and name in names[:place]), None)
    if twice is not None:
        advice = f"{file.name} has two columns of that name: rename or remove one."
        raise refusal("table", allowed="one of different columns", got=twice, advice=advice)
    kept = {name: column for column, name in enumerate(names) if name in needs or only(name)}
    table: Table = {name: [] for name in kept}
    for row in rows:
        for name, column in kept.items():
            table[name].append(row[column])
    return table


def _spell(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    spelled = {name.casefold(): name for name in wanted if name not in names}
    return [spelled.get(name.casefold(), name) for name in names]


def iter_rows(file: Path) -> Iterator[list[str]]:
    """The fields of each line that is not empty, as UTF-8, UTF-16 or Windows-1252, between commas, tabs or semicolons.

    Where commas do not separate, they are decimal points: but not beside points that may set off thousands, and between
    tabs not beside any points, nor where every comma may set off thousands. Raises BadInputError if the file cannot be
    read, or a line has other than the fields of the first.
    """
    text = read_text(file, TABLE)
    with reading(file, TABLE, advice="Save it again as CSV in UTF-8."):
        first, _, rest = text.partition("\n")
        told = re.fullmatch(r'"?sep=(.)"?\r?', first)  # what Excel takes for its own
        separator = told[1] if told else _find_separator(text)
        has_commas = separator != "," and _has_decimal_commas(text, separator)
        n_fields = 0
        source = io.StringIO(rest if told else text, newline="")
        for number, fields in enumerate(csv.reader(source, delimiter=separator), start=2 if told else 1):
            row = [field.strip() for field in fields]
            if not any(row):
                continue
            n_fields = n_fields or len(row)
            if len(row) != n_fields:
                got = f"{len(row)} in line {number} of {file.name}"
                raise refusal("table", allowed=f"{n_fields} fields a line", got=got)
            yield [DECIMAL_COMMA.sub(r"\1.\2", field) for field in row] if has_commas else row


def _has_decimal_commas(text: str, separator: str) -> bool:
    def has(pattern: str) -> bool:
        return re.search(FIELD.format(re.escape(separator), pattern), text, re.MULTILINE) is not None

    return not has(WITH_POINT) and has(WITH_COMMA) if separator == "\t" else not has(THOUSANDS)


def _find_separator(text: str) -> str:
    """Tabs; or semicolons, where they are more than commas or as many in every line, as between decimal commas."""
    lines = itertools.islice(io.StringIO(text, newline=None), LINES_LOOKED_AT)
    first, *others = [line for line in lines if line.strip()] or [""]
    if "\t" in first:
        return "\t"
    n_fields = first.count(";")
    is_even = n_fields > 0 and all(line.count(";") == n_fields for line in others)
    return ";" if is_even or n_fields > first.count(",") else ","


def read_text(file: Path, what: str) -> str:
    """A file of UTF-8, UTF-16 or Windows-1252. Raises BadInputError, that it is no `what`, if it cannot be read."""
    path = file.expanduser()
    with reading(path, what, advice="Save it again in UTF-8."):
        content = path.read_bytes()
        is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        try:
            return content.decode("utf-16" if is_wide else "utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("cp1252")


def is_missing(text: str) -> bool:
    """Whether a field says that there is no value."""
    return text.casefold() in MISSING


def to_numbers(texts: Sequence[str], name: str, *, advice: str = "") -> npt.NDArray[np.float64]:
    """A column as numbers; a missing one is NaN, true and false are 1 and 0. Raises BadInputError for other text."""
    try:
        return np.array([to_number(NUMBERS.get(text.casefold(), text)) for text in texts], dtype=np.float64)
    except ValueError as error:
        got = str(error).rpartition(":")[2].strip(" '\"")
        raise refusal(name, allowed="numbers", got=got, advice=advice) from error


def to_integers(texts: Sequence[str], name: str) -> npt.NDArray[np.int64]:
    """A column as whole numbers. Raises BadInputError for any other text."""
    numbers = to_numbers(texts, name)
    is_whole = np.isfinite(numbers) & (numbers == np.rint(numbers))
    if not is_whole.all():
        raise refusal(name, allowed="whole numbers", got=texts[int(np.argmin(is_whole))])
    return numbers.astype(np.int64)


def refuse_codes(values: npt.NDArray[np.floating], name: str) -> None:
    """Raise BadInputError if one of `CODES` is over 10 times as large as all other numbers of an array."""
    code = max((end.reduce(values, axis=None, initial=0.0) for end in (np.fmin, np.fmax)), key=abs)
    if np.isclose(abs(code), CODES, rtol=1e-6, atol=0).any():
        rest = float(np.fmax.reduce(np.abs(values[values != code]), axis=None, initial=0.0))
        if abs(code) / 10 > rest:
            allowed = f"responses, NaN where there is none (others are at most {rest:.3g})"
            raise refusal(name, allowed=allowed, got=f"{code:g}", advice="Write NaN in place of it.")


def refuse_zeros(trials: npt.NDArray[np.floating], name: str) -> None:
    """Raise BadInputError if one of the trials (n, n_voxels) is 0 in all of many voxels, unless these are counts."""
    blank = ~trials.any(axis=1)
    if blank.any() and trials.shape[1] >= MANY_VOXELS and np.fmax.reduce(trials % 1, axis=None) > 0:
        got = f"0 in all {trials.shape[1]:,} voxels, in {int(blank.sum()):,} trials"
        raise refusal(name, allowed="responses, NaN where there is none", got=got, advice="Write NaN in place of it.")
