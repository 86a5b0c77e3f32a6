"""Every way to have the readers, under the servers that people use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

import making
from live_server import LiveServer, live_server, quiet_environ
from served import TOKEN, fill
from tidegate.store.sinks import FileSink

APPS = Path(__file__).parent / "serve" / "apps"

#: The user agent of who asks the readers.
READING = "reads telemetry"

GTHREAD = "gunicorn -w 2 --threads 8 -b 127.0.0.1:PORT"


@dataclass(frozen=True)
class Mount:
    """How a server is started, below which path the readers are, how many clients may follow in all
    its processes, and whether it has WebSockets."""

    command: str
    at: str = "/telemetry"
    follows: int = 32
    websocket: bool = False


MOUNTS = {
    "tidegate serve": Mount("tidegate serve store --port PORT --service shop", at="", websocket=True),
    "asgi, uvicorn": Mount("uvicorn asgi_shop:app --port PORT", websocket=True),
    "asgi, uvicorn --workers 2": Mount("uvicorn asgi_shop:app --port PORT --workers 2", follows=64, websocket=True),
    "fastapi, uvicorn": Mount("uvicorn fastapi_shop:app --port PORT", websocket=True),
    "wsgi, gunicorn gthread": Mount(f"{GTHREAD} wsgi_shop:application", follows=4),
    "wsgi, gunicorn sync": Mount("gunicorn -w 1 -b 127.0.0.1:PORT wsgi_shop:application", follows=0),
    "flask, gunicorn --preload": Mount(f"{GTHREAD} --preload flask_shop:app", follows=4),
    "django, gunicorn gthread": Mount(f"{GTHREAD} django_shop:wsgi", follows=4),
    "django, uvicorn": Mount("uvicorn django_shop:asgi --port PORT --lifespan off"),
    "django, runserver": Mount("python django_shop.py runserver --noreload 127.0.0.1:PORT", follows=2),
}


class Shop:
    """A store with records of two services, from before `until`, and the servers that show one of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        shutil.copytree(APPS, directory, dirs_exist_ok=True)
        self.location = fill(directory)
        self.writer = FileSink(str(self.location))
        other = making.resource("other")
        making.put(self.writer, [making.log("not shop's business")], other)
        making.put(self.writer, [making.span("not shop's business", trace=7)], other)
        self.until = f"{time.time_ns() / 1e9:.6f}"

    @contextmanager
    def serve(self, mount: Mount, **changes: str) -> Iterator[Mounted]:
        environ = quiet_environ(
            self.directory,
            OTEL_SERVICE_NAME="shop",
            OTEL_PYTHON_TIDEGATE_TOKEN=TOKEN,
            DJANGO_SETTINGS_MODULE="django_shop",
            **changes,
        )
        launcher = [] if mount.command.startswith("tidegate") else ["opentelemetry-instrument"]
        with live_server([*launcher, *mount.command.split()], self.directory, environ) as server:
            mounted = Mounted(mount, server, self)
            with mounted.client:
                yield mounted


class Mounted:
    """One server while it runs. Clients show the token."""

    def __init__(self, mount: Mount, server: LiveServer, shop: Shop) -> None:
        self.mount = mount
        self.server = server
        self.shop = shop
        self.url = f"http://127.0.0.1:{server.port}{mount.at}"
        self.client = httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {TOKEN}", "user-agent": READING},
            trust_env=False,
            timeout=30,
        )

    def get(self, path: str, **headers: str) -> httpx.Response:
        """The answer about what was there when the server started."""
        mark = "&" if "?" in path else "?"
        return self.client.get(f"{path}{mark}until={self.shop.until}", headers=headers)

    @contextmanager
    def lines(self, path: str, **headers: str) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on, as they come, beginning with the one that says that it is connected."""
        with self.follow(path, **headers) as answer:
            yield answer.iter_lines()

    @contextmanager
    def follow(self, path: str, **headers: str) -> Iterator[httpx.Response]:
        """An answer that goes on.

        Some servers notice that a client has left when they next write to it, so there may be no place at first.
        """
        with ExitStack() as stack:
            for _ in range(100):
                answer = stack.enter_context(self.client.stream("GET", path, headers=headers))
                if answer.status_code != 503:
                    break
                answer.close()
                time.sleep(0.2)
            assert answer.status_code == 200, answer.read()
            yield answer

    def log(self, body: str, service: str = "shop", severity: int = 9) -> None:
        """Have one log record written by a process that is not the server."""
        making.put(self.shop.writer, [making.log(body, severity=severity)], making.resource(service))


@dataclass
class Event:
    """One Server-Sent Event."""

    name: str = ""
    data: str = ""
    id: str = ""


def events(lines: Iterator[str]) -> Iterator[Event]:
    """Server-Sent Events as a browser understands them; those without a name only say where it is."""
    event = Event()
    for line in lines:
        field, _, value = line.partition(":")
        if not line:
            yield event
            event = Event()
        elif field in ("event", "data", "id"):
            setattr(event, {"event": "name"}.get(field, field), value.strip())


def wait_for(condition: Callable[[], object]) -> None:
    """Return once the condition is true; fail when that takes too long."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
