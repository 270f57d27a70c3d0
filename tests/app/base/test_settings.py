from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.base.settings import GROUPS, SETTINGS, Setting, Settings, find_setting
from core.errors import BadInputError
from core.surfaces.colormap import ColormapKind, list_colormaps
from core.surfaces.map_names import DIVERGING, SEQUENTIAL


def test_what_is_set_is_read_back(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "a" / "settings.json")
    settings.set("gate_r", 0.25)
    settings.set("auto_probe", False)
    settings.save()
    again = Settings(tmp_path / "a" / "settings.json")
    assert (again.number("gate_r"), again.flag("auto_probe"), again.text("theme")) == (0.25, False, "dark")


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"gate_r": "high", "unknown": 1}', '{"theme": 3}'])
def test_a_damaged_file_gives_the_defaults(tmp_path: Path, content: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content, encoding="utf-8")
    settings = Settings(path)
    assert settings.number("gate_r") == 0.1
    assert settings.text("theme") == "dark"


def test_a_key_outside_the_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="colour"):
        Settings(tmp_path / "s.json").set("colour", "red")


def test_every_setting_says_what_it_means_once() -> None:
    keys = [setting.key for setting in SETTINGS]
    assert len(set(keys)) == len(keys)
    assert all(setting.help for setting in SETTINGS)


def test_settings_follow_the_home_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path))
    settings = Settings()
    settings.set("theme", "light")
    settings.save()
    assert (tmp_path / "data" / "settings.json").is_file()


@pytest.mark.parametrize("setting", [row for row in SETTINGS if row.title], ids=lambda row: row.key)
def test_every_offered_setting_stands_on_a_page_and_allows_its_default(setting: Setting) -> None:
    assert setting.group in GROUPS
    setting.check(setting.default)
    for value, _ in setting.choices:
        setting.check(value)


@pytest.mark.parametrize(("key", "value"), [("theme", "blue"), ("gate_r", 2.0), ("spare_cores", True), ("theme", 1)])
def test_a_value_outside_the_table_is_refused_and_not_read_from_a_file(
    tmp_path: Path, key: str, value: str | float
) -> None:
    path = tmp_path / "s.json"
    settings = Settings(path)
    with pytest.raises(BadInputError, match=key):
        settings.set(key, value)
    path.write_text(json.dumps({key: value}), encoding="utf-8")
    assert Settings(path).value(key) == find_setting(key).default


def test_a_change_is_told_once_and_a_reset_gives_the_default(tmp_path: Path, qtbot: QtBot) -> None:
    settings = Settings(tmp_path / "s.json")
    told: list[str] = []
    settings.changed.connect(told.append)
    settings.set("theme", "light")
    settings.set("theme", "light")
    settings.reset("theme")
    assert told == ["theme", "theme"]
    assert settings.text("theme") == "dark"


def test_the_colour_maps_of_the_table_are_those_there_are() -> None:
    for choices, kind in ((DIVERGING, ColormapKind.DIVERGING), (SEQUENTIAL, ColormapKind.SEQUENTIAL)):
        assert choices == tuple((colormap.name, colormap.title) for colormap in list_colormaps(kind))


def test_a_colour_map_of_version_0_3_is_read_as_the_one_that_stands_for_it(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"diverging_map": "heath", "sequential_map": "lagoon"}', encoding="utf-8")
    settings = Settings(path)
    assert (settings.text("diverging_map"), settings.text("sequential_map")) == ("PuOr_r", "viridis")
