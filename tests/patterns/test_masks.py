"""What a message's variables look like, and what stands for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.patterns import codes
from tidegate.patterns.mask import LOOKED_AT, SHAPES, Masker
from tidegate.patterns.tokens import NAMES

VALUES = {
    "<num>": """0 7 -12 +3 3.14 -0.5 1e9 -2.5E-7 1,234,567 1_000 45% 3.5% 1700000000 1700000000123 1700000000.25
        1.2.3 10.7.6rc1 v2.0""",
    "<uuid>": "550e8400-e29b-41d4-a716-446655440000 550E8400-E29B-41D4-A716-446655440000",
    "<hex>": "0x1F 0xdeadbeef 3f2a9bc07 d41d8cd98f00b204e9800998ecf8427e DEADBE01",
    "<time>": """2026-01-05 2026-01-05T10:20:30 2026-01-05T10:20:30.123456Z 2026-01-05T10:20:30,5+02:00 10:20:30
        10:20:30.123 2026/01/05 05/Jan/2026:10:20:30 20260105T102030Z 00:01:02""",
    "<ip>": """10.0.0.1 10.0.0.1:8080 10.0.0.0/8 ::1 fe80::1 2001:db8::b8a5:4ea9:385f 2001:db8:0:1:1:1:1:1 [::1]:80
        [2001:db8::1] localhost:8080 db-1:5432 db.example.com:5432 /10.250.19.102:54106""",
    "<email>": "john@example.com a.b+c@mail.example.co.uk celery@db-1",
    "<url>": "https://example.com/a?b=c#d redis://10.0.0.1:6379/0 ws://h/x amqp://u:p@h//",
    "<path>": r"""/etc/passwd /var/log/app.log ~/x ./run.sh ../up C:\Users\x \\host\share src/main/app.py config.yaml
        libfoo.so a/b/c""",
    "<dur>": "12ms 1.5s 30sec 2h 1h2m3s 250µs 10days",
    "<size>": "10KB 1.5MiB 3GB 512B 12kB/s 7M",
    "<mac>": "00:1b:44:11:3a:b7 00-1B-44-11-3A-B7",
    "<id>": "9Xgkx0Ah k8s1x z1b2c3 QmFzZTY0IGlz9",
    "<str>": """'it' 'a b' "c d" `code` b'raw' 'it\\'s' """,
    "<list>": "a,b,c foo_1,bar",
}
TOKENS = [
    pytest.param(name, value, id=f"{name[1:-1]} {value}")
    for name, values in VALUES.items()
    for value in ([values.strip()] if "\n" not in values and name == "<str>" else values.split())
    if name != "<str>"
]


@pytest.mark.parametrize(("name", "value"), TOKENS)
def test_a_value_is_masked_by_its_type(name: str, value: str) -> None:
    assert Masker().mask(f"got {value} now") == f"got {name} now"


@pytest.mark.parametrize(("name", "value"), TOKENS)
def test_a_value_is_masked_between_stops_and_brackets(name: str, value: str) -> None:
    if name != "<list>" and value[0] not in "[(/~.+" and value[-1] not in "%]/":
        assert Masker().mask(f"got key={value}, then ({value}).") == f"got key={name}, then ({name})."


@pytest.mark.parametrize(("name", "value"), TOKENS)
def test_what_is_masked_stays_as_it_is(name: str, value: str) -> None:
    masked = Masker().mask(f"got {value} now")
    assert Masker().mask(masked) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("opened 'my file' again", "opened <str> again"),
        ('opened "my file" again', "opened <str> again"),
        ("user can't find what isn't there", "user can't find what isn't there"),
        ("at 2026-01-05 10:20:30,123 done", "at <time> done"),
        ("at 2026-01-05 10:20:30 +0000 done", "at <time> done"),
        ("at Mon, 05 Jan 2026 10:20:30 GMT done", "at <time> done"),
        ("at Mon Jan  5 10:20:30 2026 done", "at <time> done"),
        ("at Jan  5 10:20:30 host", "at <time> host"),
        ("[05/Jan/2026:10:20:30 +0000] hit", "[<time>] hit"),
        ("connect to [::1]:8080 failed", "connect to <ip> failed"),
        ("peer=[fe80::1%eth0]:22 ([2001:db8::1]:443)", "peer=<ip> (<ip>)"),
        ("took 12 ms and 3.5 KB", "took <dur> and <size>"),
        ("sent 1163 bytes (1.13 KB) in 2 seconds", "sent <size> in <dur>"),
        ("got <shop.Order object at 0x7f3bc> back", "got <obj> back"),
        ("got <class 'shop.Order'> back", "got <obj> back"),
        ("got Order(id=5, name='x') back", "got <obj> back"),
        ("got functools.partial(<function f at 0x7f>) back", "got <obj> back"),
        ("got ValueError('no such thing') back", "got <obj> back"),
        ("got ['a', 'b'] and [] back", "got <list> and <list> back"),
        ("got {'a': 1, 'b': [1, {'c': None}]} and {} back", "got <list> and <list> back"),
        ("got (1, 'x') back", "got (<list>) back"),
        ("calling f(1, 'x') now", "calling f(<num>, <str>) now"),
        ("failed: [Errno 2] No such file or directory: '/x'", "failed: <exc>"),
        ("failed: [Errno 111] Connection refused, going on", "failed: <exc>, going on"),
        ("flag is True or False", "flag is <obj> or <obj>"),
        ("lock true and false", "lock true and false"),
        ("delete blk_-12 blk_3 blk_44 now", "delete blk_<num> now"),
        ("worker-12 on node_3 eth0", "worker-<num> on node_<num> eth<num>"),
        ("and/or of input/output, N/A", "and/or of input/output, N/A"),
        ('10.1.1.1 - - [05/Jan/2026:10:20:30 +0000] "GET /x HTTP/1.1" 200 5', "<ip> - - [<time>] <str> <num>"),
        ('sent "POST /x HTTP/1.1" status: 200', 'sent "POST <path> <path>" status: <num>'),
        ('level=info msg="user logged in" user="x"', 'level=info msg="user logged in" user=<str>'),
        (
            'I0312 10:00:00.5 1 scheduler.go:611] "Bound pod to node" pod="a/b" node="n"',
            'I<num> <time> <num> <path>:<num>] "Bound pod to node" pod=<str> node=<str>',
        ),
        ('[worker] "my file" was opened', "[worker] <str> was opened"),
        ("attempt 3/5 failed", "attempt <num>/<num> failed"),
        ("attempt=3/5, failed", "attempt=<num>/<num>, failed"),
        ("code=exited, status=1/FAILURE", "code=exited, status=<num>/FAILURE"),
        ("用户k8s1x已退出系统", "用户 <id> 已退出系统"),
        ("two  blanks\tand\nlines", "two blanks and lines"),
    ],
)
def test_a_text_is_masked_to(text: str, masked: str) -> None:
    assert Masker().mask(text) == masked


@given(
    st.lists(st.sampled_from(["took", "12", "3.5", "/a/b", "3/5", "x=1/NO", "10.0.0.1", "worker-3", "a1b2c3", "id:"]))
)
def test_masking_twice_is_masking_once(words: list[str]) -> None:
    masked = Masker().mask(" ".join(words))
    assert Masker().mask(masked) == masked


@given(st.text())
def test_any_text_can_be_masked_and_no_digit_is_left(text: str) -> None:
    masked = Masker().mask(text)
    assert not any(digit in masked for digit in "123456789")


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_beyond_the_part_looked_at_matters(one: str, other: str) -> None:
    begin = "word " * (LOOKED_AT // 5 + 1)
    assert Masker().mask(begin + one) == Masker().mask(begin + other)


def test_what_is_cut_off_is_shown_as_a_variable() -> None:
    assert Masker().mask("word " * LOOKED_AT).endswith("word <*>")


def test_shapes_that_are_remembered_are_bounded() -> None:
    masker = Masker()
    for number in range(2 * SHAPES):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        masker.mask(f"{letters}-x.")
    assert len(masker._shapes) <= SHAPES


def test_every_name_of_a_variable_is_one_that_masked_text_knows() -> None:
    assert {name[1:-1] for name in VALUES} <= set(NAMES.split("|"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("status 404 of it", "404"),
        ("status_code=503", "503"),
        ("HTTP/1.1 200 OK", "200"),
        ('"GET / HTTP/1.1" 500 12', "500"),
        ("exited with code 137", "137"),
        ("exit status: 2", "2"),
        ("returned -9", "-9"),
    ],
)
def test_a_code_can_be_kept(text: str, code: str) -> None:
    assert code in Masker().mask(codes.keep(text)).translate(codes.SHOWN)


def test_other_numbers_are_masked_where_codes_are_kept() -> None:
    assert Masker().mask(codes.keep("took 404 ms for 200 users")) == "took <dur> for <num> users"
