"""What fills a hole in a logging call: guessed from the source text of its argument, the same on every machine.

``self.request.id`` is an id, ``exc`` an exception, ``len(queue)`` a count: the last name decides, word by word. Every
place keeps its own habits (how its ids look, how many different values there are), derived from the call's text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from datetime import datetime
from itertools import accumulate
from random import Random

from benchmarks import pylog_kinds as kinds
from benchmarks import pylog_words as words
from benchmarks.pylog_kinds import Kind
from benchmarks.pylog_scan import Hole, Names

#: As ``str(datetime)``, ``isoformat``, without zone, by format, epoch, access log.
MOMENTS: tuple[Callable[[datetime], object], ...] = (
    str,
    datetime.isoformat,
    lambda at: at.replace(tzinfo=None),
    lambda at: f"{at:%Y-%m-%d %H:%M:%S}",
    datetime.timestamp,
    lambda at: f"{at:%d/%b/%Y:%H:%M:%S +0000}",
)

#: Kinds by name; where several are named, a place settles on one of them.
KINDS: dict[str, tuple[Kind, ...]] = {
    "word": (kinds.word,),
    "state": (kinds.choice(words.STATES),),
    "verb": (kinds.choice(words.VERBS),),
    "method": (kinds.choice(words.METHODS),),
    "count": (kinds.count,),
    "small": (kinds.small,),
    "code": (kinds.code,),
    "exit_code": (kinds.exit_code,),
    "number": (kinds.number,),
    "size": (kinds.size,),
    "port": (kinds.port,),
    "pid": (kinds.pid,),
    "percent": (kinds.percent,),
    "real": (kinds.real(15), kinds.real(15), kinds.real(3), kinds.real(1), kinds.real(15, 1e-5)),
    "seconds": (kinds.real(15), kinds.real(15), kinds.real(2), kinds.setting, kinds.setting, kinds.span),
    "id": (kinds.uuid, kinds.uuid, kinds.number, kinds.prefixed, kinds.mixed_id, kinds.hexadecimal(16), kinds.word),
    "hash": (kinds.hexadecimal(40), kinds.hexadecimal(64), kinds.hexadecimal(32), kinds.hexadecimal(8)),
    "host": (kinds.host,),
    "ip": (kinds.ip,),
    "address": (kinds.address, kinds.address, kinds.host_and_port),
    "url": (kinds.url,),
    "url_path": (kinds.url_path,),
    "path": (kinds.path,),
    "directory": (kinds.directory,),
    "module": (kinds.module,),
    "class_name": (kinds.class_name,),
    "function_name": (kinds.function_name,),
    "callable": tuple(kinds.shown(form) for form in words.CALLABLES),
    "type": (kinds.shown("<class '{module}.{class}'>"),),
    "dotted": (kinds.dotted,),
    "version": (kinds.version,),
    "moment": tuple(kinds.moment(shape) for shape in MOMENTS),
    "person": (kinds.person,),
    "flag": (kinds.flag,),
    "object": tuple(kinds.shown(form) for form in words.INSTANCES),
    "mapping": (kinds.mapping,),
    "words": (kinds.listed(kinds.word), kinds.listed(kinds.word), kinds.listed(kinds.word, tuple)),
    "numbers": (kinds.listed(kinds.number),),
    "objects": tuple(kinds.listed(kinds.shown(form)) for form in words.INSTANCES),
    "paths": (kinds.listed(kinds.path),),
    "separated": tuple(kinds.separated(separator) for separator in (", ", ", ", ",", " ")),
    "exception": (kinds.exception,),
    "error_text": (kinds.error_text,),
    "sentence": (kinds.sentence,),
    "traceback": (kinds.traceback,),
    "payload": (kinds.mapping, kinds.mapping, kinds.json_text, kinds.json_bytes, kinds.some_bytes, kinds.sentence),
    "unknown": (*[kinds.word] * 6, kinds.count, kinds.path, kinds.shown(words.INSTANCES[0])),
}

#: Source patterns that say more than the last name does.
SHAPES = (
    (r"(run|wait|idle|throttle|sleep|total|response|connect|up)_?time\b|time_taken|_ms\b", "seconds"),
    (r"\b_?(n|nr|num|max|min|number_of|total|count_of)_\w+$", "count"),
    (r"^len\(|\.count\(|^sum\(|\bmax\(|\bmin\(|\.qsize\(", "count"),
    (r"__name__$|__qualname__$", "class_name"),
    (r"^type\(|\.__class__$", "type"),
    (r"format_exc|format_exception|format_stack|print_exc", "traceback"),
    (r"^(repr|str|unicode|text_type|force_str|safe_str|to_native|to_text|hide_url)\((?P<inner>.*)\)$", ""),
    (r"(?<!path)\.join\(", "separated"),
    (r"getpid\(|getppid\(", "pid"),
    (r"json\.dumps|\.model_dump|\.to_dict", "payload"),
    (r"\btime\(\) - |monotonic\(\) - |perf_counter\(\) - |total_seconds\(", "seconds"),
    (r"\* ?100\b|percent", "percent"),
    (r" - | \+ 1| \* | // ", "count"),
    (r" / ", "real"),
    (r"^os\.path\.dirname|getcwd\(|gettempdir", "directory"),
    (r"^os\.path\.|abspath\(|relpath\(|normalize_path\(|display_path\(", "path"),
    (r"^(not|bool\()|\bis_\w+(\(.*\))?$|\bhas_\w+(\(.*\))?$| in | is |==", "flag"),
    (r"getpeername|getsockname", "address"),
    (r"^(sorted|list|tuple|set|frozenset)\(|^\[.*\]$|\.(keys|values)\(\)$", "words"),
    (r"^(dict|vars)\(|^\{|\.items\(\)$", "mapping"),
    (r"^hex\(", "hash"),
    (r"^-?\d+$", "small"),
)

#: Words within an identifier, and the kind they speak of; the last word of the last name is asked first.
WORDS = {
    "exception": "e ex exc err error exception errors exceptions failure cause why",
    "error_text": "reason errmsg strerror",
    "traceback": "traceback tb stack trace",
    "pid": "pid ppid pgid tid",
    "port": "port",
    "exit_code": "returncode exitcode rc exitstatus",
    "code": "code status",
    "count": (
        "count num n total attempt attempts retries retry index idx i j seq len length nb remaining times "
        "tries skipped deleted removed added updated processed failed succeeded received sent written loaded "
        "rows limit max min depth generation epoch iteration step line lineno column pos position"
    ),
    "number": "offset number numbytes serial timestamp nr slot partition fd fileno int value2 xid stream",
    "size": "size bytes nbytes memory rss capacity",
    "small": "workers concurrency threads processes level prio priority retrycount signum sig",
    "seconds": (
        "elapsed duration timeout delay interval seconds secs sec wait countdown took latency sleep ttl "
        "timedelta period backoff age lag runtime expiration remaining_time"
    ),
    "real": "percent ratio score rate factor load cpu float speed fraction loss",
    "id": "id ids uuid guid jid rid sid uid token xid correlation_id nonce handle request_id cid",
    "hash": "hash digest sha sha1 sha256 checksum fingerprint etag commit revision rev oid md5 hexsha fp ref",
    "host": "host hostname server node fqdn domain netloc nodename machine",
    "ip": "ip ipaddr",
    "address": (
        "address addr peer client remote peername sockname sock_addr listener endpoint_addr bind worker source"
    ),
    "url": "url uri endpoint href link broker location origin base_url dsn registry",
    "url_path": "route resource_path pathinfo request_path",
    "path": (
        "path file filename fname filepath fn fullname dest src target source_file executable exe script "
        "lockfile pidfile config_file conffile logfile cert certificate wheel archive output_file socket sock "
        "binary p f"
    ),
    "directory": "dir directory folder root cwd dirname tempdir basedir prefix cachedir home workdir",
    "paths": "paths files filenames dirs directories",
    "module": ("module mod package pkg plugin extension dist distribution distname project requirement req import app"),
    "class_name": "class klass classname cls typename",
    "type": "type",
    "function_name": "func function method_name funcname fun hook command_name handler_name op",
    "callable": "callback callable handler target_func coro coroutine cb listener_func fget",
    "dotted": "task taskname signature entrypoint entry_point spider job_func qualname spec",
    "version": "version ver versions",
    "moment": "time date when eta at expires expiry datetime now start end deadline created updated until since due",
    "person": "user username login owner author email account principal subject",
    "flag": "enabled disabled ok success flag bool verify force debug enable is has",
    "state": "state mode phase flags kind transition condition",
    "method": "method verb",
    "verb": "action operation event signal cmd command intent opcode step_name stage",
    "word": (
        "name label title key queue topic channel exchange table db database group consumer bucket region tag "
        "category namespace service tenant field column_name attr attribute option param parameter env "
        "variable var consumer_tag backend scheme protocol encoding charset lang locale format word string s "
        "k name2 realm"
    ),
    "mapping": (
        "kwargs params headers options config settings dict map mapping meta metadata props properties opts "
        "environ environment info stats extra attributes fields cfg"
    ),
    "payload": "data payload body content json packet frame buffer raw chunk",
    "numbers": "pids ports codes offsets sizes",
    "words": ("args argv list items keys names tags hosts nodes queues topics services columns set names_list choices"),
    "sentence": (
        "msg message text description detail details output stdout stderr line comment note warning result "
        "response_text help summary explanation hint msgs out err_msg str"
    ),
    "object": (
        "self obj object request response req_obj session conn connection future job transport instance "
        "worker_obj context ctx manager pool thread process proc loop model entity node_obj element item it "
        "resource cert_obj consumer_obj pipeline container record device row api"
    ),
}
_KIND_OF = {word: kind for kind, text in WORDS.items() for word in text.split()}
_NAMED = {"path", "host", "class_name", "module", "function_name", "person", "dotted", "directory"}
_INTEGERS, _FLOATS = frozenset("diuxXob"), frozenset("feEFgG%")
_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}
_SEPARATOR = re.compile(r"""('[^']*'|"[^"]*")\.join\(""")
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def guess(source: str) -> str:
    """The kind that the source text of an argument speaks of."""
    for pattern, kind in SHAPES:
        if found := re.search(pattern, source, re.DOTALL):
            return kind or guess(found["inner"])
    for name in reversed(_names(source)):
        parts = [word.lower() for word in _SPLIT.findall(name)]
        if parts[-1:] == ["name"] and (kind := _KIND_OF.get("".join(parts[-2:-1]), "")) in _NAMED:
            return kind
        for word in reversed(parts):
            if kind := _KIND_OF.get(word) or _plural(word):
                return kind
    return "unknown"


def _names(source: str) -> list[str]:
    """Names in reading order, without what brackets hold unless it is the key asked for."""
    keys = re.findall(r"""(?:\[|get\(|getattr\([^,()]+, )['"](\w+)['"]""", source)
    bare = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", source))
    names = [
        name for name in re.findall(r"[A-Za-z_]\w*", bare) if name not in {"self", "cls", "str", "get", "or", "and"}
    ]
    return [*names, *keys] or re.findall(r"[A-Za-z_]\w*", source)


def _plural(word: str) -> str:
    one = _KIND_OF.get(word[:-1]) if word.endswith("s") and len(word) > 3 else None
    return (
        {"path": "paths", "object": "objects", "number": "numbers", "pid": "numbers"}.get(one, "words") if one else ""
    )


class Filler:
    """Makes the values of one hole; ``place`` names the hole and seeds its habits."""

    def __init__(self, hole: Hole, place: str, names: Names) -> None:
        habits = Random(place)
        self.hole = hole
        self.kind = self._kind(hole)
        self.make: Kind = habits.choice(KINDS[self.kind])
        if self.kind == "separated" and (found := _SEPARATOR.search(hole.source)):
            self.make = kinds.separated(ast.literal_eval(found[1]))
        if self.kind in {"object", "objects", "callable"}:  # what passes one place is of few classes
            some = [
                habits.sample(of, min(len(of), habits.choice((1, 1, 1, 2, 5)))) for of in (names.classes, names.modules)
            ]
            names = names._replace(classes=tuple(some[0]), modules=tuple(some[1]))
        self.names = names
        low, high = kinds.DISTINCT.get(self.kind, (0, 0))
        self.pool: list[object] = []
        if hole.choices:
            self.pool = list(hole.choices)
        elif high:
            # Skewed towards few: most places of a process see a handful of values, some see very many.
            distinct = min(int(low * (high / low) ** habits.random() + 0.5), high)
            self.pool = [self.make(habits, names) for _ in range(distinct)]
        if self.pool and not self._numeric and habits.random() < 0.03:
            self.pool.append(None)
        self.weights = list(accumulate(1 / rank for rank in range(1, len(self.pool) + 1)))

    @staticmethod
    def _kind(hole: Hole) -> str:
        kind = guess(hole.source)
        letter = hole.spec[-1:]
        if letter in _INTEGERS or hole.spec == ",":
            integral = {"count", "small", "code", "exit_code", "number", "size", "port", "pid", "percent"}
            return kind if kind in integral else "number" if kind == "id" else "count"
        return "real" if letter in _FLOATS else kind

    @property
    def _numeric(self) -> bool:
        return self.hole.spec[-1:] in _INTEGERS | _FLOATS

    def value(self, rng: Random) -> object:
        """One value, as the argument of the call."""
        if not self.pool:
            return self.make(rng, self.names)
        value = rng.choices(self.pool, cum_weights=self.weights)[0]
        return 0 if self._numeric and not isinstance(value, (int, float)) else value

    def shown(self, value: object) -> str:
        """The value as it stands in the message."""
        hole = self.hole
        converted = _CONVERSIONS[hole.conversion](value) if hole.conversion in _CONVERSIONS else value
        try:
            return hole.spec % (converted,) if hole.spec.startswith("%") else format(converted, hole.spec)
        except (TypeError, ValueError):  # None where a number was meant, or a width for an object
            return str(converted)
