"""Downloads against a server on the loopback: whole, resumed, refused, interrupted, altered; nothing half-written."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from safetensors.torch import save

from core.errors import BadInputError, Cancelled, DownloadError, StorageError
from core.networks.catalog import find_network
from core.networks.files import download
from core.networks.files.download import expected_hash, iter_download, known_hash, part_path, remove_download
from core.networks.spec import NetworkSpec
from core.paths import OFFLINE_VARIABLES

CONTENT = save({"weight": torch.arange(2**18, dtype=torch.float32)})
OTHER_CONTENT = save({"weight": torch.arange(2**18, dtype=torch.float32).flip(0)})
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What the server shall do, and what it was asked."""

    url: str = ""
    send_only: int = len(CONTENT)
    status: int = 200
    content: bytes = CONTENT
    stated: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_partial: bool = False
    has_length: bool = True
    waits: threading.Event | None = None
    ranges: list[str | None] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    server_state: ClassVar[Server]

    def do_GET(self) -> None:
        state = self.server_state
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", state.url)
            self.send_header("X-Linked-Etag", f'"{state.stated}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        wanted = self.headers.get("Range")
        state.ranges.append(wanted)
        if state.status != 200:
            self.send_error(state.status)
            return
        tag = f'"{hashlib.sha256(state.content).hexdigest()[:8]}"'
        start = int(wanted[6:-1]) if wanted and self.headers.get("If-Range") == tag else 0
        self.send_response(206 if start or state.is_partial else 200)
        for name, value in ({"ETag": tag, "Content-Range": f"bytes {start}-"} | state.headers).items():
            self.send_header(name, value)
        if state.has_length:
            self.send_header("Content-Length", str(len(state.content) - start))
        self.end_headers()
        with suppress(ConnectionError):  # whoever cancels leaves
            self.wfile.write(state.content[start : state.send_only])
            if state.waits is not None:
                state.waits.wait(60)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    handler = type("OneHandler", (Handler,), {"server_state": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        state.url = f"http://127.0.0.1:{running.server_port}/weights.pth"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def spec(server: Server, monkeypatch: pytest.MonkeyPatch) -> NetworkSpec:
    for name in OFFLINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return replace(find_network("resnet18"), id="mine", weights="mine.pth", url=server.url, sha256=DIGEST[:8])


def test_a_file_arrives_whole_with_progress_and_its_name_only_at_the_end(spec: NetworkSpec) -> None:
    records = list(iter_download(spec))
    assert spec.weights_path.read_bytes() == CONTENT
    assert [record.done for record in records] == sorted(record.done for record in records)
    assert {record.total for record in records} == {len(CONTENT)}
    assert (records[-1].result, records[-1].sha256, records[-1].first) == (spec.weights_path, DIGEST, False)
    assert sorted(path.name for path in spec.weights_path.parent.iterdir()) == ["mine.pth", "mine.pth.json"]


def test_what_is_there_is_verified_and_not_asked_for_again(spec: NetworkSpec, server: Server) -> None:
    list(iter_download(spec))
    (last,) = iter_download(spec)
    assert last.sha256 == DIGEST and len(server.ranges) == 1


def test_an_interrupted_download_goes_on_where_it_stopped(spec: NetworkSpec, server: Server) -> None:
    server.send_only = 600_000
    with pytest.raises(DownloadError, match=r"'mine' was interrupted after 0\.6 of 1\.0 MB .* it resumes from there"):
        list(iter_download(spec))
    assert part_path(spec.weights_path).read_bytes() == CONTENT[:600_000] and not spec.weights_path.exists()
    server.send_only = len(CONTENT)
    first, *_ = list(iter_download(spec))
    assert first.done > 600_000
    assert server.ranges == [None, "bytes=600000-"]
    assert spec.weights_path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_taken_from_its_start(spec: NetworkSpec, server: Server) -> None:
    server.send_only = 600_000
    with pytest.raises(DownloadError):
        list(iter_download(spec))
    server.content, server.send_only = OTHER_CONTENT, len(CONTENT)
    changed = replace(spec, sha256="")
    assert list(iter_download(changed))[-1].sha256 == hashlib.sha256(OTHER_CONTENT).hexdigest()


def test_cancel_keeps_what_arrived(spec: NetworkSpec, server: Server) -> None:
    part = part_path(spec.weights_path)
    with pytest.raises(Cancelled):
        list(iter_download(spec, should_stop=lambda: part.is_file() and part.stat().st_size > 0))
    assert 0 < part_path(spec.weights_path).stat().st_size < len(CONTENT)
    list(iter_download(spec))
    assert spec.weights_path.read_bytes() == CONTENT and server.ranges[1] is not None


def test_another_checksum_removes_the_file_and_says_so(spec: NetworkSpec) -> None:
    with pytest.raises(DownloadError, match=f"begins with {DIGEST[:12]}, not with 00000000. It was removed"):
        list(iter_download(replace(spec, sha256="00000000")))
    assert list(spec.weights_path.parent.iterdir()) == []


def test_without_a_published_checksum_the_first_one_is_kept_and_expected(spec: NetworkSpec, server: Server) -> None:
    bare = replace(spec, sha256="")
    assert list(iter_download(bare))[-1].first
    assert known_hash(bare) == expected_hash(bare) == DIGEST
    assert remove_download(bare) and not remove_download(bare)
    server.content = OTHER_CONTENT
    with pytest.raises(DownloadError, match=f"not with {DIGEST[:12]}"):
        list(iter_download(bare))


def test_the_hash_a_hub_states_is_checked(spec: NetworkSpec, server: Server) -> None:
    server.stated = "1" * 64
    hub = replace(spec, sha256="", url=server.url.replace("weights.pth", "redirect"))
    with pytest.raises(DownloadError, match="not with 111111111111"):
        list(iter_download(hub))
    server.stated = DIGEST
    last = list(iter_download(hub))[-1]
    assert last.sha256 == DIGEST and not last.first


def test_an_http_error_is_named(spec: NetworkSpec, server: Server) -> None:
    server.status = 404
    with pytest.raises(DownloadError, match=r"answered 404 Not Found for http://127.*put it at .*mine\.pth"):
        list(iter_download(spec))


def test_no_connection_is_named(spec: NetworkSpec) -> None:
    with pytest.raises(DownloadError, match=r"No connection to 127\.0\.0\.1:9: .*Check the network"):
        list(iter_download(replace(spec, url="http://127.0.0.1:9/weights.pth")))


@pytest.mark.parametrize("name", OFFLINE_VARIABLES)
def test_offline_asks_no_server(spec: NetworkSpec, server: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(DownloadError, match=f"{name} is set"):
        list(iter_download(spec))
    assert server.ranges == []


def test_a_full_disk_is_told_before_the_download(spec: NetworkSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="No space is left for the download: 1 MB are needed"):
        list(iter_download(spec))


def test_a_folder_that_cannot_be_written_is_told(spec: NetworkSpec) -> None:
    spec.weights_path.parent.parent.mkdir(parents=True)
    spec.weights_path.parent.write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        list(iter_download(spec))


def test_an_embedded_network_has_no_download() -> None:
    with pytest.raises(BadInputError, match="must be one with a download, got 'alexnet'"):
        list(iter_download(find_network("alexnet")))


def test_a_damaged_record_counts_as_none(spec: NetworkSpec) -> None:
    list(iter_download(spec))
    record = spec.weights_path.with_name("mine.pth.json")
    assert json.loads(record.read_text())["size"] == len(CONTENT)
    record.write_text("{")
    assert known_hash(spec) == "" and expected_hash(spec) == DIGEST[:8]


PAGES = {
    "page": b"<!DOCTYPE html><title>Sign in</title>",
    "empty": b"",
    "cut": CONTENT[:-1000],
    "noise": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("content", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("has_length", [True, False])
def test_what_is_no_weights_file_is_neither_kept_nor_expected(
    spec: NetworkSpec, server: Server, content: bytes, has_length: bool
) -> None:
    bare = replace(spec, sha256="")
    server.content, server.has_length = content, has_length
    with pytest.raises(DownloadError, match=r"What http://127.* sent is no weights file and was removed: "):
        list(iter_download(bare))
    assert list(spec.weights_path.parent.iterdir()) == [] and known_hash(bare) == ""
    server.content = CONTENT
    assert list(iter_download(bare))[-1].sha256 == DIGEST


def test_a_kept_hash_can_be_forgotten_as_the_message_says(spec: NetworkSpec, server: Server) -> None:
    bare = replace(spec, sha256="")
    list(iter_download(bare))
    assert remove_download(bare) and known_hash(bare) == DIGEST
    server.content = OTHER_CONTENT
    with pytest.raises(
        DownloadError, match="kept at the first download: `python main.py networks remove mine --forget`"
    ):
        list(iter_download(bare))
    assert remove_download(bare, forget=True) and not remove_download(bare, forget=True)
    assert list(iter_download(bare))[-1].sha256 == hashlib.sha256(OTHER_CONTENT).hexdigest()


@pytest.mark.parametrize("said", ["bytes 100-", "bytes */5", "items 1-", ""])
def test_another_part_than_asked_for_is_not_joined(spec: NetworkSpec, server: Server, said: str) -> None:
    server.send_only = 600_000
    with pytest.raises(DownloadError, match="was interrupted"):
        list(iter_download(spec))
    server.send_only, server.headers = len(CONTENT), {"Content-Range": said}
    list(iter_download(spec))  # from its start
    assert spec.weights_path.read_bytes() == CONTENT and server.ranges == [None, "bytes=600000-", None]


def test_a_part_that_nobody_asked_for_is_refused(spec: NetworkSpec, server: Server) -> None:
    server.is_partial, server.headers = True, {"Content-Range": "bytes 7-20/30"}
    with pytest.raises(DownloadError, match="The server sent a part of http://127.* that was not asked for"):
        list(iter_download(spec))


@pytest.mark.parametrize("sent", [0, 600_000])
def test_cancel_is_heard_while_a_server_says_nothing(spec: NetworkSpec, server: Server, sent: int) -> None:
    server.waits, server.send_only = threading.Event(), sent
    server.content = CONTENT if sent else b""
    server.headers = {"Content-Length": "9000000"}
    began = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            list(iter_download(spec, should_stop=lambda: time.monotonic() - began > 0.3))
        assert time.monotonic() - began < 1.3
    finally:
        server.waits.set()


def test_silence_is_an_interruption(spec: NetworkSpec, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
    server.waits, server.send_only = threading.Event(), 600_000
    try:
        with pytest.raises(DownloadError, match=r"interrupted after 0\.6 of 1\.0 MB \(timed out\)"):
            list(iter_download(spec))
    finally:
        server.waits.set()


def test_a_body_without_end_is_left(spec: NetworkSpec, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LARGEST_FILE", 500_000)
    server.has_length = False
    with pytest.raises(DownloadError, match="sends without end"):
        list(iter_download(spec))


@pytest.mark.parametrize("headers", [{"Content-Length": "many"}, {"ETag": "\xe9\xff"}, {"Content-Length": "-5"}])
def test_odd_headers_are_taken_for_none(spec: NetworkSpec, server: Server, headers: dict[str, str]) -> None:
    server.headers, server.has_length = headers, "Content-Length" not in headers
    list(iter_download(spec))
    assert spec.weights_path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/a.pth",
        "file:///etc/passwd",
        "http://[::1/a",
        "http://127.0.0.1:9/é b",
        "http://127.0.0.1:x/a",
        "http:///a",
        "net.pth",
    ],
)
def test_an_odd_address_is_one_sentence(spec: NetworkSpec, url: str) -> None:
    with pytest.raises(DownloadError) as caught:
        list(iter_download(replace(spec, url=url)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://127.0.0.1:x/", "//"])
def test_an_odd_redirect_is_one_sentence(spec: NetworkSpec, server: Server, place: str) -> None:
    url, server.url = server.url.replace("weights.pth", "redirect"), place
    with pytest.raises(DownloadError) as caught:
        list(iter_download(replace(spec, url=url)))
    assert "\n" not in str(caught.value)
