"""Seeded trial orders: which stimulus when, in which run, for which participant.

A *unit* is one showing of a whole pair (original, perturbed, controls of one image). Units go to runs, each source
image gets its places in a run, and the members of a unit share their image's places:

- every run holds equally many units (to within one), also of each direction, target and network within a repeat, and a
  pair's repeats lie in different runs as long as there are runs;
- of any `spacing` + 1 stimuli in a row, no two come from the same source image;
- over the units, every role comes first, second, ... equally often (to within one), and before any other role as often
  as after it.

Catch trials and blanks are put in afterwards, so they only draw repeats further apart.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, gcd

import numpy as np

from core.checks import check_count, refusal
from core.seeds import make_stream
from core.stimuli.manifest import ManifestRow, pair_rows

DRAWS = 50
"""Random draws of an order before the certain one: most frequent image first."""

MOST_TRIALS = 200_000
"""Of all participants together; far above any study; a typing error must not fill the memory."""

TURNS = 8
"""Ways to turn a group of pairs that are tried; more spread the images hardly better and take long."""


class TrialKind(StrEnum):
    """What a trial shows."""

    STIMULUS = "stimulus"
    CATCH = "catch"
    BLANK = "blank"


class CatchKind(StrEnum):
    """What a catch trial is: a dot at fixation without an image, or the image before once more."""

    DOT = "dot"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class OrderConfig:
    """How stimuli become trials.

    Parameters
    ----------
    runs : Runs a participant sees; 0 for as many as `stimuli_per_run` asks for.
    repeats : How often a participant sees each stimulus, over all runs.
    participants : Each gets orders of its own.
    stimuli_per_run : Stimuli of a run, where `runs` does not say; 90 in the published template.
    catch_per_run : Catch trials a run; 4 in the published template.
    blanks_per_run : Blank trials a run.
    catch_kind : A dot at fixation, or the image before again.
    spacing : The stimuli before a stimulus that never come from the same source image; 0 allows immediate repeats.
    seed : Of the trial orders.
    """

    runs: int = 0
    repeats: int = 1
    participants: int = 1
    stimuli_per_run: int = 90
    catch_per_run: int = 4
    blanks_per_run: int = 0
    catch_kind: CatchKind = CatchKind.DOT
    spacing: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("repeats", "participants", "stimuli_per_run"):
            check_count(name, getattr(self, name))
        for name in ("runs", "catch_per_run", "blanks_per_run", "spacing", "seed"):
            check_count(name, getattr(self, name), least=0)
        if self.catch_kind not in list(CatchKind):
            raise refusal("catch_kind", allowed=" or ".join(CatchKind), got=self.catch_kind)


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial; `row` is the stimulus shown, None for a blank and for a dot."""

    kind: TrialKind
    row: ManifestRow | None = None


Run = tuple[Trial, ...]


def make_orders(items: Sequence[ManifestRow], config: OrderConfig) -> tuple[tuple[Run, ...], ...]:
    """The runs of every participant: same items and config, same orders.

    Raises BadInputError if the options contradict each other, and see `check_orders`.
    """
    check_orders(items, config)
    return tuple(_order_participant(items, config, number) for number in range(config.participants))


def check_orders(items: Sequence[ManifestRow], config: OrderConfig) -> None:
    """Refuse what no order can meet, before anything is made.

    A run of m stimuli in which the most frequent source image comes c times, as do k images in all, can keep them
    apart by s if and only if (c - 1)(s + 1) + k <= m.

    Raises BadInputError if there is nothing to show, a run would stay empty, the spacing cannot be kept, or too many
    catch trials are asked for.
    """
    if not items:
        raise refusal("set", allowed="a set with at least one stimulus", got="none")
    _check_size(items, config)
    n_units = config.repeats * len(pair_rows(items))
    if config.runs > n_units:
        advice = f"There are {len(pair_rows(items))} pairs, shown {config.repeats} times each. Ask for more repeats."
        raise refusal("runs", allowed=f"at most {n_units}", got=config.runs, advice=advice)
    for number in range(config.participants):
        for run, units in enumerate(_deal(items, config, number), 1):
            shown = [item for unit in units for item in unit]
            _check_spacing(shown, config, run)
            if config.catch_per_run >= len(shown):
                allowed = f"below the {len(shown)} stimuli of run {run}"
                advice = "Every catch trial follows a stimulus of its own."
                raise refusal("catch_per_run", allowed=allowed, got=config.catch_per_run, advice=advice)


def count_runs(items: Sequence[ManifestRow], config: OrderConfig) -> int:
    """How many runs each participant sees."""
    wanted = config.runs or ceil(len(items) * config.repeats / config.stimuli_per_run)
    return wanted if config.runs else min(wanted, config.repeats * len(pair_rows(items)))


def widest_spacing(counts: Mapping[str, int]) -> int | None:
    """The largest spacing that one run can keep if its source images come so often; None where none repeats."""
    most = max(counts.values())
    ties = sum(count == most for count in counts.values())
    return None if most == 1 else (sum(counts.values()) - ties) // (most - 1) - 1


def _check_size(items: Sequence[ManifestRow], config: OrderConfig) -> None:
    others = (config.catch_per_run + config.blanks_per_run) * count_runs(items, config)
    trials = config.participants * (config.repeats * len(items) + others)
    if trials > MOST_TRIALS:
        advice = "Ask for fewer participants, repeats, catch trials or blanks."
        allowed = f"of at most {MOST_TRIALS:,} trials over all participants"
        raise refusal("experiment", allowed=allowed, got=trials, advice=advice)


def _check_spacing(shown: Sequence[ManifestRow], config: OrderConfig, run: int) -> None:
    widest = widest_spacing(Counter(item.source_image for item in shown))
    if widest is None or config.spacing <= widest:
        return
    image, count = Counter(item.source_image for item in shown).most_common(1)[0]
    advice = (
        f"Run {run} shows {image!r} {count} times among {len(shown)} stimuli. "
        "Add stimuli of other images, spread them over more runs, or lower the spacing."
    )
    raise refusal("spacing", allowed=f"at most {widest}", got=config.spacing, advice=advice)


Unit = tuple[ManifestRow, ...]


def _deal(items: Sequence[ManifestRow], config: OrderConfig, participant: int) -> list[list[Unit]]:
    """The units of every run.

    The pairs are dealt to the K runs in turn, once a repeat. Each repeat begins where the one before left off, so that
    all runs stay equally full to within one, and one run further when that would give a pair a run it had already.
    """
    n_runs = count_runs(items, config)
    stream = make_stream(config.seed, "deal", participant)
    pairs = _line_up(list(pair_rows(items).values()), n_runs, stream)
    runs: list[list[Unit]] = [[] for _ in range(n_runs)]
    cycle = n_runs // gcd(len(pairs), n_runs)
    for repeat in range(config.repeats):
        within = repeat % n_runs
        start = within * len(pairs) + within // cycle
        for index, pair in enumerate(pairs):
            runs[(start + index) % n_runs].append(pair)
    return runs


def _line_up(pairs: list[Unit], n_runs: int, stream: np.random.Generator) -> list[Unit]:
    """The pairs in the order they are dealt: equal roles together, within them equal targets, within them networks.

    What stands together is spread equally over the runs. Images are in random order, the same in every such group; each
    group is then turned so that the runs get each image as equally often as they can.
    """
    sources = list(dict.fromkeys(pair[0].source_image for pair in pairs))
    place = {sources[index]: rank for rank, index in enumerate(stream.permutation(len(sources)))}
    groups: dict[tuple[str, str, str], list[Unit]] = {}
    for pair in sorted(pairs, key=lambda pair: (_kind_of(pair), place[pair[0].source_image])):
        groups.setdefault(_kind_of(pair), []).append(pair)
    line: list[Unit] = []
    for group in groups.values():
        turns = [group[turn:] + group[:turn] for turn in range(min(n_runs, len(group), TURNS))]
        line += min(turns, key=lambda turned: _count_crowding([*line, *turned], n_runs))
    return line


def _kind_of(pair: Unit) -> tuple[str, str, str]:
    return " ".join(sorted(row.role for row in pair)), pair[0].target, pair[0].network


def _count_crowding(line: Sequence[Unit], n_runs: int) -> int:
    """How unequally a line that is dealt in turn gives the runs its images: the sum of squared counts."""
    held = Counter((index % n_runs, pair[0].source_image) for index, pair in enumerate(line))
    return sum(count * count for count in held.values())


def _order_participant(items: Sequence[ManifestRow], config: OrderConfig, participant: int) -> tuple[Run, ...]:
    arrangements, runs = _Arrangements(make_stream(config.seed, "roles", participant)), list[Run]()
    for number, units in enumerate(_deal(items, config, participant)):
        stream = make_stream(config.seed, "run", participant, number)
        shown = _order_units(units, config.spacing, stream=stream, arrangements=arrangements)
        runs.append(_add_others(shown, config, stream))
    return tuple(runs)


class _Arrangements:
    """Hands out the orders of a unit's members, balanced for every number of members.

    The m rotations of a shuffled order give each member each place once; those of the reversed order, which follow,
    turn every before into an after.
    """

    def __init__(self, stream: np.random.Generator) -> None:
        self._stream = stream
        self._waiting: dict[tuple[str, ...], Iterator[tuple[str, ...]]] = {}

    def next_for(self, unit: Unit) -> Unit:
        """The members of a unit in the order they are shown."""
        by_role: dict[str, list[ManifestRow]] = {}
        for item in unit:
            by_role.setdefault(item.role, []).append(item)
        roles = tuple(sorted(item.role for item in unit))
        if roles not in self._waiting:
            self._waiting[roles] = self._cycle(roles)
        return tuple(by_role[role].pop() for role in next(self._waiting[roles]))

    def _cycle(self, roles: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        while True:
            order = [roles[index] for index in self._stream.permutation(len(roles))]
            for base in (order, order[::-1]):
                for turn in self._stream.permutation(len(base)):
                    yield (*base[turn:], *base[:turn])


def _order_units(
    units: Sequence[Unit], spacing: int, *, stream: np.random.Generator, arrangements: _Arrangements
) -> list[ManifestRow]:
    """Give every source image its places, then fill an image's places with its units, one after the other."""
    counts = Counter(item.source_image for unit in units for item in unit)
    places: dict[str, list[int]] = {source: [] for source in counts}
    for index, source in enumerate(order_sources(counts, spacing, stream)):
        places[source].append(index)
    shown: dict[int, ManifestRow] = {}
    free = {source: iter(found) for source, found in places.items()}
    for index in stream.permutation(len(units)):
        for item in arrangements.next_for(units[index]):
            shown[next(free[item.source_image])] = item
    return [shown[index] for index in range(len(shown))]


def order_sources(counts: Mapping[str, int], spacing: int, stream: np.random.Generator) -> list[str]:
    """An order in which each source comes as often as `counts` says and never twice among `spacing` + 1 in a row.

    Drawn at random, every remaining showing being as likely as any other that is allowed; where draws keep ending in
    dead ends, the most frequent source comes first, which never does.
    """
    for draw in range(DRAWS + 1):
        if (drawn := _draw_order(counts, spacing, stream, greedy=draw == DRAWS)) is not None:
            return drawn
    raise RuntimeError(f"no order of {dict(counts)} keeps a spacing of {spacing}; `check_orders` was not asked")


def _draw_order(
    counts: Mapping[str, int], spacing: int, stream: np.random.Generator, *, greedy: bool
) -> list[str] | None:
    left = dict(counts)
    order: list[str] = []
    total = sum(left.values())
    while len(order) < total:
        recent = set(order[-spacing:]) if spacing else set()
        allowed = [source for source, count in left.items() if count and source not in recent]
        if not allowed:
            return None
        room = total - len(order)
        due = [source for source in allowed if (left[source] - 1) * (spacing + 1) + 1 >= room]
        most = max(left[source] for source in allowed)
        best = [source for source in allowed if left[source] == most]
        choice = due or (best if greedy else allowed)
        weights = np.array([left[source] for source in choice], dtype=float)
        source = choice[int(stream.choice(len(choice), p=weights / weights.sum()))]
        left[source] -= 1
        order.append(source)
    return order


def _add_others(shown: Sequence[ManifestRow], config: OrderConfig, stream: np.random.Generator) -> Run:
    """Put catch trials after stimuli, spread over the run, and blanks anywhere but between the two of a repeat."""
    caught = _spread(config.catch_per_run, len(shown), stream)
    blocks: list[list[Trial]] = []
    for index, item in enumerate(shown):
        block = [Trial(TrialKind.STIMULUS, item)]
        if index in caught:
            block.append(Trial(TrialKind.CATCH, item if config.catch_kind is CatchKind.REPEAT else None))
        blocks.append(block)
    blanks = Counter(stream.integers(0, len(blocks) + 1, size=config.blanks_per_run).tolist())
    trials = [Trial(TrialKind.BLANK)] * blanks[0]
    for index, block in enumerate(blocks, 1):
        trials += block + [Trial(TrialKind.BLANK)] * blanks[index]
    return tuple(trials)


def _spread(count: int, length: int, stream: np.random.Generator) -> set[int]:
    """`count` different places of 0 .. length - 1, one at random in each of `count` equal parts."""
    edges = [length * part // count for part in range(count + 1)] if count else []
    return {int(stream.integers(low, high)) for low, high in itertools.pairwise(edges)}
