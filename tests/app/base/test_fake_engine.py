"""The made-up engine of the window's tests has every public method of the real one, asked for in the same way."""

from __future__ import annotations

import inspect

import pytest

from core.engine import Engine
from tests.helpers.fake_engine import FakeEngine

PUBLIC = [name for name, _ in inspect.getmembers(Engine, inspect.isfunction) if not name.startswith("_")]


def describe(method: object) -> list[tuple[str, object, object]]:
    """Name, kind and default of each parameter; functions given as a default count as one."""
    parameters = inspect.signature(method).parameters.values()  # type: ignore[arg-type]
    return [
        (
            one.name,
            one.kind,
            one.default() if callable(one.default) and one.default is not inspect.Parameter.empty else one.default,
        )
        for one in parameters
    ]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_method_is_asked_for_as_the_real_one(name: str) -> None:
    assert describe(getattr(FakeEngine, name)) == describe(getattr(Engine, name))


def test_the_device_is_known_without_asking() -> None:
    assert isinstance(inspect.getattr_static(Engine, "device"), property)
    assert FakeEngine().device == "cpu"
