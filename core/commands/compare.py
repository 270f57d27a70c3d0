"""The `compare` command: measured responses against a stimulus set's predictions. Never computes a statistic itself."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.checks import check_choice, describe_refusal
from core.commands.interrupt import stop_on_interrupt
from core.commands.listing import format_table
from core.errors import BadInputError
from core.files import check_free

if TYPE_CHECKING:
    from core.experiments.measured.compare import Comparison
    from core.experiments.measured.measured import MatchOptions
    from core.experiments.measured.trials import ReadOptions

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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `compare` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "compare",
        help="compare measured responses with the shifts a stimulus set predicted",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="SET MEASURED", help="or: template SET [FILE], simulate SET [FILE]")
    parser.add_argument(
        "--target-column",
        action="append",
        default=[],
        metavar="[TARGET=]COLUMN",
        help="column to compare with: of all targets, or of one by its ROI or label; again for others",
    )
    parser.add_argument("--id-column", default="", help="column that names the stimulus")
    parser.add_argument("--session-column", default="", help="column that names the session")
    parser.add_argument(
        "--ids",
        type=Path,
        action="append",
        default=[],
        help="of betas: the stimulus of each trial, a line each, or an events table; again for further runs",
    )
    parser.add_argument("--key", default="", help="of npz and HDF5: the array of responses")
    parser.add_argument("--columns", default="", help="of arrays: names of the columns, or `voxels`")
    parser.add_argument("--roi", action="append", default=[], metavar="NAME=MASK", help="of NIfTI: mean inside a mask")
    parser.add_argument("--mask", type=Path, help="of NIfTI: its voxels are the subject's voxels, in C order")
    parser.add_argument("--ignore-unknown", action="store_true", help="leave out ids that are not in the set")
    parser.add_argument("--zscore", action="store_true", help="z-score each column within each session")
    parser.add_argument("--unit", default="measured unit", help="unit of the measured responses, as shown")
    parser.add_argument("--control", default="", help="role of the control (default control_random)")
    parser.add_argument("--scale", default="unit", help="predicted shifts in `unit` (default) or `sd`")
    parser.add_argument("--cluster", default="probe", help="draw each `probe` anew (default), or each `image`")
    parser.add_argument("--bootstrap", type=int, default=2000, help="resamples (default 2000)")
    parser.add_argument("--confidence", type=float, default=0.95, help="of intervals (default 0.95)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="new folder for report, tables and figures; or the file to write")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeats", type=int, help="template, simulate: showings of each stimulus (1, 3)")
    parser.add_argument("--truth", default="", help='simulate: network whose predictions are true, or "none"')
    parser.add_argument("--gain", type=float, default=1.0, help="simulate: measured shift for one predicted (1)")
    parser.add_argument("--noise", type=float, default=1.0, help="simulate: noise of a trial, in predicted SDs (1)")
    parser.add_argument("--sessions", type=int, default=1, help="simulate: sessions the repeats are spread over (1)")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Compare, or write a table; returns 0. Raises ProbeError with one clear sentence otherwise."""
    if args.words[0] in (TEMPLATE, SIMULATE):
        return _write(args)
    if len(args.words) < 2:
        advice = "`main.py compare template SET` writes an empty table to fill in."
        raise BadInputError(describe_refusal("measured", allowed="at least one file", got=None, advice=advice))
    return _compare(args)


def split_pairs(words: Sequence[str], name: str) -> dict[str, str]:
    """ "FFA=ffa_mean" as a mapping; a word without = stands under "". Raises BadInputError if one has no value."""
    pairs = {}
    for word in words:
        key, mark, value = word.rpartition("=")
        if not value or (mark and not key):
            raise BadInputError(describe_refusal(name, allowed="NAME=VALUE", got=word))
        pairs[key] = value
    return pairs


def _write(args: argparse.Namespace) -> int:
    from core.experiments.measured.planned import plan_set
    from core.experiments.measured.practise import SimulateOptions, simulate_responses, write_template
    from core.stimuli.manifest import read_manifest

    if not 2 <= len(args.words) <= 3:
        raise BadInputError(describe_refusal("words", allowed=f"{args.words[0]} SET [FILE]", got=" ".join(args.words)))
    plan = plan_set(read_manifest(Path(args.words[1])))
    usual = Path(f"{plan.name}_{'simulated' if args.words[0] == SIMULATE else 'measured'}.csv")
    path = Path(args.words[2]) if len(args.words) == 3 else args.out or usual
    if args.words[0] == TEMPLATE:
        print(write_template(plan, path, n_repeats=1 if args.repeats is None else args.repeats))
        return 0
    options = SimulateOptions(
        truth=args.truth,
        gain=args.gain,
        noise=args.noise,
        n_repeats=3 if args.repeats is None else args.repeats,
        n_sessions=args.sessions,
        seed=args.seed,
    )
    print(f"SIMULATED responses ({options.describe()}): {simulate_responses(plan, path, options)}")
    return 0


def _compare(args: argparse.Namespace) -> int:
    from core.experiments.measured.compare import Cluster, CompareConfig, iter_compare
    from core.experiments.measured.compare_report import write_comparison
    from core.experiments.measured.compare_tables import pack_comparison
    from core.experiments.measured.open_measured import open_measured
    from core.experiments.measured.planned import Scale

    if args.out is not None:
        check_free(args.out)
    config = CompareConfig(
        control=args.control,
        scale=Scale(check_choice("scale", args.scale, [str(one) for one in Scale])),
        cluster=Cluster(check_choice("cluster", args.cluster, [str(one) for one in Cluster])),
        n_bootstrap=args.bootstrap,
        confidence=args.confidence,
        seed=args.seed,
    )
    reading, matching = _choose_reading(args)
    measured = open_measured(Path(args.words[0]), [Path(word) for word in args.words[1:]], reading, matching)
    with stop_on_interrupt() as should_stop:
        *_, last = iter_compare(measured, config, should_stop=should_stop)
    comparison = last.result
    if comparison is None:
        raise RuntimeError("The comparison ended without an answer.")
    page = None if args.out is None else write_comparison(comparison, args.out)
    if args.json:
        print(json.dumps(pack_comparison(comparison) | {"report": None if page is None else str(page)}))
        return 0
    _print(comparison)
    if page is not None:
        print(page)
    return 0


def _choose_reading(args: argparse.Namespace) -> tuple[ReadOptions, MatchOptions]:
    from core.experiments.measured.measured import MatchOptions
    from core.experiments.measured.trials import ReadOptions

    reading = ReadOptions(
        id_column=args.id_column,
        session_column=args.session_column,
        ids=tuple(args.ids),
        key=args.key,
        columns=tuple(name.strip() for name in args.columns.split(",") if name.strip()),
        rois=tuple((name, Path(mask)) for name, mask in split_pairs(args.roi, "roi").items()),
        mask=args.mask,
    )
    matching = MatchOptions(
        target_columns=split_pairs(args.target_column, "target_column"),
        ignore_unknown=args.ignore_unknown,
        zscore=args.zscore,
        unit=args.unit,
    )
    return reading, matching


def _print(comparison: Comparison) -> None:
    """Findings, answer, warnings and the table of networks."""
    from core.experiments.measured.compare import Cut
    from core.experiments.measured.compare_tables import describe_comparison, lay_out_row

    for line in (*comparison.measured.findings.describe(), "", *describe_comparison(comparison)):
        print(line)
    for line in comparison.warnings:
        print(f"Note: {line}")
    laid = [lay_out_row(row) for row in comparison.rows if row.cut is Cut.ALL]
    rows = [{name: cell for name, cell in row.items() if name != "group"} for row in laid]
    print()
    print(format_table(rows))
