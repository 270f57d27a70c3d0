"""The `reproduce` command: runs a saved probe again and compares it bit for bit. Never changes the saved file."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.commands.interrupt import stop_on_interrupt
from core.engine import Engine

DIFFERS = 1


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add `reproduce` to the program's sub-commands."""
    parser = subparsers.add_parser(
        "reproduce",
        help="run a saved probe again and compare every number",
        epilog="Exit codes: 0 identical bit for bit, 1 not identical, 2 bad input.",
    )
    parser.add_argument("probe", type=Path, help="the .json of a saved probe")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Reproduce and tell; returns 0 if every number came out bit for bit, else 1."""
    from core.probes.files import load_probe
    from core.probes.reproduce import iter_reproduce

    probe = load_probe(args.probe)
    engine = Engine(device=args.device)
    encoder = engine.open_encoder(probe.config.subject, probe.config.network, probe.config.layer)
    others = engine.open_ensemble(probe.config)
    result = None
    with stop_on_interrupt() as should_stop:
        for progress in iter_reproduce(encoder, probe, should_stop=should_stop, others=others):
            result = progress.result
    if result is None:
        raise RuntimeError("The repetition ended without a result.")
    print(result.describe())
    return 0 if result.identical else DIFFERS
