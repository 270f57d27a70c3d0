"""Downloads the weights of a network into the cache: with progress, resumable, verified. Never runs what it got.

The file grows as `.NAME.part` and gets its name only after its SHA-256 is right. What is expected: the digits of the
catalogue; else what the server says of the file (hubs state it for large files); else the hash of the first download
that can be read as weights, which is kept beside the file and expected until it is forgotten. Set PROBESCOPE_OFFLINE or
HF_HUB_OFFLINE to forbid downloads.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checks import refusal
from core.errors import Cancelled, DownloadError, ProbeError, StorageError, WeightsError
from core.files import hash_file
from core.headers import HeaderKind, read_record, unstructure, write_json
from core.networks.spec import NetworkSpec
from core.paths import OFFLINE_VARIABLES, is_offline
from core.progress import Progress, ShouldStop, never_stop

BLOCK = 1 << 18
TIMEOUT_SECONDS = 30.0
"""Without a byte for so long, the connection counts as lost."""
POLL_SECONDS = 0.2
"""How often a wait for bytes asks whether to stop."""
LARGEST_FILE = 64 * 2**30
"""Bytes of a file whose size the server does not say."""
AGENT = "probescope"
WEB = ("http://", "https://")
HASH_HEADER = "X-Linked-Etag"
"""Where hubs state the SHA-256 of a large file, on the answer that redirects to it."""
RECORD = HeaderKind("the record of a download", "Download again.")
FORGET = "`python main.py networks remove {} --forget`"
SPARE_BYTES = 64 * 2**20
"""Left free on the disk."""


@dataclass(frozen=True, eq=False)
class DownloadProgress(Progress[Path]):
    """Progress of a download, in bytes; `total` is 0 where the server does not say.

    The last record has the file as `result` and its hash; `first` is true if there was no known one to compare with.
    """

    sha256: str = ""
    first: bool = False


def known_hash(spec: NetworkSpec) -> str:
    """The hash kept at the first download; "" if there is none, or it is damaged."""
    try:
        return read_record(_record_path(spec.weights_path), _Record, RECORD).sha256
    except ProbeError:
        return ""


def expected_hash(spec: NetworkSpec) -> str:
    """What the SHA-256 of the weights must begin with: the whole kept hash, or the published digits; "" if unknown."""
    kept = known_hash(spec)
    return kept if kept.startswith(spec.sha256.lower()) else spec.sha256


def remove_download(spec: NetworkSpec, *, forget: bool = False) -> bool:
    """Delete the downloaded file and what is left of an interrupted one; True if there was something.

    The hash kept at the first download stays, unless it shall be forgotten.
    """
    path = spec.weights_path
    kept = [_record_path(path)] * forget
    was_there = any(one.is_file() for one in (path, *kept))
    for one in (path, part_path(path), _etag_path(path), *kept):
        try:
            one.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{one} cannot be removed: {error.strerror}. Remove it by hand.") from error
    return was_there


def iter_download(spec: NetworkSpec, *, should_stop: ShouldStop = never_stop) -> Iterator[DownloadProgress]:
    """Download the weights, yielding a record per block; resumes an interrupted download.

    Raises BadInputError if the network has no address; DownloadError if downloads are forbidden, there is no
    connection, the server refuses, the connection is lost, or the file is not the one expected; StorageError if the
    disk is full or the folder cannot be written; Cancelled once `should_stop()` is true, and what has arrived stays, to
    resume from.
    """
    path = spec.weights_path
    if not spec.url:
        raise refusal("network", allowed="one with a download", got=spec.id)
    if path.is_file():
        yield _finish(spec, path, stated="")
        return
    if is_offline():
        where = " and ".join(name for name in OFFLINE_VARIABLES if os.environ.get(name))
        raise DownloadError(
            f"Downloads are forbidden ({where} is set), and the weights of {spec.id!r} are not on this computer. "
            f"Unset it, or put the file at {path}."
        )
    part = part_path(path)
    stated = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = _connect(spec, part, should_stop=should_stop)
        with closing(answer.stream):
            stated = answer.sha256
            _check_space(path.parent, answer.total - answer.start)
            yield from _receive(spec, answer, part, should_stop=should_stop)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(
            f"{part} cannot be written: {error.strerror or error}. Free some space; the download resumes from there."
        ) from error
    yield _finish(spec, part, stated=stated)


def part_path(path: Path) -> Path:
    """Where a download grows."""
    return path.with_name(f".{path.name}.part")


@dataclass(frozen=True, slots=True)
class _Record:
    """What is kept of a finished download; `size` in bytes."""

    url: str
    sha256: str
    size: int


@dataclass(slots=True)
class _Answer:
    stream: http.client.HTTPResponse
    start: int
    total: int
    sha256: str


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only, and keeps the hash that a hub states on the way."""

    def __init__(self) -> None:
        self.sha256 = ""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The request that follows a redirect."""
        if not newurl.startswith(WEB):
            raise urllib.error.URLError(f"redirected to {newurl}")
        self.sha256 = self.sha256 or _hash_of(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Bytes(io.RawIOBase):
    """What arrives at a socket; a wait for it ends by Cancelled once `should_stop()` is true."""

    def __init__(self, connection: socket.socket, should_stop: ShouldStop) -> None:
        self._socket, self._should_stop = connection, should_stop
        self._file = connection.makefile("rb")  # keeps the socket open
        connection.settimeout(POLL_SECONDS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        until = time.monotonic() + TIMEOUT_SECONDS
        while True:
            if self._should_stop():
                raise Cancelled
            try:
                return self._socket.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() > until:
                    raise

    def close(self) -> None:
        self._file.close()
        super().close()


class _Web(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Opens connections that are read through `_Bytes`."""

    def __init__(self, should_stop: ShouldStop) -> None:
        super().__init__()

        class Response(http.client.HTTPResponse):
            def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
                super().__init__(sock, *args, **named)
                self.fp.close()
                self.fp = io.BufferedReader(_Bytes(sock, should_stop))

        self._response = Response

    def do_open(self, http_class: Any, req: Any, **given: Any) -> Any:
        """The answer to a request."""
        made: Any = type(http_class.__name__, (http_class,), {"response_class": self._response})
        return super().do_open(made, req, **given)


def _connect(spec: NetworkSpec, part: Path, *, should_stop: ShouldStop) -> _Answer:
    if not spec.url.startswith(WEB):
        raise DownloadError(f"The address {spec.url!r} begins with neither http:// nor https://. Correct it.")
    start = part.stat().st_size if part.is_file() else 0
    etag = ""
    with suppress(OSError):
        etag = _etag_path(spec.weights_path).read_text(encoding="utf-8").strip()
    headers = {"User-Agent": AGENT}
    if start and etag:
        # Only if the file on the server is still the same; otherwise the server sends all of it.
        headers |= {"Range": f"bytes={start}-", "If-Range": etag}
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects, _Web(should_stop))
    try:
        stream = opener.open(urllib.request.Request(spec.url, headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            part.unlink(missing_ok=True)
            return _connect(spec, part, should_stop=should_stop)
        reason = str(error.reason).partition("\n")[0]
        raise DownloadError(
            f"The server answered {error.code} {reason} for {spec.url}. Try later, or get the file by hand and put it "
            f"at {spec.weights_path}."
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        host, why = urllib.parse.urlsplit(spec.url).netloc, getattr(error, "reason", None) or error
        raise DownloadError(f"No connection to {host}: {why}. Check the network and download again.") from error
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise DownloadError(f"The address {spec.url!r} or what answers there cannot be used: {reason}.") from error
    begins = re.match(r"bytes (\d+)-", stream.headers.get("Content-Range") or "")
    if stream.status != http.client.PARTIAL_CONTENT:
        start = 0
    elif begins is None or int(begins[1]) != start:
        stream.close()
        if start:
            part.unlink(missing_ok=True)
            return _connect(spec, part, should_stop=should_stop)
        raise DownloadError(f"The server sent a part of {spec.url} that was not asked for. Try later.")
    length = stream.length or 0  # None where the server does not say
    # A weak tag ("W/...") cannot name the bytes of a part; the date of change can.
    tag = stream.headers.get("ETag") or "W/"
    tag = stream.headers.get("Last-Modified") or "" if tag.startswith("W/") else tag
    tag = tag if tag.isprintable() and tag.isascii() else ""
    _etag_path(spec.weights_path).write_text(tag, encoding="utf-8")
    return _Answer(stream, start, start + length if length else 0, redirects.sha256 or _hash_of(stream.headers))


def _receive(spec: NetworkSpec, answer: _Answer, part: Path, *, should_stop: ShouldStop) -> Iterator[DownloadProgress]:
    done, began = answer.start, time.monotonic()
    with part.open("ab" if answer.start else "wb") as file:
        while True:
            if should_stop():
                raise Cancelled
            try:
                block = answer.stream.read1(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise _interrupted(spec, done, answer.total, str(error)) from error
            if not block:
                break
            file.write(block)
            done += len(block)
            if not answer.total:
                _check_space(part.parent, BLOCK)
                if done > LARGEST_FILE:
                    size = f"{done / 2**30:.0f} GiB"
                    raise DownloadError(f"The server at {spec.url} sends without end; {size} were read. Try later.")
            pace = (time.monotonic() - began) / (done - answer.start)
            yield DownloadProgress(done, answer.total, pace * (answer.total - done) if answer.total else None)
    if done < answer.total:
        raise _interrupted(spec, done, answer.total, "the connection was closed")


def _interrupted(spec: NetworkSpec, done: int, total: int, reason: str) -> DownloadError:
    of = f" of {total / 2**20:.1f}" if total else ""
    return DownloadError(
        f"The download of {spec.id!r} was interrupted after {done / 2**20:.1f}{of} MB ({reason}). "
        "Download again: it resumes from there."
    )


def _finish(spec: NetworkSpec, part: Path, *, stated: str) -> DownloadProgress:
    """Verify the file, give it its name, keep its hash."""
    from core.networks.files.checkpoint import read_state

    found, size = hash_file(part), part.stat().st_size
    expected = expected_hash(spec) or stated
    if not found.startswith(expected.lower()):
        _drop(spec, part)
        kept = known_hash(spec)
        forget = f", or forget that hash, which was kept at the first download: {FORGET.format(spec.id)}"
        raise DownloadError(
            f"The file of {spec.id!r} is not the one expected: its SHA-256 begins with {found[:12]}, not with "
            f"{expected[:12]}. It was removed; download again, or ask whoever publishes it"
            f"{forget if kept and not kept.startswith(found) else ''}."
        )
    first = not expected
    if first:
        try:
            read_state(part)  # what cannot be read is not kept, and its hash is not expected ever after
        except WeightsError as error:
            _drop(spec, part)
            raise DownloadError(f"What {spec.url} sent is no weights file and was removed: {error}") from error
    if part != spec.weights_path:
        part.replace(spec.weights_path)
    with suppress(OSError):
        _etag_path(spec.weights_path).unlink(missing_ok=True)
    write_json(_record_path(spec.weights_path), unstructure(_Record(spec.url, found, size)))
    return DownloadProgress(size, size, 0.0, spec.weights_path, sha256=found, first=first)


def _drop(spec: NetworkSpec, part: Path) -> None:
    for path in (part, _etag_path(spec.weights_path)):
        path.unlink(missing_ok=True)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed and needed + SPARE_BYTES > free:
        raise StorageError(
            f"No space is left for the download: {needed / 2**20:.0f} MB are needed in {folder}, {free / 2**20:.0f} MB "
            "are free. Free some space, or set PROBESCOPE_HOME to a folder on another disk."
        )


def _hash_of(headers: Any) -> str:
    value = str(headers.get(HASH_HEADER) or "").strip().removeprefix("W/").strip('"').lower()
    return value if re.fullmatch(r"[0-9a-f]{64}", value) else ""


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _etag_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.etag")
