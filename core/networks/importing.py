"""Takes a network of the user in: a weights file, a network file, or a function. Never keeps one that cannot be probed.

state dict, checkpoint of a training script   needs the architecture: a catalogue id, timm:NAME, ...
torch.export, TorchScript                     networks of their own, and programs: only if trusted
"package.module:function"                     runs the user's Python: only if trusted
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.checks import check_choice, refusal
from core.errors import BadInputError, StorageError, WeightsError
from core.files import hash_file
from core.networks.build import build_architecture
from core.networks.catalog import PREFIXES, check_new_id, find_network, list_networks, save_user_network, suggest_id
from core.networks.files.export_file import load_export
from core.networks.files.kinds import find_kind
from core.networks.files.normalisation import LEAST_SD, Normalisation
from core.networks.files.script_file import load_script
from core.networks.files.tables import choose_table
from core.networks.import_options import NetworkImportOptions
from core.networks.load import load_network
from core.networks.named import (
    DEFAULT_SIZE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    blank_spec,
    choose_layers,
    complete_spec,
    leave_pixels,
    spec_of_function,
)
from core.networks.open_body import hash_module, list_layers
from core.networks.spec import Family, NetworkSpec

FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
TAKEN_OVER = ("title", "input_size", "mean", "std", "output_stride", "tokens", "robust", "licence")
"""Options that replace what an entry says by the same name."""
UNUSUAL_STD = "The SD given is far below that of pictures in [0, 1], .2 to .3: it must not be a variance."
PROGRAM_KINDS: dict[Family, str] = {"torchscript": "a TorchScript file", "export": "a torch.export file"}


def import_network(source: str, options: NetworkImportOptions | None = None) -> NetworkSpec:
    """Take a file, a function "package.module:function", or a library's name, in as a network of the user.

    Returns its entry. It is loaded and probed at its default layer first, unless its weights are not downloaded yet.

    Raises BadInputError if the id is taken, the architecture is not known or not given, a layer does not exist, or
    trust is missing; WeightsError if the file is truncated, of another architecture or holds code, or the network
    cannot be probed; StorageError if the file cannot be read or the copy cannot be written.
    """
    options = options or NetworkImportOptions()
    if source.partition(":")[0] in PREFIXES and not Path(source).is_file():
        return _keep_named(source, options)
    given = Path(source).expanduser()
    is_function = FUNCTION.fullmatch(source) is not None and not given.is_file()
    spec = _take_function(source, options) if is_function else _take_file(given, options)
    if spec.output_stride and not spec.is_drawn:
        allowed = "left out for a program or function, which has its own strides"
        raise refusal("output_stride", allowed=allowed, got=spec.output_stride)
    for layer in options.layers:
        check_choice("layer", layer, [info.name for info in list_layers(spec)])
    spec = replace(spec, id=options.id or suggest_id(spec.id), user=True)
    check_new_id(spec.id)
    load_network(spec)
    return save_user_network(spec) if is_function else save_user_network(replace(spec, sha256=hash_file(given)), given)


def _keep_named(name: str, options: NetworkImportOptions) -> NetworkSpec:
    """A library's name kept under an id; its weights can be downloaded later."""
    spec = _apply(find_network(name), options)
    spec = replace(spec, id=options.id or name)
    check_new_id(spec.id)
    if options.layers or options.tokens or options.output_stride:
        complete_spec(spec, layers=spec.layers, tokens=spec.tokens)
    if spec.family == "python":
        check_trust(options, repr(name), "Python code")
        load_network(spec)
    return save_user_network(spec)


def _take_function(reference: str, options: NetworkImportOptions) -> NetworkSpec:
    check_trust(options, repr(reference), "Python code")
    spec = spec_of_function(reference, reference.replace(":", "."), input_size=options.input_size)
    check_same_weights(spec)
    return _apply(_tell_normalisation(replace(spec, source=f"function {reference}"), options), options)


def check_same_weights(spec: NetworkSpec) -> None:
    """Raise WeightsError for a function that draws its weights: no encoder fitted on them could be used."""
    if hash_module(spec) != hash_module(spec):
        raise WeightsError(
            f"{spec.architecture!r} gives other weights at each call: it draws them at random. Let it load its "
            "weights, or set a seed in it."
        )


def _take_file(path: Path, options: NetworkImportOptions) -> NetworkSpec:
    if not path.is_file():
        what = f"{path} is a folder. Give the file of weights in it." if path.is_dir() else ""
        raise StorageError(what or f"The file {path} does not exist. Check the path.")
    kind = find_kind(path)
    if kind in PROGRAM_KINDS:
        return _take_program(path, kind, options)
    base = find_network(options.architecture or _guess_base(path))
    if base.family not in {"torchvision", "timm"}:
        advice = "Give the library's definition: timm:NAME or torchvision:NAME."
        raise refusal("architecture", allowed="one of a library", got=base.id, advice=advice)
    name = path.stem.removesuffix(".pth")  # of .pth.tar
    spec = replace(base, id=name, title=name, weights=str(path.absolute()), sha256="", url="", size_mb=0.0)
    source = f"{path.name}, definition of {base.id}"
    spec = replace(spec, robust=False, licence="yours", note="", source=source, parent="")
    spec = replace(spec, input_size=options.input_size or spec.input_size)
    spec = replace(spec, output_stride=options.output_stride or spec.output_stride)
    choice = choose_table(path, build_architecture(spec), options.weights, output_stride=spec.output_stride)
    side = options.input_size or choice.input_size or spec.input_size
    spec = replace(spec, table=choice.prefix, note=choice.note, input_size=side)
    return _apply(_normalise_as_file(spec, choice.normalisations, options), options)


def _normalise_as_file(
    spec: NetworkSpec, found: tuple[Normalisation, ...], options: NetworkImportOptions
) -> NetworkSpec:
    """The entry with the mean and SD that its file holds beside the weights, where the user gave none.

    Raises BadInputError where it cannot be known how they are meant.
    """
    if not found:
        return spec
    told = found[0].describe()
    if options.mean and options.std:
        return replace(spec, note=f"{spec.note} Its file says {told}, which is not used: others were given.".strip())
    if any(one.is_blue_first for one in found):
        raise BadInputError(
            f"The file holds a normalisation with blue first, {told}, so the network takes blue, green, red. Swap the "
            "input channels of its first convolution, and give `--mean` and `--std` for red, green, blue."
        )
    if len(found) > 1 or not found[0].is_clear:
        raise BadInputError(
            f"The file holds a normalisation, {' and '.join(one.describe() for one in found)}, and it cannot be known "
            f"how it is meant for pixels in [0, 1]{found[0].doubt}. Give them yourself: `--mean` and `--std`, or Mean "
            "and SD in the import dialog."
        )
    note = f"{spec.note} Pixels are normalised as the file says: {told}.".strip()
    return replace(spec, mean=found[0].mean, std=found[0].std, note=note)


def _guess_base(path: Path) -> str:
    """The catalogue's network with a file of that name. Raises BadInputError if none has."""
    for spec in list_networks():
        if not spec.user and path.name == spec.weights:
            return spec.id
    raise BadInputError(
        f"{path.name} holds weights without their definition. Say which network they belong to: a catalogue id, "
        "timm:NAME or torchvision:NAME."
    )


def check_trust(options: NetworkImportOptions, name: str, what: str) -> None:
    """Raise BadInputError for what runs code, before it is opened, unless it is trusted: what that means and how."""
    if not options.trusted:
        raise BadInputError(
            f"{name} is {what}, a program that runs with your rights and could read, change or send your files, so it "
            "is opened only if you trust whoever made it: `--trust` on the command line, the box in the import dialog, "
            "or `NetworkImportOptions(trusted=True)`."
        )


def _take_program(path: Path, family: Family, options: NetworkImportOptions) -> NetworkSpec:
    """A file that is definition and weights in one."""
    check_trust(options, path.name, PROGRAM_KINDS[family])
    exported = load_export(path, options.input_size) if family == "export" else None
    made_for = exported.side if exported else 0
    spec = blank_spec(path.stem, family=family, weights=str(path.absolute()), source=path.name, licence="yours")
    spec = leave_pixels(spec, exported.graph if exported else load_script(path))
    side = options.input_size or made_for or DEFAULT_SIZE
    spec = replace(spec, input_size=side, layers=("output",), default_layer="output")
    chosen = options.layers or choose_layers(list_layers(spec))
    spec = replace(spec, layers=chosen, default_layer=chosen[-1])
    return _apply(_tell_normalisation(spec, options), options)


def _tell_normalisation(spec: NetworkSpec, options: NetworkImportOptions) -> NetworkSpec:
    """The entry of a program that says nothing of its pixels, with a note: its own arithmetic may normalise them."""
    if spec.note or (options.mean and options.std) or (spec.mean, spec.std) != (IMAGENET_MEAN, IMAGENET_STD):
        return spec
    mean, std = (", ".join(f"{value:g}" for value in values) for values in (spec.mean, spec.std))
    how = "give `--mean 0 0 0 --std 1 1 1`, or these in the import dialog"
    return replace(
        spec, note=f"Pixels get mean {mean} and SD {std} first; if the network normalises them itself, {how}."
    )


def _apply(spec: NetworkSpec, options: NetworkImportOptions) -> NetworkSpec:
    """The entry with the user's options."""
    layers = options.layers or spec.layers
    note = f"{spec.note} {UNUSUAL_STD}".strip() if options.std and min(options.std) < LEAST_SD else spec.note
    same: dict[str, Any] = {name: getattr(options, name) or getattr(spec, name) for name in TAKEN_OVER}
    parent = find_network(options.parent).id if options.parent else spec.parent
    default = layers[-1] if options.layers else spec.default_layer
    return replace(spec, note=note, layers=layers, default_layer=default, parent=parent, **same)
