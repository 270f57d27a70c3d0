"""What the window can run, as a command line and as Python: text that asks for exactly the same.

A command is made from the configs by the options of the command itself, read back, and refused where it would not ask
for the same. Python spells the configs out.
"""

from __future__ import annotations

import inspect
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, get_args

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.objective_config import ObjectiveKind
from core.attacks.presets import name_schedule
from core.commands.compare import resolve_compare
from core.commands.fit import resolve_fits
from core.commands.options import Given, parse_arguments
from core.commands.probe import resolve_probe
from core.commands.sweeps import BOTH, resolve_sweep
from core.commands.table import load_command
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.encoders.fit_request import FitRequest
from core.engine import Engine
from core.errors import BadInputError
from core.experiments.measured.compare import iter_compare
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import MatchOptions
from core.experiments.measured.trial import ReadOptions
from core.experiments.measured.trials import open_measured
from core.probes.choice import Choice
from core.probes.target import Target, TargetKind, target_contrast, target_roi, target_set, target_voxel
from core.stimuli.layout import Layout
from core.stimuli.make import iter_make
from core.stimuli.plan import StimulusPlan, list_recipes, pack_plan, resolve_plan
from core.stimuli.plan_options import PlanOptions
from core.stimuli.store import open_probe_store
from core.sweeps.config import SweepConfig

PROGRAM = "probescope"
LONGEST = 100
"""Letters of a line of Python."""
LONGEST_WORD = 100_000
"""Letters of a word that every shell takes."""
NOT_BY_COMMAND = "Copy as Python can."


@dataclass(frozen=True, slots=True)
class Runnable:
    """Work as text; each is made when it is asked for, and raises BadInputError where there is no such text."""

    command: Callable[[], str]
    python: Callable[[], str]


def copy_probe(choice: Choice, image: str) -> Runnable:
    """The probe of what is chosen, of an image by its id or path. Raises BadInputError if something is missing."""
    config = choice.probe_config(load_subject(choice.subject).voxels)
    if not image:
        raise BadInputError("There is no image to probe: choose one in the gallery.")

    def command() -> str:
        attack, name = config.attack, name_schedule(config.attack)
        unused = "n_queries" if attack.method is not AttackMethod.SQUARE else "n_steps"
        attack = replace(attack, **{unused: getattr(AttackConfig(), unused)}) if not name else attack
        by_preset = dict.fromkeys(("norm", "steps", "step_size", "method", "queries", "epsilon")) if name else {}
        mask, second = attack.mask, config.against
        typed = {
            "image": image,
            "out": f"probe_{config.direction}_{config.target.name.split()[0]}",
            "epsilon": repr(attack.epsilon),
            "mask": None if mask is None else mask.text,
            "mask_edge": None if mask is None else mask.edge,
            "ensemble": ",".join(config.ensemble) or None,
            "min_norm": config.wanted_shift_sd or None,
            "preset": name or None,
            "against": None if second is None else f"{second.network}:{second.layer}",
            "agree": second is not None and second.agrees,
            "decided": None if second is None else second.decided_sd,
            "sharpness": None if second is None else second.sharpness,
            "selective": config.objective.weight if config.objective.kind is ObjectiveKind.SELECTIVE else None,
            **_name_target(choice),
            **by_preset,
        }
        return write_command("probe", typed, (config, attack), resolve_probe, replace(config, attack=attack))

    def python() -> str:
        script = Script()
        lines = [
            f"voxels = {script.call(load_subject, choice.subject)}.voxels",
            f"target = {_write_target(script, choice, config.target)}",
            f"config = {script.spell(config, known={config.target: 'target'})}",
            f"stimulus = {script.name(find_stimulus)}({image!r}, size=config.side)",
            f"*_, last = {script.name(Engine)}().iter_probe(config, stimulus)",
            "probe = last.result",
            "print(config.describe(), probe.of_target(probe.shift), probe.response_unit)",
        ]
        return script.write(lines)

    return Runnable(command, python)


def _name_target(choice: Choice) -> dict[str, Any]:
    """The options that name the target. Raises BadInputError for one the command line reads from a file of the user."""
    target, aim = choice.target, choice.aim
    if target is None or target.kind not in (TargetKind.VOXEL, TargetKind.ROI):
        kind = "nothing" if target is None else target.label
        raise BadInputError(
            f"The command line has no option for {kind}, only for a voxel, an ROI or a file of weights."
        )
    named = {"voxel": target.voxels[0]} if target.kind is TargetKind.VOXEL else {"roi": target.roi}
    return named | (
        {"contrast_roi": aim.contrast_roi, "contrast_weight": aim.contrast_weight} if aim.contrast_roi else {}
    )


def _write_target(script: Script, choice: Choice, refined: Target) -> str:
    """The target as a call that finds it by its name, or spelled out."""
    raised, table = choice.target or refined, load_subject(choice.subject).voxels
    ways: dict[TargetKind, tuple[Callable[..., Target], Any]] = {
        TargetKind.VOXEL: (target_voxel, raised.voxels[0]),
        TargetKind.ROI: (target_roi, raised.roi),
        TargetKind.SET: (target_set, list(raised.voxels)),
    }
    make, words = ways.get(raised.kind, (None, None))
    if make is None or make(table, words) != raised:
        return script.spell(refined)
    text = f"{script.name(make)}(voxels, {words!r})"
    if refined == raised:
        return text
    aim = choice.aim
    return f"{script.name(target_contrast)}(voxels, {text}, {aim.contrast_roi!r}, weight={aim.contrast_weight!r})"


def copy_sweep(config: SweepConfig) -> Runnable:
    """An analysis."""
    name = str(config.question)

    def command() -> str:
        copies = {(True, True): BOTH, (True, False): "refitted", (False, True): "untrained"}
        typed = {
            "encoders": ",".join(f"{one.subject}/{one.network}:{one.layer}" for one in config.encoders),
            "out": name,
            "subject": ",".join(config.subjects),
            "images": ",".join(config.images),
            "rois": ",".join(target.roi for target in config.targets if target.roi),
            "voxels": ",".join(str(target.voxel) for target in config.targets if not target.roi),
            "epsilons": ",".join(map(repr, config.ladder)),
            "norm": BOTH if len(config.norms) > 1 else config.norms[0],
            "directions": BOTH if len(config.directions) > 1 else config.directions[0],
            "attack": ",".join(config.attacks),
            "copies": copies.get((bool(config.refitted), bool(config.untrained)), "none"),
        }
        return write_command(name, typed, (config,), partial(resolve_sweep, config.question), config)

    return Runnable(command, partial(_write_run, config, Engine.iter_sweep, name))


def _write_run(config: Any, method: Callable[..., Any], folder: str = "") -> str:
    """Python that runs a generator of the engine to its end."""
    script = Script()
    place = f", {script.call(Path, folder)}" if folder else ""
    run = f"for progress in {script.name(Engine)}().{method.__name__}(config{place}):"
    return script.write([f"config = {script.spell(config)}", run, "    print(progress)"])


def copy_plan(plan: StimulusPlan) -> Runnable:
    """A set of stimuli, made of a plan."""

    def resolve(given: Given) -> StimulusPlan:
        return resolve_plan(given.of(PlanOptions) | given.of(Layout))

    def command() -> str:
        typed = {"out": plan.delivery.name} | pack_plan(plan)
        return write_command("stimuli make", typed, (), resolve, plan)

    def python() -> str:
        script = Script()
        make = (
            f"{script.name(iter_make)}({script.name(Engine)}(), {script.name(list_recipes)}(plan), plan.delivery, "
            f"{script.call(Path, plan.delivery.name)}, store={script.call(open_probe_store)})"
        )
        return script.write([f"plan = {script.spell(plan)}", f"*_, last = {make}", "print(last.result.folder)"])

    return Runnable(command, python)


def copy_fit(request: FitRequest) -> Runnable:
    """A fit of an encoder, or a search of layers."""

    def command() -> str:
        options, one = request.options, len(request.layers) == 1
        typed = {
            "layer": request.layers[0] if one else None,
            "layers": None if one else ",".join(request.layers),
            "alphas": ",".join(map(repr, options.alphas)),
            "bootstrap": f"{options.scoring.n_bootstrap}",  # always said: the command has a default of its own
            "region": [f"{at.roi}={at.left!r},{at.bottom!r},{at.right!r},{at.top!r}" for at in options.regions],
        }
        return write_command("fit", typed, (request, options, options.scoring), resolve_fits, [request])

    return Runnable(command, partial(_write_run, request, Engine.iter_fit))


def copy_comparison(
    stimuli: Path, files: Sequence[Path], reading: ReadOptions, matching: MatchOptions, config: CompareConfig
) -> Runnable:
    """Measured responses compared with a set's predictions."""

    def command() -> str:
        typed = {
            "ids": reading.ids,
            "columns": ",".join(reading.columns),
            "roi": [f"{name}={mask}" for name, mask in reading.rois],
            "target_column": ["=".join(filter(None, pair)) for pair in matching.target_columns.items()],
        }
        wanted, paths = (reading, matching, config), (str(stimuli), *map(str, files))
        return write_command("compare", typed, wanted, resolve_compare, wanted, paths)

    def python() -> str:
        script = Script()
        opened = [script.spell(one) for one in (stimuli, list(files), reading, matching)]
        lines = [
            f"measured = {script.name(open_measured)}({', '.join(opened)})",
            f"*_, last = {script.name(iter_compare)}(measured, {script.spell(config)})",
            "comparison = last.result",
            "print(comparison.rows)",
        ]
        return script.write(lines)

    return Runnable(command, python)


def write_command(
    name: str,
    typed: Mapping[str, Any],
    configs: Sequence[Any],
    resolve: Callable[..., Any],
    wanted: Any,
    positional: Sequence[str] = (),
) -> str:
    """One line for a shell, of what differs from the command's defaults.

    Parameters
    ----------
    typed : By the names of the command's options, with underscores; None is left out.
    configs : Hold the values of all other options, by the fields these are made of.
    resolve : What the command makes its config with.
    wanted : The config that must come out.
    positional : Words before the options.

    Raises BadInputError if the command would not do what is wanted.
    """
    command = load_command(name)
    inner: Any = command.func if isinstance(command, partial) else command
    options = inspect.signature(command).parameters
    words = list(positional)
    for option in options.values():
        field = inner.fields.get(option.name, option.name)
        found = [typed[option.name]] if option.name in typed else [getattr(one, field, None) for one in configs]
        value = next((one for one in found if one is not None), None)
        if option.kind is option.KEYWORD_ONLY and value is not None and value != option.default:
            words += _write_option(option, value)
    if max(map(len, words)) > LONGEST_WORD:
        raise BadInputError(f"The command would be longer than a shell takes. {NOT_BY_COMMAND}")
    bound, _ = parse_arguments(command, words, name=name)
    usual = {one.name: one.default for one in options.values()}
    read = usual | inner.gather(bound.kwargs)
    made = resolve(**{key: read[key] for key in inspect.signature(resolve).parameters})
    if made != wanted:
        asked = ", ".join(_find_differences(made, wanted)) or "what it makes"
        raise BadInputError(
            f"The command line has no option for all of this: it would differ in {asked}. {NOT_BY_COMMAND}"
        )
    return shlex.join([PROGRAM, *name.split(), *words])


def _write_option(option: inspect.Parameter, value: Any) -> list[str]:
    name = option.name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if not isinstance(value, tuple | list):
        return [f"--{name}={value}"] if str(value).startswith("-") else [f"--{name}", str(value)]
    kind = get_args(option.annotation)[0]
    if get_args(kind)[-1] is not Ellipsis:
        return [f"--{name}", *map(str, value)]
    if get_args(kind)[0] in (int, float):
        return _write_option(option, ",".join(map(repr, value)))
    return [word for one in value for word in _write_option(option, one)]


def _find_differences(found: Any, wanted: Any) -> list[str]:
    """The names of the innermost fields that differ."""
    if isinstance(wanted, tuple | list) and isinstance(found, tuple | list) and len(wanted) == len(found):
        pairs = [("", *pair) for pair in zip(found, wanted, strict=True)]
    elif is_dataclass(wanted) and type(found) is type(wanted):
        pairs = [(one.name, getattr(found, one.name), getattr(wanted, one.name)) for one in fields(wanted)]
    else:
        return []
    return [
        inner
        for name, ours, theirs in pairs
        if ours != theirs
        for inner in (_find_differences(ours, theirs) or [name.replace("_", " ")])
        if inner
    ]


class Script:
    """Collects what a script imports while its lines are written."""

    def __init__(self) -> None:
        self._imports: dict[str, set[str]] = {}

    def name(self, thing: Any) -> str:
        """A class or function by its name, imported."""
        module = "pathlib" if thing is Path else thing.__module__
        self._imports.setdefault(module, set()).add(thing.__name__)
        return str(thing.__name__)

    def call(self, thing: Any, *words: Any) -> str:
        """A call with these plain values."""
        return f"{self.name(thing)}({', '.join(map(repr, words))})"

    def spell(self, value: Any, *, known: Mapping[Any, str] | None = None, indent: int = 0) -> str:
        """A value as Python, what has its default left out; `known` values stand as the names they have."""
        spell = partial(self.spell, known=known, indent=indent + 4)
        if isinstance(value, Target) and known and value in known:
            return known[value]
        if isinstance(value, Enum):
            return f"{self.name(type(value))}.{value.name}"
        if isinstance(value, Path):
            return self.call(Path, str(value))
        if isinstance(value, float) and not math.isfinite(value):
            return f'float("{value}")'
        if is_dataclass(value):
            pairs = [(one, getattr(value, one.name)) for one in fields(value)]
            parts = [f"{one.name}={spell(own)}" for one, own in pairs if not _is_default(one, own)]
            return _wrap(self.name(type(value)), "()", parts, indent)
        if isinstance(value, dict):
            return _wrap("", "{}", [f"{spell(key)}: {spell(own)}" for key, own in value.items()], indent)
        if isinstance(value, tuple | list):
            parts = [spell(one) for one in value]
            if hasattr(value, "_fields"):
                return _wrap(self.name(type(value)), "()", parts, indent)
            if isinstance(value, list):
                return _wrap("", "[]", parts, indent)
            return f"({parts[0]},)" if len(parts) == 1 else _wrap("", "()", parts, indent)
        return repr(value)

    def write(self, lines: Sequence[str]) -> str:
        """The script: imports, then these lines."""
        imports = [
            f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(self._imports.items())
        ]
        return "\n".join([*imports, "", *lines, ""])


def _is_default(field: Any, value: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return default is not MISSING and bool(default == value)


def _wrap(head: str, brackets: str, parts: Sequence[str], indent: int) -> str:
    """A call or a list, on one line where it fits."""
    line = f"{head}{brackets[0]}{', '.join(parts)}{brackets[1]}"
    if len(line) + indent <= LONGEST and "\n" not in line:
        return line
    room = " " * (indent + 4)
    return "\n".join([f"{head}{brackets[0]}", *(f"{room}{part}," for part in parts), f"{' ' * indent}{brackets[1]}"])
