"""Names hold on every file system and never collide."""

from __future__ import annotations

import dataclasses

import pytest

from core.stimuli.names import LONGEST, name_pairs, safe_name
from tests.helpers.probes import make_probe

CONFIG = make_probe(44, 16).config


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cat-raise-FFA-l2-3", "cat-raise-FFA-l2-3"),
        ('my "photo": 1/2', "my_photo_1_2"),
        ("../../etc/passwd", "etc_passwd"),
        ("Müllers Café", "Mullers_Cafe"),
        ("con", "set_con"),
        ("NUL.png", "set_NUL.png"),
        (" .hidden. ", "hidden"),
    ],
)
def test_odd_names_become_plain(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_names_of_other_scripts_stay_apart() -> None:
    assert safe_name("猫") != safe_name("犬")
    assert safe_name("猫").startswith("unnamed-")


def test_long_names_are_cut_and_stay_apart() -> None:
    one, two = safe_name("x" * 500 + "1"), safe_name("x" * 500 + "2")
    assert len(one) == len(two) == LONGEST
    assert one != two


def test_pairs_of_one_network_need_no_name_of_it() -> None:
    assert name_pairs([CONFIG], ["cat"]) == ("cat-raise-FFA-l2-3",)


def test_pairs_of_several_networks_are_told_apart() -> None:
    other = dataclasses.replace(CONFIG, network="alexnet", layer="features.4")
    names = name_pairs([CONFIG, other], ["cat", "cat"])
    assert names == ("cat-raise-FFA-l2-3-mobilenet_v2-features.18", "cat-raise-FFA-l2-3-alexnet-features.4")


def test_equal_names_are_numbered_even_where_case_is_ignored() -> None:
    assert name_pairs([CONFIG] * 3, ["cat", "Cat", "cat"]) == (
        "cat-raise-FFA-l2-3",
        "Cat-raise-FFA-l2-3-2",
        "cat-raise-FFA-l2-3-3",
    )
