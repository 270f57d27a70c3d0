"""Names that a spreadsheet takes for formulas are written as texts and read as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.datasets.tables import read_table
from core.errors import BadInputError
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import read_trials
from core.experiments.packages.plan import write_table
from core.reports.table import write_csv

NAMES = ("=cmd|' /C calc'!A0", "+V1", "-V1", "@SUM(1,1)", "[1, 2]", "(V1)", "V1")
IDS = ("a", "b", "=c")
VALUES = np.array([[-0.5, 1e-3, 2.0, 3.0, 4.0, 5.0, 6.0]] * 3) + np.arange(3)[:, np.newaxis]


def check(path: Path) -> None:
    """No cell opens as a formula; numbers are numbers; names are read back as they were."""
    text = io.StringIO(path.read_bytes().decode(), newline="")
    for row in csv.reader(text, delimiter="\t" if path.suffix == ".tsv" else ","):
        for cell in row:
            try:
                float(cell)
            except ValueError:
                assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")), cell
    found = read_trials([path], ReadOptions(), known=frozenset(IDS), n_voxels=None)
    assert found.ids == IDS and found.columns == NAMES
    np.testing.assert_allclose(found.values, VALUES)


def test_wide_and_long_tables_of_formulas_come_back(tmp_path: Path) -> None:
    wide = pd.DataFrame({"stimulus_id": IDS} | dict(zip(NAMES, VALUES.T, strict=True)))
    write_csv(wide, tmp_path / "wide.csv")
    check(tmp_path / "wide.csv")
    long = wide.melt(id_vars="stimulus_id", var_name="roi", value_name="response")
    write_csv(long, tmp_path / "long.csv")
    check(tmp_path / "long.csv")
    columns = list(long)
    write_table(tmp_path / "long.tsv", columns, long.to_dict("records"), delimiter="\t")
    check(tmp_path / "long.tsv")


@pytest.mark.parametrize("value", ["-0.5", "+1e-3", "-1.5 2", "n/a", "(all)"])
def test_numbers_and_words_stay_as_they_are(value: str, tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"a": [value]}), tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["a"] == [value]


def test_a_code_for_what_is_missing_is_no_measured_response(tmp_path: Path) -> None:
    table = pd.DataFrame({"stimulus_id": IDS, "V1": [0.5, -999.0, 1.5], "rt": [350.0, 999.0, 420.0]})
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(BadInputError, match=r"`V1` must be responses, .* \(others are at most 1.5\), got '-999'"):
        read_trials([tmp_path / "t.csv"], ReadOptions(), known=frozenset(IDS), n_voxels=None)
    table.replace(-999.0, np.nan).to_csv(tmp_path / "t.csv", index=False)
    found = read_trials([tmp_path / "t.csv"], ReadOptions(), known=frozenset(IDS), n_voxels=None)
    np.testing.assert_array_equal(found.values[:, 0], [0.5, np.nan, 1.5])
