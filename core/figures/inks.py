"""The colours of printed figures and of movies, by what they draw."""

from __future__ import annotations

from dataclasses import dataclass

from core.checks import check_choice


@dataclass(frozen=True, slots=True)
class Inks:
    """One theme, every colour as "#rrggbb".

    `shift` is the attack, `first_order` its linear prediction, `control` the random perturbation, `flipped` the negated
    one, `target` the target ROI; distinguishable with the common colour blindnesses.
    """

    name: str
    paper: str
    text: str
    muted: str
    line: str
    shift: str
    first_order: str
    control: str
    flipped: str
    target: str


LIGHT = Inks(
    name="light",
    paper="#ffffff",
    text="#16191d",
    muted="#596270",
    line="#c4cad2",
    shift="#1f6fc9",
    first_order="#16191d",
    control="#8b939e",
    flipped="#d1642e",
    target="#1f6fc9",
)
DARK = Inks(
    name="dark",
    paper="#121417",
    text="#e7e9ed",
    muted="#979faa",
    line="#3a404a",
    shift="#5aa2f0",
    first_order="#e7e9ed",
    control="#7b8390",
    flipped="#f0795b",
    target="#5aa2f0",
)
THEMES = {inks.name: inks for inks in (LIGHT, DARK)}


def find_inks(name: str) -> Inks:
    """The inks of a theme, "light" (for print) or "dark". Raises BadInputError for another name."""
    return THEMES[check_choice("theme", name, THEMES)]
