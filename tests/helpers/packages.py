"""Packages of an experiment, written at once."""

from __future__ import annotations

from pathlib import Path

from core.experiments.packages.package import PackageKind, iter_package
from core.experiments.packages.plan import PackagePlan
from core.progress import run_to_end


def write_package(plan: PackagePlan, kind: PackageKind, folder: Path) -> Path:
    """Write a package; returns its folder."""
    return run_to_end(iter_package(plan, kind, folder))
