"""Trying things out on the machine: a file in a directory, a connection to an address."""

from __future__ import annotations

import os
import socket
import tempfile
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from tidegate.errors import StoreError
from tidegate.store.location import make_directory

#: Longest time in seconds that a connection may take.
PATIENCE = 2.0


def write(location: str) -> str:
    """Write and delete a file in this directory, made for the purpose if need be; what went wrong, or nothing."""
    if os.path.lexists(location) and not os.path.isdir(location):
        return "it is not a directory"
    missing = _missing_directories(location)
    try:
        make_directory(location)
        with tempfile.NamedTemporaryFile(dir=location, prefix=".doctor-") as file:
            file.write(b"tide")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    except StoreError as error:
        return str(error).partition(";")[0]  # the caller has its own advice
    finally:
        for directory in missing:
            try:
                os.rmdir(directory)
            except OSError:  # never made, or somebody began to use it
                break
    return ""


def _missing_directories(location: str) -> list[str]:
    """Those that do not exist yet of the directory and the ones above it, innermost first."""
    missing = []
    directory = os.path.abspath(location)
    while not os.path.lexists(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    return missing


def nearest_directory(location: str) -> str:
    """The directory itself, or the nearest above it that exists."""
    missing = _missing_directories(location)
    return os.path.dirname(missing[-1]) if missing else location


def is_fallback(location: str) -> bool:
    """Whether this is where `default_location` goes when neither state nor home directory can be written."""
    return location == os.path.join(tempfile.gettempdir(), f"tidegate-{os.getuid()}")


def address(url: str, *, grpc: bool) -> tuple[str, int]:
    """The host and port that an exporter connects to for this URL, a proxy's if one applies; raises ValueError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if not parts.hostname:
        raise ValueError(url)
    proxy = getproxies().get(parts.scheme)
    if proxy and not grpc and not proxy_bypass(parts.hostname):
        return address(proxy, grpc=True)
    return parts.hostname, parts.port or (4317 if grpc else 443 if parts.scheme == "https" else 80)


def connect(host: str, port: int) -> str:
    """Open a connection and close it; what went wrong, or nothing."""
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
