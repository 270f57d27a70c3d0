"""Where cells are computed, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cluster.where import Place, Where, parse_where
from core.errors import BadInputError


def test_each_way_to_say_it() -> None:
    assert parse_where("here") == parse_where("local:1") == Where()
    assert parse_where("local:gpus") == Where(Place.GPUS)
    assert parse_where("slurm:a b.toml", "cuda") == Where(Place.SLURM, target="a b.toml", device="cuda")
    assert parse_where("ssh:hosts.toml") == Where(Place.SSH, target="hosts.toml")
    for target in ("/lab/scheduler.json", "tcp://127.0.0.1:8786", "tls://lab:8786"):
        assert parse_where(target) == Where(Place.SCHEDULER, target=target)


@pytest.mark.parametrize(
    "text", ["", "local", "local:0", "local:-1", "local:1.5", "slurm", "slurm:", "ssh:", "http://lab:1", "LOCAL:1"]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="`engine` must be here, local:N"):
        parse_where(text)


def test_workers_see_one_gpu_each() -> None:
    with pytest.raises(BadInputError, match="Each worker sees one GPU of its own"):
        parse_where("tls://lab:8786", "cuda:1")


def test_a_place_is_said_again_from_any_folder() -> None:
    for text in ("here", "local:gpus", "tls://lab:8786", "slurm:/lab/slurm.toml"):
        assert parse_where(text).text == text
    assert parse_where("ssh:hosts.toml").text == f"ssh:{Path('hosts.toml').absolute()}"
