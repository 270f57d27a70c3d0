"""What the window can run, as a command line and as Python: text that asks for exactly the same.

A command is written from the frozen configs by its own table of options, then read back; where it would not run the
same it is refused. Python spells the configs out.
"""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.mask import pack_mask
from core.attacks.objective_config import ObjectiveKind
from core.attacks.presets import name_schedule
from core.commands.cli import prepare
from core.commands.options import IS_ASKING, Announced
from core.commands.sweeps import BOTH
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
from core.probes.probe import ProbeConfig
from core.probes.target import Target, TargetKind, target_contrast, target_roi, target_set, target_voxel
from core.stimuli.make import iter_make
from core.stimuli.plan import StimulusPlan, list_recipes, pack_plan
from core.stimuli.store import open_probe_store
from core.sweeps.config import SweepConfig

LONGEST_WORD, LONGEST_LINE = 100_000, 100
"""Letters of a word that every shell takes, and of a line of Python."""
PROBE = """\
voxels = load_subject({subject!r}).voxels
target = {target}
config = {config}
stimulus = find_stimulus({image!r}, size=config.side)
*_, last = Engine().iter_probe(config, stimulus)
probe = last.result
print(config.describe(), probe.of_target(probe.shift), probe.response_unit)
"""
RUN = """\
config = {config}
for progress in Engine().{method}(config{more}):
    print(progress)
"""
PLAN = """\
plan = {plan}
*_, last = iter_make(Engine(), list_recipes(plan), plan.delivery, Path({name!r}), store=open_probe_store())
print(last.result.folder)
"""
COMPARE = """\
measured = open_measured({stimuli}, {files}, {reading}, {matching})
*_, last = iter_compare(measured, {config})
print(last.result.rows)
"""


@dataclass(frozen=True, slots=True)
class ProbeWork:
    """The probe of what is chosen, of an image by its id or path."""

    choice: Choice
    image: str

    @property
    def config(self) -> ProbeConfig:
        """The probe. Raises BadInputError if something is not chosen."""
        if not self.image:
            raise BadInputError("There is no image to probe: choose one in the gallery.")
        return self.choice.probe_config(load_subject(self.choice.subject).voxels)


@dataclass(frozen=True, slots=True)
class CompareWork:
    """Measured responses compared with a set's predictions."""

    stimuli: Path
    files: tuple[Path, ...]
    reading: ReadOptions
    matching: MatchOptions
    config: CompareConfig


Work = ProbeWork | SweepConfig | StimulusPlan | FitRequest | CompareWork


class _Words(NamedTuple):
    """A command, what is typed by its options' names (None: nothing), configs that hold the others, what must come."""

    name: str
    typed: dict[str, Any]
    configs: tuple[Any, ...]
    wanted: Any
    positional: tuple[str, ...] = ()


def copy_command(work: Work) -> str:
    """One line for a shell. Raises BadInputError if the command line cannot ask for the same."""
    asked = _list_words(work)
    command = load_command(asked.name)
    inner: Any = command.func if isinstance(command, partial) else command
    words = [*asked.name.split(), *asked.positional]
    for name, option in inspect.signature(command).parameters.items():
        found = [getattr(one, inner.fields.get(name, name), None) for one in asked.configs]
        value = asked.typed[name] if name in asked.typed else next((one for one in found if one is not None), None)
        if option.kind is option.KEYWORD_ONLY and value is not None and value != option.default:
            words += _write_option(option, value)
    if max(map(len, words)) > LONGEST_WORD:
        raise BadInputError("The command would be longer than a shell takes: copy it as Python.")
    if (made := _read_back(words)) != asked.wanted:
        pairs = zip(made, asked.wanted, strict=True) if isinstance(made, tuple) else [(made, asked.wanted)]
        differ = [
            one.name for got, own in pairs for one in fields(got) if getattr(got, one.name) != getattr(own, one.name)
        ]
        raise BadInputError(f"The command line has no options for the same {' and '.join(differ)}: copy it as Python.")
    return shlex.join(["probescope", *words])


def _read_back(words: Sequence[str]) -> Any:
    token = IS_ASKING.set(True)
    try:
        return prepare(words)()
    except Announced as found:
        return found.args[0]
    finally:
        IS_ASKING.reset(token)


def _write_option(option: inspect.Parameter, value: Any) -> list[str]:
    name = f"--{option.name.replace('_', '-')}"
    if isinstance(value, bool):
        return [name if value else name.replace("--", "--no-", 1)]
    if not isinstance(value, tuple | list):
        return [f"{name}={value}"] if str(value).startswith("-") else [name, str(value)]
    inner = get_args(get_args(option.annotation)[0])
    if inner[-1] is not Ellipsis:
        return [name, *map(str, value)]
    values = [",".join(map(repr, value))] if inner[0] in (int, float) else value
    return [word for one in values for word in _write_option(option, one)]


def _list_words(work: Work) -> _Words:
    if isinstance(work, ProbeWork):
        return _list_probe(work)
    if isinstance(work, SweepConfig):
        return _list_sweep(work)
    if isinstance(work, StimulusPlan):
        return _Words("stimuli make", {"out": work.delivery.name} | pack_plan(work), (), work)
    if isinstance(work, FitRequest):
        options, is_one = work.options, len(work.layers) == 1
        typed = {
            "layer": work.layers[0] if is_one else None,
            "layers": None if is_one else ",".join(work.layers),
            "alphas": ",".join(map(repr, options.alphas)),
            "bootstrap": f"{options.scoring.n_bootstrap}",  # always said: the command has a default of its own
            "region": [f"{at.roi}={at.left!r},{at.bottom!r},{at.right!r},{at.top!r}" for at in options.regions],
        }
        return _Words("fit", typed, (work, options, options.scoring), work)
    how: dict[str, Any] = {
        "ids": work.reading.ids,
        "columns": ",".join(work.reading.columns),
        "roi": [f"{name}={mask}" for name, mask in work.reading.rois],
        "target_column": ["=".join(filter(None, pair)) for pair in work.matching.target_columns.items()],
    }
    configs = (work.reading, work.matching, work.config)
    return _Words("compare", how, configs, configs, (str(work.stimuli), *map(str, work.files)))


def _list_probe(work: ProbeWork) -> _Words:
    config, raised, aim = work.config, work.choice.target, work.choice.aim
    attack, second, objective = config.attack, config.against, config.objective
    if raised is None or raised.kind not in (TargetKind.VOXEL, TargetKind.ROI):
        kind = raised.label if raised is not None else "nothing"
        raise BadInputError(
            f"The command line has no option for {kind}, only for a voxel, an ROI or a file of weights."
        )
    schedule = name_schedule(attack)
    if not schedule:  # what the method does not take cannot be typed
        unused = "n_steps" if attack.method is AttackMethod.SQUARE else "n_queries"
        attack = replace(attack, **{unused: getattr(AttackConfig(), unused)})
    typed = {
        "image": work.image,
        "out": f"probe_{config.direction}_{config.target.name.split()[0]}",
        "voxel": raised.voxels[0] if raised.kind is TargetKind.VOXEL else None,
        "roi": raised.roi if raised.kind is TargetKind.ROI else None,
        "contrast_roi": aim.contrast_roi or None,
        "contrast_weight": aim.contrast_weight if aim.contrast_roi else None,
        "selective": objective.weight if objective.kind is ObjectiveKind.SELECTIVE else None,
        "min_norm": config.wanted_shift_sd or None,
        "ensemble": ",".join(config.ensemble) or None,
        "epsilon": repr(attack.epsilon),
        **pack_mask(attack.mask),
        "against": f"{second.network}:{second.layer}" if second else None,
        "agree": second.agrees if second else None,
        "decided": second.decided_sd if second else None,
        "preset": schedule or None,
    }
    if schedule:
        typed |= dict.fromkeys(("norm", "steps", "step_size", "method", "queries", "epsilon"))
    return _Words("probe", typed, tuple(filter(None, (config, attack, second))), replace(config, attack=attack))


def _list_sweep(config: SweepConfig) -> _Words:
    copies = {(True, True): BOTH, (True, False): "refitted", (False, True): "untrained"}
    typed = {
        "encoders": ",".join(f"{one.subject}/{one.network}:{one.layer}" for one in config.encoders),
        "out": str(config.question),
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
    return _Words(str(config.question), typed, (config,), config)


def copy_python(work: Work) -> str:
    """A script that does the same. Raises BadInputError if something is not chosen."""
    used: set[Any] = {Engine}
    spell = partial(_spell, used=used)
    if isinstance(work, ProbeWork):
        config = work.config
        used |= {load_subject, find_stimulus}
        text = spell(config).replace(f"target={_spell(config.target, set())}", "target=target")
        target, subject = _name_target(work.choice, config.target, used), work.choice.subject
        body = PROBE.format(subject=subject, target=target, config=text, image=work.image)
    elif isinstance(work, StimulusPlan):
        used |= {iter_make, list_recipes, open_probe_store, Path}
        body = PLAN.format(plan=spell(work), name=work.delivery.name)
    elif isinstance(work, CompareWork):
        used |= {open_measured, iter_compare}
        body = COMPARE.format(**{one.name: spell(getattr(work, one.name)) for one in fields(work)})
    else:
        is_sweep = isinstance(work, SweepConfig)
        more = f", {spell(Path(work.question))}" if isinstance(work, SweepConfig) else ""
        body = RUN.format(config=spell(work), method="iter_sweep" if is_sweep else "iter_fit", more=more)
    places = {thing: "pathlib" if thing is Path else thing.__module__ for thing in used if thing.__name__ in body}
    imports = sorted(f"from {place} import {thing.__name__}" for thing, place in places.items())
    return "\n".join([*imports, "", body])


def _name_target(choice: Choice, target: Target, used: set[Any]) -> str:
    """The target as a call that finds it by its name, or spelled out."""
    raised, aim, table = choice.target or target, choice.aim, load_subject(choice.subject).voxels
    ways: dict[TargetKind, tuple[Callable[..., Target], Any]] = {
        TargetKind.VOXEL: (target_voxel, raised.voxels[0]),
        TargetKind.ROI: (target_roi, raised.roi),
        TargetKind.SET: (target_set, list(raised.voxels)),
    }
    if raised.kind not in ways or (way := ways[raised.kind])[0](table, way[1]) != raised:
        return _spell(target, used)
    used |= {way[0], target_contrast}
    text = f"{way[0].__name__}(voxels, {way[1]!r})"
    contrast = f"target_contrast(voxels, {text}, {aim.contrast_roi!r}, weight={aim.contrast_weight!r})"
    return text if target == raised else contrast


def _spell(value: Any, used: set[Any]) -> str:
    """A value as Python without what has its default; the classes it names are added to `used`."""
    spell = partial(_spell, used=used)
    if isinstance(value, Enum | Path):
        used.add(kind := Path if isinstance(value, Path) else type(value))
        return f"{kind.__name__}.{value.name}" if isinstance(value, Enum) else f"Path({str(value)!r})"
    if is_dataclass(value):
        used.add(type(value))
        pairs = [(one, getattr(value, one.name)) for one in fields(value)]
        parts = [f"{one.name}={spell(own)}" for one, own in pairs if not _is_default(one, own)]
        line = f"{type(value).__name__}({', '.join(parts)})"
        return (
            line
            if len(line) < LONGEST_LINE
            else line[: line.index("(") + 1] + "\n    " + ",\n    ".join(parts) + ",\n)"
        )
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {spell(own)}' for key, own in value.items())}}}"
    if isinstance(value, tuple | list):
        parts = [spell(one) for one in value]
        if isinstance(value, list):
            return f"[{', '.join(parts)}]"
        if hasattr(value, "_fields"):
            used.add(type(value))
            return f"{type(value).__name__}({', '.join(parts)})"
        return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
    return repr(value)


def _is_default(field: Any, value: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return default is not MISSING and bool(default == value)
