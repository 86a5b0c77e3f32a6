"""``tidegate serve`` as a command: what it says, what it refuses, and what it shows."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import making
from live_server import LiveServer, live_server, quiet_environ
from mounting import wait_for
from served import TOKEN
from tidegate.store.sinks import FileSink

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serve(run: Run) -> Callable[..., str]:
    """``serve(*arguments)``: what it says when it refuses."""

    def serve(*arguments: str, env: dict[str, str] | None = None) -> str:
        done = run(["tidegate", "serve", "--port", "0", *arguments], env=env, check=False)
        assert done.returncode == 2
        assert done.stdout == ""
        return done.stderr

    return serve


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(["tidegate", "serve", "--port", "PORT"], tmp_path, quiet_environ(tmp_path)) as server:
        yield server


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_it_is_not_shown_to_others_without_a_token(serve: Callable[..., str], host: str) -> None:
    said = serve("--host", host)
    assert f"--host is {host!r}" in said
    assert "OTEL_PYTHON_TIDEGATE_TOKEN" in said


@pytest.mark.parametrize("token", ["sesame", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "with spaces and many characters"])
def test_a_token_that_can_be_guessed_is_refused_and_not_shown(serve: Callable[..., str], token: str) -> None:
    said = serve("--token", token)
    assert "'--token': received a hidden value; it must be" in said
    assert token not in said


def test_a_port_in_use_is_named(serve: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = serve("--port", str(port))
    assert said == (
        f"Error: nothing can listen at port {port} of '127.0.0.1': Address already in use;"
        " name another with --port or --host, 0 for any free port.\n"
    )


def test_an_address_of_another_machine_is_named(serve: Callable[..., str]) -> None:
    assert "'192.0.2.1'" in serve("--host", "192.0.2.1", "--token", TOKEN)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b"])
def test_a_host_that_is_none_is_named(serve: Callable[..., str], host: str) -> None:
    assert f"of {host!r}: " in serve("--host", host, "--token", TOKEN)


@pytest.mark.parametrize("port", ["abc", "-1", "65536", "1.5", ""])
def test_a_port_that_is_none_is_named(serve: Callable[..., str], port: str) -> None:
    assert f"'--port': received {port!r}; it must be a whole number from 0 to 65535." in serve("--port", port)


@pytest.mark.parametrize("option", ["--service", "--token", "--allowed-host"])
def test_an_option_that_is_empty_is_named(serve: Callable[..., str], option: str) -> None:
    assert f"'{option}': received ''; it must be" in serve(option, "")


def test_a_host_that_is_no_name_is_named(serve: Callable[..., str]) -> None:
    said = serve("--allowed-host", "shop.example.com", "--allowed-host", "http://a.example.com")
    assert "'--allowed-host': received 'http://a.example.com'; it must be names" in said


def test_a_key_without_a_certificate_is_named(serve: Callable[..., str]) -> None:
    assert "--keyfile is 'key.pem', which needs --certfile" in serve("--keyfile", "key.pem")


def test_a_certificate_that_is_none_is_named(serve: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "nothing.pem"
    file.write_text("nothing")
    assert f"--certfile is '{file}'" in serve("--certfile", str(file))


def test_a_store_in_memory_is_refused(serve: Callable[..., str]) -> None:
    assert "memory:" in serve("memory:")


def test_a_directory_of_other_things_is_refused(serve: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    assert "is not a store" in serve(str(tmp_path))


def test_a_store_that_is_a_file_is_refused(serve: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.touch()
    assert serve(str(file)) == f"Error: {str(file)!r} is not a directory, which a store is; name another one.\n"


@pytest.mark.parametrize("package", ["uvicorn", "websockets"])
def test_a_missing_extra_is_named(run: Run, program: Callable[..., Path], package: str) -> None:
    without = program(f"import sys; sys.modules[{package!r}] = None; from tidegate.cli import main; main(['serve'])")
    done = run([sys.executable, without], check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"Error: `tidegate serve` needs the package {package}: pip install 'tidegate[server]'.\n",
    )


@pytest.mark.servers
def test_it_says_what_it_serves_and_where(server: LiveServer, tmp_path: Path) -> None:
    assert server.output.read_text() == f"Serving {tmp_path / 'store'} at http://127.0.0.1:{server.port}\n"


@pytest.mark.servers
def test_a_port_that_is_free_is_found_and_said(start: Start, tmp_path: Path) -> None:
    with answering(start, tmp_path, "--port", "0") as (client, _):
        assert client.get("/health/live").json() == {"status": "healthy"}


@pytest.mark.servers
def test_a_token_that_it_makes_is_said_once_and_needed(start: Start, tmp_path: Path) -> None:
    with answering(start, tmp_path, "--port", "0", "--token", "auto") as (client, said):
        token = said.split("The token, which is not shown again: ")[1].split()[0]
        assert said.count(token) == 1
        assert client.get("/services").status_code == 401
        assert client.get("/services", headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.servers
def test_a_token_of_the_environment_is_never_said(start: Start, tmp_path: Path) -> None:
    with answering(start, tmp_path, "--port", "0", token=TOKEN) as (_, said):
        assert "/login?code=" in said
        assert TOKEN not in said


@pytest.mark.servers
def test_the_login_url_logs_a_browser_in(start: Start, tmp_path: Path) -> None:
    with answering(start, tmp_path, "--port", "0", token=TOKEN) as (client, said):
        code = said.split("/login?code=")[1].split()[0]
        client.post("/login", data={"code": code})
        assert client.get("/services").status_code == 200


@pytest.mark.servers
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_every_address_of_loopback_will_do(start: Start, tmp_path: Path, host: str) -> None:
    with answering(start, tmp_path, "--port", "0", "--host", host) as (client, _):
        assert client.get("/health/live").status_code == 200


@pytest.mark.servers
def test_all_addresses_can_be_listened_on_with_a_token(start: Start, tmp_path: Path) -> None:
    with answering(start, tmp_path, "--port", "0", "--host", "0.0.0.0", token=TOKEN) as (client, _):
        assert client.get("/health/live").status_code == 401


@pytest.mark.servers
def test_a_store_is_picked_up_when_it_appears(server: LiveServer, tmp_path: Path) -> None:
    assert server.get("/logs").text == ""
    sink = FileSink(str(tmp_path / "store"))
    making.put(sink, [making.log("the first")])
    assert server.get("/logs").json()["body"] == "the first"
    sink.close()


@pytest.mark.servers
def test_serving_writes_nothing(server: LiveServer, tmp_path: Path) -> None:
    server.get("/services")
    server.get("/nothing")
    assert not (tmp_path / "store").exists()


@pytest.mark.servers
def test_what_it_is_made_of_is_not_said(server: LiveServer) -> None:
    assert "server" not in server.get("/").headers


@pytest.mark.servers
def test_a_head_without_end_is_refused(server: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 100_000)
        assert client.recv(12) == b"HTTP/1.1 400"


@contextmanager
def answering(start: Start, directory: Path, *flags: str, token: str = "") -> Iterator[tuple[httpx.Client, str]]:
    """A client of a server that says itself where it is, and what it says."""
    process = start(["tidegate", "serve", *flags], env={"OTEL_PYTHON_TIDEGATE_TOKEN": token})
    output = directory / "output-0.txt"
    last = "/login?code=" if token or "auto" in flags else "Serving"
    wait_for(lambda: process.poll() is not None or re.search(f"{re.escape(last)}.*\n", output.read_text()))
    said = output.read_text()
    found = re.search(r" at (http://\S+)", said)
    assert found, said
    with httpx.Client(base_url=found[1], trust_env=False) as client:
        yield client, said


@pytest.mark.servers
def test_health_is_that_of_the_store_and_of_what_is_sent_from_it(server: LiveServer) -> None:
    assert server.get("/health").json()["components"].keys() == {"store", "disk", "exporter"}


@pytest.mark.servers
def test_a_store_that_is_gone_is_said_by_health(server: LiveServer, tmp_path: Path) -> None:
    found = server.get("/health").json()
    assert (found["status"], found["components"]["store"]["status"]) == ("degraded", "degraded")
    assert str(tmp_path / "store") in found["components"]["store"]["detail"]


@pytest.mark.servers
def test_one_service_can_be_shown_alone(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path / "store"))
    for service in ("shop", "other"):
        making.put(sink, [making.log(service)], making.resource(service))
    sink.close()
    command = ["tidegate", "serve", "--port", "PORT", "--service", "shop"]
    with live_server(command, tmp_path, quiet_environ(tmp_path)) as server:
        assert server.get("/logs").json()["body"] == "shop"
