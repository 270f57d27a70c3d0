"""Own keys of commands: kept, free of doubles, and forgotten again."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.base.settings import Settings
from app.shell.commands import COMMANDS, find_command
from app.shell.shortcuts import KEY, change_key, find_owner, read_keys


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


def test_without_own_keys_every_command_has_that_of_the_table(settings: Settings) -> None:
    assert read_keys(settings) == {command.id: command.shortcut for command in COMMANDS}


def test_an_own_key_is_kept_and_the_tables_is_free_then(settings: Settings) -> None:
    change_key(settings, "probe", "Ctrl+Return")
    settings.save()
    assert read_keys(settings)["probe"] == "Ctrl+Return"
    assert find_owner(settings, "P") == ""
    assert find_owner(settings, "Ctrl+Return") == "probe"


def test_the_tables_key_again_leaves_nothing_behind(settings: Settings) -> None:
    change_key(settings, "probe", "Ctrl+Return")
    change_key(settings, "probe", find_command("probe").shortcut)
    assert settings.text(KEY) == ""


def test_no_two_commands_have_one_key_whatever_the_file_says(settings: Settings) -> None:
    settings.set(KEY, '{"about": "P"}')
    keys = [key for key in read_keys(settings).values() if key]
    assert len(set(keys)) == len(keys)
    assert read_keys(settings)["about"] == "P"


@pytest.mark.parametrize("text", ["[1]", "{", '{"nothing": "P", "probe": 3}'])
def test_a_damaged_text_gives_the_tables_keys(settings: Settings, text: str) -> None:
    settings.set(KEY, text)
    assert read_keys(settings)["probe"] == "P"


def test_a_second_key_has_an_owner_too(settings: Settings) -> None:
    assert find_owner(settings, "Ctrl+Shift+P") == "palette"
