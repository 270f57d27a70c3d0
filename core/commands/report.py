"""The `report` command: one self-contained page of finished analyses. Never runs a sweep."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `report` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "report",
        help="one HTML page of finished analyses: methods, formulas, figures, tables",
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folders of finished analyses")
    parser.add_argument("--out", type=Path, help="the page (default: report.html in the first folder)")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the page; returns 0. Raises ProbeError with one clear sentence otherwise."""
    from core.reports.analysis_package import write_report

    print(write_report(args.folders, args.out))
    return 0
