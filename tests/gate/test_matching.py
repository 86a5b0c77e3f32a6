from __future__ import annotations

import pytest

from tidegate.gate.policies import matching
from tidegate.gate.policies.matching import TraceMatcher, compile_trace_rules, predicate, route, route_in_name
from tidegate.gate.policy import Condition, TraceRule
from tidegate.regexes import LONGEST, compile_regex


def holds(value: object, *, given: object = None, operator: str = "glob", negate: bool = False) -> bool:
    return predicate(Condition("attribute", given, operator, "key", negate))(value)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("/health", "/health"),
        ("/health*", "/healthz"),
        ("*/health", "/api/health"),
        ("/a/*/c", "/a/b/c"),
        ("/a?c", "/abc"),
        ("*", ""),
        ("**", "anything\nat all"),
        ("a[b]*c", "a[b]xc"),
        ("", ""),
        ("a.c", "a.c"),
    ],
)
def test_a_glob_matches(pattern: str, value: str) -> None:
    assert holds(value, given=pattern)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [("/health", "/healthz"), ("/health*", "/Health"), ("a[b]c", "abc"), ("a.c", "abc"), ("", "x"), ("/a?c", "/ac")],
)
def test_a_glob_does_not_match(pattern: str, value: str) -> None:
    assert not holds(value, given=pattern)


@pytest.mark.parametrize("operator", ["equals", "glob", "regex", "in", "exists"])
def test_nothing_holds_for_a_missing_value(operator: str) -> None:
    assert not holds(None, given="x", operator=operator)


@pytest.mark.parametrize("operator", ["equals", "glob", "regex", "in", "exists"])
def test_a_missing_value_holds_what_is_negated(operator: str) -> None:
    assert holds(None, given="x", operator=operator, negate=True)


@pytest.mark.parametrize(
    ("given", "value"), [(201, 201), ("200", 200), (404, "404"), (True, True), ("true", True), (1.5, 1.5), (2, 2.0)]
)
def test_values_are_equal_as_json_writes_them(given: object, value: object) -> None:
    assert holds(value, given=given, operator="equals")


@pytest.mark.parametrize(("given", "value"), [(True, 1), ("True", True), ("2.0", 2), ("A", "a")])
def test_values_that_json_writes_differently_are_not_equal(given: object, value: object) -> None:
    assert not holds(value, given=given, operator="equals")


def test_one_of_several_values_is_enough() -> None:
    assert holds("b", given=["a", "b"], operator="in")


def test_several_globs_are_alternatives() -> None:
    assert holds("/ready", given=("/health*", "/ready"))


def test_one_item_of_a_sequence_is_enough() -> None:
    assert holds(("x", "abc"), given="a*")


def test_bytes_are_compared_as_text() -> None:
    assert holds(b"abc", given="a*")


def test_an_object_that_cannot_be_written_does_not_raise() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    assert not holds(Broken(), given="a*")


def test_a_regex_is_found_anywhere_in_the_text() -> None:
    assert holds("GET /api/v2/users", given=r"/v\d+/", operator="regex")


def test_a_regex_sees_the_first_characters_only() -> None:
    assert not holds("x" * LONGEST + "needle", given="needle", operator="regex")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", r"(\w+\s?)*x", "(a|ab)*c", "(?:x*y?)*z", "((ab)*c*)*d"])
def test_a_regex_that_could_take_exponential_time_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="a repetition inside a repetition"):
        compile_regex(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "a.*b.*c.*d",
        "^a.*b.*c.*d.*e",
        "a*a*a*a*b",
        r"(\d+)(\d+)\d+\d+x",
        "(.*),(.*),(.*),x",
        "[/a-z]*/[/a-z]*/[/a-z]*/x$",
        r"\d*1\d*1\d*x",
        "^(.)*a(.)*a(.)*a(.)*b",
        "(a+)b?(a+)b?(a+)x",
        "(a+)()(a+)()(a+)x",
        "a+(?=)a+(?=)a+x",
        "a{0,1000}a{0,1000}a{0,1000}b",
        "(?i)[A-C]+[a-c]+[ab]+x",
        "(?:a*|b)(?:a*|c)(?:a*|d)x",
        r"\d+\w+\d+x",
    ],
)
def test_a_regex_that_could_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="too many repetitions that match the same text"):
        compile_regex(pattern)


@pytest.mark.parametrize("pattern", ["(?P<x>a+)(?P=x)+b", r"(a+)\1b"])
def test_a_regex_that_refers_back_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="refers back to a group"):
        compile_regex(pattern)


@pytest.mark.parametrize(
    "pattern", ["a?" * 24 + "a" * 24, "[ab]{0,8}" * 6, "(a?){24}b", "(a|aa)" * 20 + "b", "(a{0,8}){8}", "(a?){12}b"]
)
def test_a_regex_with_too_many_optional_parts_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="it must have fewer optional parts"):
        compile_regex(pattern)


@pytest.mark.parametrize("pattern", ["[", "(", "*", "a{999999999999}", "(" * 5000])
def test_a_regex_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not valid"):
        compile_regex(pattern)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"^/api/v\d+/.*$", "/api/v1/x"),
        (r"(foo|bar)+", "xxbar"),
        (r"\d+-\d+-\d+T\d+", "at 2026-01-01T10"),
        ("x{1,100}", "x"),
        (r"https?://(www\.)?shop\.(com|org|net)(:\d{1,5})?/", "at http://shop.org:80/"),
        (r"\d{1,3}(\.\d{1,3}){3}", "from 10.0.0.1"),
        (r"^/api/v\d+/users/\d+/orders/\d+$", "/api/v1/users/2/orders/3"),
        (r'^\S+ \S+ \[[^\]]+\] "\w+ [^"]*" \d{3}', '10.0.0.1 - [today] "GET /" 200'),
        (r"\s+\w+\s+\w+\s+\w+$", "a b c d"),
        ("(?i)ERROR.*timeout", "an error: timeout"),
    ],
)
def test_usual_regexes_are_accepted(pattern: str, value: str) -> None:
    assert compile_regex(pattern)(value)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"http.route": "/u/{id}", "url.path": "/u/1"}, "/u/{id}"),
        ({"http.route": "u/<id>"}, "/u/<id>"),
        ({"url.path": "/u/1"}, "/u/1"),
        ({"http.target": "/u/1?x=1"}, "/u/1"),
        ({"http.url": "https://shop:8080/u/1?x=1#y"}, "/u/1"),
        ({"url.full": "https://shop"}, "/"),
        ({"http.route": None, "url.path": 5}, "/5"),
        ({}, None),
        (None, None),
    ],
)
def test_the_route_or_path_comes_from_whatever_convention(attributes: dict[str, object], expected: str) -> None:
    assert route(attributes) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("GET /u", "/u"), ("GET u/<id>", "/u/<id>"), ("GET", None), ("get /u", None), ("a b", None)]
)
def test_the_route_may_be_in_the_spans_name(name: str, expected: str | None) -> None:
    assert route_in_name(name) == expected


def test_a_rule_on_routes_looks_at_the_name_where_there_is_no_other() -> None:
    match = compile_trace_rules([rule(Condition("route", "/u/*"))])
    assert [match("GET u/<id>", None, given) for given in (None, {"url.path": "/x"})] == [0, -1]


def rule(*conditions: Condition, rate: float = 1.0) -> TraceRule:
    return TraceRule(conditions, rate)


def attribute(key: str, value: object) -> Condition:
    return Condition("attribute", value, key=key)


def test_the_first_rule_that_matches_is_found() -> None:
    match = compile_trace_rules(
        [rule(Condition("name", "a*")), rule(Condition("name", "ab*")), rule(Condition("name", "b"))]
    )
    assert [match(name, None, None) for name in ("abc", "b", "c")] == [0, 2, -1]


def test_all_conditions_of_a_rule_must_hold() -> None:
    match = compile_trace_rules([rule(Condition("name", "a"), Condition("route", "/x"))])
    assert [match("a", None, {"http.route": r}) for r in ("/x", "/y")] == [0, -1]


def test_a_rule_without_conditions_matches_everything() -> None:
    assert compile_trace_rules([rule()])("anything", None, None) == 0


def test_conditions_on_attributes_are_looked_at_each_time() -> None:
    match = compile_trace_rules([rule(Condition("name", "a"), attribute("tenant", "x")), rule(Condition("name", "a"))])
    assert [match("a", None, {"tenant": t}) for t in ("x", "y", "x")] == [0, 1, 0]


@pytest.mark.parametrize("given", ["http.request.method", "http.method"])
@pytest.mark.parametrize("asked", ["http.request.method", "http.method"])
def test_either_name_of_a_renamed_attribute_will_do(asked: str, given: str) -> None:
    assert compile_trace_rules([rule(attribute(asked, "GET"))])("a", None, {given: "GET"}) == 0


def test_the_path_has_no_query_under_either_name() -> None:
    assert compile_trace_rules([rule(attribute("url.path", "/x"))])("a", None, {"http.target": "/x?y=1"}) == 0


def test_rules_for_other_services_are_left_out() -> None:
    match = compile_trace_rules([rule(Condition("service", "cart")), rule(Condition("service", "shop"))], "shop")
    assert match("a", None, None) == 1


def test_rules_may_look_at_the_resource() -> None:
    production = rule(Condition("resource", "production", key="deployment.environment.name"))
    assert (
        TraceMatcher([production], resource={"deployment.environment.name": "production"}).match("a", None, None) == 0
    )


def test_a_kind_is_matched_whatever_its_case() -> None:
    from opentelemetry.trace import SpanKind

    match = compile_trace_rules([rule(Condition("kind", "Server"))])
    assert [match("a", kind, None) for kind in (SpanKind.SERVER, SpanKind.CLIENT, "server", None)] == [0, -1, 0, -1]


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="looks at 'colour'"):
        compile_trace_rules([rule(Condition("colour", "red"))])


def test_what_is_remembered_is_bounded() -> None:
    matcher = TraceMatcher([rule(Condition("name", "GET *"))])
    for number in range(3 * matching.REMEMBERED):
        matcher.match(f"GET /{number}", None, None)
    assert len(matcher._memory) <= matching.REMEMBERED


def test_rules_that_can_never_match_cost_nothing() -> None:
    assert not TraceMatcher([rule(Condition("service", "cart"))], "shop")


@pytest.mark.parametrize("operator", ["glob", "regex"])
def test_conditions_look_at_the_beginning_of_a_value_alone(operator: str) -> None:
    holds = predicate(Condition("name", {"glob": "*needle*", "regex": "needle"}[operator], operator))
    assert holds("x" * 1000 + "needle")
    assert not holds("x" * 1020 + "needle")
    assert not holds(["x" * 1020 + "needle"])


def test_a_field_that_is_not_known_when_a_trace_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="a rule for traces looks at 'scope'; it must be one of service, name, route"):
        TraceMatcher([TraceRule((Condition("scope", "lib", negate=True),), 0.0)])
