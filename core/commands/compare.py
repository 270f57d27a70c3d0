"""The `compare` command: measured responses against a stimulus set's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from core.checks import refusal
from core.commands.options import Given, Json, about, announce, explained, takes
from core.commands.output import answer, finish, format_table, split
from core.experiments.measured.compare import Comparison, Cut, iter_compare
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.practise import SimulateOptions
from core.experiments.measured.trial import ReadOptions
from core.files import check_free

TEMPLATE, SIMULATE = "template", "simulate"
EXPLANATION = """\
main.py compare SET MEASURED [MEASURED...]   does every probe's target move as predicted? SET: folder or manifest.json
main.py compare template SET [FILE]          write an empty table to fill in
main.py compare simulate SET [FILE]          write SIMULATED responses, to practise with

MEASURED: a table (csv, tsv, json: one line a trial with the stimulus and a column for each voxel, ROI or measure; or
long: stimulus, roi, response; BIDS events, PsychoPy's and jsPsych's data too), betas (npy, npz, h5: a row a trial) or
a 4-D NIfTI file. Repeats are further lines of the same stimulus. Trials of a betas file are named by --ids.
--json prints {"set", "simulated", "measured_unit", "predicted_unit", "settings", "found", "warnings", "formulas",
"rows": [{"network", "measure", "cut", "value", "n_probes", "shift", "dz", "n_agree", "p_sign", "p_holm", "r", "slope",
"ceiling", ...}]}."""


@explained(EXPLANATION)
@takes(
    (ReadOptions, "id_column session_column key mask resample"),
    (MatchOptions, "ignore_unknown zscore unit"),
    (CompareConfig, "control scale cluster n_bootstrap confidence least_slope seed"),
    (SimulateOptions, "truth gain noise n_sessions", {"": "simulate: ", "sessions": "simulate: of the repeats"}),
)
def run_compare(
    *words: Annotated[
        str,
        about("a set, then files; or: template SET [FILE], simulate SET [FILE]", metavar="SET MEASURED", required=True),
    ],
    target_column: Annotated[
        tuple[str, ...], about("[TARGET=]COLUMN to compare with, of all targets or of one by ROI or label; repeatable")
    ] = (),
    ids: Annotated[
        tuple[Path, ...], about("of betas: the stimulus of each trial, a line each, or an events table; repeatable")
    ] = (),
    columns: Annotated[str, about("of arrays: names of the columns, comma-separated, or `voxels`")] = "",
    roi: Annotated[tuple[str, ...], about("NAME=MASK, of NIfTI: mean inside a mask; repeatable")] = (),
    out: Annotated[Path | None, about("new folder for report, tables and figures; or the file to write")] = None,
    repeats: Annotated[int | None, about("template, simulate: showings of each stimulus (default: 1, 3)")] = None,
    json: Json = False,
    given: Given,
) -> int:
    """Compare, or write a table; returns 0. Raises ProbeError with one clear sentence otherwise."""
    if words[0] in (TEMPLATE, SIMULATE):
        return _write(words, out, repeats, given)
    if len(words) < 2:
        advice = "`main.py compare template SET` writes an empty table to fill in."
        raise refusal("measured", allowed="at least one file", got=None, advice=advice)
    from core.experiments.measured.compare_report import write_comparison
    from core.experiments.measured.compare_tables import pack_comparison
    from core.experiments.measured.trials import open_measured

    if out is not None:
        check_free(out)
    config = given.make(CompareConfig)
    masks = tuple((name, Path(mask)) for name, mask in split_pairs(roi, "roi").items())
    reading = given.make(ReadOptions, ids=ids, columns=split(columns), rois=masks)
    matching = given.make(MatchOptions, target_columns=split_pairs(target_column, "target_column"))
    announce(reading, matching, config)
    measured = open_measured(Path(words[0]), [Path(word) for word in words[1:]], reading, matching)
    comparison = finish(lambda stop: iter_compare(measured, config, should_stop=stop))
    page = None if out is None else write_comparison(comparison, out)
    if json:
        return answer(pack_comparison(comparison) | {"report": None if page is None else str(page)}, "", as_json=True)
    _print(comparison)
    if page is not None:
        print(page)
    return 0


def split_pairs(words: Sequence[str], name: str) -> dict[str, str]:
    """ "FFA=ffa_mean" as a mapping; a word without = stands under "". Raises BadInputError if one has no value."""
    pairs = {}
    for word in words:
        key, mark, value = word.rpartition("=")
        if not value or (mark and not key):
            raise refusal(name, allowed="NAME=VALUE", got=word)
        pairs[key] = value
    return pairs


def _write(words: Sequence[str], out: Path | None, repeats: int | None, given: Given) -> int:
    from core.experiments.measured.planned import plan_set
    from core.experiments.measured.practise import simulate_responses, write_template
    from core.stimuli.manifest import read_manifest

    if not 2 <= len(words) <= 3:
        raise refusal("words", allowed=f"{words[0]} SET [FILE]", got=" ".join(words))
    plan = plan_set(read_manifest(Path(words[1])))
    usual = Path(f"{plan.name}_{'simulated' if words[0] == SIMULATE else 'measured'}.csv")
    path = Path(words[2]) if len(words) == 3 else out or usual
    if words[0] == TEMPLATE:
        print(write_template(plan, path, n_repeats=1 if repeats is None else repeats))
        return 0
    seed = given.make(CompareConfig).seed
    options = given.make(SimulateOptions, n_repeats=3 if repeats is None else repeats, seed=seed)
    print(f"SIMULATED responses ({options.describe()}): {simulate_responses(plan, path, options)}")
    return 0


def _print(comparison: Comparison) -> None:
    """Findings, answer, warnings and the table of networks."""
    from core.experiments.measured.compare_tables import describe_comparison, lay_out_row

    for line in (*comparison.measured.findings.describe(), "", *describe_comparison(comparison)):
        print(line)
    for line in comparison.warnings:
        print(f"Note: {line}")
    laid = [lay_out_row(row) for row in comparison.rows if row.cut is Cut.ALL]
    rows = [{name: cell for name, cell in row.items() if name != "group"} for row in laid]
    print()
    print(format_table(rows))
