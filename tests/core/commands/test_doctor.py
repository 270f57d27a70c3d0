"""`main.py doctor`: its table can be read."""

from __future__ import annotations

from core.commands.doctor import WHAT_WIDTH
from core.networks.catalog import list_networks


def test_the_names_of_the_embedded_weights_do_not_touch_what_was_found() -> None:
    shipped = [spec.id for spec in list_networks() if not spec.url]
    assert shipped and all(len(f"weights of {name}") <= WHAT_WIDTH for name in shipped)
