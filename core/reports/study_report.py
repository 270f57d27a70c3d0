"""Writes a finished study beside its cells: tables, figures and one honest page. Never runs it.

FOLDER/study.json  settings, hashes, versions    FOLDER/tables/*.csv      FOLDER/report.html
FOLDER/cells/      the finished cells            FOLDER/figures/*.svg, *.png, *.pdf
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.attacks.config import format_epsilon
from core.files import replace_file
from core.reports.analysis_package import FIGURES, TABLES, draw_folder, write_folder
from core.reports.analysis_tables import Table, Value
from core.reports.report import CITATIONS, STYLE, format_table, inline_svg
from core.reports.study_figures import draw_study
from core.sweeps.statistics import Interval
from core.sweeps.study.config import Offer
from core.sweeps.study.findings import CLAIMS, Finding, Status, list_findings
from core.sweeps.study.judge import CRITERIA, NEARNESS, Condition, StudyAnswer, judge_study
from core.sweeps.study.store import load_study
from core.types import NormName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_NAME = "report.html"
ABOUT = (
    "Everything here is simulated: no finding about brains. The true axis of every voxel is a random mixture of the "
    "main components of a network's averaged features at one layer, never offered as a candidate; noise is Gaussian; "
    "candidates are fitted by ridge to the noisy responses of the same images."
)
LIMITS = (
    "Few networks, one way of simulating and one budget: this tests the method's logic, not its power on brains.",
    "Where only one robust network is at hand, robust candidates of another architecture than the teacher's are few, "
    "and finding 4 has no answer where the robust network is itself the teacher and held out.",
    "A candidate of the teacher's own network or architecture has an advantage that real encoders need not have; "
    "hence the three offers.",
    "T divides by the shift of the best perturbation of the same budget; for a fragile truth that shift is large, "
    "so a small T may still be a visible shift. Both are in the table.",
    "Var / mean² of r has no stable interval where r is near 0 (much noise).",
)
FORMULAS = (
    ("T(A → true)", "Σ shift_true(δ_A) / Σ shift_true(δ_true) over voxels and images, same image, voxel and ε"),
    ("sensitivity", "|f_v(x + δ*) − f_v(x)| / σ_v, mean over voxels and images (SD)"),
    ("overlap", "cosine of δ_A and δ_true, mean over voxels and images"),
    ("selectivity", "T less the mean shift of the other true voxels, in the same unit"),
    ("control", "T of a random perturbation of the same norm"),
    ("rank correlation", "Spearman, over the candidates offered, of a criterion with nearness to the truth"),
)
STANDS_FOR = {"axes": "whose probes move the true voxel most", "responses": "that predicts the noiseless truth best"}


@dataclass(frozen=True, slots=True, eq=False)
class StudyReport:
    """What was found and written."""

    folder: Path
    page: Path
    answer: StudyAnswer
    findings: tuple[Finding, ...]
    tables: tuple[Table, ...]
    figures: dict[str, Figure]
    sentences: tuple[str, ...]


def write_study(folder: Path) -> StudyReport:
    """Answer the finished study of a folder and write its tables, figures and page there, replacing earlier ones.

    Raises BadInputError if it is none or cells are missing, StorageError if it cannot be written.
    """
    store = load_study(folder)
    answer = judge_study(store)
    findings = list_findings(answer)
    tables, figures = tabulate_study(answer, findings), draw_study(answer, findings)
    sentences = sum_up(answer, findings)
    write_folder(store.folder / TABLES, tables)
    draw_folder(store.folder / FIGURES, figures)
    page = store.folder / PAGE_NAME
    report = StudyReport(store.folder, page, answer, findings, tables, figures, sentences)
    text = compose_study(report, store.facts)
    replace_file(page, lambda partial: partial.write_text(text, encoding="utf-8"))
    return report


def sum_up(answer: StudyAnswer, findings: Sequence[Finding]) -> tuple[str, ...]:
    """The answer in sentences: what each criterion is worth, and how often each finding holds."""
    lines = []
    for one in (found for found in answer.overall if found.offer is Offer.HELD_OUT):
        for nearness in NEARNESS:
            parts = [
                f"{criterion}: order agrees by {one.ranks[key].describe('.2f')}, right pick in {one.hits[key]:.0%}"
                for criterion in CRITERIA
                for key in [f"{criterion} / {nearness}"]
            ]
            lines.append(
                f"Which criterion finds the candidate {STANDS_FOR[nearness]} ({one.n_recordings} simulated recordings, "
                f"teacher's network held out, chance {one.chance:.0%})? " + "; ".join(parts) + "."
            )
    for claim in CLAIMS:
        own = [one for one in findings if one.claim is claim and one.offer is Offer.HELD_OUT]
        kinds = []
        for robust, word in ((True, "robust"), (False, "standard")):
            counts = Counter(one.status for one in own if one.teacher.is_robust is robust)
            if counts:
                told = ", ".join(f"{status} in {counts[status]}" for status in Status if counts[status])
                kinds.append(f"truth in a {word} network: {told}")
        lines.append(f"{claim.title}: {'; '.join(kinds)}.")
    return tuple(lines)


def tabulate_study(answer: StudyAnswer, findings: Sequence[Finding]) -> tuple[Table, ...]:
    """Findings, criteria, verdicts and candidates."""
    return (_of_findings(findings), _of_overall(answer), _of_verdicts(answer), _of_candidates(answer))


def _spread(name: str) -> tuple[str, str, str]:
    return name, f"{name} low", f"{name} high"


def _flat(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _of_findings(findings: Sequence[Finding]) -> Table:
    rows = tuple(
        (
            one.claim.number,
            one.claim.title,
            one.teacher.label,
            one.noise,
            str(one.offer),
            *_flat(one.value),
            str(one.status),
        )
        for one in findings
    )
    columns = ("finding", "claim", "truth in", "noise (signal SD)", "offered", *_spread("value"), "status")
    return Table("findings", "When the four findings hold", columns, rows)


def _of_overall(answer: StudyAnswer) -> Table:
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (str(one.offer), one.n_recordings, *key.split(" / "), *_flat(rank), one.hits[key], one.chance)
        for one in answer.overall
        for key, rank in one.ranks.items()
    )
    columns = ("offered", "recordings", "criterion", "nearness", *_spread("mean rank correlation"))
    return Table("criteria", "What each criterion is worth", (*columns, "share of right picks", "chance"), rows)


def _of_verdicts(answer: StudyAnswer) -> Table:
    rows: list[tuple[Value, ...]] = []
    for one in answer.verdicts:
        named = [one.nearest[key].label for key in NEARNESS] + [one.picked[key].label for key in CRITERIA]
        ranks = [value for interval in one.ranks.values() for value in _flat(interval)]
        rows.append((one.teacher.label, one.noise, str(one.offer), *named, *ranks))
    columns: tuple[str, ...] = ("truth in", "noise (signal SD)", "offered")
    columns += (*(f"nearest by {key}" for key in NEARNESS), *(f"picked by {key}" for key in CRITERIA))
    keys = [f"{criterion} / {nearness}" for criterion in CRITERIA for nearness in NEARNESS]
    columns += tuple(name for key in keys for name in _spread(f"rank correlation {key}"))
    return Table("verdicts", "What each criterion picks", columns, tuple(rows))


MEASURES = {
    "r": "held-out r",
    "true_r": "r with the noiseless truth",
    "sensitivity": "sensitivity (SD)",
    "transfer": "T(candidate → true voxel)",
    "overlap": "overlap with the true perturbation",
    "selectivity": "selectivity of T",
    "control": "T of the random control",
}


def _measures(answer: StudyAnswer, condition: Condition, candidate: int) -> tuple[float, ...]:
    intervals = [answer.interval(condition, measure, candidate) for measure in MEASURES]
    return tuple(value for interval in intervals for value in _flat(interval))


def _of_candidates(answer: StudyAnswer) -> Table:
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            condition.teacher.label,
            condition.noise,
            candidate.label,
            str(condition.kinships[number]),
            "robust" if candidate.is_robust else "standard",
            float(condition.measured.true_sensitivity[0]),
            *_measures(answer, condition, number),
        )
        for condition in answer.conditions
        for number, candidate in enumerate(answer.config.candidates)
    )
    columns: tuple[str, ...] = ("truth in", "noise (signal SD)", "candidate", "related by", "kind")
    columns += ("sensitivity of the true voxels (SD)",)
    columns += tuple(name for title in MEASURES.values() for name in _spread(title))
    return Table("candidates", "Candidates", columns, rows)


def describe_study(report: StudyReport) -> str:
    """The methods as a paragraph with every setting."""
    config = report.answer.config
    grey = 255 * config.epsilon / (3 * config.side**2) ** 0.5
    noise = ", ".join(f"{level:g}" for level in config.noise)
    return (
        f"Teachers: {', '.join(name.label for name in config.teachers)}. Candidates: "
        f"{', '.join(name.label for name in config.candidates)}. Each teacher holds {config.n_voxels} voxels: random "
        f"mixtures of at most {config.n_components} principal components of its averaged features, of SD 1 over "
        f"{config.n_train} training photographs. Noise of SD {noise} was added once to {config.n_train} training and "
        f"{config.n_test} held-out responses, the same for every candidate. Ridge readouts, penalty by leave-one-out. "
        f"{config.n_images} held-out photographs were probed: projected gradient ascent, L2 "
        f"{format_epsilon(config.epsilon, NormName.L2)} at {config.side} px ({grey:.2f} grey levels RMS), "
        f"{config.n_steps} steps of 2.5 epsilon / {config.n_steps}, best iterate kept. Intervals cover "
        f"{config.confidence:.0%}: {config.n_bootstrap} resamples of voxels, probed and held-out photographs, the same "
        f"for all candidates. Seed {config.seed}."
    )


def compose_study(report: StudyReport, facts: dict[str, object]) -> str:
    """The page, which needs nothing else."""
    versions = facts["versions"] if isinstance(facts["versions"], dict) else {}
    shown = ", ".join(f"{name} {value}" for name, value in versions.items())
    hashes = facts["network_sha256"] if isinstance(facts["network_sha256"], dict) else {}
    weights = ", ".join(f"{name} {str(digest)[:12]}" for name, digest in hashes.items())
    said = "".join(f"<li>{html.escape(line)}</li>" for line in report.sentences)
    limits = "".join(f"<li>{html.escape(line)}</li>" for line in LIMITS)
    pairs = (*FORMULAS, *((f"finding {claim.number}", _word_claim(claim.number)) for claim in CLAIMS))
    formulas = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in pairs)
    figures = "".join(f"<figure>{inline_svg(figure)}</figure>" for figure in report.figures.values())
    body = "".join(format_table(table) for table in report.tables)
    cited = "".join(f"<li>{html.escape(line)}</li>" for line in CITATIONS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Probescope study</title>'
        f"<style>{STYLE}</style></head><body><h1>A test of the method on known axes</h1>"
        f'<p class="warning">{html.escape(ABOUT)}</p><ul>{said}</ul><dl>{formulas}</dl>{figures}'
        f"<h2>Limits</h2><ul>{limits}</ul><h2>Methods</h2><p>{html.escape(describe_study(report))}</p>{body}"
        f"<h2>Sources</h2><ul>{cited}</ul>"
        f'<p class="note">Device {html.escape(str(facts["device"]))}; {html.escape(shown)}. Weights: '
        f"{html.escape(weights)}.</p></body></html>\n"
    )


def _word_claim(number: int) -> str:
    claim = CLAIMS[number - 1]
    return f"{claim.title}. {claim.formula}, to lie {'above' if claim.above else 'below'} {claim.threshold:g}."
