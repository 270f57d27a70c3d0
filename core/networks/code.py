"""Hashes the code that a function of the user makes a module with: not all that it computes is in tensors.

Its own file counts, those that the classes of the module come from, and what the import statements of all of them name,
wherever in a file they stand. Of an installed package that is not the function's own its version counts. Libraries
whose versions every probe notes are left out, and so is this program.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions, version
from importlib.util import resolve_name
from pathlib import Path

from torch import nn

from core.files import hash_file
from core.networks.build import find_function

LEFT_OUT = {*sys.stdlib_module_names, "torch", "torchvision", "timm", "numpy", __name__.partition(".")[0]}
LIBRARIES = {"site-packages", "dist-packages"}
"""Folders of installed packages."""


def hash_code(reference: str, made: nn.Module) -> str:
    """SHA-256 of all code behind the function "package.module:function" that made `made`. Imports nothing."""
    module = reference.partition(":")[0]
    own = getattr(inspect.unwrap(find_function(reference)), "__module__", None) or module
    waiting = {module, own, *(type(part).__module__ for part in made.modules())}
    files: dict[str, str] = {}
    installed: set[str] = set()
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if name in files or top in LEFT_OUT | installed:
            continue
        file = _find_module(name)[0]
        if top != module.partition(".")[0] and not LIBRARIES.isdisjoint(file.parts):
            installed.add(top)
        else:
            files[name] = hash_file(file) if file.is_file() else ""
            waiting |= _list_imports(name, file)
    owners = packages_distributions() if installed else {}
    versions = {f"{one} {version(one)}" for top in installed for one in owners.get(top, ())}
    told = [*(f"{name} {sha256}" for name, sha256 in files.items() if sha256), *versions]
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


def _find_module(name: str) -> tuple[Path, list[str] | None]:
    """The file of a module, and the folders its submodules lie in; no file where there is no such module."""
    if (module := sys.modules.get(name)) is not None:
        return Path(getattr(module, "__file__", None) or ""), list(getattr(module, "__path__", ()))
    parent = name.rpartition(".")[0]
    found = PathFinder.find_spec(name, _find_module(parent)[1] if parent else None)
    return (Path(), []) if found is None else (Path(found.origin or ""), list(found.submodule_search_locations or ()))


def _list_imports(name: str, file: Path) -> set[str]:
    """What the import statements of a module name, relative ones resolved, and the package that it lies in."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    found = {package, name.rpartition(".")[0]}
    with suppress(OSError, SyntaxError, ValueError, ImportError):  # an extension, or a name above the topmost package
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                start = resolve_name("." * node.level + (node.module or ""), package)
                found |= {start, *(f"{start}.{one.name}" for one in node.names)}
    return found - {""}
