"""Joins measured trials with a set's stimuli and checks them: ids, repeats, columns, sessions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from core.checks import check_choice, refusal, suggest
from core.datasets.image_files import find_names
from core.experiments.measured.planned import MeasuredPlan
from core.experiments.measured.trial import Trials
from core.probes.target import Target, TargetKind
from core.types import FloatArray
from core.words import name_some

LEAST_P = 0.001
MOST_NAMED = 6
"""Ids named in a message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """How measured trials are joined with a set.

    Parameters
    ----------
    target_columns : Column to compare a target with, by the target's label or ROI; under "" the one for all targets.
    ignore_unknown : Leave trials of ids out that are not in the set, instead of refusing the file.
    zscore : Bring every column to mean 0 and SD 1 over the trials of each session.
    unit : Unit of the measured responses, as it is to be shown.
    """

    target_columns: Mapping[str, str] = field(default_factory=dict)
    ignore_unknown: bool = False
    zscore: bool = False
    unit: str = "measured unit"


@dataclass(frozen=True, slots=True)
class MatchSummary:
    """What the files hold of a set, before anything is compared.

    Parameters
    ----------
    n_trials, n_skipped : Trials with a stimulus of the set, and trials without any stimulus.
    n_matched : Stimuli of the set with a measured response.
    unknown : Ids that are not in the set.
    missing : Stimuli of the set that were not measured.
    repeats : (repeats, stimuli with that many), ascending.
    sessions : Trials of each session.
    columns : Target and the column, or columns, it is compared with.
    n_nan : Trials without a value of their own stimulus's target.
    shared : Stimuli whose file is that of another one; their trials are put together.
    is_simulated : Whether the file says that its responses are simulated.
    """

    n_trials: int
    n_skipped: int
    n_matched: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    repeats: tuple[tuple[int, int], ...]
    sessions: tuple[tuple[str, int], ...]
    columns: tuple[tuple[str, str], ...]
    n_nan: int
    shared: int
    notes: tuple[str, ...]
    is_simulated: bool = False

    def describe(self) -> tuple[str, ...]:
        """Sentences for the command line, the page and the window."""
        repeats = ", ".join(f"{count} time{'s' if count != 1 else ''}: {many}" for count, many in self.repeats)
        lines = [
            f"{self.n_trials:,} trials of {self.n_matched:,} stimuli of the set (shown {repeats or 'never'}).",
            f"{len(self.missing):,} stimuli of the set were not measured: {name_some(self.missing, MOST_NAMED)}."
            if self.missing
            else "Every stimulus of the set was measured.",
        ]
        if self.unknown:
            lines.append(f"{len(self.unknown):,} ids are not in the set: {name_some(self.unknown, MOST_NAMED)}.")
        if self.n_skipped:
            lines.append(f"{self.n_skipped:,} trials without a stimulus (blank, fixation, catch) were left out.")
        if self.n_nan:
            lines.append(f"{self.n_nan:,} trials have no value of their target (NaN) and count as not measured.")
        if self.shared:
            lines.append(f"Stimuli with the same picture as another: {self.shared:,}; their trials are put together.")
        if len(self.sessions) > 1:
            shown = ", ".join(f"{name} ({count})" for name, count in self.sessions[:8])
            lines.append(f"{len(self.sessions)} sessions: {shown}{' ...' if len(self.sessions) > 8 else ''}.")
        lines += [f"{target} is compared with {column}." for target, column in self.columns]
        return (*lines, *self.notes)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The measured value of every target for every picture of a set.

    Parameters
    ----------
    picture_of : Row of a stimulus, by id; identical files share one.
    repeats : mapping of Target to (n_pictures, most_repeats) float64. NaN where there is no further repeat.
    voxels : mapping of pattern targets to the same of each of their voxels, where these were measured.
    """

    plan: MeasuredPlan
    findings: MatchSummary
    unit: str
    picture_of: Mapping[str, int]
    repeats: Mapping[Target, FloatArray]
    voxels: Mapping[Target, tuple[FloatArray, ...]] = field(default_factory=dict)


def match_trials(plan: MeasuredPlan, trials: Trials, options: MatchOptions) -> Measured:
    """Join trials with the set.

    Raises BadInputError if ids are unknown and are not to be ignored, none is known, a target has no column, or a
    session cannot be z-scored.
    """
    known = {stimulus.id for stimulus in plan.stimuli}
    trials = replace(trials, ids=_spell(trials.ids, sorted(known)))
    unknown = tuple(dict.fromkeys(one for one in trials.ids if one not in known))
    _check_known(plan, trials, unknown, options)
    kept = np.asarray([one in known for one in trials.ids])
    names = list(dict.fromkeys(name for target in plan.targets for name in (target.roi, target.label) if name))
    for name in filter(None, options.target_columns):
        check_choice("target_column", name, names)  # else ignored silently
    for target in plan.targets:
        _check_numbers(target, trials, options)
    found = {target: find_columns(target, trials.columns, options.target_columns) for target in plan.targets}
    values = zscore(trials.values, trials.sessions) if options.zscore else trials.values
    picture_of = _number_pictures(plan)
    rows = np.asarray([picture_of[one] for one in trials.ids if one in known])
    n_pictures, measured = max(picture_of.values()) + 1, values[kept]
    repeats = {target: _stack(measured[:, at] @ weights, rows, n_pictures) for target, (at, weights) in found.items()}
    voxels = {
        target: tuple(_stack(measured[:, place], rows, n_pictures) for place in places)
        for target, (places, _) in found.items()
        if target.kind is TargetKind.PATTERN and len(places) == len(target.voxels)
    }
    own = {stimulus.id: found[stimulus.target] for stimulus in plan.stimuli if stimulus.target in found}
    n_nan = sum(
        bool(np.isnan(row[own[one][0]]).any()) for one, row in zip(trials.ids, trials.values, strict=True) if one in own
    )
    sessions = [session for session, keep in zip(trials.sessions, kept, strict=True) if keep]
    apart = [
        f"Sessions differ in their mean response of {target.label}: shifts between stimuli of different sessions hold "
        "that, too. Bring the sessions to one scale (--zscore), or show each stimulus in all of them."
        for target, (places, weights) in found.items()
        if _differ(measured[:, places] @ weights, sessions)
    ]
    trials = replace(trials, notes=(*trials.notes, *apart))
    findings = _describe(plan, trials, sessions, n_nan=n_nan, unknown=unknown, found=found, picture_of=picture_of)
    unit = "z of the session" if options.zscore else options.unit
    return Measured(plan, findings, unit, picture_of, repeats, voxels)


def _spell(ids: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Ids as the set spells them, where each means one of its stimuli."""
    places = find_names(ids, known)
    return tuple(known[found[0]] if len(found) == 1 else one for one, found in zip(ids, places, strict=True))


def find_columns(
    target: Target, columns: Sequence[str], target_columns: Mapping[str, str]
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """The columns a target is compared with, and their weights.

    In this order: the column requested for it; one named as the target, or as its ROI where the target is the ROI; its
    voxels ("voxel 12", "v12" or "12") with the target's own weights; the only column there is.

    Raises BadInputError if none fits, and the columns are named.
    """
    if requested := _requested(target, target_columns):
        if (place := _find_column(requested, columns)) is None:
            advice = suggest(requested, list(columns)) or f"There are {', '.join(columns[:8])}."
            raise refusal("target_column", allowed="a measured column", got=requested, advice=advice)
        return _only(place)
    for name in (target.label, target.roi) if target.kind == "roi" else (target.label,):
        if (place := _find_column(name, columns)) is not None:
            return _only(place)
    numbers = {_voxel_number(name): place for place, name in enumerate(columns)}
    if all(voxel in numbers for voxel in target.voxels):
        return np.asarray([numbers[voxel] for voxel in target.voxels]), np.asarray(target.weights, dtype=np.float64)
    if len(columns) == 1:
        return _only(0)
    advice = "Say which: --target-column NAME, or --target-column TARGET=NAME."
    allowed = f"measured in one of {', '.join(columns[:12])}" + (" ..." if len(columns) > 12 else "")
    raise refusal("target", allowed=allowed, got=target.label, advice=advice)


def zscore(values: FloatArray, sessions: Sequence[str]) -> FloatArray:
    """Each column at mean 0 and SD 1 (n - 1) over the trials of each session; a column that never varies becomes NaN.

    Raises BadInputError if a session has fewer than three trials.
    """
    import pandas as pd  # kept from the window's start

    for session, count in Counter(sessions).items():
        if count < 3:
            allowed, got = "of at least 3 trials to be z-scored", f"{count} in session {session!r}"
            advice = "Leave --zscore out, or give sessions of more trials."
            raise refusal("session", allowed=allowed, got=got, advice=advice)
    groups = pd.DataFrame(values).groupby(np.asarray(sessions))
    spread = groups.transform("std").replace(0, np.nan)
    return np.asarray((values - groups.transform("mean")) / spread)


def _find_column(name: str, columns: Sequence[str]) -> int | None:
    """The place of a column as it is spelled, else in another case."""
    folded = [one.casefold() for one in columns]
    if name in columns:
        return columns.index(name)
    return folded.index(name.casefold()) if name.casefold() in folded else None


def _differ(values: FloatArray, sessions: Sequence[str]) -> bool:
    """Whether sessions differ in their mean by more than trials explain: one-way analysis of variance, p < .001."""
    import pandas as pd  # kept from the window's start

    trials = pd.Series(values).where(np.isfinite(values))
    own = trials.groupby(np.asarray(sessions))
    between, within = own.transform("mean") - trials.mean(), trials - own.transform("mean")
    freedom = own.ngroups - 1, int(trials.count()) - own.ngroups
    if min(freedom) < 1:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):  # sessions without any spread
        f = (between[trials.notna()] ** 2).sum() / freedom[0] * freedom[1] / (within**2).sum()
    return bool(special.fdtrc(*freedom, f) < LEAST_P)


def _only(place: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    return np.asarray([place]), np.ones(1)


def _voxel_number(name: str) -> int:
    """12 of "voxel 12", "voxel_12", "v12" or "12"; -1 of anything else."""
    found = re.fullmatch(r"(?:voxel[ _-]?|v)?(\d+)", name.strip(), flags=re.IGNORECASE)
    return int(found[1]) if found else -1


def _check_known(plan: MeasuredPlan, trials: Trials, unknown: tuple[str, ...], options: MatchOptions) -> None:
    n_known = len(set(trials.ids)) - len(unknown)
    if not n_known:
        advice = f"The set's ids look like {plan.stimuli[0].id!r}. Is it the file of this set?"
        raise refusal("measured", allowed="of ids of the set", got=", ".join(unknown[:3]) or "none", advice=advice)
    if unknown and not options.ignore_unknown:
        near = suggest(unknown[0], [stimulus.id for stimulus in plan.stimuli])
        advice = f"{near} Fix them, or leave them out with --ignore-unknown.".strip()
        allowed = f"ids of the set {plan.name} ({n_known} of {n_known + len(unknown)} are)"
        raise refusal("measured", allowed=allowed, got=name_some(unknown, MOST_NAMED), advice=advice)


def _check_numbers(target: Target, trials: Trials, options: MatchOptions) -> None:
    """A target's own column that holds text is an error: no other column may take its place."""
    requested = _requested(target, options.target_columns)
    wanted = {one.casefold() for one in ((requested,) if requested else (target.label, target.roi))}
    for name, text in trials.texts.items():
        if name.casefold() in wanted or (not requested and _voxel_number(name) in target.voxels):
            advice = "Write numbers with decimal points, and leave empty what was not measured."
            raise refusal(f"column {name}", allowed="of numbers", got=text, advice=advice)


def _requested(target: Target, columns: Mapping[str, str]) -> str:
    """The column asked for by a target's label or ROI, or for all targets; "" for none."""
    return next((columns[name] for name in (target.label, target.roi, "") if name in columns), "")


def _number_pictures(plan: MeasuredPlan) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for stimulus in plan.stimuli:
        numbers.setdefault(stimulus.row.file_sha256, len(numbers))
    return {stimulus.id: numbers[stimulus.row.file_sha256] for stimulus in plan.stimuli}


def _stack(values: FloatArray, rows: npt.NDArray[np.int64], n_pictures: int) -> FloatArray:
    """Values of trials as (n_pictures, most_repeats), NaN behind the last repeat."""
    import pandas as pd  # kept from the window's start

    table = pd.DataFrame({"picture": rows, "value": values}).query("abs(value) < inf")
    table["repeat"] = table.groupby("picture").cumcount()
    wide = table.pivot(index="picture", columns="repeat", values="value").reindex(range(n_pictures))
    return np.asarray(wide.reindex(columns=range(max(wide.shape[1], 1))), dtype=np.float64)


def _describe(
    plan: MeasuredPlan,
    trials: Trials,
    sessions: Sequence[str],
    *,
    n_nan: int,
    unknown: tuple[str, ...],
    found: Mapping[Target, tuple[npt.NDArray[np.int64], FloatArray]],
    picture_of: Mapping[str, int],
) -> MatchSummary:
    shown = Counter(picture_of[one] for one in trials.ids if one in picture_of)
    measured = [stimulus.id for stimulus in plan.stimuli if picture_of[stimulus.id] in shown]
    return MatchSummary(
        n_trials=len(sessions),
        n_skipped=trials.n_skipped,
        n_matched=len(measured),
        unknown=unknown,
        missing=tuple(stimulus.id for stimulus in plan.stimuli if picture_of[stimulus.id] not in shown),
        repeats=tuple(sorted(Counter(shown.values()).items())),
        sessions=tuple(Counter(sessions).items()),
        columns=tuple((target.label, _name_columns(places, trials.columns)) for target, (places, _) in found.items()),
        n_nan=n_nan,
        shared=len(plan.stimuli) - len(set(picture_of.values())),
        notes=trials.notes,
        is_simulated=trials.is_simulated,
    )


def _name_columns(places: npt.NDArray[np.int64], columns: Sequence[str]) -> str:
    if len(places) == 1:
        return f"column {columns[places[0]]!r}"
    return f"the weighted sum of {len(places)} columns ({columns[places[0]]!r} ...)"
