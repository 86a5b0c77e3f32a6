"""A whole request through FastAPI and uvicorn: CPU of the server's process, its recording and sending included."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict

from benchmarks.measure import table
from benchmarks.sending import ROOT, environment
from benchmarks.sink import sink

REQUESTS, CONNECTIONS, REST_S = 12_000, 2, 7.0

CASES = {
    "without telemetry": ("plain", {}),
    "standard, all sent": ("standard", {}),
    "Tidegate, default settings": ("tidegate", {}),
    "Tidegate, all sent": ("tidegate", {"OTEL_PYTHON_TIDEGATE_SEND": "all"}),
    "Tidegate, nothing sent": (
        "tidegate",
        dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER"), "none"),
    ),
}

REQUEST = (
    b"GET /orders/%d?page=2 HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: benchmark/1.0\r\naccept: */*\r\n"
    b"x-request-id: 4bf92f3577b34da6a3ce929d0e0e4736\r\n\r\n"
)


def run(repeats: int) -> str:
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(max(repeats // 3, 1)):
        for label, (case, more) in CASES.items():
            found[label].append(_cpu(case, more))
    cost = {label: statistics.median(values) for label, values in found.items()}
    bare, standard = cost["without telemetry"], cost["standard, all sent"]
    rows = [
        [label, f"{each:.0f}", f"{each / standard:.2f}", f"{(each - bare) / (standard - bare):.2f}"]
        for label, each in cost.items()
    ]
    return table("A request through FastAPI, µs of CPU", ["", "µs", "of standard", "of what standard adds"], rows)


def _cpu(case: str, more: dict[str, str]) -> float:
    """Microseconds of CPU for each request."""
    with sink() as receiver, tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        command = [sys.executable, "-m", "benchmarks.web_app", case, str(port)]
        with subprocess.Popen(command, env=environment(receiver.endpoint, directory, more), cwd=ROOT) as server:
            try:
                _wait(port)
                _load(port, REQUESTS // 4)
                time.sleep(3)  # whoever leads has begun
                before = _cpu_seconds(server.pid)
                _load(port, REQUESTS)
                time.sleep(REST_S)  # what was recorded is judged and sent
                return (_cpu_seconds(server.pid) - before) / REQUESTS * 1e6
            finally:
                server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server did not start")


def _load(port: int, requests: int) -> None:
    threads = [threading.Thread(target=_client, args=(port, requests // CONNECTIONS)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _client(port: int, requests: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        for number in range(requests):
            connection.sendall(REQUEST % number)
            answer = connection.recv(65536)
            while b"}" not in answer:
                answer += connection.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(answer.decode())


def _cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(run(3))
