"""Options of the command line, made from signatures and frozen configs: types, defaults, help.

A command is a function; cyclopts reads its words by its signature. What a config says already is not said again:
`takes` adds the options of a config's fields, with the help of its docstring, and hands what was typed on as `given`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import MISSING, Field, dataclass, fields, replace
from enum import StrEnum
from functools import partial, wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from cyclopts import App, Argument, CycloptsError, Parameter, Token
from cyclopts.exceptions import CoercionError, MissingArgumentError, UnknownOptionError, UnusedCliTokensError

from core.checks import check_choice, refusal, suggest, to_number
from core.errors import BadInputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from core.figures.movie_config import CortexStyle
    from core.figures.movie_frames import Cortex
    from core.probes.probe import Probe

    OpenCortex = Callable[[Probe, CortexStyle, str], AbstractContextManager[Cortex]]
    """Given a probe, a style and a theme, something that draws its cortex for as long as the block lasts."""

T = TypeVar("T")
Run = Callable[..., int]


def about(text: str, **more: Any) -> Parameter:
    """An option's help; `more` as of `cyclopts.Parameter`."""
    return Parameter(help=text, **more)


def explained(text: str, **implied: str) -> Callable[[Run], Run]:
    """Give a command a text that stands below its options, and options the value they have when named without one."""

    def add(command: Run) -> Run:
        command.explanation = text  # type: ignore[attr-defined]
        command.implied = {f"--{name}": value for name, value in implied.items()}  # type: ignore[attr-defined]
        return command

    return add


Json = Annotated[bool, about("print JSON instead of text")]
Device = Annotated[str, about("auto, cpu, cuda, cuda:N (GPU N, from 0) or mps")]
NUMBERS: dict[type, str] = {int: "a whole number", float: "a number"}
"""Types of options whose lists are typed with commas."""
SEED = "of every random draw; a whole number of at least 0"
Seed = Annotated[int, about(SEED)]
NewFolder = Annotated[Path, about("new or empty folder")]
ProbeFile = Annotated[Path, about("the .json of a saved probe")]


@dataclass(frozen=True, slots=True)
class Host:
    """What only the caller of the command line can do, since nothing here may know Qt."""

    open_window: Callable[[str, Path | None], int]
    run_demonstration: Callable[[str, str], int]
    open_cortex: OpenCortex | None = None
    session: Path | None = None


FromHost = Annotated[Host, Parameter(parse=False)]


class Given:
    """What was typed of the options that a command took over from configs."""

    def __init__(self, typed: dict[type, dict[str, Any]]) -> None:
        self._typed = typed

    def of(self, config: type) -> dict[str, Any]:
        """What was typed, by the config's field."""
        return dict(self._typed.get(config, {}))

    def make(self, config: type[T], **more: Any) -> T:
        """The config; what was not typed takes its default."""
        return config(**self.of(config) | more)

    def over(self, base: T, **more: Any) -> T:
        """The same config with what was typed in place of its own."""
        return cast(T, replace(cast(Any, base), **self.of(type(base)) | more))


class Announced(Exception):
    """Carries the configs that a command was about to run to who only wanted to know them."""


IS_ASKING: ContextVar[bool] = ContextVar("is_asking", default=False)
"""Whether commands are only asked what they would run."""


def announce(*configs: object) -> None:
    """Tell the configs that a command is about to run. Raises Announced if nothing more is wanted."""
    if IS_ASKING.get():
        raise Announced(*configs)


def takes(*sources: tuple[type, str] | tuple[type, str, dict[str, str]]) -> Callable[[Callable[..., int]], Run]:
    """Give a command the options of configs.

    Parameters
    ----------
    sources : (config, fields, help)
        Fields as "gate_r=gate n_steps": a field, or a field and its option; a leading "n_" falls away by itself; "" is
        every field. Older names that still work may follow the option, as "participant|person". Help is the text that
        stands beside a field's type, or the docstring's; help by option replaces it; "" goes before the others.
    """
    made = [option for config, text, *helped in sources for option in _make(config, text, *helped)]

    def add(command: Callable[..., int]) -> Run:
        @wraps(command)
        def run(*args: Any, **typed: Any) -> int:
            values: dict[type, dict[str, Any]] = {}
            for config, name, parameter in made:
                if parameter.name in typed:
                    values.setdefault(config, {})[name] = typed.pop(parameter.name)
            return command(*args, given=Given(values), **typed)

        own = [one for one in _list_parameters(command) if one.name != "given"]
        needed = [one for one in own if one.default is one.empty]
        run.fields = {parameter.name: name for _, name, parameter in made}  # type: ignore[attr-defined]
        return _sign(run, [*needed, *(one for _, _, one in made), *(one for one in own if one not in needed)])

    return add


def actions(*functions: Callable[..., int | None]) -> Callable[[Callable[..., object]], Run]:
    """Give a command, which only names its words, actions: the first names a function, the others are its arguments.

    The options of all stand together, each with whose it is; one that the chosen action does not take is refused.
    """
    chosen = {one.__name__.strip("_"): one for one in functions}
    options: dict[str, inspect.Parameter] = {}
    takers: dict[str, list[str]] = {}
    for action, run_action in chosen.items():
        for one in _list_parameters(run_action):
            if one.kind is one.KEYWORD_ONLY:
                options.setdefault(one.name, one)
                takers.setdefault(one.name, []).append(action)

    def add(command: Callable[..., object]) -> Run:
        first, *words = _list_parameters(command)

        @wraps(command)
        def run(action: str, *others: str, **typed: Any) -> int:
            run_action = chosen[check_choice(first.name.upper(), action, chosen)]
            for name in typed:
                if action not in takers[name]:
                    advice = f"It is an option of {', '.join(takers[name])}."
                    raise refusal(
                        name.replace("_", "-"), allowed=f"left out with {action}", got=typed[name], advice=advice
                    )
            try:
                inspect.signature(run_action).bind(*others)
            except TypeError as error:
                asked = [one for one in _list_parameters(run_action) if one.kind is one.POSITIONAL_ONLY]
                wanted = " and ".join(one.name.upper() for one in asked) or "nothing"
                raise refusal(action, allowed=f"followed by {wanted}", got=" ".join(others)) from error
            return run_action(*others, **typed) or 0

        run.fields = dict(ChainMap(*(getattr(one, "fields", {}) for one in functions)))  # type: ignore[attr-defined]
        named = first.replace(annotation=Annotated[str, about(f"one of {', '.join(chosen)}")])
        common = [one for one in options.values() if len(takers[one.name]) == len(chosen)]
        rare = [_say_whose(one, takers[one.name]) for one in options.values() if one not in common]
        return _sign(run, [named, *words, *rare, *common])

    return add


def _say_whose(option: inspect.Parameter, takers: Sequence[str]) -> inspect.Parameter:
    kind, *notes = get_args(option.annotation)
    *_, text = (note.help for note in notes if isinstance(note, Parameter) and note.help)
    whose = Parameter(help=f"{', '.join(takers)}: {text}")
    return option.replace(annotation=Annotated[(kind, *notes, whose)])


def _list_parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return [one.replace(annotation=hints[one.name]) for one in inspect.signature(function).parameters.values()]


def _sign(run: Run, parameters: Iterable[inspect.Parameter]) -> Run:
    """The function as one that takes these parameters, for whoever inspects it."""
    every = sorted(parameters, key=lambda one: one.kind)
    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in every} | {"return": int}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


def _make(
    config: type, text: str, helped: dict[str, str] | None = None
) -> Iterator[tuple[type, str, inspect.Parameter]]:
    hints, helped = get_type_hints(config, include_extras=True), helped or {}
    known = {field.name: field for field in fields(cast(Any, config))}
    texts = describe_fields(config)
    texts["seed"] = texts.get("seed") or SEED
    start = helped.get("", "")
    texts = {name: start + re.sub(r"`n_(\w+)`", r"--\1", uncapitalise(text)) for name, text in texts.items()}
    for word in text.split() or known:
        name, _, renamed = word.partition("=")
        option, *older = (renamed or name.removeprefix("n_").replace("_", "-")).split("|")
        default = _default(known[name])
        kind, *notes = get_args(hints[name]) if get_origin(hints[name]) is Annotated else (hints[name],)
        settled = any(isinstance(note, Parameter) for note in notes)
        endless = get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis
        many = endless and not settled and get_args(kind)[0] not in NUMBERS
        said = next((note for note in notes if isinstance(note, str)), texts.get(name))
        added = Parameter(
            name=tuple(f"--{one}" for one in (option, *older)),
            help=helped.get(option, said),
            consume_multiple=many or None,
            negative=f"--no-{option}" if default is True else (),
        )
        annotation = Annotated[(kind, added, *notes)]  # type: ignore[valid-type]
        place = inspect.Parameter.KEYWORD_ONLY
        made = inspect.Parameter(option.replace("-", "_"), place, default=default, annotation=annotation)
        yield config, name, made


def uncapitalise(text: str) -> str:
    """The text with a small first letter, unless it starts with an abbreviation or a symbol."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or (text[1:2] == " " and text[:1] == "A") else text


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def describe_fields(config: type) -> dict[str, str]:
    """What a config's docstring says of each field; a constant it names, as `MAPS`, is written out."""
    section = re.search(r"Parameters\n\s*-+\n(.*?)(\n\s*\n\s*\w+\n\s*-+\n|\Z)", config.__doc__ or "", re.DOTALL)
    lines = inspect.cleandoc("\n" + section[1]).splitlines() if section else []
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines:
        if line.startswith(" "):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            head, _, text = line.partition(" : ")
            names = head.split(", ")
            found |= dict.fromkeys(names, text)
    return {name: re.sub(r"`([A-Z_]+)`", partial(_write_out, config.__module__), text) for name, text in found.items()}


def _write_out(module: str, constant: re.Match[str]) -> str:
    value = getattr(sys.modules[module], constant[1])
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def parse_arguments(command: Run, arguments: Sequence[str], *, name: str) -> tuple[inspect.BoundArguments, set[str]]:
    """The arguments of a command, and the names of those it expects from its caller.

    Raises BadInputError in one sentence, for an unknown option, a missing or a superfluous word, or one that cannot be
    read.
    """
    app, given = make_app(command), _join_numbers(arguments)
    for option, value in getattr(command, "implied", {}).items():
        if option in given and (given[given.index(option) + 1 :] or ["--"])[0].startswith("--"):
            given.insert(given.index(option) + 1, value)
    flags = {option for argument in list_arguments(command) if argument.hint is bool for option in argument.names}
    for flag in (word.partition("=")[0] for word in given if "=" in word):
        if flag in flags:
            raise BadInputError(f"{flag} takes no value. `{name} --help` shows what is allowed.")
    try:
        _, bound, ignored = app.parse_args(given, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        known = [option for argument in list_arguments(command) for option in argument.names]
        raise BadInputError(f"{_describe_error(error, known)} `{name} --help` shows what is allowed.") from error
    return bound, set(ignored)


def _join_numbers(arguments: Sequence[str]) -> list[str]:
    """The words, with numbers in a row that start with a minus ("-3:3:11") tied to their option by an equals sign."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1].startswith("--") and re.match(r"-\.?\d[^,:]*[,:]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def make_app(command: Run) -> App:
    """The parser of one command."""
    app = App(
        help_flags=(), version_flags=(), default_parameter=Parameter(negative=(), converter=_read, allow_repeating=True)
    )
    app.default(command)
    return app


def list_arguments(command: Run) -> list[Argument]:
    """What a command takes, in order."""
    found = make_app(command).assemble_argument_collection()
    return [argument for argument in found if argument.parse]


def strip_optional(hint: Any) -> Any:
    """The type without `| None`."""
    if get_origin(hint) in (Union, UnionType):
        return next(inner for inner in get_args(hint) if inner is not NoneType)
    return hint


def choices_of(hint: Any) -> list[str]:
    """The words a type allows, if they can be listed."""
    hint = strip_optional(hint)
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [str(one) for one in hint] if isinstance(hint, type) and issubclass(hint, StrEnum) else []


class _Unreadable(ValueError):
    """A word that is not what its option takes."""

    def __init__(self, got: str, allowed: str, advice: str = "") -> None:
        super().__init__(got)
        self.got, self.allowed, self.advice = got, allowed, advice


def _read(hint: Any, tokens: Sequence[Token]) -> Any:
    """Words as a value. Cyclopts would round "1.5" where a whole number is asked for, and guess at names of choices."""
    inner, origin = get_args(hint), get_origin(hint)
    if origin not in (tuple, list):
        return _read_one(hint, tokens[0].value)
    if inner[0] in NUMBERS and inner[-1] is Ellipsis:
        return origin(_read_one(inner[0], word.strip()) for token in tokens for word in token.value.split(","))
    kinds = inner if len(inner) == len(tokens) and inner[-1] is not Ellipsis else [inner[0]] * len(tokens)
    return origin(_read_one(kind, token.value) for kind, token in zip(kinds, tokens, strict=True))


def _read_one(hint: Any, text: str) -> Any:
    if choices := choices_of(hint):
        word = next((one for one in choices if one == text.lower()), None)
        if word is None:
            raise _Unreadable(text, f"one of {', '.join(choices)}", suggest(text, choices))
        return word if get_origin(hint) is Literal else hint(word)
    try:
        return to_number(text, hint) if hint in NUMBERS else hint(text)
    except ValueError as error:
        raise _Unreadable(text, NUMBERS[hint]) from error


def _describe_error(error: CycloptsError, known: list[str]) -> str:
    """One sentence."""
    argument = error.argument
    name = (argument.parameter.metavar if argument.name[0] != "-" else None) or argument.name if argument else ""
    unread = [word for word in error.unused_tokens or () if word[:1] == "-" and word.partition("=")[0] not in known]
    match error:
        case CoercionError(__cause__=_Unreadable() as cause):
            return str(refusal(name.lstrip("-"), allowed=cause.allowed, got=cause.got, advice=cause.advice))
        case UnknownOptionError():
            return _describe_unknown(error.token.keyword or error.token.value, known)
        case UnusedCliTokensError():
            return f"unexpected word {(error.unused_tokens or [''])[0]!r}."
        case MissingArgumentError() if unread:
            return _describe_unknown(unread[0], known)
        case MissingArgumentError() if argument and (error.keyword or argument.tokens):
            count = argument.token_count()[0]
            return f"{name} needs {'a value' if count == 1 else f'{count} values'}."
        case MissingArgumentError() if argument:
            return f"{name} is missing: {(argument.parameter.help or 'it must be given').rstrip('.')}."
    return f"{error}"


def _describe_unknown(word: str, known: list[str]) -> str:
    return f"unknown option {word!r}. {suggest(word.partition('=')[0], known)}".rstrip()
