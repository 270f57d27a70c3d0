"""The `meaning` command: the options and the question. Never runs a sweep itself."""

from __future__ import annotations

import argparse

from core.commands.sweep_options import add_sweep_parser
from core.sweeps.config import Question


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `meaning` to the program's sub-commands."""
    return add_sweep_parser(
        subparsers,
        Question.MEANING,
        "which ROIs, places and spatial frequencies the perturbations of each encoder touch",
    )
