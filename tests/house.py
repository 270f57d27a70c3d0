"""The figures of the house: `python -m tests.house` prints lines, circles, longest file and function, arrows.

Imports are read from the source with `ast`: lazy ones inside functions and those for type checking count too.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREES = ("app", "core")


@lru_cache(maxsize=4)
def modules(tree: str) -> tuple[Path, ...]:
    """Every Python file of a tree, in order."""
    return tuple(sorted((ROOT / tree).rglob("*.py")))


@lru_cache(maxsize=2048)
def parse(path: Path) -> ast.Module:
    """The syntax tree of a file, read once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def count_lines(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def imported_names(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute name a file imports anywhere, in functions and under TYPE_CHECKING too, with its line."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and (name := _import_call(node)):
            yield name, node.lineno


def _import_call(node: ast.Call) -> str:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name not in {"import_module", "__import__"} or not node.args:
        return ""
    value = getattr(node.args[0], "value", "")
    return value if isinstance(value, str) else ""


def module_name(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@lru_cache(maxsize=1)
def file_imports() -> Mapping[str, frozenset[str]]:
    """For every module of the trees, the modules of the trees that it imports."""
    known = {module_name(path): path for tree in TREES for path in modules(tree)}
    found: dict[str, frozenset[str]] = {}
    for name, path in known.items():
        targets = (_module_of(imported, known) for imported, _line in imported_names(path))
        found[name] = frozenset(target for target in targets if target and target != name)
    return found


def _module_of(imported: str, known: Mapping[str, Path]) -> str:
    if imported in known:
        return imported
    parent = imported.rpartition(".")[0]
    return parent if parent in known else ""


def circles(arrows: Mapping[str, frozenset[str]]) -> list[tuple[str, ...]]:
    """Groups of names that reach each other, largest first: the strongly connected parts of more than one name.

    Tarjan (1972, doi:10.1137/0201010), without recursion.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[tuple[str, ...]] = []
    for root in arrows:
        if root in index:
            continue
        work = [(root, iter(sorted(arrows.get(root, frozenset()))))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    members = stack[stack.index(name) :]
                    del stack[-len(members) :]
                    on_stack.difference_update(members)
                    found += [tuple(sorted(members))] if len(members) > 1 else []
            elif target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                on_stack.add(target)
                work.append((target, iter(sorted(arrows.get(target, frozenset())))))
            elif target in on_stack:
                low[name] = min(low[name], index[target])
    return sorted(found, key=len, reverse=True)


def room_of(module: str) -> str:
    """The room of a module: "core.sweeps" of core.sweeps.plan, "core.errors" of a file at the root."""
    return ".".join(module.split(".")[:2])


def room_arrows() -> dict[tuple[str, str], int]:
    """How many imports lead from one room to another."""
    found: Counter[tuple[str, str]] = Counter()
    for name, targets in file_imports().items():
        found.update((room_of(name), room_of(target)) for target in targets if room_of(name) != room_of(target))
    return dict(found)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with its number of lines, decorators left out."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def short_files(most: int = 40) -> list[tuple[str, int, str]]:
    """Files of fewer lines than `most` that one other file imports: candidates to be merged into it."""
    importers: dict[str, set[str]] = defaultdict(set)
    for name, targets in file_imports().items():
        for target in targets:
            importers[target].add(name)
    lengths = {module_name(path): count_lines(path) for tree in TREES for path in modules(tree)}
    return [
        (name, lines, next(iter(importers[name])))
        for name, lines in sorted(lengths.items())
        if 0 < lines < most and len(importers[name]) == 1
    ]


def main() -> None:
    """Print the figures."""
    for tree in TREES:
        lines: Counter[str] = Counter()
        files: Counter[str] = Counter()
        for path in modules(tree):
            lines[room_of(module_name(path))] += count_lines(path)
            files[room_of(module_name(path))] += 1
        print(f"{tree}: {lines.total():,} lines in {files.total()} files")
        for room, count in lines.most_common():
            print(f"  {room:<24}{count:>8,} lines {files[room]:>4} files")
    every = [path for tree in TREES for path in modules(tree)]
    longest = max(every, key=count_lines)
    print(f"longest file: {module_name(longest)}, {count_lines(longest)} lines")
    size, name, where = max((size, name, module_name(path)) for path in every for name, size in functions(path))
    print(f"longest function: {name} in {where}, {size} lines")
    print("circles of files (imports for type checking counted):")
    for members in circles(file_imports()):
        print(f"  {len(members)}: {', '.join(members)}")
    arrows = room_arrows()
    by_room: dict[str, set[str]] = defaultdict(set)
    for source, target in arrows:
        by_room[source].add(target)
    print("circles of rooms:")
    for members in circles({room: frozenset(targets) for room, targets in by_room.items()}):
        print(f"  {len(members)}: {', '.join(members)}")
    print(f"arrows between rooms: {len(arrows)}")
    for source in sorted(by_room):
        targets = ", ".join(f"{target} ({arrows[source, target]})" for target in sorted(by_room[source]))
        print(f"  {source} -> {targets}")
    print("short files with one importer:")
    for module, count, importer in short_files():
        print(f"  {module} ({count}) <- {importer}")


if __name__ == "__main__":
    main()
