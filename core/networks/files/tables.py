"""Finds a network's weights among all that a file holds. Never takes one of several sets without saying which.

Training scripts put prefixes before the names of a network (`module.`, `_orig_mod.`, `backbone.`), keep several sets of
its weights side by side (raw and averaged, teacher and student), and save counters, losses and the normalisation of its
pixels with it. So no list of prefixes is believed: wherever the names and shapes of the architecture stand behind a
prefix, there is a `Table`.
"""

from __future__ import annotations

import math
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.checks import shorten, suggest
from core.errors import BadInputError, WeightsError
from core.networks.files.checkpoint import COUNTER, State, read_state
from core.networks.files.normalisation import CHANNELS, Normalisation, find_normalisations

WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts of names that DataParallel, torch.compile and their like put in anywhere."""
RAW = "raw"
PLAIN = ("state_dict.", "model.")
"""How the names of a plain set begin, where its script keeps several."""
AVERAGED = r"ema|averaged?|avg|swa|shadow"
PREFERRED = (AVERAGED, r"teacher", r"encoder_q|base_encoder|online", r"", r"student|encoder_k|momentum|target|attacker")
"""Words of prefixes, first the set the field evaluates: timm takes averaged weights, DINO's evaluation the teacher."""
BESIDE = re.compile(r"(.*\.)?(total_ops|total_params|n_averaged|queue|queue_ptr|mask_token|masked_embed)|decoder.*")
COUNTERS = re.compile(r"(num_)?updates|decay|(global_)?steps?|epoch|initted")
"""Counters, queues, what only pretraining reads, and what averaging counts beside the weights: no feature changes."""
DENSE_HEAD = re.compile(r"(.*\.)?((aux_|low_|high_)?classifier|(decode|auxiliary|seg|segmentation)_?head|\w*aspp)\..+")
UNDILATED_HEAD = re.compile(r".*(lateral|fpn|decoder\.(blocks|seg_blocks|p\d|psp))")
"""Convolutions beside a backbone, of heads that are trained on a dilated one, and of those that read several levels."""
MOST_CONVERTED = 12
"""Prefixes at which timm's converter is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One set of weights in a file: what stands before its names there, and its tensors by the names behind that."""

    prefix: str
    tensors: State

    @property
    def rank(self) -> int:
        """Its place in the order in which the field prefers such sets."""
        return next((place for place, words in enumerate(PREFERRED) if words and self.has(words)), PREFERRED.index(""))

    def has(self, words: str) -> bool:
        """Whether its prefix holds one of the words, which a regular expression lists."""
        return re.search(rf"(?<![a-z])({words})(?![a-z])", self.prefix.lower()) is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen in a file.

    `prefix` names the table, "" where there is one only; `normalisations` is what the file says of its pixels, and
    `input_size` the side its position embedding was made for, 0 where nothing says so; `note` is to be told.
    """

    prefix: str
    normalisations: tuple[Normalisation, ...]
    input_size: int
    note: str


def read_for(path: Path, whole: nn.Module, prefix: str = "") -> State:
    """The tensors of a weights file by the names of the definition `whole`, without what is kept beside them.

    `prefix` names one of several tables; "" takes the plain one.
    """
    known = whole.state_dict()
    tables = find_tables(_read_flat(path, known), whole, path=path)
    table = next((one for one in tables if one.prefix == prefix), tables[0])
    beside = _list_beside(table.tensors, known)
    return {name: tensor for name, tensor in table.tensors.items() if name not in beside}


def choose_table(path: Path, whole: nn.Module, wanted: str = "", *, output_stride: int = 0) -> Choice:
    """Choose among the sets of weights in a file: `wanted` by its name or a word of it, or what the field prefers.

    Raises BadInputError if there is no such set, or `output_stride` is 0 and cannot be known of a backbone alone.
    """
    known = whole.state_dict()
    flat = _read_flat(path, known)
    every, tables = find_tables(flat, whole, path=path), list[Table]()
    for table in every:
        if not any(_are_equal(table, other, known) for other in tables):
            tables.append(table)
    names = _name_tables(tables)
    taken = _find_wanted(tables, names, wanted) if wanted else min(range(len(tables)), key=lambda at: tables[at].rank)
    table, others = tables[taken], names[:taken] + names[taken + 1 :]
    if not output_stride:
        _check_dilation(flat, table, whole, path)
    found = find_normalisations(flat, table.prefix, known=known)
    used = {name for one in found for name in (one.name, one.partner)}
    notes = []
    if others:
        how = "choose with `--weights` on the command line, or Weights in the import dialog"
        sets = f"{len(tables)} sets of weights: {names[taken]} was taken, not {' or '.join(others)}"
        notes.append(f"The file holds {sets} ({how}).")
    left_out = _describe_left_out(flat, table, tables=every, known=known, used=used)
    notes += [f"Left out: {', '.join(left_out)}."] if left_out else []
    resized = [name for name, one in table.tensors.items() if one.numel() != flat.get(table.prefix + name, one).numel()]
    notes += [f"Resized to this input size, as timm does: {', '.join(resized)}."] if resized else []
    return Choice(table.prefix if others else "", found, _find_side(table, whole), " ".join(notes))


def _check_dilation(flat: State, table: Table, whole: nn.Module, path: Path) -> None:
    """Raise BadInputError for a backbone that may have been trained dilated where a definition has strides.

    That is one beside the head of a segmentation network, or a ResNet without any head: a classifier or projection, a
    matrix, is trained on strides.
    """
    own = {f"{table.prefix}{name}" for name in whole.state_dict()}
    beside = {name: tensor.ndim for name, tensor in flat.items() if name not in own}
    convolutions = [name for name, ndim in beside.items() if ndim == 4]
    heads = [name for name in convolutions if DENSE_HEAD.fullmatch(name)]
    strided = [one for one in whole.modules() if isinstance(one, nn.Conv2d) and max(one.stride) > 1]
    if len(strided) < 2 or any(UNDILATED_HEAD.match(name) for name in convolutions):
        return
    how = "Say its output stride, `--output-stride 32`, 16 or 8, or in the import dialog"
    if heads:
        raise BadInputError(
            f"{path.name} is of a segmentation network ({heads[0]}), as a rule trained with dilated convolutions in "
            f"place of the last strides, so this definition would give other features. {how}; or give its own, such as "
            "`--architecture torchvision:deeplabv3_resnet50`, or the weights of a backbone with strides alone."
        )
    has_head = _name_head(whole.state_dict()) in {name.partition(".")[0] for name in table.tensors}
    if type(whole).__name__ == "ResNet" and not has_head and 2 not in beside.values():
        raise BadInputError(
            f"{path.name} holds a ResNet without classifier, of which nothing tells whether its last strides are as "
            f"defined (32 pixels in all) or dilated convolutions stand in their place, as for segmentation. {how}."
        )


def _find_side(table: Table, whole: nn.Module) -> int:
    """The side of the images a transformer of torchvision was made for, by its position embedding; 0 for others."""
    held, patch = table.tensors.get("encoder.pos_embedding"), getattr(whole, "patch_size", None)
    return math.isqrt(held.shape[1] - 1) * patch if held is not None and held.ndim == 3 and patch else 0


def find_tables(flat: State, whole: nn.Module, *, path: Path) -> tuple[Table, ...]:
    """Every set of the network's weights in a file: those with all but the last part; else those with most of it.

    The plain set comes first.
    """
    known = whole.state_dict()
    tables = _match_names(flat, known)
    convert = getattr(sys.modules.get(type(whole).__module__), "checkpoint_filter_fn", None)
    first = tables[0].tensors
    fits = all(name in known and known[name].shape == one.shape for name, one in first.items())
    if not (fits or _is_complete(tables[0], known)):
        if convert is not None:
            tables = _convert_timm(flat, whole, convert, first=tables[0].prefix, path=path)
        else:
            tables = [Table(table.prefix, _rename_older(table.tensors, whole)) for table in tables]
    return tuple(sorted(tables, key=lambda one: not one.prefix.startswith(PLAIN)))


def _read_flat(path: Path, known: Mapping[str, Any]) -> State:
    """Every tensor of a file by its name, without the wrappers' parts."""
    wrappers = WRAPPERS - {part for name in known for part in name.split(".")}
    flat: State = {}
    for name, tensor in read_state(path).items():
        bare = ".".join(part for part in name.split(".") if part not in wrappers)
        flat[name if bare in flat else bare] = tensor
    return flat


def _match_names(flat: State, known: Mapping[str, torch.Tensor]) -> list[Table]:
    needed = _list_needed(known)
    hits: Counter[str] = Counter()
    for name, tensor in flat.items():
        for inner in _list_ends(name):
            if inner in needed and needed[inner].shape == tensor.shape:
                hits[name.removesuffix(inner)] += 1
    most = max(hits.values(), default=0)
    return [_cut_table(flat, prefix) for prefix, count in hits.items() if count == most] or [Table("", flat)]


def _list_ends(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.partition(".")[2]


def _list_needed(known: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of a definition without BatchNorm's counters and its last part, which files often replace."""
    head = _name_head(known)
    return {name: one for name, one in known.items() if not name.endswith(COUNTER) and name.partition(".")[0] != head}


def _name_head(known: Mapping[str, Any]) -> str:
    """The name of the last part of a definition, the classifier; "" where it is the only part."""
    parts = list(dict.fromkeys(name.partition(".")[0] for name in known))
    return parts[-1] if len(parts) > 1 else ""


def _cut_table(flat: State, prefix: str) -> Table:
    return Table(prefix, {name.removeprefix(prefix): one for name, one in flat.items() if name.startswith(prefix)})


def _is_complete(table: Table, known: Mapping[str, torch.Tensor]) -> bool:
    held = table.tensors
    return all(name in held and held[name].shape == one.shape for name, one in _list_needed(known).items())


def _are_equal(table: Table, other: Table, known: Mapping[str, torch.Tensor]) -> bool:
    shared = _list_needed(known).keys() & table.tensors.keys() & other.tensors.keys()
    return all(torch.equal(table.tensors[name], other.tensors[name]) for name in shared)


def _rename_older(tensors: State, whole: nn.Module) -> State:
    """Tensors that older versions of a library saved, by today's names: dots moved ("norm.1"), or parts renamed it."""
    state = dict(tensors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a bare definition keeps no values
        for path, part in whole.named_modules():
            part._load_from_state_dict(state, f"{path}." if path else "", {}, False, [], [], [])
    joined = {name.replace(".", ""): name for name in whole.state_dict()}
    return {joined.get(name.replace(".", ""), name): one for name, one in state.items()}


def _convert_timm(flat: State, whole: nn.Module, convert: Any, *, first: str, path: Path) -> list[Table]:
    """Tables as timm's definition expects them: its own converter handles older names and other grid sizes."""
    sizes = Counter(name.removesuffix(inner) for name in flat for inner in _list_ends(name))
    prefixes = dict.fromkeys([first, *(prefix for prefix, _ in sizes.most_common(MOST_CONVERTED))])
    known, found, reason = whole.state_dict(), list[Table](), ""
    for prefix in prefixes:
        try:
            adapted = convert(dict(_cut_table(flat, prefix).tensors), whole)
        except (KeyError, RuntimeError, ValueError, AttributeError, IndexError, TypeError) as error:
            reason = reason or f"timm cannot convert it ({type(error).__name__}: {shorten(str(error))})"
            continue
        found.append(Table(prefix, {name: one for name, one in adapted.items() if isinstance(one, torch.Tensor)}))
    if not found:
        raise WeightsError(f"{path.name} does not fit {type(whole).__name__}: {reason}. Get the right file.")
    return [table for table in found if _is_complete(table, known)] or found[:1]


def _name_tables(tables: Sequence[Table]) -> list[str]:
    """What users call the tables: the parts of their prefixes that tell them apart."""
    parts = [table.prefix.split(".") for table in tables]
    common = set.intersection(*map(set, parts)) if len(parts) > 1 else {""}
    return [".".join(part for part in one if part not in common | {""}) or RAW for one in parts]


def _find_wanted(tables: Sequence[Table], names: list[str], wanted: str) -> int:
    if wanted in names:
        return names.index(wanted)
    averaged = [table.has(AVERAGED) for table in tables]
    meant = averaged if wanted == "ema" else [wanted in name for name in names]
    meant = [not one for one in averaged] if wanted == RAW else meant
    if sum(meant) != 1:
        advice = suggest(wanted, names)
        raise BadInputError(f"`weights` must be one of {', '.join(names)}, got {wanted!r}. {advice}".rstrip())
    return meant.index(True)


def _list_beside(names: Mapping[str, Any], known: Mapping[str, Any]) -> set[str]:
    """Names of a table that are no part of the definition and change none of its features.

    A name inside a part of the definition, or a bare one, could: such a file is of another architecture.
    """
    parts, head = {name.partition(".")[0] for name in known}, _name_head(known)
    replaced = any(name.partition(".")[0] == head and name not in names for name in known)
    beside = set()
    for name in names.keys() - known.keys():
        first, dot, _ = name.partition(".")
        is_apart = first not in parts and (bool(dot) or COUNTERS.fullmatch(name) is not None)
        if BESIDE.fullmatch(name) or is_apart or CHANNELS.fullmatch(name) or (replaced and first == head):
            beside.add(name)
    return beside


def _describe_left_out(
    flat: State, table: Table, *, tables: tuple[Table, ...], known: Mapping[str, Any], used: set[str]
) -> list[str]:
    """What of a file is neither in the table, nor in another one, nor used: by the part it belongs to."""
    beside = {f"{table.prefix}{name}" for name in _list_beside(table.tensors, known)}
    outside = {name for name in flat if not name.startswith(table.prefix)}
    others = [one.prefix for one in tables if one is not table]
    here, parts = table.prefix.split("."), Counter[str]()
    for name in sorted(beside | outside):
        if name in used or any(name.startswith(one) and name.removeprefix(one) in known for one in others):
            continue
        path = name.split(".")
        depth = next((at for at, (part, own) in enumerate(zip(path, here, strict=False)) if part != own), len(path) - 1)
        parts[path[-1] if BESIDE.fullmatch(path[-1]) else path[depth]] += 1
    return [f"{part} ({count} tensor{'s' if count > 1 else ''})" for part, count in parts.items()]
