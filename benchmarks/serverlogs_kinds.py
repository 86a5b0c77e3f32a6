"""Values as server logs hold them, by the names that the templates of `serverlogs` use."""

# ruff: noqa: E501 -- a kind is one line

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_HEX = re.compile(r"hex(\d+)")

DOMAINS = "example.com corp.example.net internal.lan ec2.compute.example.org dsl.example.nl".split()  # noqa: SIM905
USERS = "root admin test guest oracle postgres ubuntu webmaster git deploy alice bob ftp nagios user1 pi".split()  # noqa: SIM905
PARTS = "var lib data tmp home app current cache logs user spool share local conf jobs run-1 v2 node_7".split()  # noqa: SIM905
NAMES = "orders users payments events sessions invoices audit_log metrics products carts emails report-q3".split()  # noqa: SIM905
CLASSES = "JobEventType TaskEventType Speculator$EventType MRAppMaster$Dispatcher ContainerAllocator$Type".split()  # noqa: SIM905
APPS = "com.example.mail org.example.chat com.example.android.maps com.vendor.launcher com.example.qt.player".split()  # noqa: SIM905
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4",
    "curl/8.5.0",
    "kube-probe/1.29",
    "python-requests/2.31.0",
)
START = datetime(2026, 3, 1, tzinfo=timezone.utc)


def _at(rng: Random) -> datetime:
    return START + timedelta(microseconds=rng.randint(0, 10**13))


def ip(rng: Random) -> str:
    return (
        f"{rng.choice((10, 10, 172, 61, 183, 203))}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    )


def ip6(rng: Random) -> str:
    return rng.choice(("fe80::", "2001:db8:0:8:")) + ":".join(f"{rng.getrandbits(16):x}" for _ in range(4))


def host(rng: Random) -> str:
    name = f"{rng.choice(('web', 'db', 'node', 'msra-sa', 'cn', 'mesos-slave', 'dsl'))}-{rng.randint(1, 99)}"
    return rng.choice((name, f"{name}.{rng.choice(DOMAINS)}", f"{name}.{rng.choice(DOMAINS)}"))


def path(rng: Random) -> str:
    return (
        "/" + "/".join(rng.choice(PARTS) for _ in range(rng.randint(1, 5))) + rng.choice(("", f"/{rng.choice(NAMES)}"))
    )


def uuid(rng: Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def transferred(rng: Random) -> str:
    count = int(rng.lognormvariate(7, 2))
    return f"{count} bytes" if count < 1024 else f"{count} bytes ({count / 1024:.3g} KB)"


def apipath(rng: Random) -> str:
    tenant = f"{rng.getrandbits(128):032x}"
    return rng.choice(
        (f"/v2/{tenant}/servers/detail", f"/v2/{tenant}/servers/{uuid(rng)}", "/openstack/2013-10-17/meta_data.json")
    )


def request(rng: Random) -> str:
    return rng.choice(
        (
            "/",
            f"/api/v1/{rng.choice(NAMES)}/{rng.randint(1, 99999)}",
            f"/{rng.choice(NAMES)}?page={rng.randint(1, 99)}",
            f"/static/{rng.getrandbits(32):08x}.js",
        )
    )


def query(rng: Random) -> str:
    table = rng.choice(NAMES)
    return rng.choice(
        (
            f"SELECT * FROM {table} WHERE id = {rng.randint(1, 99999)}",
            f"UPDATE {table} SET state = 'done' WHERE id = {rng.randint(1, 99999)}",
            f"SELECT count(*) FROM {table}",
        )
    )


KINDS: dict[str, Callable[[Random], str]] = {
    "ip": ip,
    "ip6": ip6,
    "host": host,
    "path": path,
    "uuid": uuid,
    "bytes": transferred,
    "apipath": apipath,
    "request": request,
    "query": query,
    "port": lambda rng: str(rng.choice((443, 80, 22, rng.randint(1024, 65535), rng.randint(1024, 65535)))),
    "int": lambda rng: str(rng.randint(-(2**31), 2**31)),
    "big": lambda rng: str(rng.randint(10**5, 10**9)),
    "long": lambda rng: str(rng.randint(-(2**63), 2**63)),
    "float": lambda rng: f"{rng.lognormvariate(0, 2):.{rng.choice((1, 2, 4, 7))}f}",
    "blocks": lambda rng: " ".join(f"blk_{rng.randint(-(2**63), 2**63)}" for _ in range(rng.choice((1, 1, 2, 5)))),
    "job": lambda rng: f"{rng.randint(1445000000000, 1447000000000)}_{rng.randint(1, 40):04d}",
    "class": lambda rng: rng.choice(CLASSES),
    "app": lambda rng: rng.choice(APPS),
    "name": lambda rng: rng.choice(NAMES),
    "user": lambda rng: rng.choice(USERS),
    "pod": lambda rng: f"{rng.choice(NAMES).replace('_', '-')}-{rng.getrandbits(36):09x}-{rng.getrandbits(20):05x}",
    "word": lambda rng: f"{rng.choice(NAMES)}{rng.choice(('', '', '-' + str(rng.randint(1, 99))))}",
    "kb": lambda rng: f"{rng.lognormvariate(3, 2):.1f} {rng.choice(('B', 'KB', 'KB', 'MB'))}",
    "rpm": lambda rng: str(rng.randint(3100, 3700)),
    "card": lambda rng: f"R{rng.randint(0, 7)}{rng.randint(0, 7)}-M{rng.randint(0, 1)}-N{rng.randint(0, 9)}",
    "mac": lambda rng: ":".join(f"{rng.getrandbits(8):02x}" for _ in range(6)),
    "wwid": lambda rng: "SCSI-WWID:" + "-".join(f"{rng.getrandbits(16):04x}" for _ in range(5)),
    "lifetime": lambda rng: rng.choice(("<1 sec", "<1 sec", f"{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}")),
    "winpath": lambda rng: (
        "C:\\"
        + "\\".join(rng.choice(("Windows", "Temp", "winsxs", "servicing")) for _ in range(3))
        + f"\\x{rng.getrandbits(20)}"
    ),
    "unitfile": lambda rng: rng.choice(
        (
            f"{KINDS['unit'](rng)}.service",
            f"session-{rng.randint(1, 9999)}.scope",
            f"run-{rng.getrandbits(64):016x}.mount",
        )
    ),
    "checkfailure": lambda rng: rng.choice(
        (
            "Layer4 timeout",
            'Layer4 connection problem, info: "Connection refused"',
            f'Layer7 wrong status, code: {rng.choice((500, 503))}, info: "Service Unavailable"',
        )
    ),
    "probeoutput": lambda rng: rng.choice(
        (
            f"HTTP probe failed with statuscode: {rng.choice((500, 503))}",
            f'Get \\"http://{ip(rng)}:8080/healthz\\": dial tcp {ip(rng)}:8080: connect: connection refused',
            f'Get \\"http://{ip(rng)}:8080/healthz\\": context deadline exceeded',
        )
    ),
    "poderror": lambda rng: rng.choice(
        (
            f'failed to \\"StartContainer\\" for \\"{rng.choice(NAMES)}\\" with CrashLoopBackOff: \\"back-off {rng.choice((10, 20, 40))}s restarting failed container={rng.choice(NAMES)}\\"',
            f'failed to \\"StartContainer\\" for \\"{rng.choice(NAMES)}\\" with ImagePullBackOff: \\"Back-off pulling image registry.example.com/{rng.choice(NAMES)}:{rng.getrandbits(28):07x}\\"',
        )
    ),
    "int6": lambda rng: str(rng.randint(620000, 699999)),
    "sendmailid": lambda rng: (
        f"jA{rng.choice('ABCDEFGH')}I{rng.randint(0, 9)}fl{rng.choice('QRST')}{rng.randint(0, 999999):06d}"
    ),
    "lock": lambda rng: rng.choice(
        ("View Lock", "*launch*", "WindowManager", "RILJ_ACK_WL", "*alarm*", "AudioMix", "SCREEN_FROZEN")
    ),
    "worksource": lambda rng: f"WorkSource{{{rng.randint(10000, 10300)}}}",
    "activity": lambda rng: rng.choice(
        ("MainActivity", "activity.info.DetailActivity", "push.PushService", "ui.LauncherUI")
    ),
    "surface": lambda rng: rng.choice(("", "SurfaceView - ")) + f"{rng.choice(APPS)}/{rng.choice(APPS)}.MainActivity",
    "javastack": lambda rng: " ".join(
        f"com.example.server.wm.{rng.choice(CLASSES)}.{rng.choice(NAMES)}:{rng.randint(10, 4000)}"
        for _ in range(rng.randint(4, 8))
    ),
    "cts": lambda rng: rng.choice(
        ("icloud.fmfd.heartbeat", "Safari.SafeBrowsing.Update", "CacheDelete.daily", "EscrowSecurityAlert.daily")
    ),
    "agent": lambda rng: rng.choice(AGENTS),
    "referer": lambda rng: f"https://{rng.choice(DOMAINS)}{request(rng)}",
    "ns": lambda rng: rng.choice(("default", "kube-system", "monitoring", "shop-prod", "shop-staging")),
    "registry": lambda rng: f"registry.example.com/{rng.choice(NAMES)}:{rng.getrandbits(28):07x}",
    "unit": lambda rng: rng.choice(
        ("nginx", "postgresql@14-main", "docker", "cron", "apt-daily", "fwupd", "app-worker@3", "snapd")
    ),
    "sentence": lambda rng: rng.choice(
        (
            "Daily apt download activities",
            "A high performance web server",
            "Docker Application Container Engine",
            "Background worker",
            "Firmware update daemon",
            "Regular background program processing daemon",
        )
    ),
    "isr": lambda rng: ",".join(str(broker) for broker in sorted(rng.sample(range(4), rng.randint(1, 4)))),
    "task": lambda rng: (
        f"{rng.choice(('shop', 'billing', 'core'))}.tasks.{rng.choice(('send_mail', 'sync_orders', 'rebuild_index', 'charge', 'cleanup_sessions'))}"
    ),
    "result": lambda rng: rng.choice(
        (
            f"{{'sent': {rng.randint(0, 99)}, 'failed': {rng.randint(0, 9)}}}",
            f"[{rng.randint(0, 99)}, {rng.randint(0, 99)}]",
            f"'{rng.choice(NAMES)}'",
        )
    ),
    "exception": lambda rng: rng.choice(
        (
            f"ConnectionError('{host(rng)} refused')",
            "TimeoutError()",
            f"KeyError('{rng.choice(NAMES)}')",
            f"ValueError(\"invalid literal for int() with base 10: '{rng.choice(NAMES)}'\")",
            "OperationalError('server closed the connection unexpectedly')",
        )
    ),
    "epoch": lambda rng: str(int(_at(rng).timestamp())),
    "epochms": lambda rng: str(int(_at(rng).timestamp() * 1000)),
    "epochmin": lambda rng: str(int(_at(rng).timestamp() // 60)),
    "isotime": lambda rng: f"{_at(rng):%Y-%m-%d %H:%M:%S}",
    "rfctime": lambda rng: f"{_at(rng):%Y-%m-%dT%H:%M:%S.%fZ}",
    "ctime": lambda rng: f"{_at(rng):%a %b %d %H:%M:%S %Y}",
    "httptime": lambda rng: f"{_at(rng):%d/%b/%Y:%H:%M:%S +0000}",
    "clock": lambda rng: f"{_at(rng):%H:%M:%S}",
    "wintime": lambda rng: f"{_at(rng):%Y/%m/%d:%H:%M:%S}.{rng.randint(0, 999):03d}",
}


#: How many different values of a kind one log has: a cluster has so many hosts, and some are busier than others.
POOLS = {
    "host": 12, "ip": 120, "path": 30, "winpath": 10, "apipath": 8, "user": 12, "class": 5, "app": 5, "name": 8, "word": 12,
    "pod": 30, "request": 60, "query": 20, "agent": 5, "referer": 20, "registry": 6, "unit": 8, "sentence": 6, "task": 10,
    "exception": 8, "surface": 6, "javastack": 6, "card": 40, "mac": 40, "wwid": 20, "job": 6, "hex40": 20,
}  # fmt: skip
Pools = dict[str, "list[str]"]


def value(kind: str, rng: Random, pools: Pools) -> str:
    """A value: of a range, of alternatives (each a kind itself, where there is one of that name), or of a kind.

    ``pools`` is a log's memory of what it has shown, filled here."""
    if kind in POOLS:
        return _pooled(kind, rng, pools)
    if "|" in kind:
        return value(rng.choice(kind.split("|")), rng, pools)
    return _fresh(kind, rng)


def _pooled(kind: str, rng: Random, pools: Pools) -> str:
    if kind not in pools:
        pools[kind] = [_fresh(kind, rng) for _ in range(POOLS[kind])]
    return pools[kind][min(int(rng.paretovariate(0.8)) - 1, POOLS[kind] - 1)]


def _fresh(kind: str, rng: Random) -> str:
    if found := _RANGE.fullmatch(kind):
        return str(rng.randint(int(found[1]), int(found[2])))
    if found := _HEX.fullmatch(kind):
        return f"{rng.getrandbits(4 * int(found[1])):0{found[1]}x}"
    return KINDS[kind](rng) if kind in KINDS else kind
