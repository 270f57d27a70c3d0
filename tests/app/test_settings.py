from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import SETTINGS, Settings


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
