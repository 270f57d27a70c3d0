"""Finds what somebody means by a few letters: every word must occur, in any order."""

from __future__ import annotations

from dataclasses import dataclass

STARTS_TEXT, STARTS_WORD, INSIDE, INITIALS, SCATTERED = 100.0, 80.0, 55.0, 45.0, 20.0
"""Worth of a word that begins the text, begins a word of it, stands inside one, is its initials, is spread over it."""

GAP_COST = 1.0
"""A letter left out between two letters of a scattered word."""

MOST_GAPS = 8
"""With more letters left out, the word was not meant."""

LENGTH_COST = 0.1
"""A letter of the text: of two equal finds the shorter text is meant."""


@dataclass(frozen=True, slots=True)
class Find:
    """How well a text was meant, and which of its letters were."""

    score: float
    letters: tuple[int, ...]


def find_words(query: str, text: str) -> Find | None:
    """How well a text fits what was typed; None if a word of the query is not in it at all."""
    folded = text.casefold()
    score, letters = -LENGTH_COST * len(folded), set[int]()
    for word in query.casefold().split():
        found = _find_word(word, folded)
        if found is None:
            return None
        score += found.score
        letters.update(found.letters)
    return Find(score, tuple(sorted(letters)))


def _find_word(word: str, text: str) -> Find | None:
    starts = [place for place in range(len(text)) if _starts_word(text, place)]
    begun = next((place for place in starts if text.startswith(word, place)), -1)
    place = begun if begun >= 0 else text.find(word)
    if place >= 0:
        worth = STARTS_TEXT if place == 0 else STARTS_WORD if begun >= 0 else INSIDE
        return Find(worth, tuple(range(place, place + len(word))))
    initials = _follow(word, text, starts)
    if initials is not None:
        return Find(INITIALS, initials)
    scattered = _follow(word, text, range(len(text)))
    if scattered is None:
        return None
    gaps = scattered[-1] - scattered[0] + 1 - len(word)
    if gaps > MOST_GAPS:
        return None
    return Find(SCATTERED - GAP_COST * gaps, scattered)


def _starts_word(text: str, place: int) -> bool:
    return text[place].isalnum() and (place == 0 or not text[place - 1].isalnum())


def _follow(word: str, text: str, places: list[int] | range) -> tuple[int, ...] | None:
    """The first of the places at which the letters of a word stand one after another."""
    found: list[int] = []
    for place in places:
        if len(found) < len(word) and text[place] == word[len(found)]:
            found.append(place)
    return tuple(found) if len(found) == len(word) else None
