"""Downloads against a server on the loopback: whole, resumed, refused, interrupted, altered; nothing half-written."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import ClassVar

import pytest

from core.errors import BadInputError, Cancelled, DownloadError, StorageError
from core.networks.catalog import find_network
from core.networks.files import download
from core.networks.files.download import expected_hash, iter_download, known_hash, part_path, remove_download
from core.networks.spec import NetworkSpec
from core.paths import OFFLINE_VARIABLES

CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """What the server shall do, and what it was asked."""

    url: str = ""
    send_only: int = len(CONTENT)
    status: int = 200
    content: bytes = CONTENT
    stated: str = ""
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
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(state.content) - start))
        self.end_headers()
        with suppress(ConnectionError):  # whoever cancels leaves
            self.wfile.write(state.content[start : state.send_only])

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
    assert (records[-1].path, records[-1].sha256, records[-1].first) == (spec.weights_path, DIGEST, False)
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
    server.content, server.send_only = CONTENT[::-1], len(CONTENT)
    changed = replace(spec, sha256="")
    assert list(iter_download(changed))[-1].sha256 == hashlib.sha256(CONTENT[::-1]).hexdigest()


def test_cancel_keeps_what_arrived(spec: NetworkSpec, server: Server) -> None:
    stops = iter([False, True])
    with pytest.raises(Cancelled):
        list(iter_download(spec, should_stop=lambda: next(stops)))
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
    server.content = CONTENT[::-1]
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
