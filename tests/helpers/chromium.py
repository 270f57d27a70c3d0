"""Drives a headless Chromium through its debugging pipe: pages, real key presses, pictures. Needs no driver."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--window-size=1280,800",
)
PATIENCE = 30.0
"""Seconds a page may take until a test gives up."""


def find_chromium() -> str | None:
    """The browser of this machine, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page of a browser; messages go to and fro through two pipes, each ended by a null byte."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = to_browser, from_browser
        self._number, self._session, self._rest = 0, "", b""
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; what the page complains of meanwhile is kept in `problems`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self._note(answer)

    def open(self, address: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is worth."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def wait_for(self, expression: str, *, patience: float = PATIENCE) -> Any:
        """Ask until an expression is true, and return its value."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if found := self.value(expression):
                return found
        raise TimeoutError(f"{expression} did not become true; the page complains of {self.problems}")

    def press(self, key: str) -> None:
        """Press and release a key as a person does."""
        code = 32 if key == " " else ord(key.upper()[0]) if len(key) == 1 else 27
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    def picture(self, path: Path) -> None:
        """Save what the page shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], PATIENCE)
            if not ready:
                raise TimeoutError("the browser does not answer")
            more = os.read(self._read, 1 << 16)
            if not more:
                raise RuntimeError("the browser has ended")
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])
        elif method == "Network.loadingFailed":
            self.problems.append(params["errorText"])
        elif method == "Network.requestWillBeSent":
            address = params["request"]["url"]
            if not address.startswith(("file:", "data:", "blob:", "about:")):
                self.problems.append(f"asked the network for {address}")


@contextmanager
def open_page(folder: Path) -> Iterator[Page]:
    """A page of a browser of its own; downloads and the profile go into `folder`."""
    browser = find_chromium()
    if browser is None:
        raise FileNotFoundError("no Chromium on this machine")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    plumbing = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"'  # the browser reads 3 and writes 4
    command = ["bash", "-c", plumbing, "bash", browser, *FLAGS, f"--user-data-dir={folder / 'profile'}"]
    process = subprocess.Popen(
        command,
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(folder)},
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        page = Page(ours_out, ours_in)
        page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder / "downloads"))
        yield page
    finally:
        process.terminate()
        process.wait(PATIENCE)
        os.close(ours_out)
        os.close(ours_in)
