"""How the parts of a window share its room."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.figures.dialogs import FigureDialog, MovieDialog
from app.images.page import ImagesForm
from app.stimuli.package_dialog import PackageForm
from app.widgets.basics import make_split


@pytest.mark.parametrize("shares", [(3, 2), (1, 4), (36, 26, 38)])
def test_parts_take_their_shares_whatever_they_need_at_least(qtbot: QtBot, shares: tuple[int, ...]) -> None:
    parts = [QWidget() for _ in shares]
    parts[-1].setMinimumWidth(150)
    split = make_split(*parts, shares=shares)
    qtbot.addWidget(split)
    split.resize(1200, 100)
    split.show()
    room = sum(split.sizes())
    assert split.sizes() == pytest.approx([room * share / sum(shares) for share in shares], abs=len(shares))


@pytest.mark.parametrize(
    ("make", "above", "below"),
    [
        (ImagesForm, "images", "contrast"),
        (PackageForm, "gap_seconds", "distance_cm"),
        (FigureDialog, "theme", "cortex_style.map"),
        (MovieDialog, "form.theme", "form.cortex_style.map"),
    ],
)
def test_fields_of_one_column_begin_at_one_place(qtbot: QtBot, make: type[QWidget], above: str, below: str) -> None:
    page = make()
    qtbot.addWidget(page)
    page.show()
    places = set()
    for path in (above, below):
        field = page
        for name in path.split("."):
            field = getattr(field, name)
        places.add(field.mapTo(page, QPoint(0, 0)).x())
    assert len(places) == 1
