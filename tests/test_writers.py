"""Files are written whole or not at all: every call that writes lies within `core/files.py`'s renaming, or is named.

Read from the source: a call counts as safe in a `with new_file(...)` or `with new_folder(...)`, as an argument of
`replace_file(...)`, or in a function handed to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from tests.house import ROOT, TREES, modules, parse

RENAMING = {"new_file", "new_folder", "replace_file"}
WRITING = {
    *("write_text", "write_bytes", "savez", "savez_compressed", "savefig", "to_parquet", "to_excel", "to_pickle"),
    *("copyfile", "copytree", "copy2", "open_memmap", "imwrite", "mimsave", "touch", "save_file", "write_table"),
}
SAVERS = {"np", "numpy", "nibabel", "torch", "image", "Image", "figure", "picture", "plot"}
"""What a call of `.save` writes a file with; other objects save themselves by the functions checked here."""
OPENERS = {"open", "ZipFile", "File", "fdopen"}
BUFFERS = {"buffer", "packed", "file"}
"""Names of what is written to in memory, or of a file that is open already."""

ALLOWED = {
    "core/cluster/serve.py:start_cluster": "the log of another process, which writes on",
    "core/datasets/importer.py:reserve": "within the new folder of an import",
    "core/datasets/subject_files.py:write_files": "within the new folder of a subject",
    "core/encoders/feature_cache.py:_open_shard": "appended to as features come; an index says what is whole",
    "core/experiments/packages/bids.py:write_bids": "within the new folder of a package",
    "core/experiments/packages/brainscore.py:write_brainscore": "within the new folder of a package",
    "core/experiments/packages/package.py:_take_picture": "within the new folder of a package",
    "core/experiments/packages/presentation.py:write_psychopy": "within the new folder of a package",
    "core/experiments/packages/presentation.py:write_jspsych": "within the new folder of a package",
    "core/experiments/packages/plan.py:write_table": "handed a name within a new folder",
    "core/figures/movie_file.py:_add_comment": "handed the temporary name of a movie",
    "core/networks/files/download.py:_connect": "what the part of a download is of; a damaged one starts it anew",
    "core/probes/files.py:_write_together": "two files that take their names together",
    "core/probes/files.py:_take_back": "puts the older of two files back",
    "core/reports/table.py:write_csv": "handed to replace_file",
    "core/reports/table.py:_write_parquet": "handed to replace_file",
    "core/stimuli/images.py:write_levels": "handed a name within a new folder",
    "core/stimuli/manifest.py:write_csv": "handed a name within a new folder",
    "core/stimuli/write.py:_finish": "within the new folder of a set",
    "app/base/problems.py:_write_report": "a report of a crash, under a name of its own; half of one beats none",
    "app/look/icons.py:glyph_file": "in the program's private temporary folder",
}
"""Writers outside the renaming, by file and function, and why."""


@lru_cache(maxsize=1)
def writers() -> tuple[tuple[str, int, str, bool], ...]:
    """(file:function, line, call, whether it is within the renaming) of every call that writes a file."""
    return tuple(one for tree in TREES for path in modules(tree) for one in writers_of(path))


def writers_of(path: Path) -> Iterator[tuple[str, int, str, bool]]:
    tree = parse(path)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    writing = [call for call in calls if is_writing(call)]
    if not writing:
        return
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    renamings = [call for call in calls if called(call) in RENAMING]
    handed = {argument.id for call in renamings for argument in call.args if isinstance(argument, ast.Name)}
    for call in writing:
        around = list(parents(call, above))
        functions = [one.name for one in around if isinstance(one, ast.FunctionDef)]
        safe = any(map(is_renaming, around)) or bool(handed.intersection(functions))
        place = f"{path.relative_to(ROOT).as_posix()}:{functions[0] if functions else ''}"
        yield place, call.lineno, ast.unparse(call)[:80], safe


def parents(node: ast.AST, above: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in above:
        node = above[node]
        yield node


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_renaming(node: ast.AST) -> bool:
    if isinstance(node, ast.With):
        return any(isinstance(item.context_expr, ast.Call) and is_renaming(item.context_expr) for item in node.items)
    return isinstance(node, ast.Call) and called(node) in RENAMING


def is_writing(node: ast.Call) -> bool:
    name = called(node)
    if node.args and isinstance(node.args[0], ast.Name) and node.args[0].id in BUFFERS:
        return False
    if name in OPENERS:
        modes = [*node.args, *(one.value for one in node.keywords if one.arg == "mode")]
        return any(isinstance(mode, ast.Constant) and is_writing_mode(mode.value) for mode in modes)
    if name == "save" and isinstance(node.func, ast.Attribute):
        return ast.unparse(node.func.value).partition(".")[0] in SAVERS
    if name == "to_csv":
        return bool(node.args)
    return name in WRITING and isinstance(node.func, ast.Attribute)


def is_writing_mode(mode: object) -> bool:
    return isinstance(mode, str) and set(mode) <= set("rwaxbt+") and bool(set(mode) & set("wax+"))


def test_every_writer_goes_through_the_renaming_or_is_named() -> None:
    loose = [(place, line, call) for place, line, call, safe in writers() if not safe]
    unnamed = [one for one in loose if one[0] not in ALLOWED]
    assert not unnamed, "\n".join(f"{place} line {line}: {call}" for place, line, call in unnamed)


def test_no_name_is_left_that_writes_no_more() -> None:
    loose = {place for place, _, _, safe in writers() if not safe}
    assert not set(ALLOWED) - loose


def test_the_usual_ways_to_write_are_seen() -> None:
    """The walk would be empty words if it found nothing."""
    calls = "\n".join(call for _, _, call, _ in writers())
    for way in ("write_text(", "write_bytes(", ".open('wb')", "np.savez(", "copyfile(", "to_csv(path", "torch.save("):
        assert way in calls, way


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("open(path, 'w')", True),
        ("path.open(mode='ab')", True),
        ("path.open()", False),
        ("open(path, 'rb')", False),
        ("np.save(path, values)", True),
        ("image.save(buffer, 'PNG')", False),
        ("Image.fromarray(levels).save(path)", True),
        ("self._store.save(recipe)", False),
        ("table.to_csv(index=False)", False),
    ],
)
def test_a_call_that_writes_is_told_from_one_that_does_not(source: str, seen: bool) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call) and is_writing(call) is seen
