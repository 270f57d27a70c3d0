"""What the window can run, as a command line and as Python: text that asks for exactly the same.

A command is written from the frozen configs by its own table of options, then read back; where it would not run the
same it is refused. Python spells the configs out.
"""

from __future__ import annotations

import inspect
import shlex
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, get_args

from core.attacks.config import AttackConfig, AttackMethod
from core.attacks.mask import pack_mask
from core.attacks.objective_config import ObjectiveKind
from core.attacks.presets import name_schedule
from core.commands.cli import prepare
from core.commands.options import IS_ASKING, NUMBERS, Announced, strip_optional
from core.commands.sweeps import BOTH
from core.commands.table import COMMANDS, load_command
from core.commands.works import CommandWork, ProbeWork
from core.datasets.subject import load_subject
from core.encoders.fit_request import FitRequest
from core.errors import BadInputError
from core.paths import resources_folder
from core.probes.choice import Choice
from core.probes.probe import ProbeConfig
from core.probes.synthesis_config import ImagesConfig
from core.probes.target import Target, TargetKind, target_contrast, target_roi, target_set, target_voxel
from core.stimuli.plan import StimulusPlan, pack_plan
from core.sweeps.choose import ALL_NETWORKS, choose_encoders
from core.sweeps.config import Question, SweepConfig

LONGEST_WORD, LONGEST_LINE = 100_000, 100
"""Letters of a word that every shell takes, and of a line of Python."""
Work = ProbeWork | SweepConfig | StimulusPlan | FitRequest | CommandWork


def copy_command(work: Work) -> str:
    """One line for a shell. Raises BadInputError if the command line cannot ask for the same."""
    asked = _ask(work)
    command = load_command(asked.name if asked.name in COMMANDS else asked.name.split()[0])
    inner: Any = command.func if isinstance(command, partial) else command
    known = {one.name: one for one in inspect.signature(command).parameters.values() if one.kind is one.KEYWORD_ONLY}
    values = asked.values if asked.choice is None else asked.values | _ask_target(asked.choice)
    words, wanted = asked.name.split(), [one for one in values.values() if is_dataclass(one)]
    for name, value in values.items():
        if name not in known and value is not None and value not in wanted:
            words += map(str, value) if isinstance(value, tuple) else [str(value)]
    held = {name: value for one in reversed(wanted) for name, value in _list_fields(one).items()}
    for name, option in known.items():
        value = values[name] if name in values else held.get(inner.fields.get(name, name))
        if value not in (None, "", option.default):
            words += _write_option(option, value)
    if max(map(len, words)) > LONGEST_WORD:
        raise BadInputError("The command would be longer than a shell takes: copy it as Python.")
    pairs = zip(_read_back(words), wanted, strict=True)
    differ = [one.name for got, own in pairs for one in fields(got) if getattr(got, one.name) != getattr(own, one.name)]
    if differ:
        raise BadInputError(f"The command line has no options for the same {' and '.join(differ)}: copy it as Python.")
    line = shlex.join(["probescope", *words])
    return line if asked.first is None else f"{copy_command(asked.first)} && {line}"


def _list_fields(config: Any) -> dict[str, Any]:
    own = {one.name: getattr(config, one.name) for one in fields(config)}
    parts = [one for one in own.values() if is_dataclass(one)]
    plain = {name: value for name, value in own.items() if not is_dataclass(value) and value not in (None, "")}
    return {name: value for part in parts for name, value in _list_fields(part).items()} | plain


def _read_back(words: Sequence[str]) -> tuple[Any, ...]:
    token = IS_ASKING.set(True)
    try:
        raise RuntimeError(f"A command was run to know what it asks for; it returned {prepare(words)()}.")
    except Announced as found:
        return found.args
    finally:
        IS_ASKING.reset(token)


def _write_option(option: inspect.Parameter, value: Any) -> list[str]:
    name, kind = f"--{option.name.replace('_', '-')}", strip_optional(get_args(option.annotation)[0])
    if isinstance(value, bool):
        return [name if value else name.replace("--", "--no-", 1)]
    if isinstance(value, tuple | list):
        inner = get_args(kind)
        if inner and inner[-1] is not Ellipsis:
            return [name, *map(str, value)]
        if inner and inner[0] not in NUMBERS:
            return [word for one in value for word in _write_option(option, one)]
        value = ",".join(":".join(one) if isinstance(one, tuple) else str(one) for one in value)
    return [f"{name}={value}"] if str(value).startswith("-") else [name, str(value)]


def _ask(work: Work) -> CommandWork:
    if isinstance(work, ProbeWork):
        return _ask_probe(work)
    if isinstance(work, SweepConfig):
        return _ask_sweep(work)
    if isinstance(work, StimulusPlan):
        values = {"directions": None, **pack_plan(work), "plan": work, "out": Path(work.delivery.name)}
        return CommandWork("stimuli make", values)
    if isinstance(work, FitRequest):
        is_one, options = len(work.layers) == 1, work.options
        values = {
            "request": work,
            "layer": work.layers[0] if is_one else None,
            "layers": None if is_one else work.layers,
            "bootstrap": f"{options.scoring.n_bootstrap}",  # always said: the command has a default of its own
            "region": [f"{at.roi}={at.left!r},{at.bottom!r},{at.right!r},{at.top!r}" for at in options.regions],
        }
        return CommandWork("fit", values)
    return work


def _ask_probe(work: ProbeWork) -> CommandWork:
    config = work.config
    attack, second, objective = config.attack, config.against, config.objective
    others = set(choose_encoders((config.subject,), [ALL_NETWORKS])) ^ set(work.jurors)
    if work.jurors and any(one[1] != config.network for one in others):
        raise BadInputError("The jury's encoders are others than --transfer asks: copy it as Python.")
    schedule = name_schedule(attack)
    if not schedule:  # what the method does not take cannot be typed
        unused = "n_steps" if attack.method is AttackMethod.SQUARE else "n_queries"
        attack = replace(attack, **{unused: getattr(AttackConfig(), unused)})
    values = {
        "config": replace(config, attack=attack),
        "image": work.image,
        "out": work.folder,
        "selective": objective.weight if objective.kind is ObjectiveKind.SELECTIVE else None,
        "min_norm": config.wanted_shift_sd or None,
        "ensemble": ",".join(config.ensemble) or None,
        "epsilon": repr(attack.epsilon),
        **pack_mask(attack.mask),
        "against": f"{second.network}:{second.layer}" if second else None,
        "agree": second.agrees if second else None,
        "decided": second.decided_sd if second else None,
        "preset": schedule or None,
        "transfer": bool(work.jurors),
        "trade_off": work.weights or None,
    }
    if schedule:
        values |= dict.fromkeys(("norm", "steps", "step_size", "method", "queries", "epsilon"))
    return CommandWork("probe", values, choice=work.choice)


def _ask_target(choice: Choice) -> dict[str, Any]:
    raised, aim = choice.target, choice.aim
    if raised is None or raised.kind not in (TargetKind.VOXEL, TargetKind.ROI):
        kind = raised.label if raised is not None else "nothing"
        raise BadInputError(f"The command line has no option for {kind}, only for a voxel, an ROI or weights.")
    return {
        "voxel": raised.voxels[0] if raised.kind is TargetKind.VOXEL else None,
        "weights": None,
        "roi": raised.roi if raised.kind is TargetKind.ROI else None,
        "contrast_roi": aim.contrast_roi or None,
        "contrast_weight": aim.contrast_weight if aim.contrast_roi else None,
    }


def _ask_sweep(config: SweepConfig) -> CommandWork:
    ways = {(True, True): BOTH, (True, False): "refitted", (False, True): "untrained"}
    copies = ways.get((bool(config.refitted), bool(config.untrained)), "none")
    values = {
        "config": config,
        "encoders": ",".join(f"{one.subject}/{one.network}:{one.layer}" for one in config.encoders),
        "out": Path(str(config.question)),
        "subject": config.subjects,
        "rois": ",".join(target.roi for target in config.targets if target.roi),
        "voxels": ",".join(str(target.voxel) for target in config.targets if not target.roi),
        "epsilons": config.ladder,
        "norm": BOTH if len(config.norms) > 1 else config.norms[0],
        "directions": BOTH if len(config.directions) > 1 else config.directions[0],
        "attack": ",".join(config.attacks),
        "copies": copies if config.question is Question.TRANSFER else None,
    }
    return CommandWork(str(config.question), values)


def copy_python(work: Work) -> str:
    """A script that does the same. Raises BadInputError if something is not chosen."""
    scripts = tomllib.loads((resources_folder() / "scripts.toml").read_text(encoding="utf-8"))
    used = set[Any]()
    text = _write_script(work, scripts, used)
    places = {thing: "pathlib" if thing is Path else thing.__module__ for thing in used if thing.__name__ in text}
    imports = {f"from {place} import {thing.__name__}" for thing, place in places.items()}
    lines = text.splitlines()
    own = [line for line in lines if line.startswith("from ")]
    return "\n".join([*sorted(imports.union(own)), "", *(line for line in lines if line not in own), ""])


def _write_script(work: Work, scripts: dict[str, str], used: set[Any]) -> str:
    if isinstance(work, ProbeWork):
        return _write_probe(work, scripts, used)
    asked = _ask(work)
    script = scripts["analysis" if isinstance(work, SweepConfig) else asked.name]
    text = "" if asked.first is None else _write_script(asked.first, scripts, used)
    named = {} if asked.choice is None else _name_choice(asked.choice, asked.values["config"], used)
    return text + script.format(**{name: _spell(value, used) for name, value in asked.values.items()} | named)


def _write_probe(work: ProbeWork, scripts: dict[str, str], used: set[Any]) -> str:
    config = work.config
    text = scripts["choice"].format(**_name_choice(work.choice, config, used), image=repr(work.image))
    if work.weights:
        return text + scripts["trade-off"].format(weights=work.weights)
    text += scripts["probe"]
    if work.jurors:
        weights = None if config.target.kind is TargetKind.PATTERN else "probe.target_vector"
        text += scripts["jury"].format(jurors=work.jurors, weights=weights)
    return text


def _name_choice(choice: Choice, config: ProbeConfig | ImagesConfig, used: set[Any]) -> dict[str, str]:
    text = _spell(config, used).replace(f"target={_spell(config.target, set())}", "target=target")
    target = _name_target(choice, config.target, used)
    return {"subject": repr(choice.subject), "target": target, "config": text}


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
        line, longer = f"{type(value).__name__}({', '.join(parts)})", ",\n    ".join(parts)
        return line if len(line) < LONGEST_LINE else f"{type(value).__name__}(\n    {longer},\n)"
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
