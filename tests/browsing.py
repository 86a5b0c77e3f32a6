"""A real browser without a window, driven by the DevTools protocol, and pages of another site."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

#: Seconds for whatever a browser is asked for.
PATIENCE = 30


class Browser:
    """One tab. ``responses`` are the answers that it got so far, as (status, URL)."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._last = 0
        self._session = ""
        self._events: list[dict[str, Any]] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self._ask(f"{domain}.enable")

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        session = {"sessionId": self._session} if self._session else {}
        self._connection.send(json.dumps({"id": self._last, "method": method, "params": parameters, **session}))
        while (message := self._receive()).get("id") != self._last:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def _receive(self, timeout: float = PATIENCE) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._connection.recv(timeout=timeout))
        if "method" in message:
            self._events.append(message)
        return message

    def _of(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self._events if event["method"] == method]

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """What ``condition`` gives as soon as it is something."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline, f"it did not happen; the page says\n{self.text}"
            try:
                self._receive(0.1)
            except TimeoutError:
                pass
        return found

    def answered(self, url: str) -> list[int]:
        """The statuses with which requests for a URL were answered so far, whatever the page was told of them."""
        answers = self._of("Network.responseReceivedExtraInfo")
        found = [each["statusCode"] for each in answers if self._urls.get(each["requestId"]) == url]
        errors = self._of("Network.webSocketFrameError")
        said = [each["errorMessage"].rpartition(": ")[2] for each in errors if self._urls.get(each["requestId"]) == url]
        return found + [int(status) for status in said]

    def failures(self, url: str) -> list[str]:
        """Why the browser did not show or hand out what it got from a URL."""
        failed = self._of("Network.loadingFailed")
        return [each["errorText"] for each in failed if self._urls.get(each["requestId"]) == url]

    def sent(self, url: str, header: str) -> list[str]:
        """What requests for a URL said so far in a header, whose name is given as browsers write it."""
        requests = self._of("Network.requestWillBeSentExtraInfo")
        return [each["headers"].get(header, "") for each in requests if self._urls.get(each["requestId"]) == url]

    @property
    def _urls(self) -> dict[str, str]:
        requests = {each["requestId"]: each["request"]["url"] for each in self._of("Network.requestWillBeSent")}
        return requests | {each["requestId"]: each["url"] for each in self._of("Network.webSocketCreated")}

    def visit(self, url: str) -> None:
        """Open a URL as if it had been typed, and wait until it is loaded."""
        seen = len(self._of("Page.loadEventFired"))
        self._ask("Page.navigate", url=url)
        self.wait_for(lambda: len(self._of("Page.loadEventFired")) > seen)

    def leave(self, script: str) -> None:
        """Do in the page what leads to another one, as a person would by a click, and wait for that."""
        seen = len(self._of("Page.loadEventFired"))
        self._ask("Runtime.evaluate", expression=script, userGesture=True)
        self.wait_for(lambda: len(self._of("Page.loadEventFired")) > seen)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page, waited for if it is a promise."""
        found = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    @property
    def text(self) -> str:
        found = self._ask("Runtime.evaluate", expression="document.body ? document.body.innerText : ''")
        return str(found["result"].get("value"))

    @property
    def url(self) -> str:
        return str(self.run("location.href"))


@contextmanager
def browser(directory: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, for which every name ending in ``.test`` is this machine."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.fail("there is no Chromium on this machine; tests/needs installs it", pytrace=False)
    profile = directory / "profile"
    command = [
        program,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--no-proxy-server",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP *.test 127.0.0.1",
        "about:blank",
    ]
    with (directory / "browser.txt").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "HOME": str(directory)},
        )
    try:
        with connect(_address(profile, process, directory / "browser.txt"), max_size=None, proxy=None) as connection:
            yield Browser(connection)
    finally:
        _end(process)


def _address(profile: Path, process: subprocess.Popen[bytes], output: Path) -> str:
    told = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        port, _, path = (told.read_text() if told.exists() else "").partition("\n")
        if path:
            return f"ws://127.0.0.1:{port}{path.strip()}"
        time.sleep(0.05)
    pytest.fail(f"the browser did not start; it printed:\n{output.read_text()}", pytrace=False)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()


@contextmanager
def other_site() -> Iterator[int]:
    """The port of a web server whose every page is empty, for attackers to work in."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", "15")
            self.end_headers()
            self.wfile.write(b"<!doctype html>")

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
