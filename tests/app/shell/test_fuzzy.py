"""The search of the palette: what a few letters find, and in which order."""

from __future__ import annotations

import pytest

from app.shell.palette import find_words


def ranked(query: str, *texts: str) -> list[str]:
    found = [(find_words(query, text), text) for text in texts]
    return [text for find, text in sorted(((f, t) for f, t in found if f is not None), key=lambda row: -row[0].score)]


def test_a_start_beats_a_word_beats_an_inside() -> None:
    assert ranked("port", "Import", "Open port", "Portrait") == ["Portrait", "Open port", "Import"]


def test_words_may_come_in_any_order_and_all_must_occur() -> None:
    assert find_words("ffa raise", "Raise the response of FFA") is not None
    assert find_words("ffa lower", "Raise the response of FFA") is None


def test_initials_find_a_text() -> None:
    find = find_words("swp", "Save window picture")
    assert find is not None
    assert find.letters == (0, 5, 12)


@pytest.mark.parametrize(("query", "letters"), [("theme", (0, 1, 2, 3, 4)), ("thm", (0, 1, 3))])
def test_the_letters_that_were_meant_are_told(query: str, letters: tuple[int, ...]) -> None:
    find = find_words(query, "Theme")
    assert find is not None
    assert find.letters == letters


def test_letters_scattered_far_apart_are_not_meant() -> None:
    assert find_words("exz", "Everything in the box and the zoo") is None
