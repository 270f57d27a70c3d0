"""Writes a finished study beside its cells: tables, figures and one honest page.

FOLDER/study.json  settings, hashes, versions    FOLDER/tables/*.csv      FOLDER/report.html
FOLDER/cells/      the finished cells            FOLDER/figures/*.svg, *.png, *.pdf
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.attacks.config import MOST_TO_GAIN
from core.files import replace_file
from core.reports.analysis_package import FIGURES, REPORT_NAME, TABLES, describe_computed, tabulate_computed
from core.reports.draw_plot import inline_svg, write_figures
from core.reports.study_figures import draw_study
from core.reports.table import Table, make_table, write_tables
from core.sweeps.cells import load_store
from core.sweeps.config import size_of_one
from core.sweeps.statistics import Interval
from core.sweeps.study.config import CandidateSet
from core.sweeps.study.evaluate import CRITERIA, LEAST_RANKED, NEARNESS, StudyAnswer, evaluate_study
from core.sweeps.study.hypotheses import HYPOTHESES, Outcome, Status, list_outcomes
from core.sweeps.study.plan import STUDY
from core.templates import fill_template

STANDS_FOR = {"axes": "whose probes move the true voxel most", "responses": "that predicts the noiseless truth best"}
MEASURES = {
    "r": "held-out r",
    "true_r": "r with the noiseless truth",
    "sensitivity": "sensitivity (SD)",
    "transfer": "T(candidate → true voxel)",
    "overlap": "overlap with the true perturbation",
    "selectivity": "selectivity of T",
    "control": "T of the random control",
}


@dataclass(frozen=True, slots=True, eq=False)
class StudyReport:
    """The page that was written, its tables, and the answer in sentences."""

    page: Path
    tables: tuple[Table, ...]
    sentences: tuple[str, ...]


def write_study(folder: Path) -> StudyReport:
    """Answer the finished study of a folder and write its tables, figures and page there, replacing earlier ones.

    Raises BadInputError if it is none or cells are missing, StorageError if it cannot be written.
    """
    store = load_store(STUDY, folder)
    answer = evaluate_study(store)
    outcomes = list_outcomes(answer)
    tables, figures = (*tabulate_study(answer, outcomes), tabulate_computed(store)), draw_study(answer, outcomes)
    write_tables(tables, store.folder / TABLES)
    write_figures(figures, store.folder / FIGURES)
    report = StudyReport(store.folder / REPORT_NAME, tables, sum_up(answer, outcomes))
    text = fill_template(
        "study.html",
        sentences=report.sentences,
        hypotheses=HYPOTHESES,
        figures=[inline_svg(figure) for figure in figures.values()],
        config=answer.config,
        noise=", ".join(f"{level:g}" for level in answer.config.noise),
        grey=f"{255 * answer.config.epsilon / size_of_one(answer.config.norm, answer.config.side):.2f}",
        tables=tables,
        computed=describe_computed(tables[-1]),
        facts=store.facts,
    )
    replace_file(report.page, lambda partial: partial.write_text(text, encoding="utf-8"))
    return report


def sum_up(answer: StudyAnswer, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The answer in sentences: what each criterion is worth, and how often each finding holds."""
    lines = []
    held_out = [found for found in answer.overall if found.candidate_set is CandidateSet.HELD_OUT]
    if not held_out:
        lines.append(
            f"No order of candidates: fewer than {LEAST_RANKED} are left with the teacher's network and its relatives "
            "held out."
        )
    for one in held_out:
        for nearness in NEARNESS:
            parts = [
                f"{criterion}: order agrees by {_tell(one.ranks[key])}, right pick in {one.hits[key]:.0%}"
                for criterion in CRITERIA
                for key in [f"{criterion} / {nearness}"]
            ]
            lines.append(
                f"Which criterion finds the candidate {STANDS_FOR[nearness]} ({one.n_recordings} simulated recordings, "
                f"of {one.n_teachers} teachers, {one.candidate_set}, chance {one.chance:.0%})? "
                + "; ".join(parts)
                + f".{' ' * bool(one.note)}{one.note}"
            )
    for hypothesis in HYPOTHESES:
        own = [one for one in outcomes if one.hypothesis is hypothesis and one.candidate_set is CandidateSet.HELD_OUT]
        kinds = []
        for robust, word in ((True, "robust"), (False, "standard")):
            counts = Counter(one.status for one in own if one.teacher.is_robust is robust)
            if counts:
                told = ", ".join(f"{status} in {counts[status]}" for status in Status if counts[status])
                kinds.append(f"truth in a {word} network: {told}")
        lines.append(f"{hypothesis.title}: {'; '.join(kinds)}.")
    return (*lines, *_tell_convergence(answer))


def _tell_convergence(answer: StudyAnswer) -> Iterator[str]:
    to_gain = np.stack([one.to_gain for one in answer.conditions])
    for title, values in (("candidates", to_gain[:, 1:]), ("the true voxels", to_gain[:, 0])):
        known = values[np.isfinite(values)]
        if known.size < values.size:
            yield f"Convergence: not known of {1 - known.size / values.size:.0%} of the attacks on {title}."
        if known.size:
            share = (known > MOST_TO_GAIN).mean()
            yield (
                f"Convergence: {share:.0%} of the attacks on {title} would still gain over {MOST_TO_GAIN:.0%} "
                f"with more steps, at most {known.max():.0%}."
            )


def _tell(rank: Interval) -> str:
    """The value, with its interval where there is one."""
    return rank.describe(".2f") if np.isfinite(rank.low) else f"{rank.value:.2f}"


def tabulate_study(answer: StudyAnswer, outcomes: Sequence[Outcome]) -> tuple[Table, ...]:
    """Hypotheses, criteria, results of each recording and candidates."""
    found = (
        {
            "finding": one.hypothesis.number,
            "claim": one.hypothesis.title,
            "truth in": one.teacher.label,
            "noise (signal SD)": one.noise,
            "offered": one.candidate_set,
            "value": one.value,
            "status": one.status,
        }
        for one in outcomes
    )
    criteria = (
        {"offered": one.candidate_set, "recordings": one.n_recordings, "teachers": one.n_teachers}
        | dict(zip(("criterion", "nearness"), key.split(" / "), strict=True))
        | {"mean rank correlation": rank, "share of right picks": one.hits[key], "chance": one.chance}
        | {"note": one.note}
        for one in answer.overall
        for key, rank in one.ranks.items()
    )
    return (
        make_table("findings", "When the four findings hold", found),
        make_table("criteria", "What each criterion is worth", criteria),
        make_table("verdicts", "What each criterion picks", _results(answer)),
        make_table("candidates", "Candidates", _candidates(answer)),
    )


def _results(answer: StudyAnswer) -> Iterator[dict[str, Any]]:
    for one in answer.results:
        row: dict[str, Any] = {"truth in": one.teacher.label, "noise (signal SD)": one.noise}
        row |= {"offered": one.candidate_set}
        row |= {f"nearest by {key}": one.nearest[key].label for key in NEARNESS}
        row |= {f"picked by {key}": one.picked[key].label for key in CRITERIA}
        yield row | {f"rank correlation {key}": rank for key, rank in one.ranks.items()}


def _candidates(answer: StudyAnswer) -> Iterator[dict[str, Any]]:
    for condition in answer.conditions:
        for number, candidate in enumerate(answer.config.candidates):
            row: dict[str, Any] = {"truth in": condition.teacher.label, "noise (signal SD)": condition.noise}
            row |= {"candidate": candidate.label, "related by": condition.relations[number]}
            row |= {"kind": "robust" if candidate.is_robust else "standard"}
            row |= {"sensitivity of the true voxels (SD)": condition.measures.true_sensitivity[0, 0]}
            row |= {title: answer.interval(condition, measure, number) for measure, title in MEASURES.items()}
            places = {"to gain (share)": number + 1, "to gain of the true voxels (share)": 0}
            yield row | {title: condition.to_gain[place].max() for title, place in places.items()}
