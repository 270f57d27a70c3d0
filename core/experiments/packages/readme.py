"""The README of a package: what it holds, how to run it, what to know before. Never computes anything."""

from __future__ import annotations

from core.experiments.packages.plan import Plan
from core.files import hash_file
from core.stimuli.manifest import MANIFEST, TABLE


def word_readme(plan: Plan, *, kind: str, title: str, how_to: str, has_trials: bool) -> str:
    """The README in Markdown; the same for the same plan."""
    stimuli = plan.stimuli
    facts = plan.describe() if has_trials else (plan.describe_set(),)
    warnings = plan.warnings() if has_trials else ()
    made_of = (
        f"`{MANIFEST}` and `{TABLE}` describe every stimulus (they are copies of the set's own): how it was made, what "
        f"it is predicted to do, its SHA-256; `SET_README.md` explains them and states "
        f"licences and sources. Set: {stimuli.name}, {MANIFEST} SHA-256 "
        f"`{hash_file(stimuli.folder / MANIFEST)}`."
    )
    options, given = (" --timing timing.toml", "set and template give") if has_trials else ("", "set gives")
    again = f"Made with `main.py package SET --kind {kind}{options} --out FOLDER`: the same {given} the same bytes."
    parts = [
        f"# {stimuli.name}: {title} package",
        "\n".join(f"- {fact}" for fact in facts),
        how_to.strip(),
        "\n".join(["## Know before you start", "", *(f"- {warning}" for warning in warnings)]) if warnings else "",
        f"## What it was made of\n\n{made_of}\n\n{again}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
