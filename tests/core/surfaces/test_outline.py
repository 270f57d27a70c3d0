"""Outlines on a small grid. Answers counted by hand and by brute force."""

from __future__ import annotations

import numpy as np

from core.surfaces.outline import find_borders, find_borders_by_label, label_anchor
from core.types import IntArray

SIDE = 8


def make_grid() -> tuple[IntArray, IntArray]:
    """A square grid of 8 x 8 vertices, two triangles a cell: (faces, vertex numbers (row, column))."""
    number = np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    upper, lower = np.stack([a, b, c], axis=-1), np.stack([b, d, c], axis=-1)
    return np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3)]), number


def pairs(edges: IntArray) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in edges}


def test_outline_of_a_square_is_its_ring() -> None:
    faces, number = make_grid()
    labels = np.zeros(SIDE * SIDE, dtype=np.int16)
    labels[number[2:6, 2:6]] = 1
    found = pairs(find_borders(faces, labels))
    ring = {(int(number[r, c]), int(number[r, c + 1])) for r in (2, 5) for c in range(2, 5)}
    ring |= {(int(number[r, c]), int(number[r + 1, c])) for c in (2, 5) for r in range(2, 5)}
    # Two corners of the square are cut by the diagonals of the grid's cells.
    assert ring <= found
    assert all(labels[a] == labels[b] == 1 for a, b in found)
    assert len(found - ring) <= 2


def test_touching_regions_share_one_border_but_have_whole_outlines_alone() -> None:
    faces, number = make_grid()
    labels = np.zeros(SIDE * SIDE, dtype=np.int16)
    labels[number[:, :4]] = 1
    labels[number[:, 4:]] = 2
    column = {(int(number[r, 3]), int(number[r + 1, 3])) for r in range(SIDE - 1)}
    other = {(int(number[r, 4]), int(number[r + 1, 4])) for r in range(SIDE - 1)}
    assert pairs(find_borders(faces, labels)) == column
    alone = find_borders_by_label(faces, labels)
    assert pairs(alone[1]) == column and pairs(alone[2]) == other


def test_borders_are_grouped_by_label_and_match_brute_force() -> None:
    faces, _ = make_grid()
    labels = np.random.default_rng(3).integers(0, 4, SIDE * SIDE).astype(np.int16)
    edges = find_borders(faces, labels)
    expected = set()
    for face in faces.tolist():
        for i in range(3):
            a, b, c = face[i], face[(i + 1) % 3], face[(i + 2) % 3]
            if labels[a] == labels[b] > 0 and (labels[c] == 0 or labels[c] > labels[a]):
                expected.add((min(a, b), max(a, b)))
    assert pairs(edges) == expected and len(edges) == len(expected)
    assert edges.dtype == np.int32
    assert (np.diff(labels[edges[:, 0]]) >= 0).all()


def test_no_regions_no_borders() -> None:
    faces, _ = make_grid()
    labels = np.zeros(SIDE * SIDE, dtype=np.int16)
    assert find_borders(faces, labels).shape == (0, 2)
    assert find_borders_by_label(faces, labels) == {}


def test_the_anchor_is_a_member_at_the_centre() -> None:
    _, number = make_grid()
    labels = np.zeros(SIDE * SIDE, dtype=np.int16)
    labels[number[1:4, 1:4]] = 2
    points = np.stack([*np.divmod(np.arange(SIDE * SIDE), SIDE), np.zeros(SIDE * SIDE)], axis=1)
    assert label_anchor(labels, points) == {2: int(number[2, 2])}
