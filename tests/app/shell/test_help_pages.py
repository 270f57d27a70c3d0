"""The documentation in the window: every page is there, every link and picture of a page leads somewhere."""

from __future__ import annotations

import re

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.shell.handlers import PAGES, HelpPages
from core.paths import docs_folder


def test_the_list_names_every_page() -> None:
    assert {f"{name}.md" for name, _ in PAGES} == {path.name for path in docs_folder().glob("*.md")}


@pytest.mark.parametrize("name", [name for name, _ in PAGES])
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    text = (docs_folder() / f"{name}.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    assert [one for one in targets if "://" not in one and not (docs_folder() / one).exists()] == []


def test_a_link_opens_its_page_and_marks_it(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    pages = HelpPages(parent)
    pages.show_page("first-experiment")
    assert "First experiment" in pages.browser.toPlainText()
    pages.browser.setSource(pages.browser.source().resolved("formulas.md"))
    assert pages.list.currentItem().text() == "Formulas"
    assert "Formulas" in pages.browser.toPlainText()
