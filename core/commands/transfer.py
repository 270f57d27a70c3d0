"""The `transfer` command: the options and the question. Never runs a sweep itself."""

from __future__ import annotations

import argparse

from core.commands.sweep_options import add_sweep_parser
from core.sweeps.config import Question


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `transfer` to the program's sub-commands."""
    return add_sweep_parser(
        subparsers,
        Question.TRANSFER,
        "what perturbations made on one encoder do to the others, with controls of equal norm",
    )
