"""A policy document says what it means, and what is wrong with it on which line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import ConfigurationError
from tidegate.gate.policies.document import MAX_RULES, parse, schema
from tidegate.gate.policies.lines import MAX_BYTES, MAX_DEPTH
from tidegate.gate.policies.matching import compile_trace_rules
from tidegate.gate.policy import SEVERITY_RATES, Condition, LogPolicy, LogRule, Policy, TraceRule


def rule(text: str) -> TraceRule:
    """The one rule for traces that a line of YAML says."""
    found: tuple[TraceRule] = traces(f"traces: {{rules: [{text}]}}").rules
    return found[0]


def traces(text: str) -> Any:
    policy = parse(text, "p.yaml")
    assert policy.traces
    return policy.traces


def logs(text: str) -> LogPolicy:
    policy = parse(f"logs: {text}", "p.yaml")
    assert policy.logs
    return policy.logs


def condition(text: str) -> Condition:
    (found,) = rule(f"{{match: {text}, keep: true}}").conditions
    return found


def refusal(text: str | bytes, name: str = "p.yaml") -> str:
    with pytest.raises(ConfigurationError) as refused:
        parse(text, name)
    return str(refused.value)


def test_json_and_yaml_say_the_same() -> None:
    yaml = "traces:\n  budget: 100\n  rules:\n  - {name: slow, match: {route: /slow}, rate: 0.5}\n"
    json = '{"traces": {"budget": 100, "rules": [{"name": "slow", "match": {"route": "/slow"}, "rate": 0.5}]}}'
    assert parse(yaml, "p.yaml").traces == parse(json, "p.json").traces
    assert parse(yaml, "p.yaml").traces == traces(json)


@pytest.mark.parametrize("name", ["p.json", "http://127.0.0.1/policy", "p"])
def test_json_needs_no_yaml(name: str) -> None:
    blocked = "import sys; sys.modules['yaml'] = None; from tidegate.gate.policies.document import parse\n"
    program = f"""{blocked}print(parse('{{"traces": {{"budget": 7}}}}', {name!r}).traces.budget)"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"7.0\n"


def test_without_its_package_yaml_names_the_extra() -> None:
    blocked = "import sys; sys.modules['yaml'] = None; from tidegate.gate.policies.document import parse\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{blocked}parse('traces: {{budget: 7}}', 'p.yaml')"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "pip install 'tidegate[yaml]'" in done.stderr.splitlines()[-1]


def test_reading_json_imports_neither_yaml_nor_opentelemetry() -> None:
    program = """
import sys
from tidegate.gate.policies.document import parse
parse('{"traces": {"budget": 7}}', "p")
print([name for name in sys.modules if name == "yaml" or name.startswith("opentelemetry")])
"""
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout == b"[]\n"


def test_the_revision_follows_the_text() -> None:
    first, same, other = (
        parse(text, "p.yaml").revision for text in ("logs: {budget: 1}",) * 2 + ("logs: {budget: 2}",)
    )
    assert first == same != other


def test_the_name_is_the_documents_own_or_where_it_comes_from() -> None:
    assert parse("{name: night, logs: {budget: 1}}", "p.yaml").name == "night"
    assert parse("logs: {budget: 1}", "p.yaml").name == "p.yaml"


def test_what_a_document_does_not_speak_of_is_none() -> None:
    assert parse("logs: {budget: 1}", "p.yaml").traces is None
    assert parse("traces: {budget: 1}", "p.yaml").logs is None


@pytest.mark.parametrize(
    ("text", "rate", "budget"),
    [
        ("{match: {name: x}, keep: true}", 1.0, None),
        ("{match: {name: x}, drop: true}", 0.0, None),
        ("{match: {name: x}, rate: 0.25}", 0.25, None),
        ("{match: {name: x}, rate: 5%}", 0.05, None),
        ("{match: {name: x}, budget: 5}", 1.0, 5.0),
        ("{match: {name: x}, budget: 30/m}", 1.0, 0.5),
        ("{match: {name: x}, rate: 0.5, budget: 5}", 0.5, 5.0),
    ],
)
def test_a_rule_has_one_effect(text: str, rate: float, budget: float | None) -> None:
    assert (rule(text).rate, rule(text).budget) == (rate, budget)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{service: shop}", Condition("service", "shop")),
        ("{route: /pay/*}", Condition("route", "/pay/*")),
        ("{kind: server}", Condition("kind", "SERVER")),
        (
            "{attributes: {http.request.method: [GET, HEAD]}}",
            Condition("attribute", ("GET", "HEAD"), "glob", "http.request.method"),
        ),
        ("{attributes: {user.id: true}}", Condition("attribute", None, "exists", "user.id")),
        ("{attributes: {user.id: false}}", Condition("attribute", None, "exists", "user.id", negate=True)),
        ("{attributes: {cached: [true]}}", Condition("attribute", (True,), "glob", "cached")),
        ("{attributes: {status: 404}}", Condition("attribute", 404, "glob", "status")),
        ("{resource: {host.name: web-?}}", Condition("resource", "web-?", "glob", "host.name")),
        ("{name: {equals: 2 * 3}}", Condition("name", "2 * 3", "equals")),
        ("{name: {regex: '^(GET|PUT) '}}", Condition("name", "^(GET|PUT) ", "regex")),
        ("{not: {name: x}}", Condition("name", "x", negate=True)),
        ("{not: {attributes: {user.id: true}}}", Condition("attribute", None, "exists", "user.id", negate=True)),
        ("{not: {attributes: {user.id: false}}}", Condition("attribute", None, "exists", "user.id")),
    ],
)
def test_match_says_conditions(text: str, meant: Condition) -> None:
    assert condition(text) == meant


def test_all_conditions_of_a_rule_are_kept_in_order() -> None:
    found = rule("{match: {service: a, name: b, not: {kind: CLIENT}}, keep: true}").conditions
    assert [each.field for each in found] == ["service", "name", "kind"]


@pytest.mark.parametrize("word", ["no", "on", "2024-01-01", "12:30:00", "0x1F", "1_000", "="])
def test_words_that_old_yaml_took_for_something_else_are_text(word: str) -> None:
    assert condition(f"{{name: {word}}}").value == word


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("GET /healthz", {}),
        ("GET", {"url.path": "/readyz"}),
        ("GET /{path}", {"http.route": "/health/live"}),
        ("GET /", {"user_agent.original": "kube-probe/1.30"}),
        ("grpc.health.v1.Health/Check", {}),
    ],
)
def test_health_checks_are_dropped_in_one_line(name: str, attributes: dict[str, str]) -> None:
    match = compile_trace_rules(traces("traces: {rules: [{drop: health checks}]}").rules)
    assert match(name, "SERVER", attributes) >= 0
    assert match("GET /orders", "SERVER", {"http.route": "/orders", "user_agent.original": "curl/8"}) == -1


def test_a_preset_can_be_narrowed() -> None:
    rules = traces("traces: {rules: [{drop: scrapes, match: {service: shop}}]}").rules
    assert all(each.rate == 0 and Condition("service", "shop") in each.conditions for each in rules)


def test_rates_by_severity_replace_those_of_the_table() -> None:
    assert logs("{severity_rates: {debug: 0.5, WARNING: 1}}").severity_rates == {
        **SEVERITY_RATES,
        "DEBUG": 0.5,
        "WARN": 1,
    }


def test_a_global_rate_replaces_the_table() -> None:
    assert logs("{global_rate: 0.1}").severity_rates == {}
    assert logs("{global_rate: 0.1, severity_rates: {INFO: 1}}").severity_rates == {"INFO": 1}


def test_every_field_of_a_log_policy_can_be_said() -> None:
    assert logs(
        "{severity_rates: {INFO: 1}, pattern_rates: {user * logged in: 0.01}, logger_rates: {uvicorn.*: 0.1},"
        " global_rate: 0.5, budget: 200, min_rate: 0, anomaly_boost: 3,"
        " rules: [{match: {severity: debug}, drop: true}]}"
    ) == LogPolicy(
        {"INFO": 1},
        {"user * logged in": 0.01},
        {"uvicorn.*": 0.1},
        0.5,
        200,
        0,
        3,
        (LogRule((Condition("severity", "DEBUG"),), 0),),
    )


@pytest.mark.parametrize("line", ["ERROR: 1", "critical: 100%"])
def test_saying_that_errors_are_kept_is_allowed(line: str) -> None:
    assert logs(f"{{severity_rates: {{{line}, INFO: 1}}}}").severity_rates == {**SEVERITY_RATES, "INFO": 1}


@pytest.mark.parametrize("name", ["ERROR", "error", "CRITICAL", "FATAL"])
def test_errors_are_never_lowered(name: str) -> None:
    assert "is always kept, whatever a policy says" in refusal(f"logs: {{severity_rates: {{{name}: 0.9}}}}")
    assert "is always kept" in refusal(f"logs: {{rules: [{{match: {{severity: {name}}}, drop: true}}]}}")


@pytest.mark.parametrize(
    "text", ["", "\n", b" ", "# nothing\n", "--- {}", "null", "{}", "[]", "traces:", "traces: {}", "logs: {}"]
)
def test_an_empty_document_is_refused(text: str | bytes) -> None:
    assert "p.yaml, line 1: " in refusal(text)


def test_a_document_of_neither_gate_is_refused() -> None:
    assert "give it 'traces:' or 'logs:'" in refusal("name: x")


def test_no_rules_at_all_can_be_said() -> None:
    assert traces("traces: {rules: []}").rules == ()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("trace:\n  budget: 1", 1, "trace is not known: did you mean 'traces'?"),
        ("log: {}\ntraces: {budget: 1}", 1, "log is not known: did you mean 'logs'?"),
        ("traces:\n  budgt: 1", 2, "traces.budgt is not known: did you mean 'budget'?"),
        ('{"traces": {\n"rules": [\n{"rate": 1.5}]}}', 3, "traces.rules[0].rate is 1.5; "),
        ("traces:\n  rules:\n  - name: a", 3, "traces.rules[0] has no effect; "),
        ("traces:\n  rules:\n  - keep: true\n    drop: true", 3, "has keep and drop, which exclude each other"),
        ("traces:\n  rules:\n  - keep: true\n  - rate: 0.5", 4, "traces.rules[1] is never reached"),
        ('traces:\n  rules:\n  - match: {name: "*"}\n    keep: true\n  - rate: 0.5', 5, "rules[1] is never reached"),
        ('traces:\n  rules:\n  - match: {name: [a, "*"]}\n    keep: true\n  - rate: 0.5', 5, "never reached"),
        ("traces:\n  rules:\n  - match: {name: true}\n    keep: true\n  - rate: 0.5", 5, "never reached"),
        ("traces:\n  rules:\n  - match: {scope: lib}\n    drop: true", 3, "match.scope cannot be asked for: "),
        ("traces:\n  rules:\n  - match:\n      not: {scope: a}\n    drop: true", 4, "not.scope cannot be asked for"),
        ("logs:\n  rules:\n  - match: {scope: lib}\n    drop: true", 3, "match.scope is not known: it must be one of"),
        ("traces:\n  rules:\n  - drop: helth checks", 3, "did you mean 'health checks'?"),
        ("traces:\n  rules:\n  - match:\n      servce: a\n    keep: true", 4, "did you mean 'service'?"),
        ("traces:\n  rules:\n  - match: {}\n    keep: true", 3, "traces.rules[0].match is empty"),
        ("traces:\n  rules:\n  - match: {kind: servr}\n    keep: true", 3, "did you mean 'SERVER'?"),
        ("traces:\n  rules:\n  - match: {name: ''}\n    keep: true", 3, "name is ''"),
        ("traces:\n  rules:\n  - match: {name: []}\n    keep: true", 3, "it may list 1 to"),
        ("traces:\n  rules:\n  - match: {name: {regex: '(a'}}\n    keep: true", 3, "'(a'"),
        ("traces:\n  rules:\n  - match: {name: {regex: '(a+)+$'}}\n    keep: true", 3, "'(a+)+$'"),
        ("traces:\n  rules:\n  - match: {name: .nan}\n    keep: true", 3, "name is nan"),
        ("traces:\n  rules: 5", 2, "traces.rules is 5; it must be a list"),
        ("traces:\n  rules:\n  - keep: yes", 3, "traces.rules[0].keep is 'yes'; it can only be true"),
        ("logs:\n  severity_rates:\n    INF: 1", 3, "did you mean 'INFO'?"),
        ("logs:\n  severity_rates:\n    WARN: 1\n    WARNING: 1", 4, "is there twice, as 'WARN' too"),
        ("logs:\n  logger_rates:\n    a: 1\n    a: 0", 4, "'a' is there twice in logs.logger_rates"),
        ("logs:\n  anomaly_boost: 0.5", 2, "logs.anomaly_boost is 0.5; "),
        ("logs:\n  min_rate: -1", 2, "logs.min_rate is -1; "),
        ("a: &x 1\nb: *x", 1, "anchor or alias 'x'"),
        ("a: !!python/object/apply:os.getcwd []", 1, "python/object/apply:os.getcwd"),
        ("logs: {budget: 1}\n---\nlogs: {budget: 2}", 2, "a second document begins"),
        ("logs:\n\tbudget: 1", 2, "it is not YAML"),
        ("logs:\n  budget: \x00", 2, "it is not YAML"),
        ("? [a]\n: 1", 1, "a key is a list or a mapping"),
        ('{"logs": {"budget": 1},\n}', 2, "it is not JSON: a key in double quotes was expected"),
        ('{"logs": {"budget": 1}} x', 1, "it is not JSON: the end of the document was expected, not 'x'"),
        ('{"logs": {"budget": \n', 2, "it is not JSON: a value was expected, not its end"),
        ('{"a": 1, "a": 2}', 1, "'a' is there twice"),
        ('{"name": "\\ud800"}', 1, "half of a surrogate pair"),
        ("<html>", 1, "the document is '<html>'; it must be a mapping"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text: str, line: int, said: str) -> None:
    message = refusal(text, "p.txt")
    assert message.startswith(f"p.txt, line {line}: ")
    assert said in message


@pytest.mark.parametrize(
    "rate",
    ["1.5", "-0.1", "50", "'0.5'", "true", "many", "NaN", ".nan", ".inf", "1e999", "101%", "-5%", "[0.5]", "null"],
)
def test_what_is_no_rate_is_refused(rate: str) -> None:
    assert "traces.rules[0].rate is " in refusal(f"traces: {{rules: [{{rate: {rate}}}]}}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_beyond_json_or_reason_are_refused(number: str) -> None:
    assert "line 1: " in refusal(f'{{"logs": {{"budget": {number}}}}}', "p.json")


HOSTILE = {
    "lists": "[" * 500_000,
    "objects": '{"a":' * 200_000,
    "yaml lists": "- " * 500_000,
    "yaml braces": "x: " + "{" * 500_000,
    "quotes": '"' * 1_000_000,
    "digits": "x: " + "9" * 1_000_000,
    "many values": "[" + "1," * 500_000 + "1]",
    "many yaml values": "- 1\n" * 250_000,
    "a long key": "x" * 1_000_000 + ": 1",
    "a long text": '{"name": "' + "x" * 1_000_000 + '"}',
    "many rules": "traces: {rules: [" + "{keep: true}," * 50_000 + "]}",
    "billion laughs": "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
    "circular": "a: &a [*a]",
    "too large": " " * (MAX_BYTES + 1),
    "utf-16": "traces: {budget: 1}".encode("utf-16"),
    "binary": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents_are_refused_in_few_words(document: str | bytes) -> None:
    """What took time that grows with a square of their size would not end before the tests are ended."""
    assert len(refusal(document, "p.txt")) < 1000


#: Words that mean something to one of the formats, and values that mean something else.
WORDS = (
    *("traces", "logs", "rules", "match", "not", "name", "service", "keep", "drop", "rate", "budget", "severity_rates"),
    *("attributes", "regex", "policies", "id", "log", "log_field", "exact", "percentage", "operationSampling", "param"),
    *("service_strategies", "default_strategy", "operation_strategies", "type", "probabilisticSampling", "body", "all"),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from((*WORDS, "5%", "1/s")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)


@given(value=VALUES, start=st.sampled_from(WORDS), name=st.sampled_from(["p.json", "p.yaml", "p"]))
@settings(max_examples=300, deadline=None)
def test_whatever_it_holds_a_document_is_read_or_refused(value: object, start: str, name: str) -> None:
    try:
        policy = parse(json.dumps({start: value}), name)
    except ConfigurationError as error:
        assert re.match(rf"{name}, line \d+: ", str(error))
    else:
        assert policy.traces or policy.logs


@given(text=st.text() | st.binary(), name=st.sampled_from(["p.json", "p.yaml", "p"]))
@settings(max_examples=300, deadline=None)
def test_whatever_it_is_a_document_is_read_or_refused(text: str | bytes, name: str) -> None:
    assert re.match(rf"{name}, line \d+: ", refusal(text, name))


def test_the_bounds_can_be_reached() -> None:
    most = "traces:\n  rules:\n" + "  - {match: {name: x}, rate: 0.5}\n" * MAX_RULES
    assert len(traces(most).rules) == MAX_RULES
    assert f"at most {MAX_RULES:,} are allowed" in refusal(most + "  - {match: {name: x}, rate: 0.5}\n")
    assert f"nested more than {MAX_DEPTH} deep" in refusal("[" * (MAX_DEPTH + 1), "p.json")
    assert "it must be" in refusal("[" * MAX_DEPTH + "]" * MAX_DEPTH, "p.json")


def test_a_byte_order_mark_is_allowed() -> None:
    assert parse(b"\xef\xbb\xbflogs: {budget: 1}", "p.yaml").logs == LogPolicy(budget=1)
    assert parse(b'\xef\xbb\xbf{"logs": {"budget": 1}}', "p.json").logs == LogPolicy(budget=1)


def test_bytes_and_text_are_the_same_policy() -> None:
    text = "logs: {logger_rates: {größe: 0.5}}"
    assert parse(text, "p.yaml") == parse(text.encode(), "p.yaml")


def test_text_from_elsewhere_may_have_any_character_but_surrogates() -> None:
    assert "is not UTF-8" in refusal("logs: {logger_rates: {\ud800: 1}}")
    assert "line 2: it is not UTF-8" in refusal(b"logs:\n  logger_rates: {\xff: 1}")


def test_policies_are_equal_when_they_say_the_same() -> None:
    assert isinstance(parse("logs: {budget: 1}", "p.yaml"), Policy)
    assert parse("logs: {budget: 1}", "p.yaml").logs == parse("logs:\n  budget: 1.0\n", "q.yaml").logs


class TestSchema:
    """What an editor is told, by a validator that knows nothing of Tidegate."""

    @staticmethod
    def is_valid(text: str) -> bool:
        import jsonschema_rs
        import yaml  # type: ignore[import-untyped,unused-ignore]

        return jsonschema_rs.validator_for(json.dumps(schema())).is_valid(yaml.safe_load(text))

    @pytest.mark.parametrize(
        "text",
        [
            "traces: {budget: 1, rules: [{drop: health checks}, {match: {route: /p, not: {kind: SERVER}}, rate: 5%}]}",
            "logs: {rules: [{match: {body: {regex: a}, attributes: {x: true, y: [1, b]}}, drop: true}]}",
            "logs: {severity_rates: {INFO: 0.5}, logger_rates: {a: 1}, budget: 30/m}",
        ],
    )
    def test_it_allows_what_is_read(self, text: str) -> None:
        parse(text, "p.yaml")
        assert self.is_valid(text)

    @pytest.mark.parametrize(
        "text",
        [
            "name: x",
            "traces: {budgt: 1}",
            "traces: {rules: [{rate: 1.5}]}",
            "traces: {rules: [{match: {name: x}}]}",
            "traces: {rules: [{match: {not: {not: {name: x}}}, keep: true}]}",
            "traces: {rules: [{drop: nothing}]}",
        ],
    )
    def test_it_refuses_what_is_refused(self, text: str) -> None:
        refusal(text)
        assert not self.is_valid(text)


def test_what_a_document_says_goes_before_what_a_gate_was_made_with_defaults_included() -> None:
    base = LogPolicy(min_rate=0, anomaly_boost=3, budget=5, severity_rates={"INFO": 1})
    assert logs("{min_rate: 1, anomaly_boost: 2}").over(base) == LogPolicy(budget=5, severity_rates={"INFO": 1})


def test_a_policy_made_in_code_says_what_differs_from_the_defaults() -> None:
    assert LogPolicy(budget=9).over(LogPolicy(min_rate=0, budget=5)) == LogPolicy(min_rate=0, budget=9)


@pytest.mark.parametrize("match", ['{name: "?*"}', '{not: {name: "*"}}', '{route: "*"}', '{name: "*", kind: SERVER}'])
def test_a_rule_that_is_not_about_everything_may_be_followed_by_others(match: str) -> None:
    found = parse(f"traces:\n  rules:\n  - match: {match}\n    keep: true\n  - rate: 0.5", "policy.yaml").traces
    assert found
    assert len(found.rules) == 2
