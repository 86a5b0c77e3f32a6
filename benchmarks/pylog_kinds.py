"""Kinds of values that log messages hold, made at random but shaped as in production: data for `pylog_values`.

A kind is a function of a `random.Random` and a package's `Names`. `DISTINCT` says between how many different values a
process usually alternates at one place; what is missing there is different every time.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random

from benchmarks.pylog_scan import Hole, Names
from benchmarks.pylog_words import DOMAINS, ERRORS, EXTENSIONS, PEOPLE, ROOTS, SENTENCES, STATES, TEXTS, VERBS, WORDS

Kind = Callable[[Random, Names], object]


def word(rng: Random, names: Names) -> str:
    """An identifier as people choose them: one word, or two joined in some way, now and then numbered."""
    first, second = rng.choice(WORDS), rng.choice(WORDS)
    form = rng.choice(("{0}", "{0}", "{0}", "{0}_{1}", "{0}-{1}", "{0}.{1}", "{0}{2}", "{0}-{2}", "{0}_{1}_{2}"))
    return form.format(first, second, rng.randint(1, 20))


def choice(values: list[str]) -> Kind:
    return lambda rng, names: rng.choice(values)


def count(rng: Random, names: Names) -> int:
    return rng.choice((0, 1, 2, 3, rng.randint(0, 20), rng.randint(0, 300), int(rng.expovariate(1e-4))))


def small(rng: Random, names: Names) -> int:
    return rng.randint(1, 10)


def code(rng: Random, names: Names) -> int:
    return rng.choice((200, 200, 200, 201, 204, 301, 302, 304, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504))


def exit_code(rng: Random, names: Names) -> int:
    return rng.choice((0, 1, 1, 2, 3, 127, 130, 137, 255, -9, -11, -15))


def number(rng: Random, names: Names) -> int:
    return rng.randint(1, 10 ** rng.randint(2, 9))


def size(rng: Random, names: Names) -> int:
    return int(rng.lognormvariate(9, 3))


def port(rng: Random, names: Names) -> int:
    return rng.choice((80, 443, 5432, 6379, 8000, 8080, 9092, rng.randint(32768, 60999)))


def pid(rng: Random, names: Names) -> int:
    return rng.randint(2, 65535)


def percent(rng: Random, names: Names) -> int:
    return rng.randint(0, 100)


def real(digits: int, scale: float = 1.0) -> Kind:
    return lambda rng, names: round(scale * rng.lognormvariate(0, 3), digits)


def setting(rng: Random, names: Names) -> int:
    return rng.choice((1, 5, 10, 30, 60, 300))


def span(rng: Random, names: Names) -> timedelta:
    return timedelta(seconds=round(rng.lognormvariate(1, 3), 3))


def hexadecimal(digits: int) -> Kind:
    return lambda rng, names: f"{rng.getrandbits(4 * digits):0{digits}x}"


def uuid(rng: Random, names: Names) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def prefixed(rng: Random, names: Names) -> str:
    return f"{rng.choice(('req', 'job', 'task', 'sess', 'cus', 'i'))}{rng.choice('-_')}{rng.getrandbits(48):012x}"


def mixed_id(rng: Random, names: Names) -> str:
    return "".join(
        rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", k=rng.choice((8, 16, 22)))
    )


def ip(rng: Random, names: Names) -> str:
    if rng.random() < 0.1:
        return str(ipaddress.IPv6Address((0x20010DB8 << 96) + rng.getrandbits(48)))
    return ".".join((rng.choice(("10", "10", "172", "192")), *(str(rng.randint(0, 254)) for _ in range(3))))


def host(rng: Random, names: Names) -> str:
    name = f"{rng.choice(('web', 'db', 'cache', 'worker', 'ip', 'node', 'broker'))}-{rng.randint(1, 40)}"
    return rng.choice(
        (ip(rng, names), "localhost", "127.0.0.1", name, f"{name}.{rng.choice(DOMAINS)}", rng.choice(DOMAINS))
    )


def address(rng: Random, names: Names) -> tuple[str, int]:
    return ip(rng, names), port(rng, names)


def host_and_port(rng: Random, names: Names) -> str:
    return f"{host(rng, names)}:{port(rng, names)}"


def url(rng: Random, names: Names) -> str:
    scheme = rng.choice(("http", "https", "https", "https", "redis", "amqp", "postgresql", "ws"))
    query = rng.choice(("", "", f"?page={rng.randint(1, 90)}&q={rng.choice(WORDS)}", f"/{rng.randint(1, 99999)}"))
    return f"{scheme}://{host(rng, names)}{rng.choice(('', ':8080'))}/{word(rng, names)}/{rng.choice(WORDS)}{query}"


def url_path(rng: Random, names: Names) -> str:
    return f"/{rng.choice(WORDS)}/{rng.choice((rng.randint(1, 99999), rng.choice(WORDS), rng.choice(WORDS) + '/'))}"


def path(rng: Random, names: Names) -> str:
    middle = "/".join(rng.choice(WORDS) for _ in range(rng.randint(0, 3)))
    name = word(rng, names) + rng.choice(EXTENSIONS)
    return rng.choice(
        (f"{rng.choice(ROOTS)}/{middle}/{name}".replace("//", "/"),) * 4 + (name, f"./{rng.choice(WORDS)}/{name}")
    )


def directory(rng: Random, names: Names) -> str:
    return f"{rng.choice(ROOTS)}/{word(rng, names)}" + rng.choice(("", "", "/", f"/tmp{mixed_id(rng, names)[:8]}"))


def module(rng: Random, names: Names) -> str:
    return (
        rng.choice(names.modules)
        if names.modules and rng.random() < 0.6
        else f"app.{rng.choice(WORDS)}.{rng.choice(WORDS)}"
    )


def class_name(rng: Random, names: Names) -> str:
    return rng.choice(names.classes) if names.classes else rng.choice(WORDS).title() + "Handler"


def function_name(rng: Random, names: Names) -> str:
    return rng.choice(names.functions) if names.functions else f"{rng.choice(VERBS)}_{rng.choice(WORDS)}"


def dotted(rng: Random, names: Names) -> str:
    return f"{module(rng, names)}.{rng.choice((function_name, class_name))(rng, names)}"


def version(rng: Random, names: Names) -> str:
    return f"{rng.randint(0, 30)}.{rng.randint(0, 20)}" + rng.choice(
        ("", f".{rng.randint(0, 30)}", f".{rng.randint(0, 9)}rc1")
    )


def moment(shape: Callable[[datetime], object]) -> Kind:
    start = datetime(2026, 1, 5, tzinfo=timezone.utc)
    return lambda rng, names: shape(start + timedelta(microseconds=rng.randint(0, 10**13)))


def person(rng: Random, names: Names) -> str:
    return rng.choice(
        (
            rng.choice(PEOPLE),
            rng.choice(PEOPLE),
            f"{rng.choice(PEOPLE)}@{rng.choice(DOMAINS)}",
            f"user{rng.randint(1, 9999)}",
        )
    )


def flag(rng: Random, names: Names) -> bool:
    return rng.random() < 0.6


class Shown:
    """An object of the application, as its repr tells."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def shown(form: str) -> Kind:
    return lambda rng, names: Shown(filled(rng, names, form))


def scalar(rng: Random, names: Names) -> object:
    return rng.choice((word, word, count, flag, real(3), uuid, lambda *_: None))(rng, names)


def memory(rng: Random, names: Names) -> str:
    return f"0x7f{rng.getrandbits(40):010x}"


def mapping(rng: Random, names: Names) -> dict[str, object]:
    return {rng.choice(WORDS): scalar(rng, names) for _ in range(rng.choice((0, 1, 2, 2, 3, 5)))}


def listed(kind: Kind, form: type = list) -> Kind:
    return lambda rng, names: form(kind(rng, names) for _ in range(rng.choice((0, 1, 1, 2, 3, 6))))


def separated(separator: str) -> Kind:
    return lambda rng, names: separator.join(word(rng, names) for _ in range(rng.randint(1, 5)))


def filled(rng: Random, names: Names, text: str) -> str:
    makers: dict[str, Kind] = {"path": path, "word": word, "count": count, "small": small, "host": host, "ip": ip}
    makers |= {"url": url, "module": module, "class": class_name, "person": person, "version": version}
    makers |= {"number": number, "function": function_name, "state": choice(STATES), "place": memory}
    return text.format_map({name: kind(rng, names) for name, kind in makers.items() if f"{{{name}}}" in text})


def error_text(rng: Random, names: Names) -> str:
    """Half of them the texts of exceptions that the package itself raises."""
    if names.errors and rng.random() < 0.5:
        _, parts = rng.choice(names.errors)
        return "".join(str(word(rng, names)) if isinstance(part, Hole) else part for part in parts)
    return filled(rng, names, rng.choice(TEXTS))


def exception(rng: Random, names: Names) -> Exception:
    own = [name for name, _ in names.errors if name.isidentifier()]
    name = rng.choice(own) if own and rng.random() < 0.4 else rng.choice(ERRORS)
    kind: type[Exception] = type(name, (Exception,), {})
    return kind(error_text(rng, names))


def sentence(rng: Random, names: Names) -> str:
    return filled(rng, names, rng.choice(SENTENCES))


def traceback(rng: Random, names: Names) -> str:
    frame = '  File "{path}", line {count}, in {function}\n    return {function}()\n'
    frames = "".join(filled(rng, names, frame) for _ in range(rng.randint(1, 4)))
    error = exception(rng, names)
    return f"Traceback (most recent call last):\n{frames}{type(error).__name__}: {error}"


def json_text(rng: Random, names: Names) -> str:
    return json.dumps(mapping(rng, names))


def json_bytes(rng: Random, names: Names) -> bytes:
    return json_text(rng, names).encode()


def some_bytes(rng: Random, names: Names) -> bytes:
    return rng.choice((rng.randbytes(rng.randint(1, 30)), sentence(rng, names).encode()))


#: The range from which a place takes the number of its different values, for kinds of which a process has few. Names,
#: hosts, paths and texts are without end: that is what makes them hard, and what production does in the long run.
DISTINCT: dict[str, tuple[int, int]] = {
    "state": (1, 6),
    "verb": (1, 6),
    "method": (1, 7),
    "code": (1, 8),
    "exit_code": (1, 5),
    "class_name": (1, 12),
    "function_name": (1, 20),
    "callable": (1, 20),
    "type": (1, 8),
    "module": (1, 30),
    "dotted": (1, 30),
    "version": (1, 6),
    "small": (1, 10),
    "port": (1, 10),
}
